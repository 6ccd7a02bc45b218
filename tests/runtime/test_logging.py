"""Logs do not show what the program keeps to itself."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_FAILING = """
from runtime.logging import configure_logging, get_logger
from runtime.settings import load_settings

configure_logging(load_settings(log_format={form!r}), process="test")

def check(given):
    hidden = "secret " + given
    raise RuntimeError("the check failed")

try:
    check("of the token")
except RuntimeError:
    get_logger("test").exception("request.failed")
"""


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_traceback_shows_no_variables(form: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _FAILING.format(form=form)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"COLUMNS": "200"},
    )
    assert "the check failed" in ended.stderr
    assert "secret of the token" not in ended.stderr
