"""What needs Node: the packages of ``contracts/package-lock.json``, and a development node of Ethereum from them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from web3 import HTTPProvider, Web3

from cli import local_l1


def install_packages() -> None:
    """Install what is pinned; where it cannot be, the calling test is skipped."""
    if reason := local_l1.packages_missing():
        pytest.skip(reason)


@contextlib.contextmanager
def anvil(*options: str) -> Iterator[Web3]:
    """Run a development node on a free port of this host."""
    install_packages()
    with local_l1.running(local_l1.anvil(*options)) as url:
        yield Web3(HTTPProvider(url))
