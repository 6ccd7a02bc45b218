"""The cubic extension of the Goldilocks field inside a circuit over BN254's scalar field, where x^3 = x + 1."""

from __future__ import annotations

import numpy as np

from proving.snark.builder import Builder
from proving.snark.circuit import Ids
from proving.snark.nonnative import NonNative
from proving.snark.representatives import Numbers
from proving.stark.errors import DivisionByZero, ProofRefused

#: Coordinates of an extension element.
DEGREE = 3
#: The most products that are added up in a coordinate of a product.
_TERMS = 5
#: The places whose products each coordinate adds up.
_PRODUCTS = (
    ((0, 0), (1, 2), (2, 1)),
    ((0, 1), (1, 0), (1, 2), (2, 1), (2, 2)),
    ((0, 2), (1, 1), (2, 0), (2, 2)),
)


class NonNativeExtension(NonNative):
    """Writes arithmetic of extension elements, a trailing axis of 3, into a circuit."""

    def __init__(self, builder: Builder) -> None:
        super().__init__(builder)
        self._powers: dict[bytes, Numbers] = {}

    def extend(self, a: Numbers) -> Numbers:
        """Embed base elements ``(...)`` as extension elements ``(..., 3)``."""
        zeros = np.full_like(a.ids, self._zero)
        return Numbers(np.stack([a.ids, zeros, zeros], axis=-1), a.bound)

    def ext_multiply(self, a: Numbers, b: Numbers) -> Numbers:
        """Multiply extension elements ``(..., 3)``, with broadcasting; those with zeros cost less."""
        a, b = self._factors(a, b, _TERMS)
        shape = np.broadcast_shapes(a.ids.shape, b.ids.shape)
        pairs = [np.broadcast_to(value.ids, shape).reshape(-1, DEGREE) for value in (a, b)]
        lanes, places = np.unique(np.concatenate(pairs, axis=1), axis=0, return_inverse=True)
        out = np.empty((len(lanes), DEGREE), dtype=np.int64)
        full = (lanes != self._zero).all(axis=1)
        if full.any():
            out[full] = self._full_products(lanes[full, :DEGREE], lanes[full, DEGREE:])
        rest = lanes[~full]
        for coordinate, products in enumerate(_PRODUCTS if len(rest) else ()):
            left, right = np.array(products).T
            factors = Numbers(rest[:, left], a.bound), Numbers(rest[:, DEGREE + right], b.bound)
            out[~full, coordinate] = self.sum_of_products(*factors).ids
        bound = max(_TERMS * a.bound * b.bound, a.bound, b.bound)
        return self.made(out[places.reshape(-1)].reshape(shape), bound)

    def ext_scale(self, a: Numbers, b: Numbers) -> Numbers:
        """Multiply extension elements ``(..., 3)`` by base elements ``(...)``."""
        return self.multiply(a, Numbers(b.ids[..., None], b.bound))

    def ext_inverse(self, a: Numbers, error: type[ProofRefused] = DivisionByZero) -> Numbers:
        """Invert extension elements; a zero has no witness."""
        a = self.reduce(a)
        inverse = self.inverse_hint(a.ids)
        self.require_equal(self.ext_multiply(a, inverse), self.constant(np.array([1, 0, 0], dtype=np.uint64)), error)
        return inverse

    def ext_sum_of_products(self, a: Numbers, b: Numbers) -> Numbers:
        """Return ``sum_k a[..., k] b[..., k]`` of extension elements ``(..., terms, 3)``."""
        a, b = self._factors(a, b, _TERMS * a.ids.shape[-2])
        coordinates = []
        for products in _PRODUCTS:
            factors = []
            for value, places in zip((a, b), np.array(products).T, strict=True):
                ids = value.ids[..., places]
                factors.append(Numbers(ids.reshape(*ids.shape[:-2], -1), value.bound))
            coordinates.append(self.sum_of_products(*factors))
        return self.stack(coordinates, -1)

    def ext_combine(self, rows: Numbers, coefficients: Numbers) -> Numbers:
        """Return ``sum_k rows[..., k] coefficients[k]``: base rows ``(..., c)``, coefficients ``(c, 3)``."""
        return self.sum_of_products(
            Numbers(rows.ids[..., None, :], rows.bound), Numbers(coefficients.ids.T, coefficients.bound)
        )

    def ext_powers(self, a: Numbers, count: int) -> Numbers:
        """Return ``1, a, a^2, ...``, ``(count, 3)``, of one extension element ``(3,)``, in 64 bits each.

        Powers of an element are written down once.
        """
        name = a.ids.tobytes()
        powers = self._powers.get(name)
        if powers is None:
            powers = self.stack([self.constant(np.array([1, 0, 0], dtype=np.uint64)), self.reduce(a)], 0)
        while (known := powers.ids.shape[0]) < count:
            following = self.reduce(self.ext_multiply(self.take(powers, known - 1), self.take(powers, 1)))
            others = self.ext_multiply(self.take(powers, slice(1, min(known, count - known))), following)
            powers = self.concatenate([powers, self.reshape(following, (1, DEGREE)), self.reduce(others)], 0)
        self._powers[name] = powers
        return self.take(powers, slice(0, count))

    def _full_products(self, a: Ids, b: Ids) -> Ids:
        """Return products ``(lanes, 3)`` of elements without a constant 0: eight rows each, one of which has room."""
        (a_0, a_1, a_2), (b_0, b_1, b_2) = a.T, b.T
        builder = self.builder
        products, added = {"q_ab": 1, "q_cd": 1}, {"q_a": 1, "q_cd": 1}
        # What x^3 is multiplied by.
        pair = {"a": a_1, "b": b_2, "c": a_2, "d": b_1}
        cubic = builder.define(pair, {"ab": 1, "cd": 1})
        own = {"a": cubic, "c": a_0, "d": b_0}
        constant = builder.define(own, {"a": 1, "cd": 1})
        rows = [(pair, products | {"q_n": -1}), (own | {"b": constant}, added | {"q_b": -1})]

        pair = {"a": a_0, "b": b_1, "c": a_1, "d": b_0}
        total = builder.define(pair, {"ab": 1, "cd": 1})
        own = {"a": total, "b": cubic, "c": a_2, "d": b_2}
        linear = builder.define(own, {"a": 1, "b": 1, "cd": 1})
        rows += [(pair, products | {"q_n": -1}), (own, added | {"q_b": 1, "q_n": -1}), ({"a": linear}, {})]

        quadratic = builder.sum_of_products(np.stack([a_0, a_1, a_2, a_2], 1), np.stack([b_2, b_1, b_0, b_2], 1))
        builder.group(rows)
        return np.stack([constant, linear, quadratic], axis=1)
