"""The manifests are what Kubernetes and KEDA take, and what they name is Hallmark's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from actors.worker import metrics_port
from broker.jobs import Stage, open_store
from cli.procfile import read_procfile
from cli.run import ROOT, patience
from housekeeper.console.views import queue_report
from runtime.settings import Settings
from tests.processes import started

FOLDER = ROOT / "deploy" / "kubernetes"
KEDA = json.loads((Path(__file__).parent / "keda.json").read_text("utf-8"))
KEDA_API = "keda.sh/v1alpha1"


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Where, and one object."""
    for path in sorted(FOLDER.glob("*.yaml")):
        if path.name != "kustomization.yaml":
            yield from ((path.name, each) for each in yaml.safe_load_all(path.read_text("utf-8")))


def of_kind(*kinds: str) -> list[dict[str, Any]]:
    return [each for _, each in documents() if each["kind"] in kinds]


WORKLOADS = of_kind("Deployment", "StatefulSet")
named = pytest.mark.parametrize("workload", WORKLOADS, ids=lambda each: each["metadata"]["name"])


def container(workload: dict[str, Any]) -> dict[str, Any]:
    [only] = workload["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = only
    return found


@pytest.mark.parametrize(("where", "found"), list(documents()), ids=lambda each: str(each)[:20])
def test_each_object_is_of_its_schema(where: str, found: dict[str, Any]) -> None:
    if found["apiVersion"] == KEDA_API:
        jsonschema.validate(found, KEDA)
    else:
        kubernetes_validate.validate(found, kubernetes_validate.latest_version(), strict=True)


def test_a_wrong_object_is_refused() -> None:
    [spoiled, *_] = of_kind("Deployment")
    spoiled["spec"]["replica"] = 3
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(spoiled, kubernetes_validate.latest_version(), strict=True)
    [spoiled, *_] = of_kind("ScaledObject")
    spoiled["spec"]["triggers"][0]["metadata"]["targetValue"] = 4
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(spoiled, KEDA)


def test_every_file_is_applied_or_asked_for_by_name() -> None:
    listed = yaml.safe_load((FOLDER / "kustomization.yaml").read_text("utf-8"))["resources"]
    assert {*listed, "kustomization.yaml", "gpu.yaml", "autoscale.yaml"} == {path.name for path in FOLDER.iterdir()}


def test_every_process_of_the_procfile_runs() -> None:
    assert {container(each)["args"][1] for each in WORKLOADS} == set(read_procfile(ROOT / "Procfile"))


@named
def test_a_workload_starts_a_process_whose_pages_are_asked(workload: dict[str, Any]) -> None:
    made = container(workload)
    command, name = made["args"]
    settings = Settings()
    ports = {
        "core": settings.core_port,
        "gateway": settings.gateway_port,
        "console": settings.console_port,
        "housekeeper": settings.metrics_port,
        "clock": settings.metrics_port + 1,
    }
    assert command == "start"
    assert made["ports"][0]["containerPort"] == ports.get(name, metrics_port(started(settings, name)))
    assert made["livenessProbe"]["httpGet"]["path"] == "/health"
    assert made["readinessProbe"]["httpGet"]["path"] == "/ready"


@named
def test_a_workload_selects_its_own_pods_and_lets_them_drain(workload: dict[str, Any]) -> None:
    spec = workload["spec"]
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"] == workload["metadata"]["labels"]
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] > patience(Settings())


def test_services_lead_to_pods() -> None:
    labels = [each["metadata"]["labels"] for each in WORKLOADS]
    for service in of_kind("Service"):
        assert service["spec"]["selector"] in labels


def test_scalers_ask_for_numbers_that_the_report_has(tmp_path: Path) -> None:
    settings = Settings.of(state_dir=tmp_path)
    report = json.loads(json.dumps(queue_report(open_store(settings, migrate=True), settings)))
    scaled = of_kind("ScaledObject")
    assert {each["metadata"]["name"] for each in scaled} == set(Stage)
    deployments = {each["metadata"]["name"] for each in of_kind("Deployment")}
    for each in scaled:
        assert each["spec"]["scaleTargetRef"]["name"] in deployments
        value: Any = report
        for part in each["spec"]["triggers"][0]["metadata"]["valueLocation"].split("."):
            value = value[part]
        assert value == 0
