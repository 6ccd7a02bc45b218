"""Shapes: everything about a proof that is known once the tables' heights are known.

A :class:`Layout` belongs to a key; a :class:`Shape` adds the log heights of one proof. Lengths of all parts of a proof,
the trees, the order of openings and the FRI folds follow from it, so that neither prover nor verifier ever reads a
length from a proof.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property

from proving.hash import RATE, HashFamily
from proving.stark.errors import ShapeRefused
from proving.stark.security import MIN_LOG_HEIGHT

#: Largest log height of a table: cosets are defined up to it.
MAX_LOG_HEIGHT = 24
#: Unless a layout says otherwise: log2 of the arity of a FRI fold, of the most coefficients of the final polynomial,
#: and of the smallest cap of a tree.
LOG_FOLD = 3
FINAL_LOG_LENGTH = 5
CAP_LOG = 5
#: Base columns of an extension element.
EXTENSION_DEGREE = 3


#: Marks, in a field's metadata, that files leave it out where it has its default.
OMITTED = "omitted at its default"


class Phase(IntEnum):
    """The trees in the order in which they are committed."""

    PREPROCESSED = 0
    MAIN = 1
    BUS = 2
    QUOTIENT = 3


@dataclass(frozen=True)
class TableLayout:
    """What the protocol must know about a table.

    Attributes
    ----------
    main, preprocessed
        Number of base columns.
    bus
        Number of extension columns of the bus argument; a table without interactions has none.
    main_next
        Main columns whose next row a constraint reads.
    constraints
        Number of constraints, those of the bus included.
    degree
        Largest degree of a constraint, and at least one more than its factors that are the transition selector: the
        quotient of the table has fewer than ``(degree - 1) 2^h`` coefficients.
    interactions
        Bus interactions per row.
    arity
        Elements of the longest bus message of the circuit.
    fixed_log_height
        The height that preprocessed columns dictate, or None.
    """

    name: str
    main: int
    preprocessed: int
    bus: int
    main_next: tuple[int, ...]
    constraints: int
    degree: int
    interactions: int
    arity: int
    fixed_log_height: int | None


@dataclass(frozen=True)
class Layout:
    """The tables of a circuit with the rate and the bounds that its key states.

    Attributes
    ----------
    cap_log
        log2 of the fewest digests of a tree's cap.
    log_fold
        log2 of the arity of a FRI fold.
    final_log_length
        log2 of the most coefficients of the final polynomial.
    family
        The hash family; a stored layout leaves it out where it is Goldilocks.
    """

    tables: tuple[TableLayout, ...]
    log_blowup: int
    max_log_heights: tuple[int, ...]
    cap_log: int = CAP_LOG
    log_fold: int = LOG_FOLD
    final_log_length: int = FINAL_LOG_LENGTH
    family: HashFamily = field(default=HashFamily.GOLDILOCKS, metadata={OMITTED: True})

    @property
    def degree(self) -> int:
        """Largest degree of a constraint of any table, at least 2."""
        return max(2, *(table.degree for table in self.tables))

    def shape(self, log_heights: tuple[int, ...]) -> Shape:
        """Return the shape of a proof with these heights.

        Raises
        ------
        ShapeRefused
            A height is outside the bounds of the key.
        """
        if len(log_heights) != len(self.tables):
            raise ShapeRefused(expected=f"{len(self.tables)} heights", got=f"{len(log_heights)}")
        for table, log_height, bound in zip(self.tables, log_heights, self.max_log_heights, strict=True):
            least = MIN_LOG_HEIGHT
            if table.fixed_log_height is not None:
                least = bound = table.fixed_log_height
            if not least <= log_height <= bound:
                raise ShapeRefused(
                    f"The log height of table {table.name} is outside the key's bounds.",
                    expected=f"{least} to {bound}",
                    got=log_height,
                )
        return Shape(self, tuple(int(log_height) for log_height in log_heights))

    def largest(self) -> Shape:
        """Return the shape with every table at its bound."""
        return self.shape(self.max_log_heights)


@dataclass(frozen=True)
class Matrix:
    """One matrix of a tree: its table (None for the quotient), base columns, and log rows of the extended domain."""

    table: int | None
    columns: int
    log_rows: int


@dataclass(frozen=True)
class TreeShape:
    """A tree over matrices of several heights; see :mod:`proving.stark.commitments`."""

    matrices: tuple[Matrix, ...]
    cap_log: int

    @property
    def log_rows(self) -> int:
        """log2 of the rows of the tallest matrix, the index space of its openings."""
        return max(matrix.log_rows for matrix in self.matrices)

    @property
    def depth(self) -> int:
        """Number of 4-ary levels between the leaves and the cap."""
        return max(0, (self.log_rows - self.cap_log) // 2)

    @property
    def log_cap(self) -> int:
        """log2 of the number of digests in the cap."""
        return self.log_rows - 2 * self.depth


@dataclass(frozen=True)
class LeafGroup:
    """Matrices of one height in one tree: their rows are one message, and they are opened at the same points.

    Attributes
    ----------
    matrices
        Their places in the tree, in the order of the message.
    columns
        Columns of all of them.
    next
        Whether they are opened on the next row too.
    """

    phase: Phase
    log_rows: int
    matrices: tuple[int, ...]
    columns: int
    next: bool

    @property
    def padded(self) -> int:
        """Elements of the message with its padding to whole blocks."""
        return -(-self.columns // RATE) * RATE


@dataclass(frozen=True)
class OpeningGroup:
    """Openings of all columns of one matrix at one point, which may be on the next row."""

    phase: Phase
    matrix: int
    table: int | None
    log_rows: int
    columns: int
    next: bool


@dataclass(frozen=True)
class Shape:
    """The shape of one proof."""

    layout: Layout
    log_heights: tuple[int, ...]

    @property
    def log_blowup(self) -> int:
        """log2 of 1/rate."""
        return self.layout.log_blowup

    @cached_property
    def log_height(self) -> int:
        """log2 of the largest height, H: the height that every table is lifted to."""
        return max(self.log_heights)

    @property
    def log_domain(self) -> int:
        """log2 of the size of the largest evaluation domain."""
        return self.log_height + self.log_blowup

    @property
    def quotient_chunks(self) -> int:
        """Number of blocks of 2^H coefficients that the quotient is cut into: as many as the degree needs."""
        return self.layout.degree - 1

    @cached_property
    def trees(self) -> dict[Phase, TreeShape]:
        """The trees in the order of their phases; a phase without columns has none."""
        found = {}
        for phase in Phase:
            matrices = tuple(self._matrices(phase))
            if matrices:
                found[phase] = TreeShape(matrices, self.layout.cap_log)
        return found

    @cached_property
    def folds(self) -> tuple[int, ...]:
        """log2 of the arity of each fold."""
        count = -(-(self.log_height - self.layout.final_log_length) // self.layout.log_fold)
        return (self.layout.log_fold,) * max(count, 1)

    @property
    def final_length(self) -> int:
        """Exact number of coefficients of the final polynomial."""
        return 1 << (self.log_height - sum(self.folds))

    @cached_property
    def layers(self) -> tuple[TreeShape, ...]:
        """The trees of the FRI layers: leaf rows hold the 2^fold values that fold into one."""
        trees = []
        log_size = self.log_domain
        for fold in self.folds:
            matrix = Matrix(None, EXTENSION_DEGREE << fold, log_size - fold)
            trees.append(TreeShape((matrix,), self.layout.cap_log))
            log_size -= fold
        return tuple(trees)

    @cached_property
    def leaves(self) -> tuple[LeafGroup, ...]:
        """What one query reads and hashes as one message, tree by tree, the tallest matrices of a tree first."""
        groups = []
        for phase, tree in self.trees.items():
            for log_rows in sorted({matrix.log_rows for matrix in tree.matrices}, reverse=True):
                places = tuple(i for i, matrix in enumerate(tree.matrices) if matrix.log_rows == log_rows)
                columns = sum(tree.matrices[i].columns for i in places)
                following = any(self._has_next(phase, tree.matrices[i].table) for i in places)
                groups.append(LeafGroup(phase, log_rows, places, columns, following))
        return tuple(groups)

    @cached_property
    def openings(self) -> tuple[OpeningGroup, ...]:
        """Every opened (matrix, point) pair in the order of the proof: leaf by leaf, then the next rows likewise.

        A leaf that holds a column whose next row is used is opened on the next row as a whole: a query then combines
        its columns once for both points.
        """
        groups = []
        for following in (False, True):
            for leaf in self.leaves:
                if following and not leaf.next:
                    continue
                for place in leaf.matrices:
                    matrix = self.trees[leaf.phase].matrices[place]
                    groups.append(OpeningGroup(leaf.phase, place, matrix.table, matrix.log_rows, matrix.columns,
                                               following))  # fmt: skip
        return tuple(groups)

    @property
    def opened(self) -> int:
        """Number of opened (column, point) pairs."""
        return sum(group.columns for group in self.openings)

    @cached_property
    def batched(self) -> int:
        """Number of powers of the batching challenge: a leaf takes as many as its padded message has elements."""
        return sum(leaf.padded * (2 if leaf.next else 1) for leaf in self.leaves)

    @cached_property
    def exponents(self) -> tuple[int, ...]:
        """The power of the batching challenge that each opened (column, point) pair has.

        A leaf of N padded elements takes N powers from its offset up, the highest one for its first column, so that
        a query's combination of it is a Horner evaluation along its blocks; padding takes the powers of zeros.
        """
        found: list[int] = []
        offset = 0
        for following in (False, True):
            for leaf in self.leaves:
                if following and not leaf.next:
                    continue
                first = offset + leaf.padded - 1
                found += range(first, first - leaf.columns, -1)
                offset += leaf.padded
        return tuple(found)

    @property
    def bus_tables(self) -> tuple[int, ...]:
        """The tables that have bus columns and so a bus sum."""
        return tuple(index for index, table in enumerate(self.layout.tables) if table.bus)

    def _matrices(self, phase: Phase) -> Iterator[Matrix]:
        if phase is Phase.QUOTIENT:
            yield Matrix(None, EXTENSION_DEGREE * self.quotient_chunks, self.log_domain)
            return
        for index, (table, log_height) in enumerate(zip(self.layout.tables, self.log_heights, strict=True)):
            columns = (table.preprocessed, table.main, EXTENSION_DEGREE * table.bus)[phase]
            if columns:
                yield Matrix(index, columns, log_height + self.log_blowup)

    def _has_next(self, phase: Phase, table: int | None) -> bool:
        """Whether a constraint reads the next row of a table's columns of this phase."""
        if table is None or phase not in (Phase.MAIN, Phase.BUS):
            return False
        layout = self.layout.tables[table]
        return bool(layout.main_next if phase is Phase.MAIN else layout.bus)
