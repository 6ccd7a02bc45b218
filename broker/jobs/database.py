"""One database behind the job store: SQLite in WAL mode for one host, PostgreSQL for many.

Statements are written once with ``:name`` parameters; ``{now}`` is the database's clock in epoch seconds, so that
leases never compare the clocks of two hosts.
"""

from __future__ import annotations

import contextlib
import random
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import peewee
import psycopg
from psycopg.rows import dict_row

from runtime.database import ANSWER_SECONDS, DRIVER_ERRORS, explained, open_database, sql_state
from runtime.errors import ConfigurationError, DatabaseUnavailable, HallmarkError
from runtime.urls import scheme_of, sqlite_path

T = TypeVar("T")
Row = dict[str, Any]

#: Seconds that SQLite waits for another process's write.
TIMEOUT_SECONDS = 10
#: Statements whose text for the driver is kept.
TEXTS = 1024
#: Times that a transaction is run again after a deadlock or serialisation failure.
DEADLOCK_RETRIES = 8

_PARAMETER = re.compile(r"(?<![:\w]):([a-z_0-9]+)")
_RETRIED = {"40001", "40P01"}
#: Errors of a driver that say something about server, file or network; any other is a bug here.
_ENVIRONMENT = (peewee.OperationalError, peewee.InterfaceError, sqlite3.OperationalError)
_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": "normal",
    "foreign_keys": 1,
    "busy_timeout": TIMEOUT_SECONDS * 1000,
}


class DatabaseMissing(HallmarkError):
    """Nothing has been written yet: there is no job store."""

    code = "database_missing"
    default_remedy = "`hallmark run` makes it; HALLMARK_STATE_DIR names the folder of another one."


class JobDatabase:
    """Runs named statements in short transactions, on a connection per thread.

    Parameters
    ----------
    url
        ``sqlite:///PATH`` or ``postgresql://user:password@host:port/database``.
    create
        Make an SQLite file that is not there; otherwise it is an error.
    answer_seconds
        PostgreSQL counts as away when it owes an answer for this long.

    Raises
    ------
    DatabaseMissing
    """

    def __init__(self, url: str, *, create: bool = True, answer_seconds: float = ANSWER_SECONDS) -> None:
        self.url = url
        self.sqlite = scheme_of(url) == "sqlite"
        if self.sqlite and not create and not sqlite_path(url).exists():
            raise DatabaseMissing(f"There is no job store at {sqlite_path(url)}.")
        self.peewee: Any = open_database(
            url, pragmas=_PRAGMAS, busy_seconds=TIMEOUT_SECONDS, answer_seconds=answer_seconds
        )
        self._worked = False
        #: When a connection was last found dead, on the monotonic clock, and when this thread last made one.
        self._found_dead = float("-inf")
        self._own = threading.local()
        #: The database's clock in epoch seconds, as an SQL expression: read once per statement, since a clock that is
        #: read anew for every row keeps every index from being used.
        self.now = (
            "((julianday('now') - 2440587.5) * 86400.0)"
            if self.sqlite
            else "extract(epoch from statement_timestamp())::double precision"
        )
        #: Suffix of a subselect that locks the row it picks; SQLite's write transactions are alone anyway.
        self.skip_locked = "" if self.sqlite else "FOR UPDATE SKIP LOCKED"
        self.for_update = "" if self.sqlite else "FOR UPDATE"
        #: The elements of a JSON array ``:page``, as rows with one column ``value``.
        self.each = "json_each(:page)" if self.sqlite else "jsonb_array_elements(CAST(:page AS jsonb)) AS each(value)"
        #: Statements as they are written -> as this database's driver takes them.
        self.texts: dict[str, str] = {}

    def transact(self, work: Callable[[Session], T], *, apart: bool = False) -> T:
        """Run ``work`` in one transaction and return its result.

        ``work`` is called again after a deadlock, and when the connection had died since its last use; it must have no
        effect outside the database.

        Parameters
        ----------
        apart
            Its statements may be a transaction each, which saves PostgreSQL the ways to begin and commit one.

        Raises
        ------
        DatabaseUnavailable, DiskFull, ConfigurationError
            In place of the driver's errors.
        """

        def in_transaction() -> T:
            with contextlib.nullcontext() if apart and not self.sqlite else self._atomic():
                return work(Session(self))

        for attempt in range(DEADLOCK_RETRIES):
            try:
                return self._connected(in_transaction)
            except _Again:
                time.sleep(random.uniform(0, 0.01 * 2**attempt))
        raise DatabaseUnavailable(f"A transaction met {DEADLOCK_RETRIES} deadlocks in a row.")

    def read(self, statement: str, **parameters: Any) -> list[Row]:
        """Run one reading statement."""

        def work() -> list[Row]:
            with contextlib.nullcontext() if self.sqlite else self._atomic():
                return Session(self).rows(statement, **parameters)

        return self._connected(work)

    def query(self, query: Any) -> list[Row]:
        """Run a peewee query on this database and return its rows as mappings."""

        def work() -> list[Row]:
            with contextlib.nullcontext() if self.sqlite else self._atomic():
                return list(query.dicts().execute(self.peewee))

        return self._connected(work)

    def changes(self) -> int:
        """Return a number that changes when another connection wrote; SQLite only, costs microseconds."""
        return int(self.read("PRAGMA data_version")[0]["data_version"]) if self.sqlite else 0

    def close(self) -> None:
        """Close this thread's connection."""
        if not self.peewee.is_closed():
            self.peewee.close()

    def _connected(self, work: Callable[[], T]) -> T:
        """Run ``work``, once more on a fresh connection when an old one turns out to be dead."""
        if not self.peewee.is_closed() and getattr(self._own, "made", 0.0) < self._found_dead:
            # Another thread's is dead, and this one may be: it need not wait as long to find out.
            self.close()
        fresh = self.peewee.is_closed()
        if fresh:
            self._own.made = time.monotonic()
        try:
            with self._translated():
                return work()
        except DatabaseUnavailable:
            if fresh or self.sqlite:
                raise
        self._own.made = time.monotonic()
        with self._translated():
            return work()

    def _atomic(self) -> Any:
        return (
            self.peewee.atomic("IMMEDIATE") if isinstance(self.peewee, peewee.SqliteDatabase) else self.peewee.atomic()
        )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DRIVER_ERRORS as error:
            if sql_state(error) in _RETRIED:
                raise _Again from error
            if not isinstance(error, _ENVIRONMENT) and "not a database" not in str(error):
                raise
            self.close()
            found = explained(error, self.url)
            if isinstance(found, DatabaseUnavailable) and not self.sqlite:
                self._found_dead = time.monotonic()
            if self._worked and isinstance(found, ConfigurationError):
                # What worked before was changed on the server: it may be changed back, and no process need end.
                found = DatabaseUnavailable(found.message)
            raise found from error
        self._worked = True


class Session:
    """Statements inside one transaction."""

    def __init__(self, database: JobDatabase) -> None:
        self.database = database

    def rows(self, statement: str, **parameters: Any) -> list[Row]:
        """Run one statement and return its rows as mappings."""
        cursor = self._execute(statement, parameters)
        if isinstance(cursor, psycopg.Cursor):
            # Its description would make an object for each column.
            cursor.row_factory = dict_row
            return cursor.fetchall() if cursor.rownumber is not None else []
        if cursor.description is None:
            return []
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def one(self, statement: str, **parameters: Any) -> Row | None:
        """Run one statement and return its first row, if any."""
        found = self.rows(statement, **parameters)
        return found[0] if found else None

    def run(self, statement: str, **parameters: Any) -> int:
        """Run one statement and return how many rows it changed."""
        return int(self._execute(statement, parameters).rowcount)

    def run_many(self, statement: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run one statement for every mapping of parameters."""
        if rows:
            cursor = self.database.peewee.cursor()
            cursor.executemany(self._text(statement), list(rows))

    def rows_of(self, statement: str, pages: Sequence[str], **parameters: Any) -> list[Row]:
        """Run one statement for each JSON array, whose values it reads from ``{each}``, and return all rows."""
        return [row for page in pages for row in self.rows(statement, page=page, **parameters)]

    def run_pages(self, statement: str, pages: Sequence[str]) -> int:
        """Run one statement for each JSON array, as :meth:`rows_of`, and return how many rows it changed."""
        return sum(self.run(statement, page=page) for page in pages)

    def now(self) -> float:
        """Return the database's clock in epoch seconds."""
        row = self.one("SELECT {now} AS now")
        assert row is not None
        return float(row["now"])

    def _execute(self, statement: str, parameters: Mapping[str, Any]) -> Any:
        return self.database.peewee.execute_sql(self._text(statement), dict(parameters))

    def _text(self, statement: str) -> str:
        database = self.database
        known = database.texts.get(statement)
        if known is None:
            text = (
                statement.replace("{now}", database.now)
                .replace("{skip_locked}", database.skip_locked)
                .replace("{for_update}", database.for_update)
                .replace("{each}", database.each)
            )
            known = text if database.sqlite else _PARAMETER.sub(r"%(\1)s", text)
            # Bounded, as lists of names of many lengths may stand in a statement.
            if len(database.texts) < TEXTS:
                database.texts[statement] = known
        return known


def names_in(prefix: str, values: Sequence[T]) -> tuple[str, dict[str, T]]:
    """Return the placeholders and the parameters of an ``IN`` list.

    Examples
    --------
    >>> names_in("stage", ["prove", "vectors"])
    (':stage_a, :stage_b', {'stage_a': 'prove', 'stage_b': 'vectors'})
    """
    keys = [
        f"{prefix}_{chr(ord('a') + i // 26) if i >= 26 else ''}{chr(ord('a') + i % 26)}" for i in range(len(values))
    ]
    return ", ".join(f":{key}" for key in keys), dict(zip(keys, values, strict=True))


class _Again(Exception):
    """The transaction met a deadlock and may be run again."""
