"""The second half of `make cuda`: straight-line kernels of the circuits that Hallmark proves, `python -m cli.kernels`.

Any program is evaluated without them, by the interpreter. What is compiled follows from the circuits as they are now.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

from cuda import programs
from cuda.build import Lines
from cuda.errors import KernelBuildError
from proving import keys
from proving.backend.program import TableProgram

#: Whose circuits are taken; those of other profiles have the same tables, but for a few.
PROFILE = "proven100"


def circuits() -> tuple[str, ...]:
    """Return one circuit of each kind: basic ones, and those that aggregate; all leaves have the same programs."""
    family = keys.circuits_of(PROFILE)
    leaf = family.leaf(keys.MAIN_VM, 0)
    return (*family.leaves, leaf, family.node, family.tip, family.tie, family.scheduler, *family.layers)


def tables(names: Sequence[str]) -> Iterator[TableProgram]:
    """Return the tables of circuits; a key that is not in the keystore is made."""
    for name in names:
        yield from keys.key(name).program.tables


def main(arguments: Sequence[str] | None = None) -> int:
    """Compile, and say what was compiled."""
    parser = argparse.ArgumentParser(description="Compile the kernels of known circuits ahead of time.")
    parser.add_argument("--architecture", action="append", help="only this one, such as sm_90; may be repeated")
    parser.add_argument("--circuit", action="append", help="only this one, such as main_vm; may be repeated")
    chosen = parser.parse_args(arguments)
    try:
        made = programs.build(
            tables(chosen.circuit or circuits()),
            architectures=chosen.architecture,
            report=Lines(),
        )
    except KernelBuildError as error:
        print(f"hallmark: {error.line()}", file=sys.stderr)
        return 1
    used = [used for by_architecture in made.usage.values() for used in by_architecture.values()]
    print(
        f"hallmark: {len(made.usage)} kernels of circuits for {', '.join(made.architectures)}, at most "
        f"{max(one['registers'] for one in used)} registers and {max(one['spill_bytes'] for one in used)} bytes spilled"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
