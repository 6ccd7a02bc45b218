"""A second verifier, written from the protocol's description in Python integers, one query after the other.

It shares the key, the hash and nothing else with `proving.stark.verifier`: own parsing, own lengths, own transcript,
own domains, own constraint evaluation straight from the graph. Slow and plain, so that it can be read against
`docs/security.md`.
"""

from __future__ import annotations

import numpy as np

from proving.backend.interface import PRIME as P
from proving.backend.program import Op, TableProgram
from proving.hash import compress
from proving.stark.key import PROOF_FORMAT, Key

LEAF, JOIN, TRANSCRIPT, GRIND, SQUEEZE = 1, 2, 5, 6, 10
E = tuple[int, int, int]
ONE: E = (1, 0, 0)
ZERO: E = (0, 0, 0)


class Refused(Exception):
    pass


def require(condition: bool, what: str) -> None:
    if not condition:
        raise Refused(what)


def root(log_order: int) -> int:
    return pow(7, (P - 1) >> log_order, P)


def shift_of(log_height: int) -> int:
    return pow(7, 2 ** (24 - log_height), P)


def add(a: E, b: E) -> E:
    return ((a[0] + b[0]) % P, (a[1] + b[1]) % P, (a[2] + b[2]) % P)


def sub(a: E, b: E) -> E:
    return ((a[0] - b[0]) % P, (a[1] - b[1]) % P, (a[2] - b[2]) % P)


def mul(a: E, b: E) -> E:
    """Modulo x^3 = x + 1, x^4 = x^2 + x."""
    c = [0] * 5
    for i in range(3):
        for j in range(3):
            c[i + j] += a[i] * b[j]
    return ((c[0] + c[3]) % P, (c[1] + c[3] + c[4]) % P, (c[2] + c[4]) % P)


def power(a: E, exponent: int) -> E:
    result = ONE
    while exponent:
        if exponent & 1:
            result = mul(result, a)
        a = mul(a, a)
        exponent >>= 1
    return result


def inverse(a: E) -> E:
    require(a != ZERO, "division by zero")
    return power(a, P**3 - 2)


def base(a: int) -> E:
    return (a % P, 0, 0)


def c16(words: list[int]) -> list[int]:
    return [int(w) for w in compress(np.array([words + [0] * (16 - len(words))], dtype=np.uint64))[0]]


class Hashing:
    """The family over Goldilocks: digests of four elements, and a challenger over them."""

    def is_digest(self, words: list[int]) -> bool:
        return all(word < P for word in words)

    def leaf(self, elements: list[int]) -> list[int]:
        state = [LEAF, len(elements), 0, 0]
        for start in range(0, len(elements), 12):
            state = c16(state + elements[start : start + 12])
        return state

    def node(self, children: list[list[int]]) -> list[int]:
        return c16([word for child in children for word in child])

    def join(self, parts: list[list[int]]) -> list[int]:
        joined = [word for part in parts for word in part]
        return c16(joined + [0] * (12 - len(joined)) + [JOIN, 0, 0, 0])

    def challenger(self) -> Challenger:
        return Challenger()


class Challenger:
    def __init__(self) -> None:
        self.state, self.count = [TRANSCRIPT, 0, 0, 0], 0

    def absorb(self, elements: list[int]) -> None:
        if elements:
            self.state, self.count = c16([*self.state, TRANSCRIPT, len(elements)]), 0
        for start in range(0, len(elements), 12):
            self.state = c16(self.state + elements[start : start + 12])

    def absorb_digests(self, digests: list[list[int]]) -> None:
        self.absorb([word for digest in digests for word in digest])

    def squeeze(self) -> list[int]:
        self.count += 1
        return c16([*self.state, SQUEEZE, self.count - 1])

    def extension(self) -> E:
        a, b, c, _ = self.squeeze()
        return (a, b, c)

    def check_work(self, nonce: list[int], bits: int) -> None:
        if bits:
            self.state, self.count = c16([*self.state, GRIND, nonce[0]]), 0
            require(self.state[0] % 2**bits == 0, "work")


class Reader:
    def __init__(self, data: bytes, hashing: Hashing) -> None:
        require(len(data) % 8 == 0, "length")
        self.words = [int.from_bytes(data[i : i + 8], "little") for i in range(0, len(data), 8)]
        self.place, self.hashing = 0, hashing

    def _next(self, count: int) -> list[int]:
        require(self.place + count <= len(self.words), "too short")
        self.place += count
        return self.words[self.place - count : self.place]

    def take(self, count: int) -> list[int]:
        found = self._next(count)
        require(all(word < P for word in found), "canonical")
        return found

    def digests(self, count: int) -> list[list[int]]:
        found = [self._next(4) for _ in range(count)]
        require(all(self.hashing.is_digest(digest) for digest in found), "canonical digest")
        return found

    def extensions(self, count: int) -> list[E]:
        return [tuple(self.take(3)) for _ in range(count)]  # type: ignore[misc]


class Tree:
    """Matrices as (columns, log rows), and the openings of every query."""

    def __init__(self, matrices: list[tuple[int, int]], cap_log: int, hashing: Hashing) -> None:
        self.matrices, self.hashing = matrices, hashing
        self.log_rows = max(rows for _, rows in matrices)
        self.depth = max(0, (self.log_rows - cap_log) // 2)
        self.cap_digests = 2 ** (self.log_rows - 2 * self.depth)
        self.cap: list[list[int]] = []

    def read_cap(self, reader: Reader) -> list[list[int]]:
        self.cap = reader.digests(self.cap_digests)
        return self.cap

    def read_openings(self, reader: Reader, queries: int) -> None:
        self.rows = [[reader.take(columns) for _ in range(queries)] for columns, _ in self.matrices]
        self.paths = [[reader.digests(3) for _ in range(self.depth)] for _ in range(queries)]

    def check(self, query: int, index: int) -> None:
        digest: list[int] = []
        for level in range(self.depth + 1):
            size = self.log_rows - 2 * level
            parts = []
            if level:
                children = list(self.paths[query][level - 1])
                children.insert((index >> (2 * level - 2)) % 4, digest)
                parts.append(self.hashing.node(children))
            for log_rows in (size, size - 1):
                row = [w for m, (_, r) in enumerate(self.matrices) if r == log_rows for w in self.rows[m][query]]
                if row:
                    parts.append(self.hashing.leaf(row))
            digest = parts[0] if len(parts) == 1 else self.hashing.join(parts)
        require(digest == self.cap[index >> (2 * self.depth)], "opening")


def bit_reversed(index: int, bits: int) -> int:
    return int(f"{index:0{bits}b}"[::-1], 2) if bits else 0


def evaluate(
    program: TableProgram, leaf_values: dict[tuple[int, int, int], E], y: E, log_height: int, share: E,
    publics: list[int], challenges: tuple[E, E],
) -> list[E]:  # fmt: skip
    """All constraints of a table at y, straight from its graph."""
    n = 2**log_height
    last = pow(root(log_height), P - 2, P)
    vanishing = sub(power(y, n), ONE)

    def leaf(op: Op, a: int, b: int) -> E:
        if op is Op.CONST:
            return base(a)
        if op is Op.PUBLIC:
            return base(publics[a])
        if op is Op.CHALLENGE:
            return challenges[0] if a == 0 else power(challenges[1], a)
        if op is Op.BUS_SHARE:
            return share
        if op is Op.TRANSITION:
            return sub(y, base(last))
        if op in (Op.FIRST, Op.LAST):
            pole = 1 if op is Op.FIRST else last
            scaled = mul(vanishing, base(pole * pow(n, P - 2, P)))
            return mul(scaled, inverse(sub(y, base(pole))))
        if op is Op.PERIODIC:
            values = program.periodic[a]
            point, w, total = power(y, n // len(values)), root(len(values).bit_length() - 1), ZERO
            for row, value in enumerate(values):  # Lagrange: value (X^k - 1) w^row / (k (X - w^row))
                x = pow(w, row, P)
                scale = value * x * pow(len(values), P - 2, P)
                top = mul(sub(power(point, len(values)), ONE), base(scale))
                total = add(total, mul(top, inverse(sub(point, base(x)))))
            return total
        return leaf_values[int(op), a, b]

    values: list[E] = []
    nodes = program.nodes
    for code, first, second in zip(nodes.op, nodes.a, nodes.b, strict=True):
        op, a, b = Op(int(code)), int(first), int(second)
        if op is Op.ADD:
            values.append(add(values[a], values[b]))
        elif op is Op.SUB:
            values.append(sub(values[a], values[b]))
        elif op is Op.MUL:
            values.append(mul(values[a], values[b]))
        elif op is Op.NEG:
            values.append(sub(ZERO, values[a]))
        elif (int(op), a, b) in leaf_values or op not in (Op.MAIN, Op.BUS, Op.PREPROCESSED):
            values.append(leaf(op, a, b))
        else:
            values.append(ZERO)  # a leaf that no constraint reads
    return [values[int(r)] for r in program.roots]


def joined(parts: list[E]) -> list[E]:
    """Three base columns' openings make one extension column's."""
    found = []
    for k in range(0, len(parts), 3):
        value = add(parts[k], mul(parts[k + 1], (0, 1, 0)))
        found.append(add(value, mul(parts[k + 2], (0, 0, 1))))
    return found


def plain_verify(key: Key, profile: str, publics: list[int], data: bytes, hashing: Hashing | None = None) -> None:
    """Raise `Refused` unless the proof holds."""
    hashing = hashing or Hashing()
    chosen = key.parameters(profile)
    layout, programs, blowup = key.layout, key.program.tables, key.layout.log_blowup
    reader = Reader(data, hashing)
    heights = reader.take(len(programs))
    for program, height, bound in zip(programs, heights, layout.max_log_heights, strict=True):
        fixed = program.fixed_log_height
        require(height == fixed if fixed is not None else 6 <= height <= bound, "heights")
    top = max(heights)
    domain = top + blowup
    cap_log = layout.cap_log

    def tree(widths: list[int]) -> Tree | None:
        matrices = [(w, h + blowup) for w, h in zip(widths, heights, strict=True) if w]
        return Tree(matrices, cap_log, hashing) if matrices else None

    pre = tree([p.preprocessed_columns for p in programs])
    main = tree([p.main_columns for p in programs])
    bus = tree([3 * p.bus_columns for p in programs])
    blocks = max(2, *(max(p.constraint_degrees) for p in programs if len(p.constraint_degrees))) - 1
    quotient = Tree([(3 * blocks, domain)], cap_log, hashing)
    assert main is not None

    challenger = hashing.challenger()
    regime = {"johnson": 1, "conjectured": 2}[chosen.profile.regime.value]
    work = [chosen.queries, chosen.query_grinding, chosen.batching_grinding]
    challenger.absorb([PROOF_FORMAT, chosen.profile.target, regime, *work])
    challenger.absorb([int(w) for w in key.digest])
    challenger.absorb(heights)
    challenger.absorb(publics)
    challenger.absorb_digests(main.read_cap(reader))
    challenges, sums = (ZERO, ZERO), {}
    if bus is not None:
        challenges = (challenger.extension(), challenger.extension())
        challenger.absorb_digests(bus.read_cap(reader))
        with_bus = [t for t, program in enumerate(programs) if program.bus_columns]
        sums = dict(zip(with_bus, reader.extensions(len(with_bus)), strict=True))
        total = ZERO
        for value in sums.values():
            total = add(total, value)
        challenger.absorb([word for value in sums.values() for word in value])
        require(total == ZERO, "bus")
    alpha = challenger.extension()
    challenger.absorb_digests(quotient.read_cap(reader))
    z = challenger.extension()
    require(power(z, 2**top) != ONE, "point")
    require(power(z, 2**domain) != base(pow(shift_of(top), 2**domain, P)), "point")

    # What one query reads as one message: (tree, log height, [(matrix, table, width)]); tallest first in each tree.
    messages: list[tuple[Tree, int, list[tuple[int, int, int]], bool]] = []
    for kind, some in enumerate((pre, main, bus)):
        widths = [(p.preprocessed_columns, p.main_columns, 3 * p.bus_columns)[kind] for p in programs]
        uses = [(False, bool(p.next_columns), bool(p.bus_columns))[kind] for p in programs]
        present = [t for t, width in enumerate(widths) if width]
        for height in sorted({heights[t] for t in present}, reverse=True):
            chosen_tables = [(m, t, widths[t]) for m, t in enumerate(present) if heights[t] == height]
            assert some is not None
            messages.append((some, height, chosen_tables, any(uses[t] for _, t, _ in chosen_tables)))
    messages.append((quotient, top, [(0, -1, 3 * blocks)], False))

    # Openings: (tree, matrix, log height, column, next row, value, power of the batching challenge)
    opened: list[tuple[Tree, int, int, int, bool, E, int]] = []
    by_table: dict[tuple[int, int, bool], list[E]] = {}
    offset, absorbed = 0, list[int]()
    for following in (False, True):
        for some, height, members, next_too in messages:
            if following and not next_too:
                continue
            length = -(-sum(width for _, _, width in members) // 12) * 12
            weight = offset + length - 1
            for position, t, width in members:
                values = reader.extensions(width)
                by_table[t, id(some), following] = values
                for column, value in enumerate(values):
                    opened.append((some, position, height, column, following, value, weight))
                    absorbed += value
                    weight -= 1
            offset += length
    challenger.absorb(absorbed)

    left, weight = ZERO, ONE
    for t, program in enumerate(programs):
        y = power(z, 2 ** (top - heights[t]))
        leaves: dict[tuple[int, int, int], E] = {}
        for c, value in enumerate(by_table[t, id(main), False]):
            leaves[int(Op.MAIN), c, 0] = value
        for c, value in enumerate(by_table.get((t, id(main), True), [])):
            leaves[int(Op.MAIN), c, 1] = value
        for c, value in enumerate(by_table.get((t, id(pre), False), [])):
            leaves[int(Op.PREPROCESSED), c, 0] = value
        for c, value in enumerate(joined(by_table.get((t, id(bus), False), []))):
            leaves[int(Op.BUS), c, 0] = value
        for value in joined(by_table.get((t, id(bus), True), []))[-1:]:
            leaves[int(Op.BUS), program.bus_columns - 1, 1] = value
        share = mul(sums.get(t, ZERO), base(pow(2 ** heights[t], P - 2, P)))
        for value in evaluate(program, leaves, y, heights[t], share, publics, challenges):
            left, weight = add(left, mul(weight, value)), mul(weight, alpha)
    right, weight = ZERO, ONE
    for chunk in joined(by_table[-1, id(quotient), False]):
        right, weight = add(right, mul(weight, chunk)), mul(weight, power(z, 2**top))
    require(left == mul(right, sub(power(z, 2**top), ONE)), "constraints")

    challenger.check_work(nonce := reader.take(int(chosen.batching_grinding > 0)), chosen.batching_grinding)
    assert len(nonce) <= 1
    batching = challenger.extension()
    layers, betas, size, length = list[Tree](), list[E](), domain, top
    fold = layout.log_fold
    while not layers or length > layout.final_log_length:
        layers.append(Tree([(3 << fold, size - fold)], cap_log, hashing))
        challenger.absorb_digests(layers[-1].read_cap(reader))
        betas.append(challenger.extension())
        size, length = size - fold, length - fold
    final = reader.extensions(2**length)
    challenger.absorb([word for value in final for word in value])
    challenger.check_work(reader.take(int(chosen.query_grinding > 0)), chosen.query_grinding)
    indices = [challenger.squeeze()[0] % 2**domain for _ in range(chosen.queries)]
    trees = [some for some in (pre, main, bus, quotient) if some is not None]
    for some in [*trees, *layers]:
        some.read_openings(reader, chosen.queries)
    require(reader.place == len(reader.words), "trailing")
    if pre is not None:
        assert key.preprocessed_cap is not None
        pre.cap = key.preprocessed_cap.tolist()

    points = {(h, f): power(z, 2 ** (top - h)) for h in {*heights, top} for f in (False, True)}
    points = {(h, f): mul(point, base(root(h))) if f else point for (h, f), point in points.items()}
    weights = [ONE]
    while len(weights) < offset:
        weights.append(mul(weights[-1], batching))
    for query, index in enumerate(indices):
        for some in trees:
            some.check(query, index >> (domain - some.log_rows))
        inverses = {}
        for (height, following), point in points.items():
            place = bit_reversed(index >> (top - height), height + blowup)
            x = shift_of(height) * pow(root(height + blowup), place, P) % P
            inverses[height, following] = inverse(sub(base(x), point))
        value = ZERO
        for some, position, height, column, following, claimed, exponent in opened:
            row = some.rows[position][query]
            term = mul(sub(base(row[column]), claimed), inverses[height, following])
            value = add(value, mul(weights[exponent], term))
        shift, size = shift_of(top), domain
        for layer, beta in zip(layers, betas, strict=True):
            within, index = index % 2**fold, index >> fold
            layer.check(query, index)
            row = layer.rows[0][query]
            values = [(row[3 * k], row[3 * k + 1], row[3 * k + 2]) for k in range(2**fold)]
            require(values[within] == value, "layer")
            places = [bit_reversed((index << fold) + k, size) for k in range(2**fold)]
            value = interpolate([shift * pow(root(size), place, P) % P for place in places], values, beta)
            shift, size = pow(shift, 2**fold, P), size - fold
        x = shift * pow(root(size), bit_reversed(index, size), P) % P
        expected = ZERO
        for coefficient in reversed(final):
            expected = add(mul(expected, base(x)), coefficient)
        require(expected == value, "final polynomial")


def interpolate(xs: list[int], values: list[E], at: E) -> E:
    """Lagrange: f = sum_j X^j f_j(X^a) has on a fibre of a points the interpolant sum_j f_j X^j; its value at beta."""
    total = ZERO
    for i, x in enumerate(xs):
        top, bottom = values[i], 1
        for j, other in enumerate(xs):
            if i != j:
                top = mul(top, sub(at, base(other)))
                bottom = bottom * (x - other) % P
        total = add(total, mul(top, base(pow(bottom, P - 2, P))))
    return total
