"""How far tasks are: bars on a terminal of 80 columns or more, plain lines in a pipe or a log.

A task is added with `start=False` while it only waits; `start_task` starts its clock.
"""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

#: Seconds between two plain lines about a task that goes on.
PLAIN_SECONDS = 5.0
#: Widths of name, bar, percentage and clock; with the blanks between them they leave 22 of 80 columns to the note.
_NAME, _BAR, _PERCENT, _CLOCK = 26, 18, 4, 6


class _Clock(ProgressColumn):
    """Time since the task was started, and nothing for one that waits."""

    def render(self, task: Task) -> Text:
        seconds = task.finished_time if task.finished else task.elapsed
        return Text("" if seconds is None else _clock(seconds), justify="right", style="progress.elapsed")


class PlainProgress(Progress):
    """The same tasks as lines: one when a task starts, now and then one about how far it is, one when it ends."""

    def __init__(self, console: Console) -> None:
        super().__init__(console=console, disable=True)
        self._said: dict[TaskID, tuple[float, str]] = {}

    def start_task(self, task_id: TaskID) -> None:
        """Start a task's clock and say so."""
        if self.tasks[task_id].start_time is None:
            super().start_task(task_id)
            self._say(task_id, self.tasks[task_id].description)

    def update(self, task_id: TaskID, **changes: Any) -> None:
        """Change a task, and say how far it is if that was not said lately."""
        super().update(task_id, **changes)
        self._go_on(task_id)

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """Advance a task, and say how far it is if that was not said lately."""
        super().advance(task_id, advance)
        self._go_on(task_id)

    def _go_on(self, task_id: TaskID) -> None:
        task = self.tasks[task_id]
        moment, said = self._said.get(task_id, (0.0, ""))
        note = f", {task.fields['note']}" if task.fields.get("note") else ""
        if task.finished:
            line = f"{task.description}: done in {task.finished_time or 0.0:.1f} s{note}"
            # A note that follows the end is said as well.
            if line != said:
                self._say(task_id, line)
        elif task.started and time.monotonic() - moment >= PLAIN_SECONDS:
            share = f" {task.percentage:.0f} %" if task.total else ""
            self._say(task_id, f"{task.description}:{share}{note}")

    def _say(self, task_id: TaskID, line: str) -> None:
        self._said[task_id] = (time.monotonic(), line)
        self.console.print(line, soft_wrap=True, markup=False, highlight=False)


def terminal(console: Console) -> Progress:
    """Return bars whose columns keep their width whatever the notes say; a long note is cut with an ellipsis."""

    def column(width: int) -> Column:
        return Column(min_width=width, no_wrap=True)

    return Progress(
        TextColumn("{task.description}", table_column=column(_NAME)),
        BarColumn(bar_width=_BAR, table_column=column(_BAR)),
        TextColumn("{task.percentage:>3.0f}%", table_column=column(_PERCENT)),
        _Clock(table_column=column(_CLOCK)),
        TextColumn("{task.fields[note]}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
        console=console,
        expand=True,
    )


def plain(console: Console) -> Progress:
    """Return tasks that are told in plain lines."""
    return PlainProgress(console)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{rest} s" if not minutes else f"{minutes}:{rest:02d}"
