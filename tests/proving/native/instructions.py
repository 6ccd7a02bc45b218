"""Single vector instructions, real or emulated, on edge cases and random numbers.

``python -m tests.proving.native.instructions`` on a CPU with AVX-512 records what its instructions answer, so that the
emulation is held against them on every other machine.
"""

from __future__ import annotations

import ctypes
import hashlib
import itertools
import json
from collections import defaultdict
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from proving import native
from proving.backend.interface import PRIME
from tests.proving import instruction_sets

ANSWERS: Final = Path(__file__).parent / "instruction_answers.json"
#: The real instructions, of ``make -C proving/native instructions``; the emulated ones are beside the emulated kernels.
REAL: Final = native.LIBRARY.with_name("libinstructions.so")
LANES: Final = {"avx2": 4, "avx512": 8}
RANDOM_VECTORS: Final = 256
EDGES: Final = (
    *(0, 1, 2),
    *(edge for power in (31, 32, 52, 63) for edge in (2**power - 1, 2**power, 2**power + 1)),
    *(PRIME - 1, PRIME, 2**64 - 1),
    *(0x5555555555555555, 0xFEDCBA9876543210),
)

U64 = npt.NDArray[np.uint64]


def operands(lanes: int) -> tuple[U64, U64, U64]:
    """Every triple of edge cases, then random numbers; three times ``(vectors, lanes) uint64``."""
    triples = np.array(list(itertools.product(EDGES, repeat=3)), dtype=np.uint64)
    triples = triples[: len(triples) // lanes * lanes]
    raw = np.random.PCG64(1).random_raw(3 * RANDOM_VECTORS * lanes).reshape(3, -1, lanes)
    a, b, c = (
        np.ascontiguousarray(np.concatenate([triples[:, k].reshape(-1, lanes), raw[k]]), dtype=np.uint64)
        for k in range(3)
    )
    return a, b, c


class Instructions:
    """The instructions of one set in one library."""

    def __init__(self, library: Path, isa: str) -> None:
        loaded = ctypes.CDLL(str(library))
        self._run = getattr(loaded, f"hm_instruction_run_{isa}")
        self._run.restype = None
        self._run.argtypes = [ctypes.c_size_t, ctypes.c_size_t] + [ctypes.c_void_p] * 4
        name = getattr(loaded, f"hm_instruction_name_{isa}")
        name.restype = ctypes.c_char_p
        name.argtypes = [ctypes.c_size_t]
        count = getattr(loaded, f"hm_instruction_count_{isa}")
        count.restype = ctypes.c_size_t
        #: Intrinsics with their immediates, in the order of their numbers.
        self.names = [name(number).decode() for number in range(count())]

    def run(self, number: int, inputs: tuple[U64, U64, U64]) -> U64:
        """Apply an instruction to vectors of operands."""
        out = np.empty_like(inputs[0])
        self._run(number, len(out), *(operand.ctypes.data for operand in inputs), out.ctypes.data)
        return out


def digests(library: Path, isa: str) -> dict[str, str]:
    """SHA-256 of all answers of each intrinsic."""
    instructions = Instructions(library, isa)
    inputs = operands(LANES[isa])
    hashes = defaultdict(hashlib.sha256)
    for number, name in enumerate(instructions.names):
        hashes[name.split()[0]].update(instructions.run(number, inputs).astype("<u8").tobytes())
    return {name: found.hexdigest() for name, found in hashes.items()}


if __name__ == "__main__":
    assert "avx512" in native.available_isas(), "the answers come from a CPU that has the instructions"
    instruction_sets.build("instructions")
    ANSWERS.write_text(json.dumps({isa: digests(REAL, isa) for isa in LANES}, indent=1) + "\n")
