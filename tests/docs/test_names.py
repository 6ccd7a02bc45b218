"""One thing has one name and one definition; the glossary lists each word once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from proving.backend.interface import PRIME

ROOT = Path(__file__).resolve().parents[2]


def sources() -> Iterator[Path]:
    for package in sorted(path.parent for path in ROOT.glob("*/__init__.py")):
        yield from sorted(package.rglob("*.py"))


@pytest.mark.parametrize(
    ("definition", "home"),
    [
        (
            r"2\*\*64 - 2\*\*32 \+ 1|(?i:0xffffffff0{7}1)|18446744069414584321",
            "proving/backend/interface.py",
        ),
        (r"^PROTOCOL_VERSION\b.*=", "runtime/protocol.py"),
        (r"^Progress\b.*=", "runtime/progress.py"),
        (r"^PROOF_FORMAT\b.*=", "proving/stark/key.py"),
    ],
    ids=["prime", "protocol version", "progress", "proof format"],
)
def test_it_is_defined_once(definition: str, home: str) -> None:
    own = Path(__file__)
    pattern = re.compile(definition, re.MULTILINE)
    comments = re.compile(r'"""[\s\S]*?"""|#.*')
    homes = [path for path in sources() if path != own and pattern.search(comments.sub("", path.read_text("utf-8")))]
    assert [str(path.relative_to(ROOT)) for path in homes] == [home]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("proving/native/src/field/goldilocks.hpp", "kPrime"),
        ("cuda/goldilocks.cuh", "kPrime"),
        ("guest/runtime/hallmark.h", "HALLMARK_P"),
    ],
)
def test_the_prime_of_other_languages_is_the_same(file: str, name: str) -> None:
    [value] = re.findall(rf"\b{name}\b(?: =)? (0x[0-9a-f]+)", (ROOT / file).read_text(encoding="utf-8"))
    assert int(value, 16) == PRIME


def test_the_glossary_is_sorted_and_has_each_word_once() -> None:
    page = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    words = re.findall(r"^\| ([^|]+) \|", page, re.MULTILINE)[2:]
    assert words == sorted(set(words), key=str.lower)
