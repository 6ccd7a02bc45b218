"""Traces: one id across processes, kept as lines that survive a kill, and readable when a line is broken."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from runtime.settings import load_settings
from runtime.telemetry import attempt_traceparent, context_from, read_spans, trace_directory, trace_id_of

TRACE = "12" * 16
PARENT = f"00-{TRACE}-{'34' * 8}-01"

CHILD = f"""
import os, signal
from runtime.settings import load_settings
from runtime.telemetry import configure_telemetry, current_traceparent, mark, span
configure_telemetry(load_settings(), service="child")
first = mark("claim", traceparent={PARENT!r}, attempt=1)
with span("job", traceparent={PARENT!r}, links=[first]):
    with span("phase"):
        assert current_traceparent().split("-")[1] == {TRACE!r}
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_spans_that_ended_survive_a_kill(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "HALLMARK_STATE_DIR": str(tmp_path), "PYTHONPATH": str(root)}
    done = subprocess.run([sys.executable, "-c", CHILD], env=environment, cwd=root, check=False)
    assert done.returncode == -9
    folder = trace_directory(load_settings(state_dir=tmp_path))
    with (folder / "child.jsonl").open("a") as lines:
        lines.write('{"trace_id": "' + TRACE + '", "cut off')
    spans = read_spans(folder, TRACE)
    assert [span["name"] for span in spans] == ["claim", "phase"]
    assert spans[0]["parent_span_id"] == "34" * 8 and spans[0]["attributes"] == {"attempt": 1}
    assert spans[0]["resource"]["service.name"] == "hallmark-child"


def test_malformed_parents_start_a_trace_of_their_own() -> None:
    for broken in ("", "nonsense", "00-zz-11-01", f"00-{'0' * 32}-{'1' * 16}-01"):
        assert trace_id_of(broken) == "" and context_from(broken) is not None
    assert trace_id_of(PARENT) == TRACE


def test_an_attempt_is_named_by_its_numbers_and_by_nobody_elses() -> None:
    named = attempt_traceparent(PARENT, 7, 1)
    assert trace_id_of(named) == TRACE and named == attempt_traceparent(PARENT, 7, 1)
    others = {attempt_traceparent(PARENT, 7, 2), attempt_traceparent(PARENT, 71, 1), PARENT}
    assert named not in others and len(others) == 3
    assert attempt_traceparent(PARENT, 7, 0) == attempt_traceparent("", 7, 1) == ""
