"""Whether core refuses the gateway for good: then no batch is fetched, however long one waits."""

from __future__ import annotations

import http.client
import json
from pathlib import Path

from runtime import run_files
from runtime.pages import READY

#: Seconds that the gateway's page may take.
TIMEOUT_SECONDS = 2.0


def refusal(state_dir: Path) -> str:
    """Return why core refuses the gateway of this state folder, from the gateway's ``/ready``.

    Empty while it does not, and when no gateway runs here or answers.
    """
    for entry in run_files.running(state_dir):
        if entry["process"].partition(".")[0] == "gateway":
            return str(_ready(entry["host"], entry["port"]).get("refused", ""))
    return ""


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
