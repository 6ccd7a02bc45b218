"""Reader of ``.ptau`` files, snarkjs's format for powers of tau: one pass, bounded memory, everything checked.

Layout (little-endian): ``"ptau"``, version 1, number of sections; each section as type (4 bytes), size (8), content.
Section 1 is the header: bytes of a coordinate, modulus, power, power of the ceremony. Section 2 holds the powers in G1,
``2^(power + 1) - 1`` of them, section 3 those in G2, ``2^power``; coordinates are in Montgomery form, as the kernels
have them.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from proving.native import memory
from proving.snark.bn254.curve import POINT_BYTES, POINT_LIMBS, Points
from proving.snark.bn254.field import BYTES, FQ, NotCanonical
from proving.snark.layout import INSECURE_TEST, PRODUCTION
from proving.snark.points import BASE_MODULUS, TWO_ADICITY, Point2, multiply_2
from proving.snark.setup import pinned
from proving.snark.setup.errors import (
    SetupCurve,
    SetupFormat,
    SetupInconsistent,
    SetupPoint,
    SetupPower,
    SetupTruncated,
)
from proving.snark.setup.powers import Consistency, Setup

_MAGIC = b"ptau"
_VERSION = 1
_HEADER, _POWERS_1, _POWERS_2 = 1, 2, 3
#: A file has 7 sections, 11 when it is prepared for the second phase.
_MAX_SECTIONS = 64
#: Bytes read at once, and points checked at once.
_PIECE = 1 << 20
_POINT_2_BYTES = 2 * POINT_BYTES


def read(path: Path, rows: int) -> Setup:
    """Read as many powers as a circuit of `rows` rows needs, and check them and their file.

    The setup is ``production`` when the digest of the whole file and the secret's point are pinned
    (`proving.snark.setup.pinned`), else ``insecure-test``. The powers lie before the point that they are checked with,
    so they are kept: 64 bytes a row, and one piece of the file at a time.

    Raises
    ------
    SetupTruncated
        The file ends too early.
    SetupFormat
        It is no ``.ptau`` file, or its sections are not what its header says.
    SetupCurve
        It is for another curve.
    SetupPower
        It has fewer powers.
    SetupPoint
        A point is not canonical, not on its curve or in its group, or at infinity.
    SetupInconsistent
        The points are not the powers of one secret, or the secret is 1.
    """
    with path.open("rb") as file:
        reader = _Reader(file, path.stat().st_size)
        powers, point = _parse(reader, rows)
    check(powers, point)
    source = reader.digest()
    production = source in pinned.FILES and point == pinned.SETUP_POINT
    return Setup(PRODUCTION if production else INSECURE_TEST, source, powers, point)


def check(powers: Points, point: Point2) -> None:
    """Check powers whose coordinates are canonical; raises as `Consistency` does."""
    consistency = Consistency(point)
    step = _PIECE // POINT_BYTES
    for begin in range(0, len(powers), step):
        consistency.add(powers[begin : begin + step])
    consistency.finish()


class _Reader:
    """Reads a file once from end to end, and digests what it reads."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self.left = size
        self._digest = hashlib.blake2b()

    def pieces(self, count: int) -> Iterator[bytes]:
        """Read so many bytes, piece by piece."""
        while count:
            piece = self._file.read(min(count, _PIECE))
            if not piece:
                raise SetupTruncated(f"The file ends {count} bytes too early.")
            self._digest.update(piece)
            self.left -= len(piece)
            count -= len(piece)
            yield piece

    def take(self, count: int) -> bytes:
        """Read so few bytes at once."""
        return b"".join(self.pieces(count))

    def skip(self, count: int) -> None:
        """Read and forget."""
        for _ in self.pieces(count):
            pass

    def digest(self) -> str:
        """BLAKE2b-512 of everything read, in hexadecimal."""
        return self._digest.hexdigest()


def _parse(reader: _Reader, rows: int) -> tuple[Points, Point2]:
    """Return powers of G1, canonical, and the secret's point of G2, and leave nothing of the file unread."""
    if reader.take(4) != _MAGIC:
        raise SetupFormat("The file does not begin with 'ptau'.")
    version, sections = struct.unpack("<II", reader.take(8))
    if version != _VERSION or not 3 <= sections <= _MAX_SECTIONS:
        raise SetupFormat(f"The file has version {version} and {sections} sections.")
    power: int | None = None
    found: set[int] = set()
    powers: Points | None = None
    point: Point2 | None = None
    for _ in range(sections):
        kind, size = struct.unpack("<IQ", reader.take(12))
        if size > reader.left:
            raise SetupTruncated(f"Section {kind} states {size} bytes, and {reader.left} are left.")
        if kind in found:
            raise SetupFormat(f"Section {kind} occurs twice.")
        found.add(kind)
        if kind == _HEADER:
            power = _header(reader, size)
        elif kind in (_POWERS_1, _POWERS_2) and power is None:
            raise SetupFormat("The file's points come before its header.")
        elif kind == _POWERS_1 and power is not None:
            powers = _powers_1(reader, size, power, rows)
        elif kind == _POWERS_2 and power is not None:
            point = _powers_2(reader, size, power)
        else:
            reader.skip(size)
    if powers is None or point is None:
        raise SetupFormat("The file has no powers in G1, or none in G2.")
    if reader.left:
        raise SetupFormat(f"{reader.left} bytes follow the last section.")
    return powers, point


def _header(reader: _Reader, size: int) -> int:
    """Return the power."""
    if size < 4:
        raise SetupFormat(f"The header has {size} bytes.")
    (coordinate,) = struct.unpack("<I", reader.take(4))
    if coordinate != BYTES:
        raise SetupCurve(f"The file's coordinates have {coordinate} bytes, those of BN254 have {BYTES}.")
    if size != 4 + BYTES + 8:
        raise SetupFormat(f"The header has {size} bytes.")
    modulus = int.from_bytes(reader.take(BYTES), "little")
    if modulus != BASE_MODULUS:
        raise SetupCurve(f"The file's coordinates are modulo {modulus}, which is not BN254's.")
    power, ceremony = struct.unpack("<II", reader.take(8))
    if not 1 <= power <= ceremony <= TWO_ADICITY:
        raise SetupFormat(f"The file has power {power} of a ceremony of power {ceremony}.")
    return int(power)


def _powers_1(reader: _Reader, size: int, power: int, rows: int) -> Points:
    available = (1 << (power + 1)) - 1
    if size != available * POINT_BYTES:
        raise SetupFormat(f"Powers in G1 have {size} bytes, power {power} gives {available * POINT_BYTES}.")
    if rows > available:
        raise SetupPower(f"The circuit needs {rows} powers, a file of power {power} has {available}.")
    powers = memory.empty((rows, POINT_LIMBS))
    filled = powers.reshape(-1).view(np.uint8)
    at = 0
    for piece in reader.pieces(rows * POINT_BYTES):
        filled[at : at + len(piece)] = np.frombuffer(piece, dtype=np.uint8)
        at += len(piece)
    reader.skip(size - at)
    try:
        FQ.check(powers.reshape(-1, POINT_LIMBS // 2))
    except NotCanonical as error:
        raise SetupPoint(f"A coordinate of the powers is not canonical: {error.message}.") from error
    return powers


def _powers_2(reader: _Reader, size: int, power: int) -> Point2:
    if size != _POINT_2_BYTES << power:
        raise SetupFormat(f"Powers in G2 have {size} bytes, power {power} gives {_POINT_2_BYTES << power}.")
    points = [_point_2(reader.take(_POINT_2_BYTES)) for _ in range(2)]
    reader.skip(size - 2 * _POINT_2_BYTES)
    if points[0] != multiply_2(1):
        raise SetupInconsistent("The setup does not begin with the generator of G2.")
    return points[1]


def _point_2(data: bytes) -> Point2:
    """Return a point of G2 in the EVM's order; the file has real parts first."""
    try:
        limbs = np.frombuffer(data, dtype="<u8").reshape(4, -1).astype(np.uint64)
        FQ.check(limbs)
    except NotCanonical as error:
        raise SetupPoint(f"A coordinate of G2 is not canonical: {error.message}.") from error
    x_real, x_imaginary, y_real, y_imaginary = FQ.decode(limbs)
    return x_imaginary, x_real, y_imaginary, y_real
