"""Lines that a reader can paste into a shell where this command was called."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from runtime.configuration import PREFIX
from runtime.settings import Settings


def here(path: Path) -> str:
    """Return a path as the shell's folder sees it: relative below it, absolute elsewhere."""
    absolute, folder = path.absolute(), Path.cwd()
    return str(absolute.relative_to(folder)) if absolute.is_relative_to(folder) else str(absolute)


def folder_of_demos(settings: Settings) -> Path:
    """Return the folder that holds the demos' state folders: the named state folder, or beside the one of all."""
    named = settings.state_dir != Settings.model_fields["state_dir"].default
    return settings.state_dir if named else settings.state_dir.parent


def line(*arguments: object, state: Path | None = None) -> str:
    """Return a `hallmark` command line of this installation.

    Parameters
    ----------
    *arguments
        What follows the program's name; paths as :func:`here` writes them.
    state
        The state folder that the command is to look at, wherever it is pasted; named in the line unless it is the one
        that an empty environment has.
    """
    words = [here(word) if isinstance(word, Path) else str(word) for word in arguments]
    # The environment's own script, never the PATH's: it may be another installation's, or none.
    command = shlex.join([here(Path(sys.executable).with_name("hallmark")), *words])
    if state in (None, Settings.model_fields["state_dir"].default):
        return command
    return f"{PREFIX}STATE_DIR={shlex.quote(here(state))} {command}"
