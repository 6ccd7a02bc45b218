"""Reading a ceremony's file: what is right is read once in bounded memory, what is wrong is refused by name."""

from __future__ import annotations

import functools
import hashlib
import struct
import tracemalloc
from pathlib import Path

import pytest

from proving.snark.bn254 import curve
from proving.snark.bn254.field import FR
from proving.snark.errors import InsecureSetup
from proving.snark.layout import INSECURE_TEST, PRODUCTION
from proving.snark.points import BASE_MODULUS, GENERATOR_1, SCALAR_MODULUS, multiply_2
from proving.snark.setup import insecure, pinned, ptau
from proving.snark.setup.errors import (
    SetupCurve,
    SetupFormat,
    SetupInconsistent,
    SetupPoint,
    SetupPower,
    SetupRefused,
    SetupTruncated,
)
from tests.proving.snark.setup.ptau_files import coordinates, header, join, point, point_2, sections

SECRET = 123456789
POWER = 2
#: On the twist, but not in the group of order r: real parts first.
OUTSIDE = (
    2,
    1,
    7292567877523311580221095596750716176434782432868683424513645834767876293070,
    19659275751359636165940301690575149581329631496732780143538578556285923319774,
)


@functools.cache
def right() -> dict[int, bytes]:
    return sections(POWER, SECRET)


def read(tmp_path: Path, data: bytes, rows: int = 4) -> ptau.Setup:
    path = tmp_path / "file.ptau"
    path.write_bytes(data)
    return ptau.read(path, rows)


def replaced(kind: int, content: bytes, at: int = 0) -> bytes:
    """The right file with other bytes in one section."""
    old = right()[kind]
    return join(right() | {kind: old[:at] + content + old[at + len(content) :]})


def test_a_file_of_snarkjs() -> None:
    path = Path(__file__).parent / "files/snarkjs_0.7.6_power_3.ptau"
    setup = ptau.read(path, 8)
    assert setup.source == hashlib.blake2b(path.read_bytes()).hexdigest()
    assert setup.mark == INSECURE_TEST
    assert setup.powers.shape == (8, 8)
    with pytest.raises(InsecureSetup):
        setup.require_production()


def test_the_powers_are_those_of_the_secret(tmp_path: Path) -> None:
    setup, made = read(tmp_path, join(right()), 7), insecure.make(7, secret=SECRET)
    assert (setup.powers == made.powers).all()
    assert setup.point == made.point == multiply_2(SECRET)


def test_a_pinned_file_is_a_production_setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = join(right())
    monkeypatch.setitem(pinned.FILES, hashlib.blake2b(data).hexdigest(), "file.ptau")
    assert read(tmp_path, data).mark == INSECURE_TEST, "its secret is not that of the pinned ceremony"
    monkeypatch.setattr(pinned, "SETUP_POINT", multiply_2(SECRET))
    setup = read(tmp_path, data)
    assert setup.mark == PRODUCTION
    setup.require_production()
    assert read(tmp_path, replaced(4, point(1))).mark == INSECURE_TEST, "another file, though no power differs"


def test_the_pinned_list() -> None:
    assert set(pinned.FILES.values()) >= {f"powersOfTau28_hez_final_{power}.ptau" for power in range(10, 28)}
    assert all(len(digest) == 128 and int(digest, 16) for digest in pinned.FILES)


@pytest.mark.parametrize("part", range(20))
def test_a_truncated_file(tmp_path: Path, part: int) -> None:
    data = join(right())
    with pytest.raises(SetupTruncated):
        read(tmp_path, data[: len(data) * part // 20])


@pytest.mark.parametrize("cut", [1, 2, 4, 11, 12, 13, 60])
def test_a_file_truncated_by_little(tmp_path: Path, cut: int) -> None:
    with pytest.raises(SetupTruncated):
        read(tmp_path, join(right())[:-cut])


def listed() -> list[tuple[int, bytes]]:
    return list(right().items())


def other_form(coordinates_: bytes) -> bytes:
    """The same point: its first coordinate is written q larger, which 256 bits hold."""
    alias = int.from_bytes(coordinates_[:32], "little") + BASE_MODULUS
    return alias.to_bytes(32, "little") + coordinates_[32:]


def times(factor: int) -> bytes:
    """Powers that are each the secret times the one before it, and do not begin with the generator."""
    return b"".join(point(factor * SECRET**i) for i in range(len(right()[2]) // 64))


def wrong_files() -> dict[str, tuple[type[SetupRefused], bytes]]:
    data = join(right())
    return {
        "another magic": (SetupFormat, b"zkey" + data[4:]),
        "another version": (SetupFormat, data[:4] + struct.pack("<I", 2) + data[8:]),
        "no sections": (SetupFormat, data[:8] + struct.pack("<I", 0) + data[12:]),
        "too many sections": (SetupFormat, data[:8] + struct.pack("<I", 1 << 31) + data[12:]),
        "trailing bytes": (SetupFormat, data + b"\0"),
        "a section twice": (SetupFormat, join([*listed(), (2, right()[2])])),
        "no powers in G1": (SetupFormat, join([part for part in listed() if part[0] != 2])),
        "no powers in G2": (SetupFormat, join([part for part in listed() if part[0] != 3])),
        "points before the header": (SetupFormat, join(listed()[::-1])),
        "a header without content": (SetupFormat, join(right() | {1: b""})),
        "a header with more": (SetupFormat, join(right() | {1: header(POWER) + b"\0"})),
        "power 0": (SetupFormat, replaced(1, header(0))),
        "power 29": (SetupFormat, replaced(1, header(29))),
        "power over the ceremony's": (SetupFormat, replaced(1, header(POWER, ceremony=POWER - 1))),
        "another power": (SetupFormat, replaced(1, header(POWER + 1))),
        "fewer powers in G1": (SetupFormat, join(right() | {2: right()[2][:-64]})),
        "fewer powers in G2": (SetupFormat, join(right() | {3: right()[3][:-128]})),
        "BLS12-381": (SetupCurve, join(right() | {1: header(POWER, modulus=(1 << 381) - 1, size=48)})),
        "another modulus": (SetupCurve, replaced(1, header(POWER, modulus=SCALAR_MODULUS))),
        "infinity": (SetupPoint, replaced(2, bytes(64), at=2 * 64)),
        "off the curve": (SetupPoint, replaced(2, coordinates(1, 3), at=2 * 64)),
        "a coordinate that is not canonical": (SetupPoint, replaced(2, BASE_MODULUS.to_bytes(32, "little"), at=2 * 64)),
        "another form of a coordinate": (SetupPoint, replaced(2, other_form(point(SECRET**2)), at=2 * 64)),
        "another form of a coordinate in G2": (SetupPoint, replaced(3, other_form(point_2(SECRET)), at=128)),
        "infinity in G2": (SetupPoint, replaced(3, bytes(128), at=128)),
        "off the twist": (SetupPoint, replaced(3, coordinates(1, 2, 3, 4), at=128)),
        "on the twist, outside the group": (SetupPoint, replaced(3, coordinates(*OUTSIDE), at=128)),
        "not canonical in G2": (SetupPoint, replaced(3, bytes([255] * 32), at=128)),
        "another first power": (SetupInconsistent, replaced(2, point(2))),
        "all powers times a factor": (SetupInconsistent, replaced(2, times(7))),
        "another generator of G2": (SetupInconsistent, replaced(3, point_2(2))),
        "one other power": (SetupInconsistent, replaced(2, point(SECRET**2 + 1), at=2 * 64)),
        "the last power negated": (SetupInconsistent, replaced(2, point(-(SECRET**3)), at=3 * 64)),
        "powers of another secret": (SetupInconsistent, replaced(3, point_2(SECRET + 1), at=128)),
    }


@pytest.mark.parametrize("name", wrong_files())
def test_a_wrong_file(tmp_path: Path, name: str) -> None:
    error, data = wrong_files()[name]
    with pytest.raises(SetupRefused) as caught:
        read(tmp_path, data)
    assert type(caught.value) is error, caught.value


def test_a_setup_without_contribution(tmp_path: Path) -> None:
    with pytest.raises(SetupInconsistent, match="nobody has contributed"):
        read(tmp_path, join(sections(1, 1)), 2)


def test_a_file_with_too_few_powers(tmp_path: Path) -> None:
    with pytest.raises(SetupPower, match="needs 8 powers, a file of power 2 has 7"):
        read(tmp_path, join(right()), 8)


def test_wrong_powers_beyond_the_first_piece_are_found() -> None:
    made = insecure.make((1 << 14) + 5, secret=SECRET)
    ptau.check(made.powers, made.point)
    for place in (1 << 14) - 1, 1 << 14:
        wrong = made.powers.copy()
        wrong[place] = made.powers[7]
        with pytest.raises(SetupInconsistent):
            ptau.check(wrong, made.point)
    # Each piece on its own is what it should be, and the second one a factor away from the first.
    wrong = made.powers.copy()
    [generator] = curve.encode([GENERATOR_1])
    exponents = [7 * pow(SECRET, (1 << 14) + i, SCALAR_MODULUS) % SCALAR_MODULUS for i in range(5)]
    wrong[1 << 14 :] = curve.multiply_base(generator, FR.encode(exponents))
    with pytest.raises(SetupInconsistent):
        ptau.check(wrong, made.point)
    wrong = made.powers.copy()
    wrong[-1] = curve.encode([(1, 2)])[0] + 1
    with pytest.raises(SetupPoint):
        ptau.check(wrong, made.point)


def test_a_large_file_is_read_in_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ptau, "check", lambda *_: None)
    path, power = tmp_path / "large.ptau", 17
    powers = sections(1, SECRET)
    with path.open("wb") as file:
        file.write(join({})[:8] + struct.pack("<I", 3))
        for kind, content, size in (
            (1, header(power), 44),
            (2, powers[2], 64 * ((2 << power) - 1)),
            (3, powers[3], 128 << power),
        ):
            file.write(struct.pack("<IQ", kind, size) + content)
            file.seek(size - len(content), 1)
        file.truncate()
    tracemalloc.start()
    setup = ptau.read(path, 2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(setup.powers) == 2
    assert path.stat().st_size > 32 << 20 and peak < 8 << 20
