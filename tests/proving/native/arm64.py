"""Runs tests of the kernels against a library for another machine, inside that machine's emulator.

``python -m tests.proving.native.arm64 LIBRARY TEST...``: the tests' other instruction sets are left out.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from proving import native
from tests.proving import instruction_sets


class OnlyPortable:
    """A plugin that keeps, of tests with an instruction set as a parameter, the portable one's."""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Drop the others."""
        others = set(instruction_sets.EVERY) - {"portable"}
        items[:] = [
            item
            for item in items
            if not isinstance(item, pytest.Function)
            or not hasattr(item, "callspec")
            or others.isdisjoint(value for value in item.callspec.params.values() if isinstance(value, str))
        ]


if __name__ == "__main__":
    native.LIBRARY = Path(sys.argv[1])
    # The emulation of vectors is compiled for the machine outside.
    native.EMULATED_LIBRARY = native.LIBRARY.with_name("libhallmark-emulated.so")
    instruction_sets.build_emulated = lambda: None
    sys.exit(pytest.main(["-rs", "-p", "no:cacheprovider", "-o", "addopts=", *sys.argv[2:]], [OnlyPortable()]))
