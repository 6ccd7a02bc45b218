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


def test_no_library_is_louder_than_was_asked_for() -> None:
    script = """
import logging
from runtime.logging import configure_logging
from runtime.settings import load_settings

configure_logging(load_settings(log_level="warning", log_format="json"), process="test")
for name in ("peewee.migrations", "pika", "dramatiq", "some.library"):
    logging.getLogger(name).info("chatter")
logging.getLogger("some.library").warning("heard")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "heard" in done.stderr
    assert "chatter" not in done.stderr
