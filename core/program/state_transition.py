"""The state-transition program as core runs it: the very ELF that is proven, or its source compiled for this machine.

Core asks it everything that is a rule of the rollup. The ELF has the last word: it runs whatever is to be proven first.
The journal is what the program leaves in memory for core, bound in its output; its layout is fixed in
``docs/state_transition.md``, section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from core.errors import ProgramFault
from core.program import compiled
from core.program.hints import MadeHints, asking, joined, with_hints
from proving.circuits.requests import CYCLES, RequestType
from proving.machine.executor import DEFAULT_MEMORY_LIMIT, advice_of_input, loaded
from proving.machine.program import Program as MachineProgram
from runtime.errors import ConfigurationError, InvalidInput

#: Where the program leaves its journal.
JOURNAL_ADDRESS = 0x3000_0000

_HEAD_BYTES = 16
_RECORD_BYTES = 64


class Status(IntEnum):
    """How the program judged one transaction; only the first changes the state."""

    EXECUTED = 0
    MALFORMED = 1
    UNSUPPORTED_TYPE = 2
    UNPROTECTED = 3
    WRONG_CHAIN = 4
    CREATION_UNSUPPORTED = 5
    INTRINSIC_GAS = 6
    PRIORITY_ABOVE_MAX = 7
    FEE_BELOW_BASE = 8
    BATCH_GAS = 9
    BAD_SIGNATURE = 10
    NONCE_TOO_LOW = 11
    NONCE_TOO_HIGH = 12
    NONCE_OVERFLOW = 13
    INSUFFICIENT_BALANCE = 14
    BALANCE_OVERFLOW = 15


@dataclass(frozen=True)
class Result:
    """What became of one transaction; `gas_price` is the effective one, in wei."""

    status: Status
    gas_used: int
    sender: bytes
    gas_price: int


@dataclass(frozen=True)
class Diff:
    """An account that differs after the batch, with its new value."""

    address: bytes
    nonce: int
    balance: int


@dataclass(frozen=True)
class Journal:
    """What the program says about a batch.

    Attributes
    ----------
    output : bytes
        The public output, 32 bytes.
    results : tuple of Result
        One for each transaction, in order.
    diffs : tuple of Diff
        In the order in which the batch first touched the accounts.
    gas_used : int
    """

    output: bytes
    results: tuple[Result, ...]
    diffs: tuple[Diff, ...]
    gas_used: int


@dataclass(frozen=True)
class Run(Journal):
    """One execution of the ELF."""

    cycles: int
    requests: Mapping[RequestType, int]

    @property
    def cost(self) -> int:
        """What proving it costs, in cycles: its own, and those that its requests are worth."""
        return self.cycles + sum(CYCLES[kind] * count for kind, count in self.requests.items())


class Program:
    """A loaded state-transition program.

    Parameters
    ----------
    elf
        Bytes of the executable.
    cycle_limit
        A run of more cycles is a fault.
    """

    def __init__(self, elf: bytes, cycle_limit: int) -> None:
        self._machine = MachineProgram.from_elf(elf)
        self._cycle_limit = cycle_limit
        self.elf = elf
        self.sha256 = self._machine.sha256.hex()
        #: Whether it was also compiled for this machine, which runs it many times sooner.
        self.compiled = compiled.is_compiled(self.sha256)
        self.commitment = self._machine.commitment.astype("<u8").tobytes().hex()
        self._made = MadeHints()

    @classmethod
    def read(cls, path: Path, cycle_limit: int) -> Program:
        """Load the executable at `path`.

        Raises
        ------
        ConfigurationError
            It cannot be read or is not a program.
        """
        try:
            return cls(path.read_bytes(), cycle_limit)
        except (OSError, InvalidInput) as error:
            raise ConfigurationError(f"the state-transition program {path} cannot be loaded: {error}") from error

    def with_hints(self, witness_input: bytes) -> bytes:
        """Return the witness input with hints, which make its run shorter and its output no other."""
        made = self._made.take(witness_input)
        if made is not None:
            return made
        if self.compiled:
            return joined(witness_input, compiled.run(advice_of_input(asking(witness_input))).hints)
        return with_hints(self._machine, witness_input, cycle_limit=self._cycle_limit)

    def judge(self, witness_input: bytes, *, with_hints: bool = False) -> Journal:
        """Return what the program says about a witness input, by the quickest way that there is.

        Parameters
        ----------
        with_hints
            Whether :meth:`with_hints` will be asked for the same input soon: the same run makes them then.

        Raises
        ------
        ProgramFault
            As for :meth:`run`.
        """
        if not self.compiled:
            return self.run(witness_input)
        ended = compiled.run(advice_of_input(asking(witness_input) if with_hints else witness_input))
        journal = Journal(*_journal(ended.output, ended.journal))
        if with_hints:
            self._made.keep(witness_input, joined(witness_input, ended.hints))
        return journal

    def run(self, witness_input: bytes) -> Run:
        """Execute the program on a witness input and read its journal.

        Raises
        ------
        ProgramFault
            The program trapped, ran too long, or called the input invalid: core made that input, so this is a bug.
        """
        try:
            with loaded(self._machine, advice_of_input(witness_input), DEFAULT_MEMORY_LIMIT) as machine:
                outcome = machine.run(self._cycle_limit)
                asked = machine.requests()
                output = machine.registers()[10:18].astype("<u4").tobytes()
                journal = _journal(output, lambda start, size: machine.read(JOURNAL_ADDRESS + start, size))
        except InvalidInput as error:
            raise ProgramFault(f"The state-transition program ended without a result: {error.message}") from error
        return Run(*journal, int(outcome.cycles), asked)


def _journal(
    output: bytes, read: Callable[[int, int], bytes]
) -> tuple[bytes, tuple[Result, ...], tuple[Diff, ...], int]:
    if not any(output[4:]):
        raise ProgramFault(f"The state-transition program called core's input invalid, reason {_word(output, 0)}.")
    head = read(0, _HEAD_BYTES)
    counts = [_word(head, position) for position in range(4)]
    records = read(_HEAD_BYTES, _RECORD_BYTES * (counts[0] + counts[1]))
    pieces = [records[start : start + _RECORD_BYTES] for start in range(0, len(records), _RECORD_BYTES)]
    return (
        output,
        tuple(_result(piece) for piece in pieces[: counts[0]]),
        tuple(_diff(piece) for piece in pieces[counts[0] :]),
        counts[2] | counts[3] << 32,
    )


def _word(content: bytes, position: int) -> int:
    return int.from_bytes(content[4 * position : 4 * position + 4], "little")


def _result(record: bytes) -> Result:
    return Result(
        status=Status(_word(record, 0)),
        gas_used=int.from_bytes(record[4:12], "little"),
        sender=record[12:32],
        gas_price=int.from_bytes(record[32:64], "little"),
    )


def _diff(record: bytes) -> Diff:
    return Diff(
        address=record[:20],
        nonce=int.from_bytes(record[20:28], "little"),
        balance=int.from_bytes(record[28:60], "little"),
    )
