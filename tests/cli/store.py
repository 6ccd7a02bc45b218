"""A job store that the command line is pointed at: SQLite in a state folder, or PostgreSQL beside it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from broker.jobs import JobStore
from cli.main import app


@dataclass(frozen=True)
class Installation:
    """A state folder and its job store; commands run in this process with just these settings."""

    folder: Path
    store: JobStore
    database_url: str

    def run(self, *arguments: object, given: str | None = None, width: int = 80, **settings: str) -> Any:
        """Run `hallmark` and return what it did; ``given`` is typed by the user."""
        unset = {name: None for name in os.environ if name.startswith("HALLMARK_")}
        variables: dict[str, Any] = {
            **unset,
            "HALLMARK_STATE_DIR": str(self.folder),
            "HALLMARK_DATABASE_URL": self.database_url,
            "COLUMNS": str(width),
            **settings,
        }
        return CliRunner().invoke(app, [str(word) for word in arguments], env=variables, input=given)

    def json(self, *arguments: object, **settings: str) -> Any:
        """Run `hallmark ... --json` and return what it printed."""
        done = self.run(*arguments, "--json", **settings)
        assert done.exit_code == 0, (done.output, done.exception)
        return json.loads(done.stdout)
