"""Lowering: from the expression graph to bytecode, with linear-scan register allocation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from proving.backend.program import MAX_TERMS, Bytecode, Code
from proving.stark.air.graph import ARITHMETIC, Graph, Op

_BASE_CODES = {Op.ADD: Code.ADD_BB, Op.SUB: Code.SUB_BB, Op.MUL: Code.MUL_BB}
_UNIFORM_CODES = {
    (Op.ADD, True): Code.ADD_Ee,
    (Op.ADD, False): Code.ADD_Be,
    (Op.SUB, True): Code.RSUB_Ee,
    (Op.SUB, False): Code.RSUB_Be,
    (Op.MUL, True): Code.MUL_Ee,
    (Op.MUL, False): Code.MUL_Be,
}
_EXTENSION_CODES = {
    (Op.ADD, True, True): Code.ADD_EE,
    (Op.ADD, True, False): Code.ADD_EB,
    (Op.SUB, True, True): Code.SUB_EE,
    (Op.SUB, True, False): Code.SUB_EB,
    (Op.SUB, False, True): Code.SUB_BE,
    (Op.MUL, True, True): Code.MUL_EE,
    (Op.MUL, True, False): Code.MUL_EB,
}

_BASE_SLOTS, _EXTENSION_SLOTS, _BASE_POOL, _EXTENSION_POOL = range(4)

#: Constraints that wait in registers to be summed by one instruction; more would only cost registers.
_SUMMED_TOGETHER = 8

_POOL, _POWER = range(2)

#: A term of a dot product: the base vector's node, and what it is multiplied by: a uniform node or a power's number.
_Term = tuple[int, int, int]


@dataclass
class _Numbering:
    """Numbers handed out in the order of first use."""

    numbers: dict[int, int] = field(default_factory=dict)

    def __getitem__(self, key: int) -> int:
        return self.numbers.setdefault(key, len(self.numbers))

    def keys(self) -> list[int]:
        return list(self.numbers)


@dataclass(frozen=True)
class _Instruction:
    """An instruction over nodes: what it writes (None for sums and outputs) and what it reads, by slot file.

    A dot product has `terms`; what it is subtracted from, if anything, is what it reads.
    """

    code: Code
    target: int | None
    number: int
    reads: tuple[tuple[int, int], ...]
    terms: tuple[_Term, ...] = ()

    @property
    def all_reads(self) -> list[tuple[int, int]]:
        """The vectors of the terms included, each once."""
        return list(dict.fromkeys([*self.reads, *((_BASE_SLOTS, vector) for vector, _, _ in self.terms)]))


def lower_sum(graph: Graph, roots: Sequence[int]) -> Bytecode:
    """Bytecode that adds root k times power k of a challenge into the accumulator."""
    lowering = _Lowering(graph, roots)
    pending: list[tuple[int, int]] = []
    for k, root in enumerate(roots):
        lowering.compute(root)
        if graph.extension[root]:
            lowering.emit(Code.SUM_E, None, k, (_EXTENSION_SLOTS, root))
        else:
            pending.append((root, k))
        if pending and (len(pending) == _SUMMED_TOGETHER or k == len(roots) - 1):
            lowering.emit(Code.SUM_B, None, 0, terms=[(root, _POWER, power) for root, power in pending])
            pending.clear()
    return lowering.finish(outputs=0)


def lower_outputs(graph: Graph, roots: Sequence[int]) -> Bytecode:
    """Bytecode that writes root k to output k, as an extension value."""
    lowering = _Lowering(graph, roots)
    for k, root in enumerate(roots):
        if graph.uniform[root]:
            lowering.emit(Code.OUT_e, None, k, (_EXTENSION_POOL, root))
            continue
        lowering.compute(root)
        extension = graph.extension[root]
        lowering.emit(
            Code.OUT_E if extension else Code.OUT_B,
            None,
            k,
            (_EXTENSION_SLOTS if extension else _BASE_SLOTS, root),
        )
    return lowering.finish(outputs=len(roots))


class _Lowering:
    """Instructions over nodes, in the order in which the roots need them; then registers."""

    def __init__(self, graph: Graph, roots: Sequence[int]) -> None:
        self._graph = graph
        self._instructions: list[_Instruction] = []
        self._done: set[int] = set()
        self._base_pool = _Numbering()
        self._extension_pool = _Numbering()
        self._uses = [0] * len(graph)
        for node in graph.reachable(roots):
            for operand in graph.operands(node):
                self._uses[operand] += 1
        for root in roots:
            self._uses[root] += 2

    def emit(
        self, code: Code, target: int | None, number: int, *reads: tuple[int, int], terms: Sequence[_Term] = ()
    ) -> None:
        self._instructions.append(_Instruction(code, target, number, reads, tuple(terms)))

    def compute(self, root: int) -> None:
        """Emit what `root` still needs, depth first, so that values are used soon after they are made."""
        graph = self._graph
        stack = [(root, False)]
        while stack:
            node, ready = stack.pop()
            if node in self._done or graph.uniform[node] or graph.op[node] not in ARITHMETIC:
                continue
            first, terms = self._dot_product(node)
            needed = (first, *(vector for vector, _, _ in terms)) if terms else graph.operands(node)
            if ready:
                self._done.add(node)
                if terms:
                    code, kind = (
                        (Code.SUBDOT_e, _EXTENSION_POOL) if graph.uniform[first] else (Code.SUBDOT_E, _EXTENSION_SLOTS)
                    )
                    self.emit(code, node, 0, (kind, first), terms=terms)
                else:
                    self._emit_node(node)
            else:
                stack.append((node, True))
                stack += [(operand, False) for operand in reversed(needed)]

    def finish(self, outputs: int) -> Bytecode:
        """Allocate registers and encode."""
        graph = self._graph
        last_use: dict[int, int] = {}
        leaves: tuple[dict[int, None], dict[int, None]] = ({}, {})
        for position, instruction in enumerate(self._instructions):
            for kind, node in instruction.all_reads:
                if kind in (_BASE_SLOTS, _EXTENSION_SLOTS):
                    last_use[node] = position
                    if graph.op[node] not in ARITHMETIC:
                        leaves[kind].setdefault(node)
        register: dict[int, int] = {}
        free: tuple[list[int], list[int]] = ([], [])
        size = [0, 0]
        for position, instruction in enumerate(self._instructions):
            for kind, node in instruction.all_reads:
                if node in register and last_use[node] == position:
                    free[kind].append(register[node])
            if instruction.target is not None:
                kind = int(graph.extension[instruction.target])
                if free[kind]:
                    register[instruction.target] = free[kind].pop()
                else:
                    register[instruction.target] = size[kind]
                    size[kind] += 1
        for kind in (0, 1):
            for offset, node in enumerate(leaves[kind]):
                register[node] = size[kind] + offset
        code = np.zeros((len(self._instructions), 5), dtype=np.int32)
        terms: list[tuple[int, int]] = []
        for row, instruction in zip(code, self._instructions, strict=True):
            row[0] = instruction.code
            row[1] = instruction.number if instruction.target is None else register[instruction.target]
            for column, (kind, node) in enumerate(instruction.reads):
                if kind == _BASE_POOL:
                    row[2 + column] = self._base_pool[node]
                elif kind == _EXTENSION_POOL:
                    row[2 + column] = self._extension_pool[node]
                else:
                    row[2 + column] = register[node]
            if instruction.terms:
                row[3:] = len(terms), len(instruction.terms)
                terms += [
                    (register[vector], self._extension_pool[factor] if kind == _POOL else factor)
                    for vector, kind, factor in instruction.terms
                ]
        return Bytecode(
            code=code,
            base_registers=size[0],
            extension_registers=size[1],
            base_leaves=self._leaf_array(leaves[0]),
            extension_leaves=self._leaf_array(leaves[1]),
            base_pool=np.array(self._base_pool.keys(), dtype=np.int32),
            extension_pool=np.array(self._extension_pool.keys(), dtype=np.int32),
            terms=np.array(terms, dtype=np.int32).reshape(len(terms), 2),
            outputs=outputs,
        )

    def _leaf_array(self, nodes: dict[int, None]) -> np.ndarray[tuple[int, int], np.dtype[np.int32]]:
        graph = self._graph
        rows = [(int(graph.op[node]), graph.a[node], graph.b[node]) for node in nodes]
        return np.array(rows, dtype=np.int32).reshape(len(rows), 3)

    def _dot_product(self, node: int) -> tuple[int, list[_Term]]:
        """`node` as x minus a sum of base vectors times uniform extension values; no terms when it is none."""
        terms: list[_Term] = []
        while len(terms) < MAX_TERMS and (not terms or (self._uses[node] == 1 and node not in self._done)):
            term = self._subtracted_term(node)
            if term is None:
                break
            terms.append(term)
            node = self._graph.a[node]
        return node, terms

    def _subtracted_term(self, node: int) -> _Term | None:
        """The product B * e in `node` = x - B * e, when nothing else reads the product."""
        graph = self._graph
        if graph.uniform[node] or graph.op[node] is not Op.SUB or not graph.extension[graph.a[node]]:
            return None
        product = graph.b[node]
        if graph.op[product] is not Op.MUL or graph.uniform[product] or self._uses[product] != 1:
            return None
        a, b = graph.operands(product)
        vector, factor = (b, a) if graph.uniform[a] else (a, b)
        if graph.uniform[factor] and graph.extension[factor] and not graph.extension[vector]:
            return vector, _POOL, factor
        return None

    def _emit_node(self, node: int) -> None:
        graph = self._graph
        op, a = graph.op[node], graph.a[node]
        if op is Op.NEG:
            self._emit_with_uniform(node, Op.SUB, a, graph.constant(0))
            return
        b = graph.b[node]
        if graph.uniform[a]:
            self._emit_with_uniform(node, op, b, a)
        elif graph.uniform[b]:
            if op is Op.SUB:
                self._emit_with_uniform(node, Op.ADD, a, graph.neg(b))
            else:
                self._emit_with_uniform(node, op, a, b)
        else:
            self._emit_vectors(node, op, a, b)

    def _emit_with_uniform(self, node: int, op: Op, vector: int, uniform: int) -> None:
        """`vector + uniform`, `uniform - vector` or `vector * uniform`."""
        graph = self._graph
        if not graph.extension[node]:
            code = {Op.ADD: Code.ADD_Bb, Op.SUB: Code.RSUB_Bb, Op.MUL: Code.MUL_Bb}[op]
            self.emit(code, node, 0, (_BASE_SLOTS, vector), (_BASE_POOL, uniform))
            return
        extension = graph.extension[vector]
        slots = _EXTENSION_SLOTS if extension else _BASE_SLOTS
        if op is Op.MUL and extension and not graph.extension[uniform]:
            self.emit(Code.MUL_Eb, node, 0, (slots, vector), (_BASE_POOL, uniform))
        else:
            self.emit(_UNIFORM_CODES[op, extension], node, 0, (slots, vector), (_EXTENSION_POOL, uniform))

    def _emit_vectors(self, node: int, op: Op, a: int, b: int) -> None:
        graph = self._graph
        if not graph.extension[node]:
            self.emit(_BASE_CODES[op], node, 0, (_BASE_SLOTS, a), (_BASE_SLOTS, b))
            return
        if op is not Op.SUB and not graph.extension[a]:
            a, b = b, a
        slots = [_EXTENSION_SLOTS if graph.extension[x] else _BASE_SLOTS for x in (a, b)]
        code = _EXTENSION_CODES[op, graph.extension[a], graph.extension[b]]
        self.emit(code, node, 0, (slots[0], a), (slots[1], b))
