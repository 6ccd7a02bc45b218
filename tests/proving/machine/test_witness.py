"""Segments: where they are cut, that they chain, and that their records are those of one consistent run."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from proving.circuits.keccak_f import KECCAK_F
from proving.circuits.requests import RequestType
from proving.hash import compress
from proving.machine.checkpoint import Checkpoint, CheckpointError
from proving.machine.executor import execute
from proving.machine.main_vm.buses import SINK, SPACE
from proving.machine.program import Program
from proving.machine.records import CYCLE_FAMILIES, FAMILIES, MEMORY_FAMILIES, Records
from proving.machine.replay import replay
from proving.machine.traps import CapacityTooSmall, IllegalInstruction
from proving.machine.witness import TABLES, CapacityMissing, Segment, witness
from tests.proving.machine import assembler as asm
from tests.proving.machine.capacities import capacities
from tests.proving.machine.programs import WINDOW, counting_loop, hash_chain, random_program

REGISTERS, CODE = SPACE, 2 * SPACE


def _loop(rounds: int = 400) -> Program:
    return Program.from_elf(asm.elf(counting_loop(rounds)))


def _chain(rounds: int = 30) -> tuple[Program, np.ndarray]:
    advice = np.arange(32, dtype=np.uint32)
    return Program.from_elf(asm.elf(hash_chain(rounds))), advice


def _assert_chain(program: Program, segments: list[Segment]) -> None:
    digest = program.commitment
    for i, segment in enumerate(segments):
        assert np.array_equal(segment.checkpoint.start, digest)
        assert segment.checkpoint.index == i
        assert segment.checkpoint.halts == (i == len(segments) - 1)
        digest = segment.checkpoint.end
        assert np.array_equal(digest, segment.end.digest())


def _cuts() -> list[dict[str, int]]:
    base = capacities(16)
    limits = [
        ("add_immediate", 7), ("add_immediate", 1000), ("add", 13), ("control", 13), ("bitwise", 100), ("mul_div", 50),
        ("memory_word", 33), ("memory_sub", 5), ("idle", 2300),
        ("decode", 6), ("page", 69), ("poseidon2", 100), ("cycles", 1), ("cycles", 17),
    ]  # fmt: skip
    return [base, *({**base, name: limit} for name, limit in limits)]


@pytest.mark.parametrize("limits", _cuts())
def test_cutting_elsewhere_ends_in_the_same_state(limits: dict[str, int]) -> None:
    program = _loop(60)
    whole = execute(program, with_state=True)
    segments = list(witness(program, b"", limits))
    _assert_chain(program, segments)
    assert whole.state is not None
    assert np.array_equal(segments[-1].checkpoint.end, whole.state.digest())
    assert segments[-1].end.output() == whole.output
    assert sum(segment.checkpoint.cycles for segment in segments) == whole.cycles


@pytest.mark.parametrize("limits", _cuts())
def test_no_table_overflows(limits: dict[str, int]) -> None:
    for segment in witness(_loop(60), b"", limits):
        counts = replay(segment.checkpoint).counts()
        records = {name: counts[name] for name in TABLES if name in counts}
        records["bitwise"] += counts["shift"]
        records["mul_div"] = counts["mul"] + counts["div"]
        records["call"] = counts["poseidon2_call"] + counts["request"] + counts["keccak_call"]
        assert counts["block"] + counts["node"] <= segment.used["page"]
        assert records == {name: segment.used[name] for name in records}
        assert set(records) == set(TABLES) - {"page", "poseidon2"}
        assert all(segment.used[name] <= limits[name] for name in TABLES)


@pytest.mark.parametrize("limit", [1, 2, 7])
def test_poseidon2_calls_are_never_split(limit: int) -> None:
    program, advice = _chain()
    whole = execute(program, advice, with_state=True)
    segments = list(witness(program, advice, {**capacities(16), "call": limit}))
    assert whole.state is not None
    assert np.array_equal(segments[-1].checkpoint.end, whole.state.digest())
    calls = [len(replay(segment.checkpoint).poseidon2_call) for segment in segments]
    assert sum(calls) == 30 and max(calls) == limit
    state = np.arange(32, dtype=np.uint32).view(np.uint64).copy()
    for _ in range(30):
        state[:4] = compress(state[np.newaxis])[0]
    assert whole.output == state[:4].astype("<u8").tobytes()


def test_advice_goes_to_the_segment_that_reads_it() -> None:
    program, advice = _chain()
    segments = list(witness(program, advice, {**capacities(16), "cycles": 40}))
    assert np.array_equal(np.concatenate([segment.checkpoint.advice for segment in segments]), advice)
    assert len(segments) > 4


def test_an_input_file_is_its_length_and_its_words() -> None:
    words = [asm.advice(10 + i) for i in range(4)]
    run = execute(Program.from_elf(asm.elf([*words, asm.HALT])), b"hallmark!")
    assert run.output[:16] == (9).to_bytes(4, "little") + b"hallmark!\0\0\0"


def test_a_program_that_halts_at_once_is_one_segment() -> None:
    program = Program.from_elf(asm.elf([asm.HALT]))
    (segment,) = witness(program, b"", capacities(12))
    records = replay(segment.checkpoint)
    assert (records.cycles, records.halted) == (0, True)
    assert records.decode.tolist() == [[0x1000, asm.HALT, 1]]
    assert [row[:2] for row in records.block.tolist()] == [[1, 0], [1, 1], [2, 0x40]]


def test_a_segment_may_consist_of_the_halt_alone() -> None:
    program = Program.from_elf(asm.elf([asm.NOP] * 6 + [asm.HALT]))
    segments = list(witness(program, b"", {**capacities(12), "add_immediate": 3}))
    assert [(s.checkpoint.cycles, s.checkpoint.halts) for s in segments] == [(3, False), (3, True)]
    segments = list(witness(program, b"", {**capacities(12), "decode": 6}))
    assert [(s.checkpoint.cycles, s.checkpoint.halts) for s in segments] == [(6, False), (0, True)]
    assert replay(segments[1].checkpoint).halted


@pytest.mark.parametrize("jump", [asm.jal(1, 0x100), asm.branch("beq", 0, 0, 0x100), asm.jalr(1, 5, 0x104)])
def test_a_segment_may_end_with_a_jump_to_code_that_it_does_not_fetch(jump: int) -> None:
    words = [asm.auipc(5, 0), jump, *[asm.NOP] * 100, asm.HALT]
    segments = list(witness(Program.from_elf(asm.elf(words)), b"", {**capacities(12), "cycles": 2}))
    assert segments[0].end.pc == 0x1104
    for segment in segments:
        _assert_consistent(replay(segment.checkpoint))


def test_a_segment_may_end_before_a_trap_or_the_next_block() -> None:
    words = [asm.NOP] * 40 + [0]
    segments = witness(Program.from_elf(asm.elf(words)), b"", {**capacities(12), "cycles": 8})
    for cycle in range(0, 32, 8):
        segment = next(segments)
        assert segment.checkpoint.position[1] == cycle
        _assert_consistent(replay(segment.checkpoint))
    with pytest.raises(IllegalInstruction):
        next(segments)


@pytest.mark.parametrize("timestamps", [32_000, 33_000, 65_000, 66_000, 98_000, 132_000])
def test_words_that_lie_idle_have_room(timestamps: int) -> None:
    """Gaps around one and two epochs and around the longest that an access shows, in memory and in registers."""
    words = [*asm.li(7, WINDOW), *asm.li(8, WINDOW + 128)]
    for _ in range(5):
        words += [*asm.wait(timestamps), asm.load("lw", 9, 7), asm.store("sb", 9, 7, 5), asm.poseidon2(8)]
    program = Program.from_elf(asm.elf([*words, asm.HALT], data=[(WINDOW, bytes(256))]))
    (segment,) = witness(program, b"", capacities(18))
    records = replay(segment.checkpoint)
    _assert_consistent(records)
    assert len(records.idle) <= segment.used["idle"]
    # Each time but the first, the words of memory and the registers that name them.
    assert (len(records.idle) >= 4 * (33 + 2)) == (timestamps > 2**16)


def test_capacities_that_hold_nothing_are_refused() -> None:
    with pytest.raises(CapacityMissing):
        list(witness(_loop(), b"", {**capacities(12), "page": 0}))
    for limit in ({"page": 30}, {"page": 3}, {"page": 1}, {"poseidon2": 52}, {"poseidon2": 10}, {"poseidon2": 1}):
        with pytest.raises(CapacityTooSmall):
            list(witness(_loop(), b"", {**capacities(12), **limit}))


def _accesses(records: Records) -> tuple[Counter, Counter]:
    """Return what the memory bus receives and sends: (address, value, timestamp)."""
    received: Counter = Counter()
    sent: Counter = Counter()
    words = {pc: word for pc, word, _ in records.decode.tolist()}

    def access(address: int, old: int, previous: int, new: int, timestamp: int) -> None:
        assert 0 <= timestamp - previous - 1 < 1 << 16
        received[address, old, previous] += 1
        sent[address, new, timestamp] += 1

    def register(number: int, old: int, previous: int, new: int, timestamp: int) -> None:
        access(REGISTERS + 4 * number, old, previous, new, timestamp)

    for name in CYCLE_FAMILIES:
        for clk, pc, v1, v2, old, out, p1, p2, pd in records.family(name).tolist():
            rd, rs1, rs2, writes = _operands(words[pc])
            register(rs1, v1, p1, v1, 4 * clk)
            if name != "add_immediate":
                register(rs2, v2, p2, v2, 4 * clk + 1)
            if writes:
                register(rd, old, pd, out, 4 * clk + 3)
    for name in MEMORY_FAMILIES:
        for clk, pc, v1, v2, old, out, p1, p2, pd, mem_old, mem_new, pm in records.family(name).tolist():
            word = words[pc]
            rd, rs1, rs2, writes = _operands(word)
            store = word & 0x7F == 0x23
            raw = word >> 25 << 5 | word >> 7 & 31 if store else word >> 20
            address = (v1 + raw - (raw >> 11 << 12)) & 0xFFFFFFFC
            register(rs1, v1, p1, v1, 4 * clk)
            access(address, mem_old, pm, mem_new, 4 * clk + 2)
            if store:
                register(rs2, v2, p2, v2, 4 * clk + 3)
            elif writes:
                register(rd, old, pd, out, 4 * clk + 3)
    for row in records.poseidon2_call.tolist():
        clk, pc, pointer, p1 = row[:4]
        register(words[pc] >> 15 & 31, pointer, p1, pointer, 4 * clk)
        old = row[4::2]
        state = np.array([old], dtype=np.uint32).view(np.uint64)
        new = compress(state)[0].view(np.uint32).tolist() + old[8:]
        for i in range(32):
            step = int(i >= 8)
            access(pointer + 4 * i, old[i], row[5 + 2 * i], old[i], 4 * clk + step)
            if i < 8:
                access(pointer + 4 * i, old[i], 4 * clk, new[i], 4 * clk + 2)
    for space, address, value, previous, later in records.idle.tolist():
        assert 0 <= later - previous - 1 < 1 << 24
        received[(REGISTERS if space else 0) + address, value, previous] += 1
        sent[(REGISTERS if space else 0) + address, value, later] += 1
    return received, sent


def _operands(word: int) -> tuple[int, int, int, bool]:
    opcode = word & 0x7F
    rd, rs1, rs2 = word >> 7 & 31, word >> 15 & 31, word >> 20 & 31
    if opcode in (0x37, 0x17, 0x6F, 0x0F, 0x73):
        rs1 = 0
    if opcode not in (0x33, 0x63, 0x23):
        rs2 = 0
    sink = rd == 0 or opcode == 0x0F
    return SINK if sink else rd, rs1, rs2, opcode not in (0x63, 0x23)


def _assert_consistent(records: Records) -> None:
    received, sent = _accesses(records)
    for row in records.block.tolist():
        space, index = row[:2]
        if space == 2:
            continue
        for i in range(16):
            address = (REGISTERS if space else 0) + 64 * index + 4 * i
            sent[address, row[2 + i], row[34 + i]] += 1
            received[address, row[18 + i], row[50 + i]] += 1
    start, word, last = records.boundary.tolist()[4:]
    sent[REGISTERS + 4 * SINK, 0, start] += 1
    received[REGISTERS + 4 * SINK, word, last] += 1
    assert received == sent
    assert all(count == 1 for count in sent.values())

    words = {pc: (word, count) for pc, word, count in records.decode.tolist()}
    fetched = Counter(pc for name in FAMILIES for pc in records.family(name)[:, 1].tolist())
    if records.halted:
        fetched[int(records.boundary[1])] += 1
    assert fetched == {pc: count for pc, (_, count) in words.items()}
    assert list(words) == sorted(words)
    seen = set()
    for row in records.block.tolist():
        if row[0] == 2:
            for i in range(16):
                pc = 64 * row[1] + 4 * i
                assert row[50 + i] == (pc in words)
                if pc in words:
                    assert words[pc][0] == row[2 + i] == row[18 + i]
                    seen.add(pc)
    assert seen == set(words)

    clocks = np.sort(np.concatenate([records.family(name)[:, 0] for name in FAMILIES]))
    assert np.array_equal(clocks, np.arange(1, records.cycles + 1))
    _assert_tree(records)


def _assert_tree(records: Records) -> None:
    digests = {}
    for row in records.block:
        pair = compress(np.stack([row[2:18], row[18:34]]).astype(np.uint64))
        digests[int(row[0]), 0, int(row[1])] = pair.tolist()
    keys = records.node_key.tolist()
    assert keys == sorted(keys)
    used = set()
    for (space, level, index, touched), old, new in zip(keys, records.node_old, records.node_new, strict=True):
        for i in range(4):
            child = (space, level - 1, 4 * index + i)
            if touched >> i & 1:
                assert digests[child] == [old[i].tolist(), new[i].tolist()]
                used.add(child)
            else:
                assert np.array_equal(old[i], new[i])
        digests[space, level, index] = compress(np.stack([old.reshape(16), new.reshape(16)])).tolist()
    assert set(digests) - used == {(0, 13, 0), (2, 13, 0), (1, 0, 0), (1, 0, 1)}
    for when in range(2):
        expected = [digests[1, 0, 0], digests[1, 0, 1], digests[0, 13, 0], digests[2, 13, 0]]
        assert records.digests[when].tolist() == [pair[when] for pair in expected]


@pytest.mark.parametrize("seed", range(6))
def test_records_of_random_programs_are_consistent(seed: int) -> None:
    program = Program.from_elf(random_program(seed, length=150, rounds=2, own=True).elf())
    advice = np.random.default_rng(seed).integers(0, 1 << 32, 300, dtype=np.uint32)
    for segment in witness(program, advice, {**capacities(14), "cycles": 170}):
        _assert_consistent(replay(segment.checkpoint))


def test_records_of_poseidon2_calls_are_consistent() -> None:
    program, advice = _chain(5)
    for segment in witness(program, advice, {**capacities(14), "cycles": 100}):
        _assert_consistent(replay(segment.checkpoint))


def test_replay_is_deterministic_and_survives_serialisation() -> None:
    for segment in witness(_loop(), b"", {**capacities(14), "add": 500}):
        data = segment.checkpoint.to_bytes()
        parsed = Checkpoint.from_bytes(data)
        assert parsed.to_bytes() == data
        records = replay(parsed).to_bytes()
        assert records == replay(segment.checkpoint).to_bytes()
        assert Records.from_bytes(records).to_bytes() == records


def test_a_lying_checkpoint_is_refused() -> None:
    segment = next(witness(_loop(), b"", {**capacities(14), "add": 500}))
    good = segment.checkpoint
    replay(good)
    lies = []
    for name in ("start", "end", "registers", "requests", "data_words", "data_siblings", "code_words", "code_siblings"):
        array = getattr(good, name).copy()
        array.reshape(-1)[-1] ^= 1
        lies.append(replace(good, **{name: array}))
    for i, value in ((0, 0x1008), (1, 0x1004), (2, 1), (3, good.cycles - 1), (3, good.cycles + 1)):
        boundary = good.boundary.copy()
        boundary[i] = value
        lies.append(replace(good, boundary=boundary))
    lies.append(replace(good, data_blocks=good.data_blocks[:-1], data_words=good.data_words[:-1]))
    lies.append(replace(good, advice=np.zeros(1, dtype=np.uint32)))
    lies.append(replace(good, code_blocks=good.code_blocks[:0], code_words=good.code_words[:0]))
    for lie in lies:
        with pytest.raises(CheckpointError):
            replay(lie)


def test_a_checkpoint_with_an_untouched_block_is_refused() -> None:
    words = [*asm.li(5, 0x0002_0000), asm.load("lw", 6, 5), asm.HALT]
    (segment,) = witness(Program.from_elf(asm.elf(words)), b"", capacities(12))
    good = segment.checkpoint
    assert good.data_blocks.tolist() == [0x800]
    more = replace(
        good,
        data_blocks=np.array([0x800, 0x801], dtype=np.uint32),
        data_words=np.zeros((2, 16), dtype=np.uint32),
        data_siblings=good.data_siblings[1:],
    )
    with pytest.raises(CheckpointError, match="does not touch"):
        replay(more)


@pytest.mark.parametrize("limit", [2, 3, 8])
def test_keccak_is_the_permutation_and_never_split(limit: int) -> None:
    """SHA3-256 of nothing by one request, and eight more behind it."""
    state = WINDOW + 256
    words = [
        *asm.li(10, state),
        *asm.li(5, 6),
        asm.store("sw", 5, 10),
        *asm.li(5, 0x80000000),
        asm.store("sw", 5, 10, 132),
    ]
    keccak = asm.request(RequestType.KECCAK_F)
    words += [keccak, *[asm.load("lw", 12 + i, 10, 4 * i) for i in range(6)], *[keccak] * 8]
    program = Program.from_elf(asm.elf([*words, asm.HALT], data=[(state, bytes(256))]))
    assert execute(program, b"").output[8:] == hashlib.sha3_256(b"").digest()[:24]
    segments = list(witness(program, b"", {**capacities(16), "call": limit}))
    calls = [len(replay(segment.checkpoint).keccak_call) for segment in segments]
    assert sum(calls) == 18 and max(calls) == limit // 2 * 2
    given = np.zeros((1, 50), dtype=np.uint32)
    given[0, 0], given[0, 33] = 6, 0x80000000
    for segment in segments:
        for inputs in segment.requests[KECCAK_F.name]:
            assert np.array_equal(inputs, given[0])
            given = KECCAK_F.answer(given)
