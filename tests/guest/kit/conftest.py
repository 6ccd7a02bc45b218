from __future__ import annotations

import pytest

from tests.guest.kit.compiled import Compiler


@pytest.fixture(scope="session")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> Compiler:
    return Compiler(tmp_path_factory.mktemp("guest"))
