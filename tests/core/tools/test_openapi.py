from __future__ import annotations

import json
from pathlib import Path

from core.process.node import Node
from core.process.server import Server
from core.tools.openapi import openapi
from tests.processes import started


def test_the_committed_document_is_the_generated_one() -> None:
    committed = json.loads(Path("docs/openapi.json").read_text())
    assert committed == openapi(), "run `python -m core describe > docs/openapi.json`"


def test_every_route_of_the_server_is_described(node: Node) -> None:
    served = {
        (route.method.lower(), route.resource.canonical)
        for route in Server(node, started(node.settings, "core")).application().router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    described = {(method, path) for path, methods in openapi()["paths"].items() for method in methods}
    assert served == described
