"""``docs/snark.md`` and the code say the same."""

from __future__ import annotations

import re
from pathlib import Path

from proving.snark import layout
from proving.snark.equations import COSETS
from proving.snark.points import BASE_MODULUS, GENERATOR, SCALAR_MODULUS, root_of_unity
from proving.snark.poseidon2 import FIRST_CONSTANTS, schedule

PAGE = (Path(__file__).resolve().parents[3] / "docs/snark.md").read_text(encoding="utf-8")


def section(number: int) -> str:
    return re.split(r"^## ", PAGE, flags=re.MULTILINE)[number].replace("\n", " ")


def rows(number: int) -> list[list[str]]:
    """The cells of a section's tables, without their headings."""
    text = re.split(r"^## ", PAGE, flags=re.MULTILINE)[number]
    lines = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def names(text: str) -> list[str]:
    """``[a]`, `[t_0]`..`[t_2]`` -> the names, ranges spelled out."""
    found = []
    for part in re.findall(r"`\[?(\w+'?)\]?`\.\.`\[?(\w+)\]?`|`([^`]+)`", text):
        if part[0]:
            stem, first, last = part[0][:-1], int(part[0][-1]), int(part[1][-1])
            found += [f"{stem}{i}" for i in range(first, last + 1)]
        else:
            found += [name.strip("[]") for name in part[2].split()]
    return found


def test_the_moduli_and_the_root_of_unity() -> None:
    assert str(SCALAR_MODULUS) in rows(1)[1][1]
    assert str(BASE_MODULUS) in rows(1)[2][1]
    assert f"`w = {GENERATOR}^((r-1)/n)`" in section(1)
    assert root_of_unity(4) == pow(GENERATOR, (SCALAR_MODULUS - 1) // 4, SCALAR_MODULUS)


def test_the_preprocessed_columns() -> None:
    listed = [name for cells in rows(2)[1:] for name in names(cells[1])]
    assert tuple(listed) == layout.PREPROCESSED


def test_the_labels_of_the_wires() -> None:
    for name, coset in zip(layout.WIRES[1:], COSETS[1:], strict=True):
        assert f"({name} + {coset} B X + C)" in section(3)


def test_the_constants_of_the_first_round() -> None:
    assert [int(cells[1], 16) for cells in rows(3)[1:]] == list(FIRST_CONSTANTS)
    assert f"{len(schedule())} rows and a place for the result" in section(3)


def test_the_proof() -> None:
    end, listed = 1, []
    for words, first_byte, holds in rows(4)[2:]:
        begin, *last = (int(word) for word in words.split(".."))
        assert begin == end and int(first_byte) == layout.WORD * begin
        size = 1 if "at " in holds else 2
        found = names(holds.replace("at `Y`", "").replace("at `w Y`", ""))
        end = (last or [begin])[0] + 1
        assert end - begin == size * len(found)
        listed.append(tuple(found))
    assert (layout.WORD * end, "1,440") == (layout.PROOF_BYTES, f"{layout.PROOF_BYTES:,}")
    assert f"{end} words, {layout.PROOF_BYTES:,} bytes" in section(4)
    *commitments, values, next_values, openings = listed
    assert (*(name for group in commitments for name in group), *openings) == layout.POINTS
    assert (values, next_values) == (layout.VALUES, layout.NEXT_VALUES)


def test_the_key() -> None:
    last = rows(5)[-1][0].split("..")[-1]
    assert layout.WORD * (int(last) + 1) == layout.KEY_BYTES
    assert f"{layout.KEY_BYTES // layout.WORD} words, {layout.KEY_BYTES:,} bytes" in section(5)
    assert f"`{layout.TAG}`" in section(5)
    assert all(f"`{mark}`" in section(5) for mark in layout.MARKS)


def test_the_transcript() -> None:
    messages = rows(6)[1:]
    for (_, message, size, _), expected in zip(messages, layout.ROUNDS, strict=False):
        assert tuple(names(message)) == expected
        assert int(size) == 2 * layout.WORD * len(expected)
    assert int(messages[3][2]) == layout.WORD * (len(layout.VALUES) + len(layout.NEXT_VALUES))
