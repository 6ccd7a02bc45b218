"""Straight-line kernels of known programs, compiled by ``make cuda``; any other program is interpreted.

They are compiled for architectures only, not to PTX: the driver would take minutes to translate them when a worker
starts, and the interpreter is there. A kernel's name carries its program's digest, and the folder's name the digest of
what writes and frames it, so a kernel of another state of either is never found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from cuda import build as kernels
from cuda import sources, straight_line
from cuda.build import OPTIONS, Kernels
from cuda.errors import KernelsCorrupt, KernelsMissing
from proving.backend.program import TableProgram

#: What decides a kernel's text beside its program.
WRITERS = (sources.FOLDER / "bytecode.py", sources.FOLDER / "straight_line.py")


def folder() -> Path:
    """Return where the kernels of known programs lie or will lie."""
    return sources.BUILD / "programs" / sources.digest(WRITERS, OPTIONS)


def load() -> Kernels | None:
    """Return the kernels of known programs, or None where none were compiled.

    Raises
    ------
    KernelsCorrupt
        The manifest is damaged.
    """
    try:
        return kernels.load(folder())
    except KernelsMissing:
        return None


def texts(tables: Iterable[TableProgram]) -> dict[str, str]:
    """Return the sources of the kernels of these tables by the names of their first kernels, each once."""
    found = {}
    for table in tables:
        for code, kind, powers in (
            (table.quotient, "quotient", table.constraint_count),
            (table.bus, "fractions", 0),
        ):
            names = straight_line.names(code, kind)
            if names:
                found[names[0]] = straight_line.source(code, kind, powers)
    return found


def build(
    tables: Iterable[TableProgram],
    nvcc: Path | None = None,
    architectures: Sequence[str] | None = None,
    report: Callable[[int, int], None] = lambda done, files: None,
) -> Kernels:
    """Return the kernels of these tables' programs, compiled where one is missing, damaged or by another compiler.

    Raises
    ------
    KernelBuildError
        There is no compiler, or it refused.
    """
    wanted = texts(tables)
    compiler = nvcc or kernels.find_compiler()
    if compiler is None:
        raise kernels.no_compiler()
    targets = kernels.supported(compiler) if architectures is None else architectures
    with sources.locked(sources.BUILD / "programs"):
        try:
            present = kernels.load(folder())
            present.check()
        except (KernelsMissing, KernelsCorrupt):
            pass
        else:
            same = present.manifest["compiler"] == kernels.version_of(compiler)
            if same and set(targets) <= set(present.architectures) and set(wanted) <= _units(present):
                return present
        with kernels.written(folder) as temporary:
            units = []
            for name, text in wanted.items():
                units.append(temporary / f"{name}.cu")
                units[-1].write_text(text)
            kernels.compile_units(compiler, units, targets, temporary, report)
    return kernels.load(folder())


def _units(present: Kernels) -> set[str]:
    return set(present.manifest["kernels"].values())
