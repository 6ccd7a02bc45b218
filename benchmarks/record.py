"""The recorded figures, those of the last committed measurement, with a column for each instruction set.

``make bench`` compares with them; ``make bench-record`` takes the figures of the benchmark file that were measured on
this commit, and writes them here and into the table of ``docs/performance.md``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final, TypedDict

from benchmarks.figure import LATEST, Better, Figure, commit
from proving import native

RECORDED: Final = Path(__file__).parent / "recorded.json"
PAGE: Final = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN: Final = "<!-- written by `make bench-record` -->"
END: Final = "<!-- end of what `make bench-record` writes -->"
#: By how much a figure may be worse before it is named, a part of the recorded value.
TOLERANCE: Final = 0.05


class Entry(TypedDict):
    """What one instruction set reached, where and when."""

    value: float
    unit: str
    better: Better
    machine: str
    cores: int
    commit: str


#: Instruction set -> figure's name -> entry.
Records = dict[str, dict[str, Entry]]


def load() -> Records:
    """Read the recorded figures."""
    found: Records = json.loads(RECORDED.read_text())
    return found


def entries(figure: Figure) -> dict[str, Entry]:
    """The figure's value on each instruction set that it was measured on."""
    context = figure["context"]
    values = context.get("by instruction set", {context["isa"]: figure["value"]})
    return {
        isa: {
            "value": values[isa],
            "unit": figure["unit"],
            "better": figure["better"],
            "machine": context["machine"],
            "cores": context["cores"],
            "commit": context["commit"],
        }
        for isa in native.ISAS
        if isa in values
    }


def worse(figures: Iterable[Figure], records: Records) -> list[str]:
    """Say of which figures an instruction set does worse than it did, by more than the tolerance."""
    said = []
    for figure in figures:
        for isa, now in entries(figure).items():
            before = records.get(isa, {}).get(figure["name"])
            if before is None:
                continue
            ratio = now["value"] / before["value"]
            loss = 1 - ratio if now["better"] == "higher" else ratio - 1
            if loss > TOLERANCE:
                said.append(
                    f"{figure['name']} with {isa}: {now['value']:g} {now['unit']}, {100 * loss:.0f} % worse than "
                    f"{before['value']:g} on {before['machine']} at {before['commit']}"
                )
    return said


def table(records: Records) -> str:
    """Render the table, and below it where its columns were measured."""
    names = sorted({name for column in records.values() for name in column})
    columns = [isa for isa in reversed(native.ISAS) if isa in records]
    lines = [f"| figure | unit | {' | '.join(columns)} |", f"| --- | --- |{' --- |' * len(columns)}"]
    for name in names:
        cells = [records[isa].get(name) for isa in columns]
        unit = next(cell["unit"] for cell in cells if cell is not None)
        shown = " | ".join("-" if cell is None else f"{cell['value']:g}" for cell in cells)
        lines.append(f"| `{name}` | {unit} | {shown} |")
    every = (entry for column in records.values() for entry in column.values())
    places = sorted({(entry["machine"], entry["cores"], entry["commit"]) for entry in every})
    measured = "; ".join(f"{machine}, {cores} cores, commit {commit}" for machine, cores, commit in places)
    return "\n".join([*lines, "", f"Measured on: {measured}."])


def page(text: str, records: Records) -> str:
    """The page with its table written anew."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    if not tail:
        raise ValueError(f"the page has no place for the table, between {BEGIN!r} and {END!r}")
    return f"{head}{BEGIN}\n\n{table(records)}\n\n{END}{tail}"


def main() -> int:
    """Record what was measured on this commit."""
    here = commit()
    figures: list[Figure] = json.loads(LATEST.read_text()) if LATEST.exists() else []
    measured = [figure for figure in figures if figure["context"]["commit"] == here]
    if not measured:
        print(f"no figure was measured at {here}: run `make bench` first", file=sys.stderr)
        return 1
    records = load()
    for figure in measured:
        for isa, entry in entries(figure).items():
            records.setdefault(isa, {})[figure["name"]] = entry
    RECORDED.write_text(json.dumps(records, indent=1, sort_keys=True) + "\n")
    PAGE.write_text(page(PAGE.read_text(), records))
    print(f"recorded {', '.join(figure['name'] for figure in measured)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
