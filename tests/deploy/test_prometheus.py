"""Alerts, scraping and the dashboard's queries in Prometheus itself: its own checks, then a server that scrapes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from broker.jobs import open_store
from cli.run import ROOT
from runtime import run_files
from runtime.errors import InvalidInput
from runtime.settings import Settings
from tests.broker.test_jobs import make, must_claim
from tests.docs.test_monitoring import RULES, expressions
from tests.servers import Prometheus, find_prometheus, missing

MONITORING = ROOT / "tools" / "monitoring"


def promtool(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    found = find_prometheus("promtool")
    if found is None:
        missing("Prometheus")
        raise AssertionError
    return subprocess.run([str(found), *arguments], cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of monitoring and scraping, free to be changed."""
    for place in ("tools/monitoring", "deploy"):
        (tmp_path / place).mkdir(parents=True)
    for path in (*MONITORING.glob("*.yml"), ROOT / "deploy" / "prometheus.yml"):
        shutil.copy(path, tmp_path / path.relative_to(ROOT))
    return tmp_path


def test_each_alert_fires_when_it_should_and_is_quiet_when_not(folder: Path) -> None:
    cases = yaml.safe_load((MONITORING / "alerts_test.yml").read_text("utf-8"))["tests"]
    wanted = {f"{rule['alert']} {what}" for rule in RULES for what in ("fires", "stays quiet")}
    assert {case["name"] for case in cases} == wanted
    done = promtool("test", "rules", "alerts_test.yml", folder=folder / "tools/monitoring")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_changed_limit_is_noticed(folder: Path) -> None:
    path = folder / "tools/monitoring/alerts.yml"
    rules = yaml.safe_load(path.read_text("utf-8"))
    other = {">": "<", "<": ">", "==": "!="}
    for rule in rules["groups"][0]["rules"]:
        # The last comparison is turned round; what has none asks for another metric.
        flipped = re.sub(r"(>|<|==)(?!.*(>|<|==))", lambda sign: other[sign[1]], rule["expr"])
        rule["expr"] = flipped if flipped != rule["expr"] else "absent(hallmark_dead_jobs)"
    path.write_text(yaml.safe_dump(rules))
    done = promtool("test", "rules", "alerts_test.yml", folder=path.parent)
    assert done.returncode != 0
    failed = set(re.findall(r"alertname:? ?\"?(Hallmark\w+)", done.stdout + done.stderr))
    assert failed == {rule["alert"] for rule in RULES}, done.stdout + done.stderr


def test_the_configuration_is_what_prometheus_takes(folder: Path) -> None:
    path = folder / "deploy/prometheus.yml"
    token = folder / "token"
    token.touch()
    path.write_text(path.read_text("utf-8").replace("/etc/prometheus/hallmark-token", str(token)))
    done = promtool("check", "config", "prometheus.yml", folder=path.parent)
    assert done.returncode == 0 and f"{len(RULES)} rules found" in done.stdout, done.stdout + done.stderr


@pytest.fixture
def scraped(tmp_path: Path) -> Iterator[Prometheus]:
    """A Prometheus that scrapes a housekeeper in whose store a job is dead."""
    settings = Settings.of(state_dir=tmp_path / "state")
    store = open_store(settings, migrate=True)
    make(store)
    store.fail(must_claim(store), InvalidInput("no such program"))
    variables = {"HALLMARK_STATE_DIR": str(settings.state_dir), "HALLMARK_METRICS_PORT": "0"}
    with subprocess.Popen([sys.executable, "-m", "housekeeper"], cwd=ROOT, env={**os.environ, **variables}) as process:
        try:
            deadline = time.monotonic() + 30
            while not (found := [each for each in run_files.running(settings.state_dir) if each["ready"]]):
                assert time.monotonic() < deadline and process.poll() is None
                time.sleep(0.05)
            job = {
                "job_name": "hallmark",
                "static_configs": [{"targets": [f"{found[0]['host']}:{found[0]['port']}"]}],
            }
            configuration = {
                "global": {"scrape_interval": "500ms", "scrape_timeout": "400ms", "evaluation_interval": "500ms"},
                "rule_files": ["alerts.yml"],
                "scrape_configs": [job],
            }
            server = Prometheus(yaml.safe_dump(configuration), (MONITORING / "alerts.yml").read_text("utf-8"))
            try:
                yield server
            finally:
                server.kill()
                server.remove()
        finally:
            process.terminate()


def test_a_dead_job_fires_its_alert_and_every_query_of_the_dashboard_is_answered(scraped: Prometheus) -> None:
    deadline = time.monotonic() + 30
    firing: set[str] = set()
    while "HallmarkDeadJobs" not in firing:
        assert time.monotonic() < deadline, json.dumps(scraped.asked("targets"))[-2000:]
        time.sleep(0.2)
        alerts = scraped.asked("alerts")["alerts"]
        firing = {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}
    assert firing == {"HallmarkDeadJobs"}
    answers = {where: scraped.asked("query", query=expression)["result"] for where, expression in expressions()}
    assert [result["value"][1] for result in answers["Dead jobs"]] == ["1"]
