"""The kernels' sources: what they are, and a digest that tells whether something was built from them."""

from __future__ import annotations

import fcntl
import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path(__file__).parent
#: Where builds go; ignored by git, removed by `make clean`.
BUILD = FOLDER / "build"
#: What is shared with the CPU's kernels: constants, and what the rows of tables hold.
NATIVE = FOLDER.parent / "proving" / "native" / "src"
SHARED_HEADERS = (
    NATIVE / "calls.hpp",
    NATIVE / "columns.hpp",
    NATIVE / "division.hpp",
    *sorted((NATIVE / "expand").glob("*.hpp")),
    NATIVE / "field" / "extension.hpp",
    NATIVE / "field" / "goldilocks.hpp",
    NATIVE / "hash" / "poseidon2.hpp",
    NATIVE / "hash" / "poseidon2_rows.hpp",
    NATIVE / "hash" / "poseidon2_constants.hpp",
    NATIVE / "keccak.hpp",
    NATIVE / "portable.hpp",
    NATIVE / "bn254" / "field.hpp",
    NATIVE / "bn254" / "glv.hpp",
)
INCLUDES = (f"-I{FOLDER}", f"-I{NATIVE}")

_ENTRY = re.compile(r'extern "C" __global__ void(?: __launch_bounds__\([^)]*\))?\s+(\w+)\(([^)]*)\)', re.DOTALL)


def units() -> list[Path]:
    """Return the files that are compiled."""
    return sorted(FOLDER.glob("*.cu"))


def digest(extra: Sequence[Path] = (), options: Sequence[str] = ()) -> str:
    """Return the hash of all sources, further files and compiler options."""
    state = hashlib.sha256()
    for path in (*units(), *sorted(FOLDER.glob("*.cuh")), *SHARED_HEADERS, *extra):
        content = path.read_bytes()
        state.update(f"{path.name} {len(content)}\n".encode())
        state.update(content)
    # Folders differ from checkout to checkout and change nothing.
    state.update("\n".join(option for option in options if not option.startswith("-I")).encode())
    return state.hexdigest()[:16]


def recorded_digest() -> str:
    """Return the hash of the kernels and their headers alone, which ``registers.json`` records."""
    state = hashlib.sha256()
    for path in (*units(), *sorted(FOLDER.glob("*.cuh"))):
        state.update(path.read_bytes())
    return state.hexdigest()[:16]


def kernels(unit: Path) -> dict[str, int]:
    """Return the kernels of a file and how many parameters each takes."""
    text = unit.read_text()
    return {name: parameters.count(",") + 1 for name, parameters in _ENTRY.findall(text)}


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, so that of several processes one builds and the others wait."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
