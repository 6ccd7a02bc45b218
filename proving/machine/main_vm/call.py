"""Calls: instructions that work on buffers in data memory, 32 rows for each, and 64 for Keccak-f.

A Poseidon2 compression replaces the first 8 of the 32 words at x[rs1] by its output. A request reads 8 words at the
address in x10, then its other words at the address in x11, and writes 8 words where the first were; the table puts it
on its type's chain, and that the result is right is what the type's circuit shows about the chain
(:mod:`proving.circuits.served`). The CHAIN bus takes a type's requests in the order of their time.

All read up to 32 words, 8 at `pointer` and the others at `numbers`, and write 8 at `pointer`, two words a row. Step 0
reads the first 8, step 1 the others, step 2 writes: words that are part of both buffers are read twice and then
written. The pointers are multiples of 32 and of 128 below 2^32 (a compression's of 128, with its numbers behind its
first 8 words), so that addresses do not wrap. A type with fewer words has zeros in place of the last ones, as its
chain has, and does not access them.

Keccak-f has 50 words at `pointer`, a multiple of 256, and two calls: one reads them, two words a row, and puts the
inputs on the chain, the other one writes as many and puts the outputs there. The second
one stands behind the first and has its time and pointer; it is no instruction of its own. Between them the CHAIN bus
carries the digest under a type of its own, so that no answer stands alone. A word is written a step behind its reading.

What is compressed travels through the register `lane`, one element a row. A compression's 16 lanes are its rows' pairs
of words; on the last of them the register is full. The outputs enter lanes 11 to 14 of the next row, and rows 22 to 25
write them from lane 9. A pair is canonical when upper = 2^32 - 1 implies lower = 0: where the lower word is not 0, the
inverse of the upper word less 2^32 - 1 stands in `upper[0]` of a row that reads it and in `lane[15]` of one that writes
it, which have no other use there. A buffer with another pair has no proof. A request's digest enters lanes 11 to 14 of
row 4. Nine rows have 18 words, zeros where there is none, that make the 12 elements behind it; three words make two
elements, so every third row pushes two. Then the register is full, and the next digest enters in the same place.

==== ===================================================================
row  words
==== ===================================================================
0    x[rs1], or x10 and x11; the register holds pc and the register's number
1    pointer / 32, numbers / 128 rounded down
3    of a request: the time since the request before, less one
4..  32 words that are read, or those that the type has; rows 20 and 21 have none
22.. 8 words that are written; rows 26 to 30 have none
31   none; the register holds the digest behind a request
==== ===================================================================

Keccak-f's words are on rows 4 to 28. Its second call has none on row 0, and -1 on row 3.

================= ===================================================================
column            meaning
================= ===================================================================
compression, arith256 ..  the kind of call, one-hot and the same on all 32 rows; `answering` for Keccak-f's second one
clk, pointer, numbers  time and addresses, the same on all rows
lane              elements of the rows before, and `lane[15]` of the row itself
word, old         two words, and what was in their place before the access
previous          last accesses to the words
upper             upper halves of the words, where they are checked or split
row0 ..           selectors of rows, and where and when they access (periodic)
================= ===================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from proving.circuits.basic import BasicCircuit
from proving.circuits.gadgets.padding import padding
from proving.circuits.gadgets.range import short
from proving.circuits.keccak_f import KECCAK_F
from proving.circuits.served import SERVED
from proving.hash import DIGEST
from proving.machine.main_vm.buses import (
    CHAIN,
    HALFWAY,
    POSEIDON2,
    SPACE,
    SPACE_REGISTERS,
    Operation,
    request_operation,
)
from proving.machine.main_vm.frame import WORD, access, one_hot, step, weighted
from proving.stark.air import Column, Expr, Table, TableBuilder

ROWS = 32
#: Register that holds the address of a request's first buffer; the next one holds the other.
FIRST_REGISTER = 10
_LANES = 16
_REGISTERS, _POINTERS, _BEFORE, _AFTER = 0, 1, 3, 31
#: Rows that read and write words. The first four and the last four access the first buffer.
_READS, _WRITES = range(4, 20), range(22, 26)
_FIRST_READS = range(4, 8)
_DATA = (*_READS, *_WRITES)
#: Those of Keccak-f.
_WIDE = range(4, 4 + KECCAK_F.layout.input_words // 2)
#: Rows whose pairs a request absorbs, blocks of nine in groups of three: the second word of a group's first row and the
#: first word of its last row are split between two elements.
_STREAM = range(4, 31)
_BLOCK, _GROUP = 9, 3
#: Rows whose elements have moved up on the next row; row 3 has none, so that those of row 4 follow from something.
_MOVES = range(_STREAM.start - 1, _STREAM.stop)
#: Rows with which the register is full: of a compression, and of a request.
_COMPRESSED = _READS.stop - 1
_ENDS = range(_STREAM.start + _BLOCK - 1, _STREAM.stop, _BLOCK)
#: Compressions that put a request on its chain, whatever its type.
BLOCKS = len(_ENDS)
#: Lanes in which an output or a digest enters, and the one from which a compression's output is written.
_ENTRY = range(_LANES - 1 - DIGEST, _LANES - 1)
_EXIT = _ENTRY.start - (_WRITES.start - _READS.stop)


#: Rows that only Keccak-f accesses.
_ONLY_WIDE = frozenset(_WIDE) - frozenset(_DATA)


def _in_group(place: int) -> frozenset[int]:
    return frozenset(row for row in _STREAM if (row - _STREAM.start) % _GROUP == place)


def _data(input_words: int) -> frozenset[int]:
    """Rows that read or write, of a call with so many inputs."""
    return frozenset(_READS[: input_words // 2]) | frozenset(_WRITES)


def _of_first(row: int) -> bool:
    return row in _FIRST_READS or row in _WRITES or row in _ONLY_WIDE


def _of_rest(row: int) -> bool:
    return row in _READS and row not in _FIRST_READS


def _offset(row: int) -> int:
    """The key that a row accesses first, less what pointers and register numbers make of it."""
    if row == _REGISTERS:
        return SPACE * SPACE_REGISTERS
    for rows in (_FIRST_READS, range(_FIRST_READS.stop, _READS.stop), _WRITES):
        if row in rows:
            return 8 * (row - rows.start)
    return 8 * (row - _WIDE.start) if row in _ONLY_WIDE else 0


def _time(row: int) -> int:
    return 2 if row in _WRITES else int(_of_rest(row))


class Call(Table):
    """Thirty-two rows for each call."""

    name = "call"

    def build(self, t: TableBuilder) -> None:
        """Declare columns, buses and constraints."""
        # Columns
        compression, asked = t.main("compression"), {name: t.main(name) for name in SERVED}
        answering = t.main("answering")
        clk, pointer, numbers = t.main("clk"), t.main("pointer"), t.main("numbers")
        lane = t.main_array("lane", _LANES)
        word, old, previous, upper = (t.main_array(n, 2) for n in ("word", "old", "previous", "upper"))

        def periodic(name: str, value: Callable[[int], int]) -> Column:
            return t.periodic(name, [int(value(row)) for row in range(ROWS)])

        def rows(name: str, chosen: Iterable[int]) -> Column:
            members = frozenset(chosen)
            return periodic(name, lambda row: row in members)

        inner, stream = rows("inner", range(ROWS - 1)), rows("stream", _STREAM)
        first, pointers, before, last = (rows(f"row{i}", [i]) for i in (_REGISTERS, _POINTERS, _BEFORE, _AFTER))
        splits_second, joins = (rows(f"group{i}", _in_group(i)) for i in range(2))
        whole, reads, writes = rows("data", _DATA), rows("reads", _READS), rows("writes", _WRITES)
        narrow = {name: flag for name, flag in asked.items() if SERVED[name] is not KECCAK_F}
        sizes = sorted({SERVED[name].layout.input_words for name in narrow} - {2 * len(_READS)})
        data = {size: rows(f"data{size}", _data(size)) for size in sizes} | {2 * len(_READS): whole}
        wide = rows("wide", _WIDE)
        of_first, of_rest = periodic("of_first", _of_first), periodic("of_rest", _of_rest)
        offset, at = periodic("offset", _offset), periodic("time", _time)
        checked = rows("checked", {*_WRITES, _POINTERS})
        checked_first = rows("checked_first", {*_WRITES, _POINTERS, _BEFORE} | _in_group(2))
        checked_second = rows("checked_second", {*_WRITES, _POINTERS} | _in_group(0))
        full, ends = rows("full", [_COMPRESSED]), rows("ends", _ENDS)
        # Where elements move up, and where lanes take a digest, an output or an element instead.
        moves, keeps = rows("moves", _MOVES), rows("keeps", set(_MOVES) - {_COMPRESSED})
        goes_on = rows("goes_on", set(_STREAM) - set(_ENDS))
        goes_on_last = rows("goes_on_last", set(_STREAM) - set(_ENDS) - _in_group(1))
        zero = t.constant(0)
        real = one_hot(t, [compression, *asked.values(), answering])
        begins = weighted(t, [(flag, 1) for flag in (compression, *asked.values())])
        request = weighted(t, [(flag, 1) for flag in (*asked.values(), answering)])
        asking = asked[KECCAK_F.name]
        keccak = asking + answering

        def typed(of: Callable[[BasicCircuit], int]) -> Expr:
            return weighted(t, [(flag, of(SERVED[name])) for name, flag in asked.items()])

        def either(of_compression: Expr, of_requests: Mapping[str, Expr], of_answer: Expr) -> Expr:
            """A count, term by term, so that the flags show that it is one."""
            total = compression * of_compression + answering * of_answer
            for name, flag in asked.items():
                total = total + flag * of_requests[name]
            return total

        # Buses
        pc, register = lane[0], lane[1]
        # A request names no register: that of the decoded word is 0, so its first is x10.
        named = register - FIRST_REGISTER * request
        operation = compression * Operation.POSEIDON2 + typed(lambda served: request_operation(served.kind))
        step(t, begins * first, clk=clk, pc=pc, operation=operation, rs1=named)
        kind, digest = typed(lambda served: served.kind), [lane[i] for i in _ENTRY]
        entering = [current.next for current in digest]
        kind_before = kind + answering * HALFWAY
        kind_after = kind + asking * (HALFWAY - KECCAK_F.kind) + answering * KECCAK_F.kind
        t.receive(CHAIN, [kind_before, clk - 1 - word[0], *entering], request * before, "chain before")
        t.send(CHAIN, [kind_after, clk, *digest], request * last, "chain after")
        # On the rows where others write, Keccak-f goes on behind the row before.
        further = keccak * writes * (8 * (_WRITES.start - _WIDE.start))
        key = pointer * of_first + numbers * of_rest + 4 * register * first + offset + further
        accessed = {name: data[SERVED[name].layout.input_words] + first for name in narrow}
        used = [either(whole + read, accessed | {KECCAK_F.name: wide + read}, wide) for read in (first, zero)]
        for i, (what, count) in enumerate(zip(("first word", "second word"), used, strict=True)):
            access(
                t, count, what, key=key + 4 * i, previous=previous[i], time=clk * 4 + at + answering, old=old[i],
                new=word[i],
            )  # fmt: skip
        t.send(POSEIDON2, [*lane, *entering], either(full, dict.fromkeys(asked, ends), ends), "compression")
        low = [word[i] - upper[i] * 2**16 for i in range(2)]
        for i, what, of_request, bits in (
            (0, "first word", checked_first, 16 - 5 * pointers - 8 * before),
            (1, "second word", checked_second, 16 - 7 * pointers),
        ):
            count = either(checked, dict.fromkeys(asked, of_request), stream + pointers)
            short(t, count, f"{what}: low half", low[i])
            short(t, count, f"{what}: high half", upper[i], bits)

        # Constraints
        for flag in (compression, *asked.values(), answering):
            t.when(inner).equal(f"{flag.name}: the rows of a call stay together", flag.next, flag)
        for column in (clk, pointer, numbers):
            t.when(real * inner).equal(f"{column.name} is the same on all rows", column.next, column)
        t.when(begins * first).equal("the first register points to the first buffer", word[0], pointer)
        t.when((request - keccak) * first).equal("x11 points to the other numbers", word[1], numbers)
        t.when(compression + keccak).equal("the other numbers follow the first", numbers, pointer + 32)
        t.when(real * pointers).equal("the first pointer is aligned", pointer, 32 * word[0])
        aligned = 128 * word[1] + 32 * compression + keccak * (128 * word[1] + 32)
        t.when(real * pointers).equal("the other pointer is aligned", numbers, aligned)
        t.when(asking * last).equal("an answer stands behind what is asked", answering.next, 1)
        for column in (clk, pointer):
            t.when(asking * last).equal(f"{column.name} is the same for the answer", column.next, column)
        t.when(answering * before).equal("an answer follows at the same time", word[0], -1)
        read = (real - keccak) * (1 - writes) + asking + answering * (1 - wide)
        for i, current in enumerate(word):
            t.when(read).equal(f"{current.name} is read", old[i], current)
            t.zero(f"there is no {current.name}", (real * (stream + first) - used[0]) * current)
        for i, current in enumerate(lane[:-1]):
            moving = real * moves
            if i in _ENTRY:
                moving = compression * keeps + request * (goes_on_last if i == _ENTRY[-1] else goes_on)
            up = moving * (current.next - lane[i + 1])
            if i + 2 < _LANES:
                up -= request * joins * (lane[i + 2] - lane[i + 1])
            t.zero(f"{current.name} moves up", up)
        own = lane[-1]
        pair = word[0] + WORD * word[1]
        t.when(compression * reads).equal("a compression's element", own, pair)
        t.when(compression * writes).equal("the output is written", lane[_EXIT], pair)
        hint = reads * upper[0] + writes * own
        shown = (word[1] - (WORD - 1)) * hint - reads - writes
        t.when(compression).zero("the element is canonical", word[0] * shown)
        t.when(request * splits_second).equal("first element of a group", own, word[0] + WORD * low[1])
        t.when(request * splits_second).equal("second element", own.next, word[0].next + WORD * upper[1])
        third = word[1] + WORD * (word[0].next - upper[0].next * 2**16)
        t.when(request * joins).equal("third element", lane[-2].next, third)
        t.when(request * joins).equal("fourth element", own.next, word[1].next + WORD * upper[0].next)

        # Cells that do not matter
        for column in lane:
            t.free(column, when=1 - stream - last, reason="the row has no element")
        t.free(own, when=last, reason="the row has no element")
        for i in range(2):
            t.free(previous[i], when=real - used[i], reason="the row does not access this word")
            for column in (word[i], old[i]):
                held = stream + pointers + (1 - i) * (first + before * request) + i * first * (request - keccak)
                t.free(column, when=1 - held, reason="the row has no such word")
        for column, of_request in ((upper[0], checked_first), (upper[1], checked_second)):
            unchecked = 1 - of_request - answering * (stream + pointers - of_request)
            t.free(column, when=unchecked, reason="words that were read are words")
        for column in upper:
            t.free(column, when=compression * (1 - checked), reason="words that were read are words")
        padding(t, real)
