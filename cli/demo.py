"""`hallmark demo`: the whole pipeline on this machine, from signed transfers to a proof that core accepted."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Annotated

import typer

from cli import display, files
from cli.procfile import read_procfile
from cli.run import ROOT, choose, migrate
from cli.summary import Summary, summarise
from cli.supervisor import Supervisor
from cli.wallet import transfers
from cli.watch import watch_batch
from core.client import CoreClient
from runtime import run_files
from runtime.configuration import FILE_VARIABLE, NO_FILE
from runtime.errors import HallmarkError, Unavailable
from runtime.private import private_file, usable_folder
from runtime.settings import Settings, load_settings

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


@dataclass(frozen=True)
class Demo:
    """One demo's folder and environment."""

    directory: Path
    environment: dict[str, str]

    @property
    def settings(self) -> Settings:
        """The settings that the demo's processes see."""
        return load_settings(
            state_dir=self.directory,
            core_url=self.environment["HALLMARK_CORE_URL"],
            database_url="",
            broker_url="embedded://",
            store_url="",
        )


def demo(
    transactions: Annotated[int, typer.Option(help="Signed transfers in the batch.", min=1, max=64)] = 3,
    keep: Annotated[
        Path | None, typer.Option(help="Folder for proof and batch file; in the state folder when left out.")
    ] = None,
) -> None:
    """Seal a batch of signed transfers, prove it, and have core verify and accept the proof."""
    summary = run_demo(transactions, keep)
    display.console.print(summary.render())


def run_demo(transactions: int, keep: Path | None = None) -> Summary:
    """Run one demo to its end and return what it measured.

    Raises
    ------
    DemoFailed
        A process could not start, a job died, or core refused the proof.
    """
    start = time.perf_counter()
    with contextlib.ExitStack() as stack:
        place = _environment(stack.enter_context(_folder()))
        target = usable_folder(keep or place.directory / "proofs", "--keep")
        log = stack.enter_context((place.directory / "demo.log").open("ab", buffering=0))
        # Its report is of no interest here; what is wrong is still said.
        migrate({**place.environment, "HALLMARK_LOG_LEVEL": "warning"})
        supervisor = stack.enter_context(_supervised(place, log))
        client = CoreClient(place.environment["HALLMARK_CORE_URL"])
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
            watched = watch_batch(
                place.settings, number, bars, timeout=BATCH_SECONDS, failed=lambda: _failure(supervisor)
            )
        if watched.error:
            raise DemoFailed(
                f"Batch {number}: {watched.error}", remedy=f"`{place.directory}/demo.log` has the details."
            )
        batch_path, proof_path = target / f"batch-{number}.json", target / f"batch-{number}.proof"
        files.write(batch_path, client.batch_file(number))
        files.write(proof_path, watched.bundle)
        summary = summarise(
            watched,
            batch_path=batch_path,
            proof_path=proof_path,
            state=place.directory,
            seconds=time.perf_counter() - start,
            profile=place.settings.profile,
        )
        files.write(place.directory / "last.json", json.dumps(summary.figures(), indent=1).encode())
        return summary


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """Yield a state folder that no other demo uses: the first of demo, demo-2, ... whose lock is free."""
    base = Path(os.environ.get("HALLMARK_STATE_DIR") or ROOT / ".hallmark").absolute()
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


def _environment(folder: Path) -> Demo:
    core, gateway = _free_ports(2)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HALLMARK_")}
    passed = (
        "HALLMARK_CPU",
        "HALLMARK_THREADS",
        "HALLMARK_MEMORY",
        "HALLMARK_SIZE_CLASS",
        "HALLMARK_PROFILE",
        "HALLMARK_CORE_PROFILE",
        "HALLMARK_CORE_ACCEPT_INSECURE",
        "HALLMARK_KEY_DIR",
    )
    environment |= {name: os.environ[name] for name in passed if name in os.environ}
    # The demo plays both sides: its core asks for what its provers make, unless told otherwise.
    if "HALLMARK_PROFILE" in environment:
        environment.setdefault("HALLMARK_CORE_PROFILE", environment["HALLMARK_PROFILE"])
    environment |= {
        FILE_VARIABLE: NO_FILE,
        "HALLMARK_STATE_DIR": str(folder),
        "HALLMARK_CORE_HOST": "127.0.0.1",
        "HALLMARK_CORE_PORT": str(core),
        "HALLMARK_CORE_URL": f"http://127.0.0.1:{core}",
        "HALLMARK_GATEWAY_HOST": "127.0.0.1",
        "HALLMARK_GATEWAY_PORT": str(gateway),
        "HALLMARK_METRICS_PORT": "0",
        # The demo seals by an explicit call.
        "HALLMARK_CORE_BATCH_SECONDS": "0",
        "HALLMARK_CORE_BATCH_TRANSACTIONS": "1024",
    }
    return Demo(folder, environment)


def _free_ports(count: int) -> list[int]:
    """Return ports that are free now; all are held until all are found, so that they differ."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextlib.contextmanager
def _supervised(place: Demo, log: IO[bytes]) -> Iterator[Supervisor]:
    lock = threading.Lock()

    def output(name: str, line: str) -> None:
        with lock:
            log.write(f"{name} | {line}\n".encode())

    types = choose(read_procfile(ROOT / "Procfile"))
    supervisor = Supervisor(
        types,
        directory=ROOT,
        environment=place.environment,
        output=output,
        came_up=lambda pid: run_files.came_up(place.directory, pid),
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
