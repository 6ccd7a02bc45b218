"""Reading a Procfile: `name: command` lines."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from runtime.errors import ConfigurationError

_LINE = re.compile(r"^([A-Za-z0-9_-]+):\s*(.+)$")


@dataclass(frozen=True)
class ProcessType:
    """One line of a Procfile."""

    name: str
    command: tuple[str, ...]


def read_procfile(path: Path) -> dict[str, ProcessType]:
    """Return the process types of a Procfile in the order of the file.

    Raises
    ------
    ConfigurationError
        If the file is missing, a line is not `name: command`, or a name occurs twice.
    """
    if not path.is_file():
        raise ConfigurationError(f"There is no Procfile at {path}.", remedy="Run the command from the checkout.")
    types: dict[str, ProcessType] = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.match(line)
        if match is None:
            raise ConfigurationError(
                f"Line {number} of {path} is not a process type: {line!r}.", remedy="Write it as `name: command`."
            )
        name, command = match.groups()
        if name in types:
            raise ConfigurationError(f"{path} names the process type {name} twice.", remedy="Remove one of the lines.")
        types[name] = ProcessType(name, tuple(shlex.split(command)))
    return types
