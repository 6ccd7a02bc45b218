"""An extract keeps a setup, says where it comes from, and cannot pretend."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proving.snark.errors import InsecureSetup
from proving.snark.layout import PRODUCTION, WORD
from proving.snark.points import BASE_MODULUS, multiply_2
from proving.snark.setup import extract, insecure, pinned
from proving.snark.setup.errors import SetupFormat, SetupInconsistent, SetupPoint, SetupPower
from proving.snark.setup.powers import Setup
from runtime import artifact
from runtime.errors import ArtifactError, ArtifactTruncated

SECRET = 987654321


def setup() -> Setup:
    return replace(insecure.make(8, secret=SECRET), source="ab" * 64)


def forged(payload: bytes) -> bytes:
    """An extract with a right checksum over other content."""
    return artifact.pack(extract.KIND, payload, version=extract.VERSION)


def payload() -> bytes:
    return artifact.unpack(extract.pack(setup())).payload


def test_an_extract_is_what_it_was_made_of() -> None:
    read = extract.unpack(extract.pack(setup()))
    assert (read.powers == setup().powers).all()
    assert (read.mark, read.source, read.point) == (setup().mark, setup().source, setup().point)


def test_a_setup_without_file_has_no_source() -> None:
    assert extract.unpack(extract.pack(insecure.make(2))).source == ""


@pytest.mark.parametrize("place", [8, 40, 100, 200, 400, -1])
def test_a_changed_byte(place: int) -> None:
    data = bytearray(extract.pack(setup()))
    data[place] ^= 1
    with pytest.raises(ArtifactError):
        extract.unpack(bytes(data))


def test_missing_bytes() -> None:
    with pytest.raises(ArtifactTruncated):
        extract.unpack(extract.pack(setup())[:-1])


@pytest.mark.parametrize(
    "change", [lambda p: p[:-1], lambda p: p + b"\0" * 8, lambda p: b"x" + p[1:], lambda p: p[:288]]
)
def test_content_that_is_no_setup(change) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(SetupFormat):
        extract.unpack(forged(change(payload())))


def test_another_power() -> None:
    changed = bytearray(payload())
    changed[-64:] = changed[-128:-64]
    with pytest.raises(SetupInconsistent):
        extract.unpack(forged(bytes(changed)))


def test_a_point_off_the_curve_and_one_that_is_not_canonical() -> None:
    with pytest.raises(SetupPoint):
        extract.unpack(forged(payload()[:-1] + b"\0"))
    with pytest.raises(SetupPoint):
        extract.unpack(forged(payload()[:-1] + b"\xff"))
    alias = int.from_bytes(payload()[-32:], "little") + BASE_MODULUS
    with pytest.raises(SetupPoint):
        extract.unpack(forged(payload()[:-32] + alias.to_bytes(32, "little")))


def test_an_extract_cannot_claim_to_be_production(monkeypatch: pytest.MonkeyPatch) -> None:
    claimed = replace(setup(), mark=PRODUCTION)
    with pytest.raises(SetupFormat, match="not pinned"):
        extract.unpack(extract.pack(claimed))
    monkeypatch.setitem(pinned.FILES, claimed.source, "some.ptau")
    with pytest.raises(SetupFormat, match="not pinned"):
        extract.unpack(extract.pack(claimed))
    monkeypatch.setattr(pinned, "SETUP_POINT", multiply_2(SECRET))
    assert extract.unpack(extract.pack(claimed)).mark == PRODUCTION
    with pytest.raises(SetupFormat, match="not pinned"):
        extract.unpack(extract.pack(replace(claimed, source="cd" * 64)))


def test_an_insecure_setup_is_refused_where_production_is_expected() -> None:
    with pytest.raises(InsecureSetup):
        extract.unpack(extract.pack(setup())).require_production()


def test_too_few_powers() -> None:
    assert len(setup().first(8)) == 8
    with pytest.raises(SetupPower):
        setup().first(16)


def test_the_head_is_whole_words() -> None:
    assert len(payload()) == 7 * WORD + 8 * 64
