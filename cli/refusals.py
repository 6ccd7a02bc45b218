"""What the gateway of a state folder says of itself: whether core refuses it for good, and which cores it serves."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path

from runtime import run_files
from runtime.pages import READY

#: Seconds that the gateway's page may take.
TIMEOUT_SECONDS = 2.0


def refusal(state_dir: Path) -> str:
    """Return why core refuses the gateway of this state folder, from the gateway's ``/ready``.

    Empty while it does not, and when no gateway runs here or answers.
    """
    return next((str(said.get("refused", "")) for said in _gateways(state_dir)), "")


def unread_cores(state_dir: Path) -> list[str]:
    """Return a line for a gateway of this state folder that does not take its file of cores as that stands."""
    faults = [str(file["fault"]) for said in _gateways(state_dir) if isinstance(file := said.get("cores_file"), dict)]
    return [f"the gateway keeps the cores that it has: {fault}" for fault in faults if fault]


def _gateways(state_dir: Path) -> Iterator[dict[str, object]]:
    for entry in run_files.running(state_dir):
        if entry["process"].partition(".")[0] == "gateway":
            yield _ready(entry["host"], entry["port"])


def _ready(host: str, port: int) -> dict[str, object]:
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", READY)
        # 503 is how a gateway answers that is not ready, with the same body.
        return dict(json.loads(connection.getresponse().read()))
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    finally:
        connection.close()
