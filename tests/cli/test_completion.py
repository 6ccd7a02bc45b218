"""What a shell offers while somebody types: in real shells, and by what the scripts of zsh and fish ask."""

from __future__ import annotations

import os
import re
import select
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.completion import completion_init
from typer.testing import CliRunner

from broker.jobs import Stage, open_store
from cli import suggestions
from cli.main import app
from cli.run import ROOT
from runtime.errors import ArtifactCorrupt
from runtime.settings import Settings
from tests.broker.test_jobs import make, must_claim, segments
from tests.servers import find_shell, free_port, missing, unpacked, unpacked_libraries

#: The folder in which the tests' own ``hallmark`` lies.
PROGRAMS = Path(sys.executable).parent


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """The environment of a shell whose job store has batches 7 and 71, and a dead job."""
    store = open_store(Settings.load(state_dir=tmp_path, store_url="", retry_seconds=0), migrate=True)
    make(store, 7)
    make(store, 71)
    store.complete(must_claim(store), "s", segments(2))
    dead = must_claim(store, Stage.VECTORS)
    store.fail(dead, ArtifactCorrupt("damaged"))
    path = f"{PROGRAMS}:{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "HALLMARK_STATE_DIR": str(tmp_path), "DEAD": str(dead.job_id)}


def ran(*command: str, **variables: str) -> str:
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def asked(shell: str, words: str, **variables: str) -> str:
    """Return what the command answers when the script of zsh or fish asks it."""
    completion_init()
    question = {"_HALLMARK_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": words}
    done = CliRunner().invoke(
        app, [], prog_name="hallmark", env={**variables, **question, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    )
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


def test_bash_offers_numbers_by_the_script_that_it_is_given(variables: dict[str, str]) -> None:
    script = (
        "source <(hallmark completion bash); COMP_WORDS=(hallmark batch show 7); COMP_CWORD=3; "
        '$(complete -p hallmark | sed "s/.*-F \\([^ ]*\\).*/\\1/") hallmark; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    assert ran("bash", "-c", script, **variables).split() == ["71", "7"]


def test_zsh_and_fish_offer_commands_and_numbers_with_what_they_stand_for(variables: dict[str, str]) -> None:
    assert '"autoscale":' in asked("zsh", "hallmark au", **variables)
    assert f'"{variables["DEAD"]}":"vectors, dead"' in asked("zsh", "hallmark job show ", **variables)
    assert "7\tdead" in asked("fish", "hallmark batch show ", **variables).splitlines()


def printed(shell: str, folder: Path) -> Path:
    """Return a file with the script that the command prints for a shell."""
    script = folder / "script"
    script.write_text(CliRunner().invoke(app, ["completion", shell]).stdout)
    return script


def shell(name: str) -> Path:
    return find_shell(name) or missing(name)


def test_fish_offers_numbers_by_the_script_that_it_is_given(variables: dict[str, str], tmp_path: Path) -> None:
    # What the shell needs of unpacked libraries it has by then; the command needs the system's.
    script = f"set -e LD_LIBRARY_PATH; source {printed('fish', tmp_path)}; complete -C 'hallmark batch show '"
    at_home = {**variables, **unpacked_libraries(), "HOME": str(tmp_path)}
    assert ran(str(shell("fish")), "-N", "-c", script, **at_home).splitlines() == ["7\tdead", "71\tin_progress"]


def test_zsh_offers_numbers_by_the_script_that_it_is_given(variables: dict[str, str], tmp_path: Path) -> None:
    zsh = shell("zsh")
    lines = ["setopt no_global_rcs", "unset LD_LIBRARY_PATH"]
    if zsh.is_relative_to(unpacked()):
        parts = unpacked() / "usr"
        lines += [f"module_path=({parts}/lib/*-linux-gnu/zsh/*(/))", f"fpath=({parts}/share/zsh/functions/**/*(/))"]
    (tmp_path / ".zshenv").write_text("\n".join(lines))
    (tmp_path / ".zshrc").write_text(f"autoload -Uz compinit\ncompinit -u -D\nsource {printed('zsh', tmp_path)}\n")
    at_home = {**variables, **unpacked_libraries(), "ZDOTDIR": str(tmp_path), "TERM": "xterm"}
    shown = typed(zsh, "hallmark batch show 7\t", "in_progress", at_home)
    assert re.search(r"7 +-- dead.*71 +-- in_progress", shown, re.DOTALL), shown


def typed(shell: Path, keys: str, last: str, variables: dict[str, str]) -> str:
    """Return what an interactive shell shows, to a word that must come, when somebody types these keys."""
    screen, inside = os.openpty()
    shown = ""
    with subprocess.Popen(
        [shell, "-i"], stdin=inside, stdout=inside, stderr=inside, env=variables, start_new_session=True
    ) as running:
        os.close(inside)
        os.write(screen, keys.encode())
        deadline = time.monotonic() + 60
        while last not in shown:
            assert time.monotonic() < deadline, shown
            if select.select([screen], [], [], 0.2)[0]:
                shown += os.read(screen, 4096).decode(errors="replace")
        running.kill()
    os.close(screen)
    return shown


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_scripts_are_in_the_shells_language(shell: str, tmp_path: Path) -> None:
    assert f"_HALLMARK_COMPLETE=complete_{shell}" in printed(shell, tmp_path).read_text()


def test_a_database_that_is_away_or_not_there_yet_offers_nothing_and_says_nothing(variables: dict[str, str]) -> None:
    away = f"postgresql://hallmark:x@127.0.0.1:{free_port()}/hallmark"
    for changed in ({"HALLMARK_DATABASE_URL": away}, {"HALLMARK_STATE_DIR": variables["HALLMARK_STATE_DIR"] + "/none"}):
        assert asked("fish", "hallmark batch show ", **{**variables, **changed}).strip() == ""


def test_a_database_that_does_not_answer_holds_nobodys_typing_up(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suggestions, "PATIENCE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        away = f"postgresql://hallmark:x@127.0.0.1:{silent.getsockname()[1]}/hallmark"
        began = time.monotonic()
        assert asked("fish", "hallmark job show ", **{**variables, "HALLMARK_DATABASE_URL": away}).strip() == ""
        assert time.monotonic() - began < 5
