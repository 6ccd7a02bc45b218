"""The verifier's arithmetic on wires: it computes nothing and writes down what a circuit must show.

Implements :class:`proving.stark.arithmetic.Arithmetic` over :class:`proving.recursion.wires.Wires`. Products and sums
become rows of the field table, hashes rows of the hash table. Bits of an element come from a table that shows the
unique decomposition below p. An entry of a cap is read through a bus, by its index.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from proving.field.goldilocks import PRIME
from proving.hash import DIGEST, RATE, WIDTH, Tag
from proving.recursion.fold_table import LOG_ARITY
from proving.recursion.recording import (
    NONE,
    BitsStep,
    CapStep,
    CopyStep,
    FieldStep,
    FoldStep,
    HashStep,
    Operation,
    Recording,
    UnpackStep,
)
from proving.recursion.wires import COMPONENTS, EXTENSION, Ids, Wires, components
from proving.stark.arithmetic import Index, Words
from proving.stark.errors import DivisionByZero, ProofRefused
from proving.stark.goldilocks_hashing import GoldilocksHashing

#: Bits of an element's decomposition.
BITS = 64
#: Places of a block's last 12 elements where a row of the hash table can fix another constant than zero: a message's or
#: an output's tag and number, and the tag of a join.
FIXED_PLACES = [0, 1, 8]


Flags: TypeAlias = npt.NDArray[np.bool_]


class NotAnElement(TypeError):
    """An array of scalars was used as what it is not; a mistake in a circuit's text."""


class CircuitArithmetic(GoldilocksHashing[Wires]):
    """Writes a circuit down, one array operation after the other."""

    def __init__(self) -> None:
        self.recording = Recording()
        self._wires = self.recording.wires
        self.zero = self._wires.constant((0, 0, 0, 0))
        self.one = self._wires.constant((1, 0, 0, 0))
        self._minus_one = self._wires.constant((PRIME - 1, 0, 0, 0))
        self._row_of: dict[int, int] = {}
        self._followed: set[int] = set()
        self._readings: dict[int, tuple[int, int]] = {}
        self._cap_base = 0
        self._hints: set[int] = set()
        self._digests: set[int] = set()
        self._unpacked: dict[int, Ids] = {}
        self._hashed: set[int] = set()

    # What comes from outside

    def public(self, count: int) -> Wires:
        """Return the next elements ``(count,)`` of the circuit's public input."""
        wires = self._wires.allocate(count, base=True)
        self.recording.publics += wires.tolist()
        return Wires(COMPONENTS * wires)

    def hint(self, shape: tuple[int, ...], *, rows: bool = False) -> Wires:
        """Return a part of a proof: extension elements ``(..., 3)``, digests ``(..., 4)``, or rows ``(queries, n)``.

        Rows and single elements are laid into wires three by three as blocks of 12 hold them; digests and extension
        elements have a wire each. Rows may have any length, also that of a digest, and must be said to be such.
        """
        if shape[-1] in (EXTENSION, DIGEST) and not rows:
            wires = self._wires.allocate(int(np.prod(shape[:-1], dtype=np.int64)))
            self._hinted(wires)
            if shape[-1] == DIGEST:
                self._digests.update(wires.tolist())
            return Wires(components(wires, shape[-1]).reshape(shape))
        count = int(np.prod(shape[:-1], dtype=np.int64))
        each = -(-shape[-1] // EXTENSION)
        wires = self._wires.allocate(count * each)
        self._hinted(wires)
        scalars = components(wires, EXTENSION).reshape(count, each * EXTENSION)[:, : shape[-1]]
        return Wires(scalars.reshape(shape))

    def element(self) -> Wires:
        """Return a base element ``(1,)`` that the circuit's prover gives; a row must hash it among zeros."""
        wires = self._wires.allocate(1, base=True)
        self._hinted(wires)
        return Wires(COMPONENTS * wires)

    def cap(self, entries: Wires) -> int:
        """Let digests ``(n, 4)`` be read by their number; return what :meth:`read_cap` names them by."""
        base = self._cap_base
        self._cap_base += entries.ids.shape[0]
        self.recording.caps[base] = self._digest(entries.ids)
        return base

    def read_cap(self, base: int, index: Wires, digests: Wires) -> None:
        """Write down that digests ``(n, 4)`` are the entries at base elements ``(n,)`` of a cap.

        All caps of a circuit are numbered through, so the caller must have shown that the elements are below the number
        of entries: a greater one reads another cap.
        """
        self.recording.steps.append(CapStep(base, self._base(index.ids), self._digest(digests.ids)))

    def _hinted(self, wires: Ids) -> None:
        self.recording.hints.append(wires)
        self._hints.update(wires.tolist())

    # Shapes

    def constant(self, words: Words) -> Wires:
        """Return canonical words of any shape as constants."""
        return Wires(self._wires.scalars(np.asarray(words, dtype=np.uint64)))

    def shape(self, value: Wires) -> tuple[int, ...]:
        """Return the shape."""
        return value.ids.shape

    def reshape(self, value: Wires, shape: tuple[int, ...]) -> Wires:
        """Return the same scalars under another shape."""
        return Wires(value.ids.reshape(shape))

    def broadcast(self, value: Wires, shape: tuple[int, ...]) -> Wires:
        """Repeat along leading or unit axes."""
        return Wires(np.broadcast_to(value.ids, shape))

    def concatenate(self, values: Sequence[Wires], axis: int) -> Wires:
        """Join along an existing axis."""
        return Wires(np.concatenate([value.ids for value in values], axis=axis))

    def stack(self, values: Sequence[Wires], axis: int) -> Wires:
        """Join along a new axis."""
        return Wires(np.stack([value.ids for value in values], axis=axis))

    def take(self, value: Wires, index: Index) -> Wires:
        """Index with constants."""
        return Wires(np.asarray(value.ids[index], dtype=np.int64))

    # Field

    def add(self, a: Wires, b: Wires) -> Wires:
        """Add elementwise, base or extension elements."""
        return self._elementwise(a, b, lambda x, y: self._multiply_add(x, np.full_like(x, self.one), y))

    def subtract(self, a: Wires, b: Wires) -> Wires:
        """Subtract elementwise, base or extension elements."""
        return self._elementwise(a, b, lambda x, y: self._multiply_add(y, np.full_like(y, self._minus_one), x))

    def multiply(self, a: Wires, b: Wires) -> Wires:
        """Multiply base elements."""
        x, y = np.broadcast_arrays(self._base(a.ids), self._base(b.ids))
        return Wires(COMPONENTS * self._product(x, y))

    def sum(self, a: Wires, axis: int) -> Wires:
        """Add up along an axis."""
        parts = np.moveaxis(a.ids, axis, 0)
        total = Wires(parts[0])
        for part in parts[1:]:
            total = self.add(total, Wires(part))
        return total

    def extend(self, a: Wires) -> Wires:
        """Embed base elements."""
        zeros = np.full(a.ids.shape, COMPONENTS * self.zero, dtype=np.int64)
        return Wires(np.stack([COMPONENTS * self._base(a.ids), zeros, zeros], axis=-1))

    def ext_multiply(self, a: Wires, b: Wires) -> Wires:
        """Multiply extension elements."""
        x, y = np.broadcast_arrays(self._extension(a.ids), self._extension(b.ids))
        return Wires(components(self._product(x, y), EXTENSION))

    def ext_scale(self, a: Wires, b: Wires) -> Wires:
        """Multiply extension elements by base elements."""
        x, y = np.broadcast_arrays(self._extension(a.ids), self._base(b.ids))
        return Wires(components(self._product(x, y), EXTENSION))

    def inverse(self, a: Wires) -> Wires:
        """Invert base elements; no witness inverts a zero."""
        wires = self._base(a.ids)
        return Wires(COMPONENTS * self._inverse(wires, base=True))

    def ext_inverse(self, a: Wires, error: type[ProofRefused] = DivisionByZero) -> Wires:
        """Invert extension elements; no witness inverts a zero, so the error is never named."""
        return Wires(components(self._inverse(self._extension(a.ids)), EXTENSION))

    def ext_combine(self, rows: Wires, coefficients: Wires) -> Wires:
        """Combine base rows with extension coefficients."""
        terms = self.ext_scale(coefficients, rows)
        return self.sum(terms, -2)

    def ext_powers(self, a: Wires, count: int) -> Wires:
        """Return the first powers by doubling."""
        powers, factor = self.extend(self.constant(np.ones(1, dtype=np.uint64))), a
        while powers.ids.shape[0] < count:
            powers = self.concatenate([powers, self.ext_multiply(powers, factor)], 0)
            factor = self.ext_multiply(factor, factor)
        return self.take(powers, slice(0, count))

    # Hashes

    def compress(self, blocks: Wires) -> Wires:
        """Compress blocks ``(..., 16)``."""
        flat = blocks.ids.reshape(-1, WIDTH)
        digests = self._hash(flat, self._follow(flat), None)
        return Wires(components(digests, DIGEST).reshape(*blocks.ids.shape[:-1], DIGEST))

    def chain(self, state: Wires, blocks: Wires) -> Wires:
        """Compress blocks ``(n, 12)`` into a chaining value, row after row."""
        for block in blocks.ids:
            row = np.concatenate([state.ids, block])[None, :]
            state = Wires(components(self._hash(row, self._follow(row), None), DIGEST)[0])
        return state

    def hash_rows(self, rows: Wires) -> Wires:
        """Hash rows as leaves."""
        digests, _ = self._leaves(rows, NONE)
        return digests

    def hash_and_combine(self, rows: Wires, challenge: Wires) -> tuple[Wires, Wires]:
        """Hash rows as leaves, and combine them in the same rows of the hash table."""
        digests, combined = self._leaves(rows, int(self._extension(challenge.ids)))
        return digests, Wires(components(combined, EXTENSION))

    def climb(self, digests: Wires, siblings: Wires, digits: Wires) -> Wires:
        """Place each digest among its siblings in the row that compresses them."""
        count = digests.ids.shape[0]
        own = self._digest(digests.ids)
        blocks = np.full((count, WIDTH), NONE, dtype=np.int64)
        blocks[:, DIGEST:] = siblings.ids.reshape(count, RATE)
        previous = np.array([self._row_of.get(int(wire), NONE) for wire in own], dtype=np.int64)
        if (previous == NONE).any() or self._followed.intersection(previous.tolist()):
            raise NotAnElement("a node's child must be the digest of a row that nothing else follows")
        self._followed.update(previous.tolist())
        parents = self._hash(blocks, previous, self._base(digits.ids))
        return Wires(components(parents, DIGEST))

    def fold(self, rows: Wires, inverse: Wires, bits: Wires, beta: Wires) -> tuple[Wires, Wires]:
        """Fold opened rows of 8 values, each in a row of the fold table."""
        queries, log_arity = bits.ids.shape
        if log_arity != LOG_ARITY:
            raise NotAnElement(f"circuits fold by {1 << LOG_ARITY}, not by {1 << log_arity}")
        values = self._neighbours(self._extension(rows.ids.reshape(queries, 1 << log_arity, EXTENSION)))
        step = FoldStep(
            values=values,
            bits=self._neighbours(self._base(bits.ids)),
            beta=int(self._extension(beta.ids)),
            inverse=self._base(inverse.ids),
            picked=self._wires.allocate(queries),
            folded=self._wires.allocate(queries),
        )
        self.recording.steps.append(step)
        return Wires(components(step.picked, EXTENSION)), Wires(components(step.folded, EXTENSION))

    def bits(self, value: Wires, count: int) -> Wires:
        """Return the lowest bits of first elements of digests."""
        wires, part = np.divmod(value.ids, COMPONENTS)
        if part.any() or any(int(wire) not in self._row_of for wire in wires.reshape(-1)):
            raise NotAnElement("bits are taken from the first element of a digest")
        found = self._wires.allocate(wires.size * BITS, base=True).reshape(-1, BITS)
        self.recording.steps.append(BitsStep(wires.reshape(-1), found))
        return Wires(COMPONENTS * found[:, :count].reshape(*wires.shape, count))

    def select(self, bit: Wires, if_one: Wires, if_zero: Wires) -> Wires:
        """Choose elementwise: zero + bit (one - zero)."""
        difference = self.subtract(if_one, if_zero)
        shape = np.broadcast_shapes(bit.ids.shape, difference.ids.shape)
        bits = self._base(np.broadcast_to(bit.ids, shape))
        parts, start = (np.broadcast_to(value.ids, shape) for value in (difference, if_zero))
        first, second = self._try_extension(parts), self._try_extension(start)
        if first is not None and second is not None:
            return Wires(components(self._multiply_add(first, bits[..., 0], second), EXTENSION))
        return Wires(COMPONENTS * self._multiply_add(self._base(parts), bits, self._base(start)))

    def lookup(self, table: Wires, bits: Wires) -> Wires:
        """Promise entries of a cap of digests; :meth:`require_equal` reads them."""
        width = bits.ids.shape[-1]
        index = self.sum(self.multiply(bits, self.constant(np.array([1 << k for k in range(width)], np.uint64))), -1)
        base, wires = self.cap(table), self._base(index.ids)
        promised = self._wires.allocate(wires.size)
        for wire, place in zip(promised, wires, strict=True):
            self._readings[int(wire)] = (base, int(place))
        return Wires(components(promised, DIGEST))

    def require_equal(self, got: Wires, expected: Wires, error: type[ProofRefused]) -> None:
        """Write down that both are equal; which error it would be does not matter to a circuit."""
        left, right = np.broadcast_arrays(got.ids, expected.ids)
        if right.size and int(right.reshape(-1)[0]) // COMPONENTS in self._readings:
            self._read_cap(self._digest(left), self._digest(right))
            return
        first, second = self._try_extension(left), self._try_extension(right)
        if first is None or second is None:
            first, second = self._base(left), self._base(right)
        self._require_zero(first.reshape(-1), second.reshape(-1))

    # Inside

    def _read_cap(self, digests: Ids, promised: Ids) -> None:
        readings = [self._readings.pop(int(wire)) for wire in promised]
        (base,) = {base for base, _ in readings}
        index = np.array([place for _, place in readings], dtype=np.int64)
        self.recording.steps.append(CapStep(base, index, digests))

    def _inverse(self, wires: Ids, *, base: bool = False) -> Ids:
        flat = wires.reshape(-1)
        result = self._wires.allocate(flat.size, base=base)
        nothing = np.full_like(flat, self.zero)
        self.recording.steps.append(FieldStep(Operation.INVERT, flat, nothing, nothing, result))
        return result.reshape(wires.shape)

    def _neighbours(self, wires: Ids) -> Ids:
        """Return the first of neighbouring wires ``(n, k)``."""
        if (wires != wires[:, :1] + np.arange(wires.shape[1])).any():
            raise NotAnElement("these wires do not stand side by side")
        return wires[:, 0]

    def _require_zero(self, a: Ids, b: Ids) -> None:
        different = a != b
        a, b = a[different], b[different]
        nothing = np.full(a.shape, NONE, dtype=np.int64)
        minus = np.full_like(a, self._minus_one)
        if a.size:
            self.recording.steps.append(FieldStep(Operation.ZERO, b, minus, a, nothing))

    def _elementwise(self, a: Wires, b: Wires, combine: Callable[[Ids, Ids], Ids]) -> Wires:
        left, right = np.broadcast_arrays(a.ids, b.ids)
        x, y = self._try_extension(left), self._try_extension(right)
        if x is not None and y is not None:
            return Wires(components(combine(x, y), EXTENSION))
        return Wires(COMPONENTS * combine(self._base(left), self._base(right)))

    def _product(self, a: Ids, b: Ids) -> Ids:
        return self._multiply_add(a, b, np.full(a.shape, self.zero, dtype=np.int64))

    def _multiply_add(self, a: Ids, b: Ids, c: Ids) -> Ids:
        """Return wires of a b + c; what is known when the circuit is written down takes no row."""
        a, b, c = np.broadcast_arrays(a, b, c)
        nothing = (a == self.zero) | (b == self.zero)
        plain = c == self.zero
        result = np.where(nothing, c, NONE)
        result = np.where((result == NONE) & plain & (b == self.one), a, result)
        result = np.where((result == NONE) & plain & (a == self.one), b, result)
        left = result == NONE
        if left.any():
            base = self._wires.is_base(a[left]) & self._wires.is_base(b[left]) & self._wires.is_base(c[left])
            made = self._wires.allocate(int(left.sum()), base=bool(base.all()))
            self.recording.steps.append(FieldStep(Operation.MULTIPLY_ADD, a[left], b[left], c[left], made))
            result[left] = made
        return result

    def _try_extension(self, scalars: Ids) -> Ids | None:
        """Return the wires of extension elements ``(..., 3)``, or None when the scalars are not such."""
        if scalars.ndim == 0 or scalars.shape[-1] != EXTENSION:
            return None
        wires, part = np.divmod(scalars, COMPONENTS)
        whole = (part == np.arange(EXTENSION)).all(-1) & (wires == wires[..., :1]).all(-1)
        embedded = (part[..., 0] == 0) & (scalars[..., 1:] == COMPONENTS * self.zero).all(-1)
        embedded &= self._wires.is_base(wires[..., 0])
        result: Ids = wires[..., 0].copy()
        rest = ~(whole | embedded)
        if rest.any():
            known = self._constants(scalars[rest])
            if known is None:
                return None
            result[rest] = known
        flat = result.reshape(-1)
        for place in np.flatnonzero(whole.reshape(-1)):
            if int(flat[place]) in self._row_of or int(flat[place]) in self.recording.heads:
                flat[place] = self._head(int(flat[place]))
        return result

    def _constants(self, triples: Ids) -> Ids | None:
        """Return the wires of constant extension elements whose three scalars are base constants."""
        values = self._wires.values()
        found = []
        for triple in triples:
            parts = [values.get(int(scalar) // COMPONENTS) for scalar in triple]
            if any(part is None for part in parts) or (triple % COMPONENTS).any():
                return None
            found.append(self._wires.constant((*(part[0] for part in parts if part is not None), 0)))
        return np.array(found, dtype=np.int64)

    def _head(self, digest: int) -> int:
        """Return the extension wire of a digest's first three elements."""
        if digest not in self.recording.heads:
            self.recording.heads[digest] = int(self._wires.allocate(1)[0])
        return self.recording.heads[digest]

    def _extension(self, scalars: Ids) -> Ids:
        found = self._try_extension(scalars)
        if found is None:
            raise NotAnElement("these scalars are no extension elements")
        return found

    def _base(self, scalars: Ids) -> Ids:
        wires, part = np.divmod(scalars, COMPONENTS)
        result: Ids = wires.copy()
        packed = ~(self._wires.is_base(wires) & (part == 0))
        if packed.any():
            result[packed] = [self._element(int(scalar)) for scalar in scalars[packed]]
        return result

    def _element(self, scalar: int) -> int:
        """Return the wire of one element of a digest that stands alone."""
        wire, part = divmod(scalar, COMPONENTS)
        if wire not in self._row_of and wire not in self._digests:
            raise NotAnElement("these scalars are no base elements")
        if wire not in self._unpacked:
            elements = self._wires.allocate(DIGEST, base=True)
            self.recording.steps.append(UnpackStep(np.array([wire]), elements[None, :]))
            self._unpacked[wire] = elements
        return int(self._unpacked[wire][part])

    def _digest(self, scalars: Ids) -> Ids:
        """Return the wires of digests ``(..., 4)``; four constants make one."""
        wires, part = np.divmod(scalars, COMPONENTS)
        if (part == np.arange(DIGEST)).all() and (wires == wires[..., :1]).all():
            return np.asarray(wires[..., 0])
        values = self._wires.values()
        found = []
        for quad in scalars.reshape(-1, DIGEST):
            parts = [values.get(int(scalar) // COMPONENTS) for scalar in quad]
            if any(part is None for part in parts) or (quad % COMPONENTS).any():
                raise NotAnElement("these scalars are no digest")
            found.append(self._wires.constant(tuple(part[0] for part in parts if part is not None)))
        return np.array(found, dtype=np.int64).reshape(scalars.shape[:-1])

    def _follow(self, blocks: Ids) -> Ids:
        """Return the rows whose digests the blocks begin with, where the blocks can stand right after them."""
        own = [int(wire) for wire in self._digest(blocks[:, :DIGEST])]
        previous = np.full(len(own), NONE, dtype=np.int64)
        if len(set(own)) < len(own):
            return previous
        for place, wire in enumerate(own):
            row = self._row_of.get(wire, NONE)
            if row != NONE and row not in self._followed:
                previous[place] = row
                self._followed.add(row)
        return previous

    def _leaves(self, rows: Wires, challenge: int) -> tuple[Wires, Ids]:
        count, length = rows.ids.shape
        padding = np.full((count, -length % RATE), COMPONENTS * self.zero, dtype=np.int64)
        blocks = np.concatenate([rows.ids, padding], axis=1)
        start = self.constant(np.array([Tag.LEAF, length, 0, 0], dtype=np.uint64))
        heads = components(np.broadcast_to(self._digest(start.ids), (count,)), DIGEST)
        combined = np.full(count, NONE, dtype=np.int64)
        for position in range(0, blocks.shape[1], RATE):
            block = np.concatenate([heads, blocks[:, position : position + RATE]], axis=1)
            if challenge != NONE and position + RATE == blocks.shape[1]:
                combined = self._wires.allocate(count)
            digests = self._hash(block, self._follow(block), None, challenge, combined)
            heads = components(digests, DIGEST)
        return Wires(heads), combined

    def _hash(
        self, blocks: Ids, previous: Ids, digits: Ids | None, challenge: int = NONE, combined: Ids | None = None
    ) -> Ids:
        count = blocks.shape[0]
        if digits is None:
            blocks = self._settle(blocks)
            blocks[:, :DIGEST] = components(self._digest(blocks[:, :DIGEST]), DIGEST)
        absent = np.full((count, 2), NONE, dtype=np.int64)
        rows, digests = self.recording.take_rows(count), self._wires.allocate(count)
        for row, wire in zip(rows, digests, strict=True):
            self._row_of[int(wire)] = int(row)
        self.recording.steps.append(
            HashStep(
                rows=rows,
                blocks=blocks,
                previous=previous,
                digits=absent if digits is None else digits,
                challenge=challenge,
                digest=digests,
                combined=absent[:, 0] if combined is None else combined,
            )
        )
        return digests

    def _settle(self, blocks: Ids) -> Ids:
        """Return blocks whose last 12 scalars are constants that rows can fix, hints, and digests.

        The first row that hashes a hint writes it. Everything else that three neighbours hold becomes an extension
        element, which the row writes once more and which is shown to be the same.
        """
        blocks = blocks.copy()
        known = np.fromiter(self._wires.constants.values(), np.int64)
        constant = (blocks % COMPONENTS == 0) & np.isin(blocks // COMPONENTS, known)
        constant[:, DIGEST:] &= self._fixable(blocks[:, DIGEST:])
        for row in range(blocks.shape[0]):
            place = DIGEST
            while place < WIDTH:
                place += self._settle_part(blocks[row], constant[row], place)
        return blocks

    def _settle_part(self, block: Ids, constant: Flags, place: int) -> int:
        """Settle what begins at a place of a block; return how many scalars that was."""
        wire, part = divmod(int(block[place]), COMPONENTS)
        aligned = (place - DIGEST) % EXTENSION == 0
        if constant[place] and not (aligned and not constant[place : place + EXTENSION].all()):
            return EXTENSION if aligned else 1
        whole = np.array_equal(block[place : place + DIGEST], components(np.array(wire), DIGEST))
        if place % DIGEST == 0 and part == 0 and whole and place + DIGEST <= WIDTH:
            if self._fresh(block[place : place + DIGEST]).all():
                self._hashed.update(block[place : place + DIGEST].tolist())
                return DIGEST
            if place < WIDTH - DIGEST:
                return DIGEST
        if not aligned:
            raise NotAnElement(f"element {place} of a block belongs to no wire that a row can hold")
        self._settle_slot(block, constant, place)
        return EXTENSION

    def _settle_slot(self, block: Ids, constant: Flags, place: int) -> None:
        slot = block[place : place + EXTENSION]
        fresh = self._fresh(slot)
        if (fresh | constant[place : place + EXTENSION]).all():
            self._hashed.update(slot[fresh].tolist())
            return
        value = self._packed(slot)
        copy = self._wires.allocate(1)
        self.recording.steps.append(CopyStep(value, copy))
        self._require_zero(copy, value)
        block[place : place + EXTENSION] = components(copy, EXTENSION)[0]

    def _fresh(self, scalars: Ids) -> Flags:
        """Tell which scalars are hints that no row has hashed yet: the next row may hold them."""
        return np.array([int(s) // COMPONENTS in self._hints and int(s) not in self._hashed for s in scalars])

    def _packed(self, slot: Ids) -> Ids:
        """Return the wire ``(1,)`` of the extension element that three scalars hold."""
        found = self._try_extension(slot[None, :])
        if found is not None:
            return found
        total = self._base(slot[:1])
        for power in range(1, EXTENSION):
            unit = np.array([self._wires.constant(tuple(int(i == power) for i in range(COMPONENTS)))])
            total = self._multiply_add(self._base(slot[power : power + 1]), unit, total)
        return total

    def _fixable(self, scalars: Ids) -> Flags:
        """Tell which of a block's last 12 scalars a row can fix if they are constants: zeros, and tags and numbers."""
        zeros: Flags = scalars == COMPONENTS * self.zero
        zeros[:, FIXED_PLACES] = True
        return zeros
