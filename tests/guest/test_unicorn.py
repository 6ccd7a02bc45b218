"""The committed program in an independent emulator (Unicorn), which knows nothing of this project's executor."""

from __future__ import annotations

from itertools import chain

import numpy as np
from unicorn import UC_ARCH_RISCV, UC_HOOK_CODE, UC_MODE_RISCV32, Uc
from unicorn.riscv_const import (
    UC_RISCV_REG_A0,
    UC_RISCV_REG_A1,
    UC_RISCV_REG_PC,
    UC_RISCV_REG_X0,
)

from core.program.hints import with_hints
from core.program.state_transition import Status
from proving.hash import compress
from tests.guest.batches import ETHER, Value, address, apply, content_of, machine_program, sign

TO = b"\x11" * 20
HALT = 0x0000006F


def keccak_f(state: bytes) -> bytes:
    """Keccak-f[1600] as FIPS 202, section 3.2, has it, on integers; lane (x, y) is number x + 5 y."""

    def turned(lane: int, by: int) -> int:
        return (lane << by | lane >> 64 - by) & (1 << 64) - 1

    a = [int.from_bytes(state[8 * i : 8 * i + 8], "little") for i in range(25)]
    bits = 1
    for _ in range(24):
        c = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
        a = [lane ^ c[(i - 1) % 5] ^ turned(c[(i + 1) % 5], 1) for i, lane in enumerate(a)]
        x, y, moved = 1, 0, a[1]
        for t in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            moved, a[x + 5 * y] = a[x + 5 * y], turned(moved, (t + 1) * (t + 2) // 2 % 64)
        a = [lane ^ ~a[i - i % 5 + (i + 1) % 5] & a[i - i % 5 + (i + 2) % 5] for i, lane in enumerate(a)]
        for j in range(7):
            a[0] ^= (bits & 1) << (1 << j) - 1
            bits = bits << 1 ^ (0x171 if bits & 0x80 else 0)
    return b"".join(lane.to_bytes(8, "little") for lane in a)


def emulate(content: bytes) -> bytes:
    """Run the program on an input and return its output."""
    advice = iter(np.frombuffer(len(content).to_bytes(4, "little") + content, dtype="<u4").tolist())
    emulator = Uc(UC_ARCH_RISCV, UC_MODE_RISCV32)
    for start, size in ((0x10_0000, 0x3F0_0000), (0x1000_0000, 1 << 24), (0x2000_0000, 1 << 24), (0x3000_0000, 1 << 20),
                        (0x3800_0000, 1 << 20), (0x4000_0000, 1 << 24), (0x5000_0000, 1 << 24)):  # fmt: skip
        emulator.mem_map(start, size)
    halts = []

    def on_csr(machine: Uc, pc: int, size: int, word: int) -> None:
        if word >> 20 == 0x7C0:
            machine.reg_write(UC_RISCV_REG_X0 + (word >> 7 & 31), next(advice))
        elif word >> 20 == 0x7D1:
            target, rest = machine.reg_read(UC_RISCV_REG_A0), machine.reg_read(UC_RISCV_REG_A1)
            places = (target, rest, rest + 32, rest + 64)
            a, b, c, m = (int.from_bytes(machine.mem_read(place, 32), "little") for place in places)
            machine.mem_write(target, ((a * b + c) % (m or 2**256)).to_bytes(32, "little"))
        elif word >> 20 == 0x7D2:
            pointer = machine.reg_read(UC_RISCV_REG_A0)
            machine.mem_write(pointer, keccak_f(bytes(machine.mem_read(pointer, 200))))
        else:
            assert word >> 20 == 0x7D0
            pointer = machine.reg_read(UC_RISCV_REG_X0 + (word >> 15 & 31))
            state = np.frombuffer(bytes(machine.mem_read(pointer, 128)), dtype="<u8").astype(np.uint64)
            machine.mem_write(pointer, compress(state).astype("<u8").tobytes())
        machine.reg_write(UC_RISCV_REG_PC, pc + 4)

    for segment in machine_program().segments:
        emulator.mem_write(segment.address, segment.data)
        if not segment.executable:
            continue
        for offset, word in enumerate(np.frombuffer(segment.data, dtype="<u4").tolist()):
            at = segment.address + 4 * offset
            if word & 0x7F == 0x73:
                emulator.hook_add(UC_HOOK_CODE, on_csr, word, at, at)
            elif word == HALT:
                halts.append(at)
                emulator.hook_add(UC_HOOK_CODE, lambda machine, *_: machine.emu_stop(), None, at, at)
    emulator.emu_start(machine_program().entry, 0xFFFF_FFFC)
    assert emulator.reg_read(UC_RISCV_REG_PC) in halts
    words = (emulator.reg_read(UC_RISCV_REG_A0 + number) for number in range(8))
    return bytes(chain.from_iterable(word.to_bytes(4, "little") for word in words))


def test_an_independent_emulator_gives_the_same_output() -> None:
    state = {address(i): Value(0, ETHER) for i in range(3)}
    raws = [sign(0), sign(1, gasPrice=10**9, to=address(2)), b"\xc0"]
    outcome = apply(state, raws, [TO])
    assert outcome.statuses == [Status.EXECUTED, Status.EXECUTED, Status.MALFORMED]
    content = content_of(state, raws, [TO])
    assert emulate(content) == outcome.run.output
    assert emulate(with_hints(machine_program(), content)) == outcome.run.output
