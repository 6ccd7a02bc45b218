"""How much memory a proof of a given shape takes, computed before any work is done.

The estimates follow the prover's phases (:mod:`proving.stark.prover`) and count whole arrays where the backend
computes: traces until the bus columns exist, extended columns (or polynomials, where those are kept in their place) and
trees until the queries are answered. A process needs what its interpreter, its code and the key take on top.
"""

from __future__ import annotations

from dataclasses import dataclass

from proving.backend.streamed import PIECE_BYTES
from proving.stark.shape import EXTENSION_DEGREE, Phase, Shape, TreeShape

WORD_BYTES = 8
DIGEST_BYTES = 32
#: Vectors of the largest domain, three words a row, that live at once while the quotient or the DEEP quotient is
#: formed: the sum so far, the next part, the new sum, and its image.
LARGE_VECTORS = 4


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes at the height of each phase."""

    main: int
    bus: int
    quotient: int
    fri: int

    @property
    def peak(self) -> int:
        """The largest of them."""
        return max(self.main, self.bus, self.quotient, self.fri)


def estimate(shape: Shape) -> MemoryEstimate:
    """Return the memory that :func:`proving.stark.prover.prove` with ``consume`` takes for a shape."""
    layout = shape.layout
    extended = {phase: _matrix_bytes(tree) + _tree_bytes(tree) for phase, tree in shape.trees.items()}
    sizes = [WORD_BYTES << log_height for log_height in shape.log_heights]
    fixed = extended.get(Phase.PREPROCESSED, 0) + sum(
        table.preprocessed * size for table, size in zip(layout.tables, sizes, strict=True)
    )
    traces = sum(table.main * size for table, size in zip(layout.tables, sizes, strict=True))
    vector = EXTENSION_DEGREE * WORD_BYTES << shape.log_domain
    parts = sum(EXTENSION_DEGREE * WORD_BYTES << (h + shape.log_blowup) for h in shape.log_heights)
    committed = fixed + extended[Phase.MAIN]
    with_bus = committed + extended.get(Phase.BUS, 0)
    layers = sum(_matrix_bytes(layer) + _tree_bytes(layer) for layer in shape.layers)
    everything = with_bus + extended[Phase.QUOTIENT]
    return MemoryEstimate(
        main=traces + committed,
        bus=max(with_bus, committed + _bus_growth(shape, sizes)),
        quotient=max(with_bus + parts + LARGE_VECTORS * vector, everything + 2 * vector),
        fri=everything + max(LARGE_VECTORS * vector, layers + 2 * vector),
    )


def estimate_streamed(shape: Shape) -> MemoryEstimate:
    """Return the memory that it takes where polynomials are kept in place of extended columns."""
    layout = shape.layout
    sizes = [WORD_BYTES << log_height for log_height in shape.log_heights]
    main, preprocessed, bus = (
        [columns * size for columns, size in zip(widths, sizes, strict=True)]
        for widths in (
            [table.main for table in layout.tables],
            [table.preprocessed for table in layout.tables],
            [EXTENSION_DEGREE * table.bus for table in layout.tables],
        )
    )
    trees = {phase: _tree_bytes(tree) for phase, tree in shape.trees.items()}
    vector = EXTENSION_DEGREE * WORD_BYTES << shape.log_domain
    parts = sum(EXTENSION_DEGREE * WORD_BYTES << (h + shape.log_blowup) for h in shape.log_heights)
    coset = max(map(sum, zip(main, preprocessed, bus, strict=True)))
    blocks = EXTENSION_DEGREE * shape.quotient_chunks * WORD_BYTES << shape.log_height
    waiting = sum(columns for columns, table in zip(main, layout.tables, strict=True) if table.bus)
    # Digests of two heights that the lowest level of a tree is joined from.
    joined = 3 * DIGEST_BYTES << (shape.log_domain - 1)
    # Of preprocessed columns the traces are kept as well.
    fixed = 2 * sum(preprocessed) + trees.get(Phase.PREPROCESSED, 0)
    committed = fixed + sum(main) + trees[Phase.MAIN]
    with_bus = committed + sum(bus) + trees.get(Phase.BUS, 0)
    everything = with_bus + blocks + trees[Phase.QUOTIENT]
    layers = sum(_matrix_bytes(layer) + _tree_bytes(layer) for layer in shape.layers)
    return MemoryEstimate(
        main=waiting + committed + max(*main, PIECE_BYTES, joined),
        bus=max(with_bus + max(PIECE_BYTES, joined), committed + waiting + max(bus)),
        quotient=max(with_bus + parts + max(coset, LARGE_VECTORS * vector), everything + PIECE_BYTES),
        fri=everything + max(LARGE_VECTORS * vector, layers + 2 * vector),
    )


def _bus_growth(shape: Shape, sizes: list[int]) -> int:
    """Return what the bus phase holds beside the main columns: traces go as extended bus columns come."""
    waiting = sum(table.main * size for table, size in zip(shape.layout.tables, sizes, strict=True) if table.bus)
    extended = most = 0
    for table, size in zip(shape.layout.tables, sizes, strict=True):
        if not table.bus:
            continue
        columns = EXTENSION_DEGREE * table.bus * size
        extended += columns << shape.log_blowup
        most = max(most, waiting + columns, waiting - table.main * size + columns + extended)
        waiting -= table.main * size
    return most


def _matrix_bytes(tree: TreeShape) -> int:
    return sum(matrix.columns * WORD_BYTES << matrix.log_rows for matrix in tree.matrices)


def _tree_bytes(tree: TreeShape) -> int:
    return sum(DIGEST_BYTES << (tree.log_rows - 2 * level) for level in range(tree.depth + 1))
