"""The machine on hosts of different kinds: instruction sets, little address space, interrupts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from proving import native
from proving.machine.program import Program
from proving.machine.replay import replay
from proving.machine.witness import witness
from tests.proving import instruction_sets
from tests.proving.machine import assembler as asm
from tests.proving.machine.capacities import capacities
from tests.proving.machine.programs import counting_loop

ROOT = Path(__file__).parents[3]


def test_every_instruction_set_gives_the_same_checkpoints_and_records() -> None:
    results = []
    instruction_sets.build_emulated()
    for isa in native.runnable_isas():
        with native.forced_isa(isa):
            program = Program.from_elf(asm.elf(counting_loop(200)))
            segments = [s.checkpoint for s in witness(program, b"", {**capacities(14), "add_immediate": 300})]
            results.append([(c.to_bytes(), replay(c).to_bytes()) for c in segments])
    assert all(result == results[0] for result in results)


@pytest.mark.parametrize("gigabytes", [2, 5, 9, 12])
def test_little_address_space_is_a_typed_error(gigabytes: int) -> None:
    code = f"""
import resource
from proving.machine.program import Program
from proving.machine.executor import execute
from proving.machine.replay import replay
from proving.machine.traps import MachineMemoryError
from proving.machine.witness import witness
from tests.proving import instruction_sets
from tests.proving.machine import assembler as asm
from tests.proving.machine.capacities import capacities
program = Program.from_elf(asm.elf([asm.NOP, asm.HALT]))
(segment,) = witness(program, b"", capacities(12))
resource.setrlimit(resource.RLIMIT_AS, ({gigabytes} << 30,) * 2)
runs = lambda: execute(program), lambda: list(witness(program, b"", capacities(12))), lambda: replay(segment.checkpoint)
for run in runs:
    try:
        run()
    except MachineMemoryError as error:
        print(error.code)
    else:
        print("ok")
"""
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    lines = result.stdout.split()
    assert len(lines) == 3 and set(lines) <= {"ok", "machine_memory"}
    if gigabytes == 2:
        assert set(lines) == {"machine_memory"}


def test_a_long_run_can_be_interrupted() -> None:
    code = """
import signal
from proving.machine.program import Program
from proving.machine.executor import execute
from tests.proving import instruction_sets
from tests.proving.machine import assembler as asm
signal.alarm(0)
signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
signal.setitimer(signal.ITIMER_REAL, 0.3)
try:
    execute(Program.from_elf(asm.elf([asm.NOP, asm.jal(0, -4)])), cycle_limit=1 << 60)
except KeyboardInterrupt:
    print("interrupted")
"""
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.split() == ["interrupted"]
