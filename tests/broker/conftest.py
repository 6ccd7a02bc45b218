"""The same tests on SQLite and on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.jobs import JobDatabase, JobStore, schema
from tests.servers import postgresql, rabbitmq, shared_postgresql

__all__ = ["postgresql", "rabbitmq"]


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/jobs.db"
    return shared_postgresql().create_database()


@pytest.fixture
def store(database_url: str) -> Iterator[JobStore]:
    """A job store with short leases and no retry delay."""
    database = JobDatabase(database_url)
    schema.migrate(database)
    yield JobStore(database, lease_seconds=30, max_attempts=3, retry_seconds=0)
    database.close()
