"""Commands that prove share a device with workers by turns: they wait for it, and let go of it whenever they can."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from actors.device_turns import WAITS, DeviceTurn, report, turns_folder
from cli import device, exported
from cli.device import opened
from cli.exported import BatchWork
from cli.main import app
from proving.hash.text import digest_hex
from proving.machine.program import Program
from runtime.errors import ConfigurationError
from runtime.protocol import PROTOCOL_VERSION
from runtime.settings import Settings
from tests.proving.stages.chain import elf_of


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Backend:
    """Counts how often its memory was given back."""

    given_back = 0

    def give_back(self) -> None:
        self.given_back += 1


@pytest.fixture
def turns(tmp_path: Path) -> Path:
    return tmp_path / "turns"


@pytest.fixture
def settings(turns: Path, tmp_path: Path) -> Settings:
    return Settings.of(state_dir=tmp_path, device="emulated", device_turns=turns)


def worker(settings: Settings) -> DeviceTurn:
    return DeviceTurn(turns_folder(settings), "emulated", "here/prove/1", lambda: None)


def test_a_worker_has_the_device_between_two_proofs_of_a_command(
    settings: Settings, turns: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, other, heard = Backend(), worker(settings), []
    monkeypatch.setattr(device, "open_backend", lambda settings: backend)
    has, done = threading.Event(), threading.Event()

    def work() -> None:
        with other.taken():
            has.set()
            done.wait(30)
        until(lambda: (other.look(), bool(heard))[1])

    with opened(settings, "prove") as compute:
        with compute.used() as used:
            assert used is backend
            working = threading.Thread(target=work)
            working.start()
            until(lambda: bool(report(turns)[0].waits))
            assert not has.is_set() and backend.given_back == 0
        assert has.wait(30) and backend.given_back == 1

        def hear(share: float, note: str) -> None:
            heard.append(note)
            done.set()

        with compute.used(hear):
            assert set(heard) == {WAITS}
        working.join(30)
        # Nobody has to be done with a proof: a command that cuts a run or reads its files lets go as well.
        with other.taken():
            assert backend.given_back == 2


def test_the_cpu_and_a_share_of_the_memory_need_no_turn(settings: Settings, turns: Path) -> None:
    with opened(settings.model_copy(update={"device": "cpu"}), "prove") as compute:
        assert compute.turn is None and report(turns) == []


@pytest.mark.parametrize("command", ["prove", "prove-batch"])
def test_a_command_opens_the_device_in_its_turn(
    command: str, settings: Settings, turns: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_backend(settings: Settings) -> Any:
        [turn] = report(turns)
        raise ConfigurationError(f"opened by {turn.held_by}")

    monkeypatch.setattr(device, "open_backend", open_backend)
    elf, file = elf_of(20), tmp_path / "file"
    work = BatchWork(
        chain_id=4242,
        number=1,
        program_commitment=digest_hex(Program.from_elf(elf).commitment),
        key_identity="",
        snark_key="",
        program=elf,
        advice=b"",
    )
    file.write_bytes(elf if command == "prove" else exported.pack(work, protocol=PROTOCOL_VERSION))
    words = [command, str(file), "-o", str(tmp_path / "proof"), "--device", "emulated"]
    variables = {"HALLMARK_STATE_DIR": str(tmp_path), "HALLMARK_DEVICE_TURNS": str(turns)}
    found: list[Any] = []
    running = threading.Thread(target=lambda: found.append(CliRunner().invoke(app, words, env=variables)))
    other = worker(settings)
    with other.taken():
        running.start()
        until(lambda: f"/{command}/" in report(turns)[0].waits)
        assert report(turns)[0].held_by == "here/prove/1" and not found
    running.join(30)
    assert WAITS in found[0].stderr and f"/{command}/" in str(found[0].exception)
