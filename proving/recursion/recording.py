"""What a circuit does, in the order in which its witness can be filled: steps over whole arrays of wires."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

import numpy as np

from proving.recursion.wires import Ids, WireTable

#: Stands for no wire and no row.
NONE = -1


class Operation(Enum):
    """What one row of the field table shows of its extension elements a, b, c, d."""

    #: d = a b + c
    MULTIPLY_ADD = "multiply_add"
    #: a b + c = 0
    ZERO = "zero"
    #: a d = 1
    INVERT = "invert"


@dataclass(frozen=True)
class FieldStep:
    """Rows of the field table: wires ``(n,)``; ``d`` is NONE for a check."""

    operation: Operation
    a: Ids
    b: Ids
    c: Ids
    d: Ids


@dataclass(frozen=True)
class CopyStep:
    """Wires that hash rows write, with the value of another wire to which the circuit shows them equal."""

    source: Ids
    target: Ids


@dataclass(frozen=True)
class HashStep:
    """Rows of the hash table, compressed at once.

    Attributes
    ----------
    rows : ``(n,)`` numbers of the rows in the order of recording
    blocks : ``(n, 16)`` scalars; of a node, the three siblings in their order stand at the end and the rest is NONE
    previous : ``(n,)`` row whose digest stands first in the block, or among a node's siblings; NONE where it is read
    digits : ``(n, 2)`` wires of a node's place, lowest bit first; NONE elsewhere
    challenge : wire of the challenge that combines the rows' last 12 elements, or NONE
    digest : ``(n,)`` wires of the digests
    combined : ``(n,)`` wires of the combinations up to these rows; NONE where they are not asked for
    """

    rows: Ids
    blocks: Ids
    previous: Ids
    digits: Ids
    challenge: int
    digest: Ids
    combined: Ids


@dataclass(frozen=True)
class FoldStep:
    """Rows of the fold table.

    Attributes
    ----------
    values, bits : ``(n,)`` first of the neighbouring wires of a row's values and of its position's bits
    beta : wire of the challenge
    inverse, picked, folded : wires ``(n,)``
    """

    values: Ids
    bits: Ids
    beta: int
    inverse: Ids
    picked: Ids
    folded: Ids


@dataclass(frozen=True)
class BitsStep:
    """Decompositions below p of the first elements of digests ``(n,)``: bits ``(n, 64)``, lowest first."""

    digest: Ids
    bits: Ids


@dataclass(frozen=True)
class UnpackStep:
    """Elements of digests as wires of their own: digest wires ``(n,)`` and base wires ``(n, 4)``."""

    digest: Ids
    elements: Ids


@dataclass(frozen=True)
class CapStep:
    """Readings of a cap: entry ``index`` of the cap at ``base`` is the digest; wires ``(n,)``."""

    base: int
    index: Ids
    digest: Ids


Step: TypeAlias = FieldStep | FoldStep | CopyStep | HashStep | BitsStep | UnpackStep | CapStep


@dataclass
class Recording:
    """A circuit as it was written down.

    Attributes
    ----------
    wires : all wires
    steps : in order
    hints : wires that the proof gives, in the order of its parts
    publics : wires of the public input, base elements
    heads : extension wire by digest wire: the digest's first three elements
    caps : digest wires ``(entries,)`` of every cap that is read, by its base
    hash_rows : number of rows of the hash table
    """

    wires: WireTable = field(default_factory=WireTable)
    steps: list[Step] = field(default_factory=list)
    hints: list[Ids] = field(default_factory=list)
    publics: list[int] = field(default_factory=list)
    heads: dict[int, int] = field(default_factory=dict)
    caps: dict[int, Ids] = field(default_factory=dict)
    hash_rows: int = 0

    def take_rows(self, count: int) -> Ids:
        """Return the numbers of new rows of the hash table."""
        first = self.hash_rows
        self.hash_rows += count
        return np.arange(first, self.hash_rows, dtype=np.int64)
