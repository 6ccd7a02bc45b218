"""A component of core as a process: what it reads opened, batches done as they come, its pages."""

from __future__ import annotations

from core.batches.component import Component
from core.batches.components import make_components
from core.batches.settlement import advance
from core.batches.witness_store import WitnessStore
from core.process.only_core import only_core
from core.settings import CoreSettings, load_core_settings
from core.state import versions
from core.state.inputs import read_inputs
from core.state_tree.kept import KeptTree
from core.store import open_store
from runtime.endpoint import Endpoint
from runtime.errors import HallmarkError
from runtime.logging import get_logger
from runtime.os_errors import resource_error
from runtime.pages import Pages
from runtime.process import Exit, Process
from runtime.settings import Settings
from runtime.waiting import wait_for

#: Seconds between two looks for a batch, and before another try after a failure.
TICK_SECONDS, RECOVERY_SECONDS = 0.1, 5.0

log = get_logger(__name__)


def serve(process: Process, name: str) -> int:
    """Do the component's step of every batch until the process is told to stop."""
    settings, own, stopping = process.settings, load_core_settings(), process.stopping
    failures: dict[str, str] = {}
    pages = Pages(process, check=lambda: failures.get(name, ""))
    lock = only_core(own.folder(settings), component=name, stopping=stopping)
    with lock, Endpoint(pages, port=settings.metrics_port):
        component = wait_for(lambda: _open(settings, own, name), "database and state tree of core", stopping)
        process.ready()
        while not stopping.is_set():
            process.pulse.beat(name)
            try:
                moved = advance([component]) > 0
                failures.clear()
            except Exception as error:
                known = error if isinstance(error, HallmarkError) else resource_error(error)
                failures[name] = known.line() if known else f"{type(error).__name__}: {error}"
                log.exception("component.failed", component=name)
                stopping.wait(RECOVERY_SECONDS)
                continue
            if not moved:
                stopping.wait(TICK_SECONDS)
    return Exit.OK


def _open(settings: Settings, own: CoreSettings, name: str) -> Component:
    _, program, protocol = read_inputs(settings, own)
    folder = own.folder(settings)
    tree = KeptTree.open(folder / "state_tree", read_only=True)
    store = open_store(own.database_url(settings))
    versions.require_settled(store, protocol)
    programs = versions.open_programs(store, own.programs(settings), program, own.core_cycle_limit, protocol)
    return make_components([name], store, tree, WitnessStore(folder / "witnesses"), programs)[0]
