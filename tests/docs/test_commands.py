"""Every command block of the pages is shell that parses, and every program in it is known, with the subcommand used.

Commands of `hallmark`, `make` and `python -m` are checked by `tests/docs/test_pages.py`.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.run import ROOT

PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
#: Programs of others that pages run -> what may follow.
PROGRAMS = {
    "docker": {"build", "push", "compose"},
    "kubectl": {"create", "apply", "port-forward", "scale"},
    "systemctl": {"daemon-reload", "enable", "stop"},
    "cargo": {"build"},
    "clang": None,
    "rabbitmqctl": {"import_definitions"},
    "promtool": {"test", "check"},
    "useradd": {"--system"},
    "install": {"-d", "-m"},
    "journalctl": {"-u"},
    "export": None,
    "source": None,
}
#: What is checked elsewhere, or begins a line of something that is no shell.
ELSEWHERE = {"hallmark", ".venv/bin/hallmark", "make", "python", ".venv/bin/python", ".venv/bin/pip"}


def blocks(page: Path) -> Iterator[list[str]]:
    """Yield the blocks of a page whose first word is a program."""
    text = page.read_text("utf-8")
    for block in re.findall(r"^```(?:sh|bash)?\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        lines = [line for line in block.replace("\\\n", " ").splitlines() if line.strip()]
        if lines and program_of(lines[0]) in ELSEWHERE | set(PROGRAMS):
            yield lines


def program_of(line: str) -> str:
    """The program that a line of shell runs."""
    words = re.sub(r"^(?:[A-Z_]+=\S+ )+", "", line.strip()).split()
    return words[0] if words else ""


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_blocks_of_commands_are_shell_of_known_programs(page: Path) -> None:
    for lines in blocks(page):
        script = "\n".join(re.sub(r"\[[A-Z|]+\]|\|(?=[a-z])", "", line) for line in lines)
        done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (lines, done.stderr)
        for line in lines:
            program = program_of(line)
            assert program in ELSEWHERE or program in PROGRAMS, line
            if PROGRAMS.get(program):
                assert shlex.split(line.partition(program)[2], comments=True)[0] in PROGRAMS[program], line


def test_files_that_commands_take_exist() -> None:
    for page in PAGES:
        for lines in blocks(page):
            for word in re.findall(r"(?:^| |/opt/hallmark/)((?:deploy|tools)/[\w./@-]+)", "\n".join(lines)):
                assert (ROOT / word).exists() or word == "deploy/definitions.json", (page.name, word)
