"""Finding compressed instructions: what decides is the code, not the flag in the file's header.

An instruction is compressed when the lowest two bits of its first half are not both set. Words in an executable segment
may also be data or padding, so the code is followed from the entry along jumps, branches and calls. What stands behind
a call is not followed, since the call may never return; what is reached by computed jumps only is not found here, and
traps by name when it is executed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: Instructions that are looked at, at most: the first function of a compressed program is enough.
_LIMIT: Final = 1 << 16
_BRANCH, _JUMP_REGISTER, _JUMP, _SYSTEM = 0x63, 0x67, 0x6F, 0x73
#: BEQ, BGE and BGEU of a register and itself are always taken.
_TAKEN_WHEN_EQUAL: Final = (0, 5, 7)


def first_compressed(entry: int, code: Mapping[int, bytes]) -> tuple[int, int] | None:
    """Return address and halfword of a compressed instruction that the entry leads to; None when none was found.

    Parameters
    ----------
    code
        Bytes of the executable segments by address, a multiple of four.
    """
    words = {address: np.frombuffer(data + bytes(-len(data) % 4), dtype="<u4") for address, data in code.items()}
    if not any(np.any((part & 3 != 3) & (part & 0xFFFF != 0)) for part in words.values()):
        return None
    ahead, seen = [entry], {entry}
    while ahead and len(seen) < _LIMIT:
        pc = ahead.pop()
        word = _word(words, pc)
        if word & 3 != 3:
            if word & 0xFFFF:
                return pc, word & 0xFFFF
            continue
        for target in _successors(pc, word):
            if target % 4 == 0 and target not in seen:
                seen.add(target)
                ahead.append(target)
    return None


def _word(words: Mapping[int, NDArray[np.uint32]], pc: int) -> int:
    """Return the word at an address, 0 where there is no code."""
    for address, part in words.items():
        if 0 <= pc - address < 4 * len(part):
            return int(part[(pc - address) // 4])
    return 0


def _successors(pc: int, word: int) -> Iterable[int]:
    opcode = word & 0x7F
    if opcode == _JUMP:
        high = (word >> 12 & 0xFF) << 12 | (word >> 20 & 1) << 11 | (word >> 21 & 0x3FF) << 1
        return [(pc + high - (word >> 31 << 20)) & 0xFFFFFFFF]
    if opcode == _BRANCH:
        offset = (word >> 7 & 1) << 11 | (word >> 25 & 0x3F) << 5 | (word >> 8 & 0xF) << 1
        target = (pc + offset - (word >> 31 << 12)) & 0xFFFFFFFF
        always = word >> 15 & 31 == word >> 20 & 31 and word >> 12 & 7 in _TAKEN_WHEN_EQUAL
        return [target] if always else [target, pc + 4]
    if opcode == _JUMP_REGISTER or word in (_SYSTEM, _SYSTEM | 1 << 20):
        return []
    return [pc + 4]
