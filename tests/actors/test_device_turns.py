"""Two processes of one device never hold its memory together, and neither waits for ever."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.attempt import Result, Work, run_one
from actors.context import WorkerContext
from actors.device_turns import WAITS, DeviceTurn, Turn, physical, report, turns_folder
from broker.artifacts import ArtifactStore, open_artifacts
from broker.jobs import JobSpec, JobState, Stage, Worker, open_store, status
from broker.jobs.overview import workers
from broker.queues import EmbeddedBroker
from broker.relay import Relay
from cuda.backend import CudaBackend
from cuda.emulated import EmulatedDevice
from cuda.sources import FOLDER
from runtime.errors import ConfigurationError
from runtime.settings import Settings
from tests.actors.cluster import ROOT


class Card:
    """What is held of one card by all who take turns at it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.holds: set[str] = set()
        self.order: list[str] = []

    def user(self, name: str) -> DeviceTurn:
        return DeviceTurn(self.folder, "card", name, lambda: self.holds.discard(name))

    def use(self, name: str, turn: DeviceTurn, seconds: float = 0.0) -> None:
        with turn.taken():
            self.holds.add(name)
            self.order.append(name)
            assert self.holds == {name}, "somebody else's memory is still there"
            time.sleep(seconds)


@pytest.fixture
def card(tmp_path: Path) -> Card:
    return Card(tmp_path)


def together(*work: threading.Thread) -> None:
    for thread in work:
        thread.start()
    for thread in work:
        thread.join(30)
        assert not thread.is_alive()


def test_who_is_alone_keeps_the_device_between_jobs(card: Card) -> None:
    turn = card.user("prover")
    card.use("prover", turn)
    turn.look()
    assert card.holds == {"prover"}
    assert report(card.folder) == [Turn("card", "prover", "")]


def test_an_idle_holder_lets_another_have_it(card: Card) -> None:
    prover, compressor = card.user("prover"), card.user("compressor")
    card.use("prover", prover)
    waits = threading.Thread(target=card.use, args=("compressor", compressor))
    waits.start()
    while report(card.folder) != [Turn("card", "prover", "compressor")]:
        time.sleep(0.01)
    prover.look()
    waits.join(10)
    assert card.order == ["prover", "compressor"]


def test_neither_starves_however_many_threads_the_other_has(card: Card) -> None:
    failed: list[BaseException] = []

    def work(name: str, turn: DeviceTurn, times: int) -> None:
        try:
            for _ in range(times):
                card.use(name, turn, 0.02)
        except BaseException as error:
            failed.append(error)
        # Its main thread looks while it lives.
        for _ in range(300):
            turn.look()
            time.sleep(0.01)
            if len(card.order) == 24:
                break

    prover, compressor = card.user("prover"), card.user("compressor")
    together(
        threading.Thread(target=work, args=("prover", prover, 10)),
        threading.Thread(target=work, args=("prover", prover, 10)),
        threading.Thread(target=work, args=("compressor", compressor, 4)),
    )
    assert not failed
    assert (card.order.count("prover"), card.order.count("compressor")) == (20, 4)
    assert "prover" in card.order[card.order.index("compressor") :]
    last = len(card.order) - 1 - card.order[::-1].index("compressor")
    assert last < len(card.order) - 4, "it came in between, not after all others"


def test_who_stops_waiting_keeps_nobody_from_it(card: Card) -> None:
    first, second, third = (card.user(name) for name in ("first", "second", "third"))
    with first.taken():
        with pytest.raises(TimeoutError), second.taken(_give_up):
            pass
        assert report(card.folder) == [Turn("card", "first", "")]
    waits = threading.Thread(target=card.use, args=("third", third))
    waits.start()
    while not report(card.folder)[0].waits:
        time.sleep(0.01)
    first.look()
    waits.join(10)
    assert card.order == ["third"]


def _give_up() -> None:
    raise TimeoutError


def test_a_killed_holder_holds_nothing(card: Card) -> None:
    script = f"""
import pathlib, time
from actors.device_turns import DeviceTurn
turn = DeviceTurn(pathlib.Path({str(card.folder)!r}), "card", "other", lambda: None)
with turn.taken():
    print("has it", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"has it\n"
        assert report(card.folder) == [Turn("card", "other", "")]
        other.kill()
        other.wait()
    assert report(card.folder) == []
    card.use("prover", card.user("prover"))


@pytest.fixture
def backends() -> Iterator[tuple[CudaBackend, CudaBackend]]:
    made = tuple(CudaBackend(EmulatedDevice(units=[FOLDER / "field.cu"], quick=True)) for _ in range(2))
    assert len(made) == 2
    yield made
    for backend in made:
        backend.device.close()


def test_backends_give_their_pool_back(tmp_path: Path, backends: tuple[CudaBackend, CudaBackend]) -> None:
    first, second = backends
    one, two = (DeviceTurn(tmp_path, "emulated", each.name, each.give_back) for each in backends)
    with one.taken():
        first.pool.allocate(1 << 20)
    assert first.pool.held >= 1 << 20
    waits = threading.Thread(target=_allocate, args=(two, second))
    waits.start()
    while not report(tmp_path)[0].waits:
        time.sleep(0.01)
    one.look()
    waits.join(10)
    assert (first.pool.held, second.pool.held >= 1 << 20) == (0, True)


def _allocate(turn: DeviceTurn, backend: CudaBackend) -> None:
    with turn.taken():
        backend.pool.allocate(1 << 20)


def test_a_device_has_one_name_whichever_a_process_sees() -> None:
    assert physical("cuda:1", {}) == physical("cuda:0", {"CUDA_VISIBLE_DEVICES": "1,2"}) == "cuda:1"
    assert physical("cuda:0", {"CUDA_VISIBLE_DEVICES": "GPU-7/../x"}) == "cuda:GPU-7____x"
    assert physical("cuda:5", {"CUDA_VISIBLE_DEVICES": "1"}) == "cuda:5"
    assert physical("emulated", {"CUDA_VISIBLE_DEVICES": "1"}) == "emulated"


def test_somebody_elses_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert turns_folder(Settings.of(state_dir=tmp_path, device_turns=tmp_path / "turns")) == tmp_path / "turns"
    mine = turns_folder(Settings.of(state_dir=tmp_path))
    monkeypatch.setattr("os.getuid", lambda: 4_000_000)
    monkeypatch.setattr("actors.device_turns.private_folder", lambda path: mine)
    with pytest.raises(ConfigurationError, match="belongs to somebody else"):
        turns_folder(Settings.of(state_dir=tmp_path))


@pytest.fixture
def context(tmp_path: Path) -> Iterator[WorkerContext]:
    """A worker of the emulated device, whose backend nothing is computed on."""
    turns = {"device": "emulated", "device_turns": tmp_path / "turns"}
    settings = Settings.of(state_dir=tmp_path, lease_seconds=0.5, disk_reserve=0, **turns)
    store = open_store(settings, migrate=True)
    local = ArtifactStore((tmp_path / "local").as_uri())
    relay = Relay(store, EmbeddedBroker(lambda queue: False, lambda: 0))
    worker = Worker("here/prove/1", device="emulated")
    made = WorkerContext(settings, store, open_artifacts(settings), local, relay, worker)
    made.__dict__["backend"] = "the backend"
    yield made
    store.database.close()


def test_a_job_says_that_it_waits_and_goes_on_in_its_turn(context: WorkerContext) -> None:
    context.store.create_batch(1, protocol_version="1", jobs=[JobSpec(Stage.PROVE)], key_identity=context.keys)
    folder = turns_folder(context.settings)
    other = DeviceTurn(folder, "emulated", "other", lambda: None)
    with other.taken():
        pass
    worker = threading.Thread(target=run_one, args=(context, Stage.PROVE, _with_device))
    worker.start()
    deadline = time.monotonic() + 20
    while [held.progress_note for each in workers(context.store) for held in each.held] != [WAITS]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    other.look()
    worker.join(20)
    assert status.jobs(context.store)[0].state is JobState.SUCCESSFUL
    assert report(folder) == [Turn("emulated", "here/prove/1", "")]


def _with_device(work: Work) -> Result:
    with work.device() as backend:
        return Result("proof", str(backend).encode())


def test_a_share_of_the_memory_and_the_cpu_need_no_turn(context: WorkerContext) -> None:
    assert context.turn is not None
    shared = context.settings.model_copy(update={"device_memory": 1 << 30})
    for settings, device in ((shared, "emulated"), (context.settings, "cpu")):
        worker = dataclasses.replace(context.worker, device=device)
        assert dataclasses.replace(context, settings=settings, worker=worker).turn is None
