"""The long steps of set-up, each with its size and its progress; standard library only, it runs before any package.

Usage: ``steps.py packages LOCK [PIP-ARGUMENT...]``, ``steps.py native JOBS``. On a terminal the progress is one line
that is rewritten; elsewhere it is a plain line every few seconds. What pip or the compiler say on failure is shown.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

#: Seconds between two lines of progress when the output is no terminal.
PLAIN_SECONDS = 5.0
#: Lines of a failed command that are shown.
SHOWN_LINES = 30

_ROOT = Path(__file__).resolve().parent.parent
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==\S+(.*)$")
_WANTED = re.compile(r"^(?:Collecting|Requirement already satisfied:) ([A-Za-z0-9._-]+)")
_FETCHED = re.compile(r"^\s+Downloading \S+\.(?:whl|gz|zip) \(([\d.]+) (k|M|G|)B\)")
_COMPILED = re.compile(r" -c (?:src/)?(\S+)")
#: Folders whose Makefile builds a native library.
_NATIVE = ("proving/native", "core/program/native")
_UNITS = {"": 1e-6, "k": 1e-3, "M": 1.0, "G": 1e3}


class Step:
    """One step: says what it does, how far it is, and how long it took."""

    def __init__(self, what: str) -> None:
        self._start = time.monotonic()
        self._said = self._start
        self._terminal = sys.stdout.isatty()
        self._width = 0
        print(f"hallmark: {what}", flush=True)

    def at(self, progress: str) -> None:
        """Show how far the step is."""
        now = time.monotonic()
        if self._terminal:
            text = f"  {progress}"[:79]
            print(f"\r{text:<{self._width}}", end="", flush=True)
            self._width = len(text)
        elif now - self._said >= PLAIN_SECONDS:
            print(f"  {progress}", flush=True)
            self._said = now

    def end(self, result: str) -> None:
        """Say what came out, and the time that it took."""
        text = f"  {result}, {time.monotonic() - self._start:.0f} s"
        print(f"\r{text:<{self._width}}" if self._terminal else text, flush=True)


def packages(lock: Path, *arguments: str) -> int:
    """Install what a lock file pins, by pip, and return pip's exit status."""
    pins = [match for match in map(_PINNED.match, lock.read_text().splitlines()) if match]
    names = [match[1] for match in pins if "'win32'" not in match[2]]
    step = Step(f"installing the {len(names)} locked packages of {lock.name}")
    seen: set[str] = set()
    megabytes = 0.0
    last: deque[str] = deque(maxlen=SHOWN_LINES)
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    with subprocess.Popen(
        [*command, "--require-hashes", "-r", str(lock), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            last.append(line)
            if match := _WANTED.match(line):
                seen.add(match[1].lower())
            if match := _FETCHED.match(line):
                megabytes += float(match[1]) * _UNITS[match[2]]
            if line.startswith("Installing collected packages"):
                step.at(f"unpacking {line.count(',') + 1} packages, {megabytes:.0f} MB packed")
            else:
                step.at(f"{len(seen)} of {len(names)} packages, {megabytes:.0f} MB downloaded")
    if process.returncode:
        sys.stderr.writelines(last)
        return process.returncode
    step.end(f"{len(names)} packages are there, {megabytes:.0f} MB were downloaded")
    return 0


def native(jobs: str) -> int:
    """Build the native libraries and return make's exit status; silent when they are up to date."""
    # Without the flags of a calling make: its -s would hide the lines that are counted here.
    os.environ.pop("MAKEFLAGS", None)
    makes = [["make", "--no-print-directory", "-C", str(_ROOT / folder)] for folder in _NATIVE]
    planned = [subprocess.run([*make, "-n"], capture_output=True, text=True, check=False).stdout for make in makes]
    files = sum(len(_COMPILED.findall(plan)) for plan in planned)
    if not files:
        return max(subprocess.run([*make, "-s"], check=False).returncode for make in makes)
    step = Step(f"building the native libraries, {files} files to compile")
    done = 0
    for make in makes:
        with subprocess.Popen([*make, f"-j{jobs}"], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if match := _COMPILED.search(line):
                    done += 1
                    step.at(f"{done} of {files}: {match[1]}")
        if process.returncode:
            return process.returncode
    step.end(f"{files} files are compiled")
    return 0


def main() -> int:
    """Run the step that the command line names."""
    match sys.argv[1:]:
        case ["packages", lock, *arguments]:
            return packages(Path(lock), *arguments)
        case ["native", jobs]:
            return native(jobs)
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
