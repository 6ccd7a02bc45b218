"""The rounds of a batch's proof, and which proof of which round joins which.

Every segment has a basic proof and a leaf over it, and so has every part of the requests of a type. Nodes join two
neighbours of a type at a time, depth by depth, until one is left; an odd one moves up as it is. The tip ties the
machine's to the run's final state, a tie after it each type's to what that state says was requested; the scheduler
binds the batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Final

#: Circuit type of the machine's segments, and of the leaves and nodes over them.
MAIN_VM: Final = "main_vm"


class Round(IntEnum):
    """What a proof of a batch verifies."""

    #: Nothing: it proves a segment, or requests, itself.
    BASIC = 0
    #: One basic proof.
    LEAF = 1
    #: Two adjacent proofs of leaves or nodes.
    NODE = 2
    #: The machine's leaf or node that is left; a tie the tip, or the tie before, and that of a type of requests.
    TIP = 3
    #: The tip, or the last tie. Its proof is the batch's.
    SCHEDULER = 4


@dataclass(frozen=True)
class Step:
    """One proof to be made.

    Attributes
    ----------
    depth
        Of a node, how often its parts were joined: 1 over leaves. Of a tie, its number from 1 on. Else 0.
    index
        Place among the steps of its round and depth.
    children
        The proofs that it verifies, in the chain's order, as places in the list of all steps; a tie's tip comes first.
    circuit_type
        The basic circuit of the parts that it is about; empty for tip, ties and scheduler.
    """

    round: Round
    depth: int
    index: int
    children: tuple[int, ...] = ()
    circuit_type: str = MAIN_VM


def tree(segments: int, requests: Mapping[str, int] = MappingProxyType({})) -> list[Step]:
    """Return every proof of a batch, each behind those that it verifies; the last is the batch's.

    Parameters
    ----------
    requests
        Number of basic proofs of every type of request that occurs, by the name of its circuit.

    Raises
    ------
    ValueError
        There is no segment, or a type that occurs has no proof.
    """
    if segments < 1:
        raise ValueError(f"A batch has one segment or more, not {segments}.")
    if any(count < 1 for count in requests.values()):
        raise ValueError(f"A type that occurs has one proof or more: {dict(requests)}.")
    steps: list[Step] = []
    top = _joined(steps, MAIN_VM, segments)
    tops = [_joined(steps, circuit_type, count) for circuit_type, count in requests.items()]
    steps.append(Step(Round.TIP, 0, 0, (top,), ""))
    for depth, chain in enumerate(tops, 1):
        steps.append(Step(Round.TIP, depth, 0, (len(steps) - 1, chain), ""))
    steps.append(Step(Round.SCHEDULER, 0, 0, (len(steps) - 1,), ""))
    return steps


def _joined(steps: list[Step], circuit_type: str, count: int) -> int:
    """Append the proofs of a type up to the one that all are joined to; return its place."""
    first = len(steps)
    steps += [Step(Round.BASIC, 0, index, (), circuit_type) for index in range(count)]
    steps += [Step(Round.LEAF, 0, index, (first + index,), circuit_type) for index in range(count)]
    left: Sequence[int] = range(first + count, first + 2 * count)
    depth = 0
    while len(left) > 1:
        depth += 1
        made = len(steps)
        pairs = zip(left[::2], left[1::2], strict=False)
        steps += [Step(Round.NODE, depth, index, pair, circuit_type) for index, pair in enumerate(pairs)]
        odd = left[len(left) // 2 * 2 :]
        left = [*range(made, len(steps)), *odd]
    return left[0]
