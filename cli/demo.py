"""`hallmark demo`: the whole pipeline on this machine, from signed transfers to a proof that core accepted."""

from __future__ import annotations

import contextlib
import fcntl
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from cli import configuration, display, files
from cli.commands import folder_of_demos
from cli.configuration import Configuration
from cli.procfile import read_procfile
from cli.run import ROOT, choose, migrate
from cli.supervisor import Supervisor
from cli.wallet import transfers
from cli.watch import watch_batch
from core.settings import CoreSettings
from core.tools.client import CoreClient
from gateway.settings import GatewaySettings
from runtime import run_files
from runtime.errors import HallmarkError, Unavailable
from runtime.private import private_file, usable_folder
from runtime.settings import Settings

if TYPE_CHECKING:
    from cli.summary import Summary

#: Seconds the processes may take until core answers.
START_SECONDS = 60.0
#: Seconds a batch of the demo may take.
BATCH_SECONDS = 3600.0


class DemoFailed(HallmarkError):
    """The demo did not reach an accepted proof."""

    code = "demo_failed"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(demo)


#: What a demo takes over from the configuration of whoever starts it, so that it computes as asked and the commands
#: that it prints find its batch; everything else is the demo's own.
_TAKEN_OVER = ("cpu", "threads", "memory", "size_class", "profile", "key_dir", "setup", "chain_id", "protocol_version")


def demo(
    transactions: Annotated[int, typer.Option(help="Signed transfers in the batch.", min=1, max=64)] = 3,
    keep: Annotated[
        Path | None, typer.Option(help="Folder for proof and batch file; in the state folder when left out.")
    ] = None,
    snark: Annotated[
        bool, typer.Option(help="Make the SNARK and let L1 act on it; takes minutes without AVX-512.")
    ] = True,
) -> None:
    """Seal a batch of signed transfers, prove it, have core accept the proof, and L1 act on the new root."""
    summary = run_demo(transactions, keep, snark=snark)
    display.console.print(summary.render())


def run_demo(transactions: int, keep: Path | None = None, *, snark: bool = True) -> Summary:
    """Run one demo to its end and return what it measured.

    Raises
    ------
    DemoFailed
        A process could not start, a job died, core refused the proof, or L1 did not act on the batch.
    """
    from cli.demo_l1 import demo_l1
    from cli.summary import summarise
    from proving.stages import compression

    start = time.perf_counter()
    with contextlib.ExitStack() as stack:
        callers = configuration.load()
        folder = stack.enter_context(_folder(callers.general))
        found = own_configuration(callers, folder)
        configuration.check(found)
        l1 = None
        if snark and compression.available(found.core.core_profile):
            with display.progress() as bars:
                task = bars.add_task("start L1, deploy the contracts", total=1, note="")
                l1 = stack.enter_context(demo_l1(folder, found.general, found.core))
                bars.update(task, completed=1, note=l1.name)
            found = own_configuration(callers, folder, **l1.settings())
            configuration.check(found)
        environment, settings = configuration.for_children(found), found.general
        target = usable_folder(keep or folder / "proofs", "--keep")
        log = stack.enter_context((folder / "demo.log").open("ab", buffering=0))
        # Its report is of no interest here; what is wrong is still said.
        migrate({**environment, "HALLMARK_LOG_LEVEL": "warning"})
        supervisor = stack.enter_context(_supervised(folder, environment, log))
        client = CoreClient(settings.core_url)
        with display.progress() as bars:
            task = bars.add_task("start the processes", total=1, note="")
            _wait_for(client, supervisor)
            bars.update(task, completed=1)
            task = bars.add_task("sign and send transfers", total=transactions, note="")
            for raw in transfers(client, transactions):
                client.send_raw_transaction(raw)
                bars.advance(task)
            task = bars.add_task("seal the batch", total=1, note="")
            number = client.seal()
            bars.update(task, completed=1, note=f"batch {number}")
            watched = watch_batch(settings, number, bars, timeout=BATCH_SECONDS, failed=lambda: _failure(supervisor))
            settled = None
            if l1 is not None and not watched.error:
                task = bars.add_task("L1 verifies and executes", total=1, note="")
                snark_path = target / f"batch-{number}.snark"
                settled = l1.wait(client, number, snark_path, lambda: _failure(supervisor))
                bars.update(task, completed=1, note="")
        if watched.error:
            raise DemoFailed(f"Batch {number}: {watched.error}", remedy=f"`{folder}/demo.log` has the details.")
        batch_path, proof_path = target / f"batch-{number}.json", target / f"batch-{number}.proof"
        files.write(batch_path, client.batch_file(number))
        files.write(proof_path, watched.proof)
        if settled is not None:
            files.write(settled.snark_path, watched.snark)
        summary = summarise(
            watched,
            batch_path=batch_path,
            proof_path=proof_path,
            settled=settled,
            state=folder,
            seconds=time.perf_counter() - start,
            profile=settings.profile,
        )
        files.write(folder / "last.json", json.dumps(summary.figures(), indent=1).encode())
        return summary


@contextlib.contextmanager
def _folder(callers: Settings) -> Iterator[Path]:
    """Yield a state folder that no other demo uses: the first of demo, demo-2, ... whose lock is free."""
    base = folder_of_demos(callers)
    for index in range(1, 100):
        folder = usable_folder(base / ("demo" if index == 1 else f"demo-{index}"), "HALLMARK_STATE_DIR")
        with private_file(folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            yield folder
            return
    raise DemoFailed("A hundred demos are running here.", remedy="Set HALLMARK_STATE_DIR to another folder.")


def own_configuration(callers: Configuration, folder: Path, **core_settings: object) -> Configuration:
    """Return the configuration of a demo in a folder: its own, but for how its caller wants it to compute.

    Parameters
    ----------
    **core_settings
        Settings of core beside those that every demo has.

    Raises
    ------
    ConfigurationError
        The caller's profile is none that core may accept.
    """
    core, gateway = _free_ports(2)
    general = Settings.of(
        **{name: getattr(callers.general, name) for name in _TAKEN_OVER},
        state_dir=folder,
        core_port=core,
        core_url=f"http://127.0.0.1:{core}",
        gateway_port=gateway,
        console_port=0,
        metrics_port=0,
    )
    # The demo plays both sides: its core asks for what its provers make, unless told otherwise.
    unasked = CoreSettings.sources()["core_profile"] == "default"
    own_core = CoreSettings.of(
        core_profile=general.profile if unasked else callers.core.core_profile,
        core_accept_insecure=callers.core.core_accept_insecure,
        # The demo seals by an explicit call.
        core_batch_seconds=0,
        core_batch_transactions=1024,
        **core_settings,
    )
    return Configuration(general, own_core, GatewaySettings.of())


def _free_ports(count: int) -> list[int]:
    """Return ports that are free now; all are held until all are found, so that they differ."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def _supervised(folder: Path, environment: Mapping[str, str], log: IO[bytes]) -> Iterator[Supervisor]:
    lock = threading.Lock()

    def output(name: str, line: str) -> None:
        with lock:
            log.write(f"{name} | {line}\n".encode())

    types = choose(read_procfile(ROOT / "Procfile"))
    supervisor = Supervisor(
        types,
        directory=ROOT,
        environment=environment,
        output=output,
        came_up=lambda pid: run_files.came_up(folder, pid),
    )
    thread = threading.Thread(target=supervisor.run, name="supervisor")
    thread.start()
    try:
        yield supervisor
    finally:
        supervisor.stop()
        thread.join()


def _failure(supervisor: Supervisor) -> str:
    failed = supervisor.failed
    return f"The process {failed.name} stopped: its configuration is wrong." if failed is not None else ""


def _wait_for(client: CoreClient, supervisor: Supervisor) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        if reason := _failure(supervisor):
            raise DemoFailed(reason, remedy="See demo.log.")
        try:
            client.ready()
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
