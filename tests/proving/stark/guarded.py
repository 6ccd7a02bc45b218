"""An arithmetic whose values cannot be asked anything: no truth, no comparison, no conversion, no length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from proving.hash import compress
from proving.stark.arithmetic import Index, Words
from proving.stark.errors import DivisionByZero, ProofRefused
from proving.stark.goldilocks_hashing import GoldilocksHashing
from proving.stark.integers import IntegerArithmetic


class Wire:
    """A value of the guarded arithmetic."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def _refuse(self, *_: object) -> NoReturn:
        raise AssertionError("the verifier looked at a value")

    __bool__ = __len__ = __iter__ = __int__ = __index__ = __array__ = __getitem__ = _refuse
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse  # type: ignore[assignment]
    __add__ = __sub__ = __mul__ = __radd__ = __rsub__ = __rmul__ = _refuse
    __hash__ = None  # type: ignore[assignment]


class GuardedArithmetic(GoldilocksHashing[Wire]):
    """Integer arithmetic behind wires; counts compressions."""

    def __init__(self) -> None:
        self._inner = IntegerArithmetic()
        self.compressions = 0

    def wire(self, words: Words) -> Wire:
        return Wire(words)

    def constant(self, words: Words) -> Wire:
        return Wire(words)

    def shape(self, value: Wire) -> tuple[int, ...]:
        return value._words.shape

    def reshape(self, value: Wire, shape: tuple[int, ...]) -> Wire:
        return Wire(value._words.reshape(shape))

    def broadcast(self, value: Wire, shape: tuple[int, ...]) -> Wire:
        return Wire(self._inner.broadcast(value._words, shape))

    def take(self, value: Wire, index: Index) -> Wire:
        return Wire(self._inner.take(value._words, index))

    def bits(self, value: Wire, count: int) -> Wire:
        return Wire(self._inner.bits(value._words, count))

    def compress(self, blocks: Wire) -> Wire:
        self.compressions += blocks._words.size // 16
        return Wire(compress(blocks._words))

    def chain(self, state: Wire, blocks: Wire) -> Wire:
        self.compressions += blocks._words.shape[0]
        return Wire(self._inner.chain(state._words, blocks._words))

    def hash_rows(self, rows: Wire) -> Wire:
        self.compressions += rows._words.shape[0] * -(-rows._words.shape[1] // 12)
        return Wire(self._inner.hash_rows(rows._words))

    def hash_and_combine(self, rows: Wire, challenge: Wire) -> tuple[Wire, Wire]:
        _, combined = self._inner.hash_and_combine(rows._words, challenge._words)
        return self.hash_rows(rows), Wire(combined)

    def climb(self, digests: Wire, siblings: Wire, digits: Wire) -> Wire:
        self.compressions += digests._words.shape[0]
        return Wire(self._inner.climb(digests._words, siblings._words, digits._words))

    def fold(self, rows: Wire, inverse: Wire, bits: Wire, beta: Wire) -> tuple[Wire, Wire]:
        picked, folded = self._inner.fold(rows._words, inverse._words, bits._words, beta._words)
        return Wire(picked), Wire(folded)

    def concatenate(self, values: Sequence[Wire], axis: int) -> Wire:
        return Wire(self._inner.concatenate([value._words for value in values], axis))

    def stack(self, values: Sequence[Wire], axis: int) -> Wire:
        return Wire(self._inner.stack([value._words for value in values], axis))

    def require_equal(self, got: Wire, expected: Wire, error: type[ProofRefused]) -> None:
        self._inner.require_equal(got._words, expected._words, error)

    def ext_inverse(self, a: Wire, error: type[ProofRefused] = DivisionByZero) -> Wire:
        return Wire(self._inner.ext_inverse(a._words, error))

    def __getattr__(self, name: str) -> Callable[..., Wire]:
        method = getattr(self._inner, name)

        def call(*arguments: Any) -> Wire:
            return Wire(method(*(a._words if isinstance(a, Wire) else a for a in arguments)))

        return call
