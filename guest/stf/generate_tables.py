"""Writes `secp256k1_tables.h`: the curve's constants for the endomorphism and the odd multiples of the generator.

Everything is derived here from the curve's published parameters (SEC 2, version 2, section 2.4.1) and checked.
Run `python -m guest.stf.generate_tables`; a test compares the committed file with what this prints.
"""

from __future__ import annotations

from pathlib import Path

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
#: Width of the signed windows over the generator: 2^(WINDOW_G - 2) odd multiples are stored.
WINDOW_G = 10
TARGET = Path(__file__).with_name("secp256k1_tables.h")

Point = tuple[int, int]


def add(a: Point, b: Point) -> Point:
    """Sum of two points, neither of which is infinity nor the other's negative."""
    if a == b:
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, P) % P
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P) % P
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def multiply(k: int, point: Point) -> Point:
    """`k` times a point, 0 < k < N."""
    result: Point | None = None
    while k:
        if k & 1:
            result = point if result is None else add(result, point)
        point = add(point, point)
        k >>= 1
    assert result is not None
    return result


def endomorphism() -> tuple[int, int]:
    """(lambda, beta): the cube roots of one with lambda * (x, y) = (beta * x, y)."""
    beta = next(b for b in (pow(a, (P - 1) // 3, P) for a in range(2, 9)) if b != 1)
    root = next(b for b in (pow(a, (N - 1) // 3, N) for a in range(2, 9)) if b != 1)
    for candidate in (root, root * root % N):
        if multiply(candidate, G) == (beta * G[0] % P, G[1]):
            return candidate, beta
    raise AssertionError("no cube root of one matches beta")


def short_basis(root: int) -> tuple[Point, Point]:
    """Two short vectors (a, b) with a + b * lambda = 0 mod N (Gallant, Lambert, Vanstone 2001, section 4)."""
    rows = [(N, 0), (root, 1)]
    while rows[-1][0] ** 2 >= N:
        (r0, t0), (r1, t1) = rows[-2:]
        rows.append((r0 % r1, t0 - r0 // r1 * t1))
    (r0, t0), (r1, t1) = rows[-2:]
    following = (r0 % r1, t0 - r0 // r1 * t1)
    first = (r1, -t1)
    second = min(((r0, -t0), (following[0], -following[1])), key=lambda v: v[0] ** 2 + v[1] ** 2)
    return first, second


def words(value: int) -> str:
    """Eight little-endian words as a C initialiser."""
    return "{{" + ", ".join(f"0x{value >> (32 * i) & 0xFFFFFFFF:08x}u" for i in range(8)) + "}}"


def render() -> str:
    """The header's text."""
    root, beta = endomorphism()
    (a1, b1), (a2, b2) = short_basis(root)
    assert (a1 + b1 * root) % N == 0 and (a2 + b2 * root) % N == 0
    if a1 * b2 - a2 * b1 < 0:
        a2, b2 = -a2, -b2
    assert a1 * b2 - a2 * b1 == N
    # k = (k, 0) - c1 (a1, b1) - c2 (a2, b2), c1 = round(k b2 / N), c2 = round(-k b1 / N)
    factors = [(b2, b1), (-b1, b2)]
    lines = [
        "/* Written by generate_tables.py; do not edit. */",
        "#ifndef STF_SECP256K1_TABLES_H",
        "#define STF_SECP256K1_TABLES_H",
        "",
        '#include "endomorphism.h"',
        "",
        "/* The two cube roots of one. */",
        f"const field BETA = {words(beta)};",
        f"static const u256 LAMBDA = {words(root)};",
        "",
        "/* round(2^384 |f| / n) for the two factors f of the lattice split, and minus the second component of the",
        " * basis vector that each quotient multiplies (mod n), with the sign of f moved into it. */",
    ]
    for index, (factor, component) in enumerate(factors, start=1):
        sign = -1 if factor < 0 else 1
        quotient = ((abs(factor) << 385) // N + 1) >> 1
        assert quotient < 2**256
        lines.append(f"static const u256 SPLIT_G{index} = {words(quotient)};")
        lines.append(f"static const u256 SPLIT_B{index} = {words(-sign * component % N)};")
    lines += [
        "",
        f'_Static_assert(WINDOW_G == {WINDOW_G}, "the table has another window");',
        "",
        "/* (2 i + 1) G */",
        "const affine TABLE_G[TABLE_G_SIZE] = {",
    ]
    point, double = G, add(G, G)
    for _ in range(2 ** (WINDOW_G - 2)):
        lines.append(f"    {{{words(point[0])},\n     {words(point[1])}}},")
        point = add(point, double)
    lines += ["};", "", "#endif", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    TARGET.write_text(render())
