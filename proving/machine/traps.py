"""Why a run ends without a proof: one typed error per reason."""

from __future__ import annotations

from typing import ClassVar

from runtime.errors import HallmarkError, InvalidInput, OutOfMemory


class Trap(InvalidInput):
    """The program did something that ends it without a result; no proof of such a run exists.

    Attributes
    ----------
    pc
        Address of the instruction.
    instruction
        Its word; 0 where there is none.
    cycle
        Instructions executed before it.
    address
        The memory address or jump target that the reason is about, else 0.
    place
        Function and line of the instruction where the program's file names them, else empty.
    """

    code: ClassVar[str] = "trap"
    sentence: ClassVar[str] = "The program trapped"
    default_remedy: ClassVar[str] = "Correct the program; a run that traps cannot be proven."

    def __init__(self, *, pc: int, instruction: int, cycle: int, address: int = 0, place: str = "") -> None:
        named = f" in {place}" if place else ""
        where = f"at pc {pc:#010x}{named} (instruction {instruction:#010x}) after {cycle} cycles"
        super().__init__(
            f"{self.sentence.format(address=f'{address:#010x}')} {where}.",
            pc=pc,
            instruction=instruction,
            cycle=cycle,
            address=address,
            place=place,
        )
        self.pc = pc
        self.instruction = instruction
        self.cycle = cycle
        self.address = address
        self.place = place

    def placed(self, place: str) -> Trap:
        """Return the same trap with function and line of its instruction."""
        return type(self)(pc=self.pc, instruction=self.instruction, cycle=self.cycle, address=self.address, place=place)


class IllegalInstruction(Trap):
    """The word is no instruction of RV32IM or of this machine's control registers."""

    code = "trap_illegal_instruction"
    sentence = "Illegal instruction"


class CompressedInstruction(IllegalInstruction):
    """The word begins with a compressed instruction, which this machine does not have."""

    code = "trap_compressed_instruction"
    sentence = "Compressed instruction (extension C)"
    default_remedy = "Compile everything that is linked, libraries too, with -march=rv32im."


class EnvironmentCall(Trap):
    """ECALL and EBREAK have no meaning on this machine."""

    code = "trap_environment_call"
    sentence = "ECALL or EBREAK"


class GuestPanic(EnvironmentCall):
    """The program gave up and said why."""

    code = "guest_panic"
    sentence = "The program gave up with a message of its own"

    def __init__(
        self, *, pc: int, instruction: int, cycle: int, address: int = 0, place: str = "", reason: str = ""
    ) -> None:
        super().__init__(pc=pc, instruction=instruction, cycle=cycle, address=address, place=place)
        self.message = f"The program gave up: {reason} (after {cycle} cycles{f', in {place}' if place else ''})."
        self.reason = reason
        self.args = (self.message,)


class MisalignedAccess(Trap):
    """A load, store, Poseidon2 buffer or jump target is not aligned."""

    code = "trap_misaligned"
    sentence = "Misaligned access to {address}"


class MisalignedTarget(MisalignedAccess):
    """A jump target is not a multiple of four."""

    code = "trap_misaligned_target"
    sentence = "Jump to the misaligned address {address}"


class AdviceExhausted(Trap):
    """The program reads more advice than it was given."""

    code = "trap_advice_exhausted"
    sentence = "The advice is exhausted"
    default_remedy = "Give the program its whole input."


class PcOutOfCode(Trap):
    """Execution left the code."""

    code = "trap_out_of_code"
    sentence = "There is no code at {address}, reached"


class NonCanonicalField(Trap):
    """A Poseidon2 buffer holds a pair of words that is not below the field's modulus."""

    code = "trap_non_canonical"
    sentence = "The Poseidon2 buffer at {address} holds a value that is no field element,"


class GuardAccess(Trap):
    """The program accesses memory that its file declares as a guard: the stack overflowed, or a pointer was null."""

    code = "trap_guard"
    sentence = "The stack overflowed, or a null pointer was followed: access to the guard at {address}"
    default_remedy = "Let the program need less stack (recursion, large local arrays), or check its pointers."


class CycleLimit(Trap):
    """The program did not halt within the allowed number of cycles."""

    code = "cycle_limit"
    sentence = "The cycle limit is reached"
    default_remedy = "Raise the cycle limit (--cycle-limit), or make the program halt."


class MemoryLimit(Trap):
    """The program writes to more memory than allowed."""

    code = "memory_limit"
    sentence = "The memory limit is reached by the write to {address}"
    default_remedy = "Raise the memory limit (--memory-limit, up to 4G), or let the program touch less memory."


class ImageOverMemoryLimit(MemoryLimit):
    """A segment of the program has more bytes than may be written."""

    code = "memory_limit_image"
    sentence = (
        "The program's segment at {address} does not fit below the memory limit; nothing was executed: it stopped"
    )


class CapacityTooSmall(InvalidInput):
    """The tables' capacities do not hold even one instruction."""

    code = "capacity_too_small"
    default_remedy = "Use a larger size class."


class MachineMemoryError(OutOfMemory):
    """The address space of a machine could not be reserved."""

    code = "machine_memory"
    default_remedy = "The executor reserves (but does not use) several GB of address space; raise `ulimit -v`."


_HALTED, _CUT, _CAPACITY = 0, 1, 11

_TRAPS: dict[int, type[Trap]] = {
    2: CycleLimit,
    3: IllegalInstruction,
    4: MisalignedAccess,
    5: MisalignedTarget,
    6: AdviceExhausted,
    7: PcOutOfCode,
    8: NonCanonicalField,
    9: MemoryLimit,
    10: EnvironmentCall,
    13: GuardAccess,
}


def error_of(stop: int, *, pc: int, instruction: int, cycle: int, address: int) -> HallmarkError | None:
    """Return the error of a native stop code; None when the run halted or was cut."""
    if stop in (_HALTED, _CUT):
        return None
    if stop == _CAPACITY:
        return CapacityTooSmall(f"The instruction at {pc:#010x} does not fit into an empty segment.")
    kind = _TRAPS[stop]
    if kind is IllegalInstruction and instruction & 3 != 3 and instruction & 0xFFFF:
        kind = CompressedInstruction
    return kind(pc=pc, instruction=instruction, cycle=cycle, address=address)
