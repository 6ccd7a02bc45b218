from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

from proving.backend.interface import PRIME

#: Where carries, borrows and reductions change.
EDGES = (
    0,
    1,
    2,
    7,
    2**31,
    2**32 - 2,
    2**32 - 1,
    2**32,
    2**33,
    2**48,
    2**52,
    2**63,
    PRIME - 2**32,
    PRIME - 2,
    PRIME - 1,
)

elements = st.one_of(st.sampled_from(EDGES), st.integers(0, PRIME - 1))


def random_elements(seed: int, *shape: int, edges: float = 0.25) -> npt.NDArray[np.uint64]:
    """Random field elements, a part of them taken from the edge cases."""
    generator = np.random.default_rng(seed)
    values = generator.integers(0, PRIME, size=shape, dtype=np.uint64)
    chosen = generator.choice(np.array(EDGES, dtype=np.uint64), size=shape)
    return np.where(generator.random(size=shape) < edges, chosen, values)
