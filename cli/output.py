"""The lines of child processes on this program's standard output, whether or not somebody reads them."""

from __future__ import annotations

import os
import queue
import sys
import threading

#: Lines that wait for a slow reader; further ones are counted and left out.
WAITING_LINES = 10_000
#: Seconds that the last lines may take when everything has ended.
LAST_SECONDS = 2.0


class Output:
    """Prints lines on a thread of its own.

    A child that cannot write freezes, so its lines are always taken: a reader that is slow loses lines, one that goes
    away (``hallmark run | head``) ends the printing and nothing else.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._lines: queue.Queue[str | None] = queue.Queue(WAITING_LINES)
        self._left_out = 0
        self._thread = threading.Thread(target=self._print, name="output", daemon=True)
        self._thread.start()

    def __call__(self, name: str, line: str) -> None:
        """Print a child's line, soon."""
        self.say(f"{name:<{self._width}} | {line}")

    def say(self, text: str) -> None:
        """Print a text of this program's own between the lines."""
        try:
            self._lines.put_nowait(text)
        except queue.Full:
            self._left_out += 1

    def close(self) -> None:
        """Print what is left."""
        try:
            self._lines.put(None, timeout=LAST_SECONDS)
        except queue.Full:
            return
        self._thread.join(LAST_SECONDS)

    def _print(self) -> None:
        while (line := self._lines.get()) is not None:
            count, self._left_out = self._left_out, 0
            more = f"({count} lines were left out: nobody read them in time)\n" if count else ""
            try:
                print(f"{more}{line}", flush=True)
            except OSError:
                self._nobody_reads()

    def _nobody_reads(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        try:
            print("hallmark: nobody reads the output any more; the processes go on", file=sys.stderr, flush=True)
        except OSError:
            return
