from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contracts.deployment import Evm, LocalEvm, Rollup, deploy


@pytest.fixture(scope="session")
def evm() -> LocalEvm:
    return LocalEvm()


@pytest.fixture
def kept(evm: LocalEvm) -> Iterator[Evm]:
    """The EVM, put back to what it was when the test ends."""
    state = evm.tester.take_snapshot()
    yield evm
    evm.tester.revert_to_snapshot(state)


@pytest.fixture
def rollup(kept: Evm) -> Rollup:
    return deploy(kept)
