"""Small real stage functions: they sleep and hash, so that tests of the platform need no prover.

The advice chooses what happens: ``segments``, ``seconds`` per proof, and ``fail`` (the name of a fault).
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cuda.errors import DeviceLost
from runtime.errors import InvalidInput, OutOfMemory


@dataclass
class Witness:
    checkpoints: list[bytes]
    statement: bytes


def basic_witness(
    program: bytes, advice: bytes, *, size_class: int, cycle_limit: int, progress: Callable[[float, str], None]
) -> Witness:
    wanted = json.loads(advice)
    if wanted.get("fail") == "trap":
        raise InvalidInput("The program trapped at pc 0x1000.")
    progress(0.5, "execute")
    segments = int(wanted["segments"])
    checkpoints = [
        json.dumps({**wanted, "index": index, "program": program.hex()}).encode() for index in range(segments)
    ]
    return Witness(checkpoints, hashlib.sha256(program + advice).digest())


def execution_records(checkpoint: bytes) -> bytes:
    return hashlib.sha256(b"vectors" + checkpoint).digest()


def prove_segment(
    checkpoint: bytes,
    records: bytes | None,
    *,
    backend: Any,
    profile: str,
    progress: Callable[[float, str], None],
) -> bytes:
    wanted = json.loads(checkpoint)
    if records is not None and records != execution_records(checkpoint):
        raise InvalidInput("The records are of another checkpoint.")
    if wanted.get("fail") == "memory":
        raise OutOfMemory()
    if wanted.get("fail") == "device" and not Path(wanted["marks"]).exists():
        Path(wanted["marks"]).touch()
        raise DeviceLost("The device answered with an error and its context is lost.")
    if wanted.get("fail") == "bug":
        raise ZeroDivisionError("one over zero")
    started = time.monotonic()
    if path := wanted.get("marks"):
        with Path(path).open("a") as marks:
            marks.write(f"{wanted['index']} {os.getpid()}\n")
    while time.monotonic() - started < wanted.get("seconds", 0):
        time.sleep(0.02)
        progress((time.monotonic() - started) / wanted["seconds"], "prove")
    return hashlib.sha256(b"proof" + execution_records(checkpoint)).digest()


def join(proofs: Sequence[bytes], statement: bytes, *, profile: str = "proven100") -> bytes:
    return hashlib.sha256(b"".join(proofs) + statement).digest()


def expected(program: bytes, advice: bytes) -> bytes:
    """The bundle that a batch must end in, whatever happened on the way."""
    witness = basic_witness(program, advice, size_class=18, cycle_limit=1, progress=lambda fraction, note: None)
    proofs = [hashlib.sha256(b"proof" + execution_records(checkpoint)).digest() for checkpoint in witness.checkpoints]
    return join(proofs, witness.statement)
