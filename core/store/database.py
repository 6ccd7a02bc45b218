"""Opens core's database, brings its schema up to date and refuses a schema it does not know."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from peewee import Database, SqliteDatabase
from playhouse.migrations import Runner

from core.store.models import Fact, Row, database
from runtime.database import DRIVER_ERRORS, explained, open_database, without_hurry
from runtime.errors import DatabaseUnavailable, SchemaVersionError

MIGRATIONS = Path(__file__).parent / "migrations"

#: History of applied migrations; a name of its own, because the prover's job store may share the database.
HISTORY_TABLE = "core_schema_migration"

#: Migrations that were once released under another name: two had the number 0003. Old name -> name.
RENAMED = {"0003_wide_integers": "0004_wide_integers"}

#: Seconds a writer waits for another one on SQLite before it gives up.
SQLITE_BUSY_SECONDS = 30

#: WAL lets readers go on while a batch is written; FULL keeps an accepted proof through a power failure.
SQLITE_PRAGMAS = {"journal_mode": "wal", "synchronous": "full", "foreign_keys": 1}


class CoreSchemaError(SchemaVersionError):
    """Core's database has a schema that this release does not know."""

    code = "core_schema_version"
    default_remedy = "Start the release that wrote this database, or set HALLMARK_CORE_DATABASE_URL to another one."


class CoreStoreUnavailable(DatabaseUnavailable):
    """Core's database does not answer."""

    code = "core_store_unavailable"
    default_remedy = "Check that the server of HALLMARK_CORE_DATABASE_URL is up and reachable."


class Store:
    """An open core database.

    Connections belong to threads, as in peewee; :meth:`session` gives the calling thread one and hands it back.
    """

    def __init__(self, opened: Database) -> None:
        self._database = opened
        self._writing = threading.RLock()

    @contextmanager
    def session(self) -> Iterator[None]:
        """Keep a connection open for the calling thread (nested use shares it)."""
        with self._database.connection_context() if self._database.is_closed() else _nothing():
            yield

    def atomic(self) -> AbstractContextManager[object]:
        """Open a write transaction (a savepoint when one is open already)."""
        return self._sole_writer() if isinstance(self._database, SqliteDatabase) else self._database.atomic()

    @contextmanager
    def _sole_writer(self) -> Iterator[None]:
        # SQLite's own waiting is a poll every 100 ms; the threads of one process take turns at once.
        # A deferred transaction that reads first cannot be upgraded to a write when another writer came
        # in between: it fails at once instead of waiting.
        with self._writing, self._database.atomic("IMMEDIATE"):
            yield

    @contextmanager
    def exclusive(self, model: type[Row]) -> Iterator[None]:
        """Open a write transaction that no other one which asks for the same table runs beside."""
        with self.atomic():
            if not isinstance(self._database, SqliteDatabase):
                table = model._meta.table_name
                self._database.execute_sql(  # type: ignore[no-untyped-call]
                    f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"
                )
            yield

    def query(self, statement: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a SELECT that has `?` for every value."""
        statement = statement.replace("?", self._database.param)
        rows: list[tuple[Any, ...]] = self._database.execute_sql(statement, values).fetchall()  # type: ignore[no-untyped-call]
        return rows

    def execute_many(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        """Execute a statement that has `?` for every value once for each row; call it within :meth:`atomic`."""
        if rows:
            cursor = self._database.cursor()  # type: ignore[no-untyped-call]
            cursor.executemany(statement.replace("?", self._database.param), rows)

    def fact(self, key: str) -> str | None:
        """Return the fact named `key`, or None."""
        row = Fact.get_or_none(Fact.key == key)
        return None if row is None else str(row.value)

    def record_fact(self, key: str, value: str) -> None:
        """Write the fact named `key`, replacing an older value."""
        (
            Fact.insert(key=key, value=value)
            .on_conflict(conflict_target=[Fact.key], update={Fact.value: value})
            .execute()
        )

    def forget_fact(self, key: str) -> None:
        """Remove the fact named `key`, if there is one."""
        Fact.delete().where(Fact.key == key).execute()

    def ping(self) -> None:
        """Make one query, so that readiness means that the database answers."""
        self._database.execute_sql("SELECT 1")  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Close the calling thread's connection."""
        if not self._database.is_closed():
            self._database.close()


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def connect_database(url: str) -> Database:
    """Return an unopened peewee database for `url` (``sqlite:///PATH`` or ``postgresql://...``)."""
    return open_database(url, pragmas=SQLITE_PRAGMAS, busy_seconds=SQLITE_BUSY_SECONDS)


def open_store(url: str) -> Store:
    """Open the database at `url`, create or migrate its schema, and bind core's models to it.

    Parameters
    ----------
    url
        ``sqlite:///PATH`` or ``postgresql://user:password@host/name``.

    Raises
    ------
    CoreSchemaError
        The database holds migrations that this version does not have.
    ConfigurationError
        The database refuses this configuration, or its file cannot be written.
    CoreStoreUnavailable, ResourceError
        It does not answer; the disk is full.
    """
    opened = connect_database(url)
    try:
        with without_hurry(opened):
            opened.connect(reuse_if_open=True)
            runner = Runner(opened, str(MIGRATIONS), table_name=HISTORY_TABLE)
            _rename_applied(runner)
            unknown = [migration.name for migration in runner.status() if migration.path is None]
            if unknown:
                raise CoreSchemaError(f"core's database holds unknown migrations: {', '.join(unknown)}")
            runner.up()
        opened.connect(reuse_if_open=True)
    except DRIVER_ERRORS as error:
        found = explained(error, url)
        raise CoreStoreUnavailable(found.message) if isinstance(found, DatabaseUnavailable) else found from error
    database.initialize(opened)
    return Store(opened)


def _rename_applied(runner: Runner) -> None:
    """Record what was applied under an older name under the one it has now, so that it is not applied again."""
    for old, name in RENAMED.items():
        if old in runner.applied():
            runner.History.update(name=name).where(runner.History.name == old).execute()
