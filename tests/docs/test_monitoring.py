"""Alert rules and dashboard ask for metrics, labels and values that exist, and every alert has its entry."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any

import pytest
import yaml

from broker.artifacts import open_artifacts
from broker.jobs import BatchState, JobSpec, JobState, Outcome, Stage, open_store
from core.store.models import L1TransactionStatus
from housekeeper.metrics import DatabaseCollector
from runtime.settings import Settings
from tests.docs.test_pages import ROOT, metrics

FOLDER = ROOT / "tools" / "monitoring"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))["groups"] for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
#: Values of labels that expressions name.
VALUES: dict[tuple[str, str], Collection[str]] = {
    ("hallmark_jobs", "status"): set(JobState),
    ("hallmark_batches", "status"): set(BatchState),
    ("hallmark_job_attempts_total", "outcome"): set(Outcome),
    ("hallmark_core_l1_batch", "step"): {"committed", "proven", "executed"},
    ("hallmark_core_l1_transactions", "status"): set(L1TransactionStatus),
}
#: Endings that Prometheus adds to the names of histograms and summaries.
_PARTS = re.compile(r"_(bucket|sum|count)$")


def expressions() -> Iterator[tuple[str, str]]:
    """Where, and what is asked."""
    yield from ((rule["alert"], rule["expr"]) for rule in RULES)
    for panel in DASHBOARD["panels"]:
        yield from ((panel["title"], target["expr"]) for target in panel["targets"])


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_what_is_asked_for_exists(where: str, expression: str) -> None:
    asked = re.findall(r"(hallmark_[a-z0-9_]+)(?:\{([^}]*)\})?", expression)
    assert asked
    for name, selector in asked:
        assert name in metrics() or _PARTS.sub("", name) in metrics(), name
        for label, value in re.findall(r"(\w+)!?=~?\"([^\"]*)\"", selector):
            assert set(value.split("|")) <= set(VALUES[name, label]), (name, label, value)


def test_every_alert_has_its_entry_and_no_entry_is_of_none() -> None:
    page = (ROOT / "docs" / "alerts.md").read_text("utf-8")
    assert re.findall(r"^## (\w+)$", page, re.MULTILINE) == [rule["alert"] for rule in RULES]


def test_every_alert_says_how_urgent_it_is_and_what_it_is() -> None:
    for rule in RULES:
        assert rule["labels"]["severity"] in ("page", "ticket") and rule["annotations"]["summary"].endswith(".")
        used = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        kept = re.search(r"by \(([^)]*)\)", rule["expr"])
        assert kept is None or used <= {label.strip() for label in kept[1].split(",")}


def test_panels_have_places_of_their_own() -> None:
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in DASHBOARD["panels"]]
    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(places)


def test_the_housekeepers_own_are_among_what_it_exports(tmp_path: Any) -> None:
    settings = Settings.of(state_dir=tmp_path)
    store = open_store(settings, migrate=True)
    store.create_batch(1, protocol_version="1", jobs=[JobSpec(Stage.WITNESS)])
    exported = {
        sample.name: set(sample.labels)
        for family in DatabaseCollector(store, open_artifacts(settings), settings).collect()
        for sample in family.samples
    }
    for name in ("hallmark_jobs", "hallmark_batches", "hallmark_job_oldest_age_seconds", "hallmark_dead_jobs"):
        assert name in exported
    assert {"stage", "status", "cluster"} <= exported["hallmark_jobs"]
    assert {"hallmark_database_up", "hallmark_store_free_bytes", "hallmark_outbox_pending"} <= set(exported)
