"""BN254 for whoever verifies: moduli, and points as the EVM writes them, by py_ecc."""

from __future__ import annotations

from collections.abc import Iterable

from py_ecc import optimized_bn128 as curve
from py_ecc.fields import optimized_bn128_FQ as FQ
from py_ecc.fields import optimized_bn128_FQ2 as FQ2

#: Order of the groups: the scalars' modulus.
SCALAR_MODULUS: int = curve.curve_order
#: The coordinates' modulus.
BASE_MODULUS: int = curve.field_modulus
#: Generates the scalars' multiplicative group.
GENERATOR = 5
#: 2^28 divides the group's order.
TWO_ADICITY = 28

#: A point of G1: x and y, or `INFINITY`.
Point = tuple[int, int]
#: A point of G2 in the EVM's order: imaginary and real part of x, imaginary and real part of y.
Point2 = tuple[int, int, int, int]

INFINITY: Point = (0, 0)
GENERATOR_1: Point = (1, 2)

_Projective = tuple[FQ, FQ, FQ]
_Projective2 = tuple[FQ2, FQ2, FQ2]


def root_of_unity(order: int) -> int:
    """Return the generator of the subgroup of a power of two elements that the specification names."""
    if order.bit_count() != 1 or order > 1 << TWO_ADICITY:
        raise ValueError(f"order {order} is no power of two up to 2^{TWO_ADICITY}")
    return pow(GENERATOR, (SCALAR_MODULUS - 1) // order, SCALAR_MODULUS)


def on_curve(point: Point) -> bool:
    """Tell whether both coordinates are canonical and the point, which is not at infinity, is on ``y^2 = x^3 + 3``."""
    x, y = point
    return 0 <= x < BASE_MODULUS and 0 <= y < BASE_MODULUS and (y * y - x * x * x - 3) % BASE_MODULUS == 0


def in_group_2(point: Point2) -> bool:
    """Tell whether coordinates are canonical and the point is of order r on the twist."""
    if not all(0 <= word < BASE_MODULUS for word in point) or not any(point):
        return False
    lifted = _lift_2(point)
    return curve.is_on_curve(lifted, curve.b2) and curve.is_inf(curve.multiply(lifted, SCALAR_MODULUS))


def combine(terms: Iterable[tuple[int, Point]]) -> Point:
    """Return the sum of points, each times its factor."""
    total: _Projective = curve.Z1
    for factor, point in terms:
        if factor % SCALAR_MODULUS and point != INFINITY:
            total = curve.add(total, curve.multiply(_lift(point), factor % SCALAR_MODULUS))
    if curve.is_inf(total):
        return INFINITY
    x, y = curve.normalize(total)
    return int(x), int(y)


def multiply_2(factor: int) -> Point2:
    """Return the generator of G2 times a factor that is no multiple of the order."""
    x, y = curve.normalize(curve.multiply(curve.G2, factor % SCALAR_MODULUS))
    (x_real, x_imaginary), (y_real, y_imaginary) = x.coeffs, y.coeffs
    return int(x_imaginary), int(x_real), int(y_imaginary), int(y_real)


def pairings_agree(left: Point, left_2: Point2, right: Point, right_2: Point2 | None = None) -> bool:
    """Tell whether ``e(left, left_2) = e(right, right_2)``; without `right_2` it is the generator of G2."""
    first = curve.pairing(_lift_2(left_2), _lift(left), final_exponentiate=False)
    other = curve.G2 if right_2 is None else _lift_2(right_2)
    second = curve.pairing(other, curve.neg(_lift(right)), final_exponentiate=False)
    return bool(curve.final_exponentiate(first * second) == curve.FQ12.one())


def _lift(point: Point) -> _Projective:
    return curve.Z1 if point == INFINITY else (FQ(point[0]), FQ(point[1]), FQ(1))


def _lift_2(point: Point2) -> _Projective2:
    x_imaginary, x_real, y_imaginary, y_real = point
    return FQ2((x_real, x_imaginary)), FQ2((y_real, y_imaginary)), FQ2((1, 0))
