"""The rounds of a batch's proof, and which proof of which round joins which.

Every segment has a basic proof and a leaf over it. Nodes join two neighbours at a time, depth by depth, until one is
left; an odd one moves up as it is. The tip ties that one to the run's final state, the scheduler binds the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum


class Round(IntEnum):
    """What a proof of a batch verifies."""

    #: Nothing: it proves a segment itself.
    BASIC = 0
    #: One basic proof.
    LEAF = 1
    #: Two adjacent proofs of leaves or nodes.
    NODE = 2
    #: The one leaf or node that is left.
    TIP = 3
    #: The tip. Its proof is the batch's.
    SCHEDULER = 4


@dataclass(frozen=True)
class Step:
    """One proof to be made.

    Attributes
    ----------
    depth
        Of a node, how often its segments were joined: 1 over leaves; 0 in every other round.
    index
        Place among the steps of its round and depth.
    children
        The proofs that it verifies, in the chain's order, as places in the list of all steps.
    """

    round: Round
    depth: int
    index: int
    children: tuple[int, ...] = ()


def tree(segments: int) -> list[Step]:
    """Return every proof of a batch, each behind those that it verifies; the last is the batch's.

    Raises
    ------
    ValueError
        There is no segment.
    """
    if segments < 1:
        raise ValueError(f"A batch has one segment or more, not {segments}.")
    steps = [Step(Round.BASIC, 0, index) for index in range(segments)]
    steps += [Step(Round.LEAF, 0, index, (index,)) for index in range(segments)]
    left: Sequence[int] = range(segments, 2 * segments)
    depth = 0
    while len(left) > 1:
        depth += 1
        first = len(steps)
        pairs = zip(left[::2], left[1::2], strict=False)
        steps += [Step(Round.NODE, depth, index, pair) for index, pair in enumerate(pairs)]
        odd = left[len(left) // 2 * 2 :]
        left = [*range(first, len(steps)), *odd]
    steps.append(Step(Round.TIP, 0, 0, (left[0],)))
    steps.append(Step(Round.SCHEDULER, 0, 0, (len(steps) - 1,)))
    return steps
