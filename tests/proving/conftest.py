from __future__ import annotations

from collections.abc import Iterator

import pytest

from proving import native
from tests.proving import instruction_sets


@pytest.fixture(params=instruction_sets.EVERY)
def each_isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test once per instruction set."""
    name = str(request.param)
    instruction_sets.require(name)
    with native.forced_isa(name):
        yield name
