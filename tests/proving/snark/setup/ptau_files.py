"""Writes .ptau files as snarkjs lays them out, from secrets that the tests know."""

from __future__ import annotations

import struct

from py_ecc import optimized_bn128 as curve

from proving.snark.points import BASE_MODULUS, SCALAR_MODULUS

_MONTGOMERY = 1 << 256


def coordinates(*values: int) -> bytes:
    """Coordinates as the file has them."""
    return b"".join((value * _MONTGOMERY % BASE_MODULUS).to_bytes(32, "little") for value in values)


def point(factor: int) -> bytes:
    """The generator of G1 times a factor."""
    x, y = curve.normalize(curve.multiply(curve.G1, factor % SCALAR_MODULUS))
    return coordinates(int(x), int(y))


def point_2(factor: int) -> bytes:
    """The generator of G2 times a factor, real parts first."""
    x, y = curve.normalize(curve.multiply(curve.G2, factor % SCALAR_MODULUS))
    return coordinates(*(int(c) for c in (*x.coeffs, *y.coeffs)))


def header(power: int, *, ceremony: int | None = None, modulus: int = BASE_MODULUS, size: int = 32) -> bytes:
    """The content of section 1."""
    words = struct.pack("<II", power, power if ceremony is None else ceremony)
    return struct.pack("<I", size) + modulus.to_bytes(size, "little") + words


def sections(power: int, secret: int, *, alpha: int = 3, beta: int = 5) -> dict[int, bytes]:
    """All sections of a file to which nobody has contributed, but with this secret."""
    powers = [pow(secret, i, SCALAR_MODULUS) for i in range((2 << power) - 1)]
    half = powers[: 1 << power]
    return {
        1: header(power),
        2: b"".join(point(value) for value in powers),
        3: b"".join(point_2(value) for value in half),
        4: b"".join(point(alpha * value) for value in half),
        5: b"".join(point(beta * value) for value in half),
        6: point_2(beta),
        7: struct.pack("<I", 0),
    }


def join(parts: dict[int, bytes] | list[tuple[int, bytes]]) -> bytes:
    """A file of these sections."""
    listed = list(parts.items()) if isinstance(parts, dict) else parts
    body = b"".join(struct.pack("<IQ", kind, len(content)) + content for kind, content in listed)
    return b"ptau" + struct.pack("<II", 1, len(listed)) + body
