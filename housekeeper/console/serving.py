"""The console as a process."""

from __future__ import annotations

from broker.connect import connect_store
from housekeeper.console.application import Console
from runtime.http_server import serve as serve_http
from runtime.logging import get_logger
from runtime.process import Exit, Process


def serve(process: Process) -> int:
    """Connect the job store and serve."""
    settings = process.settings
    console = Console(process, connect_store(settings, process.stopping))
    serve_http(
        process,
        console.application(),
        console.pages,
        host=settings.console_host,
        port=settings.console_port,
        prefix="HALLMARK_CONSOLE",
        started=lambda addresses: get_logger("console").info("console.started", address=list(addresses)),
    )
    return Exit.OK
