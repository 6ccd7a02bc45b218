from __future__ import annotations

from collections.abc import Iterator

import pytest

from proving import native


@pytest.fixture(params=native.ISAS)
def each_isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test once per instruction set."""
    name = str(request.param)
    if name not in native.available_isas():
        pytest.skip(f"this CPU has no {name}")
    with native.forced_isa(name):
        yield name
