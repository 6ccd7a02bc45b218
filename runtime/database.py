"""Opening a database by its URL, and its driver's errors as typed ones; the job store and core's store share it."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import peewee
import psycopg

from runtime.errors import ConfigurationError, DatabaseUnavailable, DiskFull, HallmarkError
from runtime.os_errors import resource_error
from runtime.private import private_file
from runtime.urls import mask_url, postgresql_parameters, scheme_of, sqlite_path, without_secrets

#: Seconds that a connection to PostgreSQL may take.
CONNECT_SECONDS = 10
#: Seconds after which PostgreSQL counts as away that owes an answer: a network that is cut closes no connection.
ANSWER_SECONDS = 60.0
#: What finds out earlier, where the network and not a proxy is silent; a URL may say otherwise.
_LIVENESS = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}

#: What says that no later attempt can succeed; states exist only once a connection stands.
_REFUSED_STATES = frozenset({"28000", "28P01", "3D000", "42501"})
_REFUSED = re.compile(
    r"password authentication failed|no password supplied|no pg_hba\.conf entry|authentication failed"
    r"|(database|role) \"[^\"]*\" does not exist|permission denied for database"
)
_DISK_FULL_STATE = "53100"


class _Connection(psycopg.Connection[Any]):
    """A connection that is given up when the server owes an answer for too long."""

    answer_seconds: float | None = ANSWER_SECONDS

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        limit = self.answer_seconds if timeout is None else timeout
        try:
            return super().wait(gen, interval, limit)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status != psycopg.pq.TransactionStatus.ACTIVE:
                raise
            # Its answer may still come, and would be taken for the next statement's.
            self.pgconn.finish()
            raise psycopg.OperationalError(f"no answer within {limit:g} s") from None


class _Adapter(peewee.Psycopg3Adapter):
    def connect(self, db: _Postgresql, **parameters: Any) -> _Connection:
        connection = _Connection.connect(dbname=db.database, **parameters)
        connection.answer_seconds = db.answer_seconds
        return connection


class _Postgresql(peewee.PostgresqlDatabase):
    psycopg3_adapter = _Adapter
    answer_seconds: float | None = ANSWER_SECONDS

    def rollback(self) -> None:
        # The server has done so when the connection is gone, and an error here would hide why it is.
        if self.is_closed() or not self.connection().closed:  # type: ignore[no-untyped-call]
            super().rollback()


@contextmanager
def without_hurry(database: peewee.Database) -> Iterator[None]:
    """Let what connects within the block wait for answers without end: a migration takes as long as it takes."""
    if not isinstance(database, _Postgresql):
        yield
        return
    database.close()
    usual, database.answer_seconds = database.answer_seconds, None
    try:
        yield
    finally:
        database.close()
        database.answer_seconds = usual


def open_database(
    url: str, *, pragmas: Mapping[str, Any], busy_seconds: float, answer_seconds: float = ANSWER_SECONDS
) -> peewee.Database:
    """Return an unopened peewee database.

    Parameters
    ----------
    url
        ``sqlite:///PATH`` or ``postgresql://...``. A new SQLite file is its owner's alone.
    pragmas, busy_seconds
        For SQLite; how long a writer waits for another one.
    answer_seconds
        For PostgreSQL; see :data:`ANSWER_SECONDS`.

    Raises
    ------
    ConfigurationError
        The URL cannot be read, or the file cannot be made.
    """
    try:
        if scheme_of(url) == "sqlite":
            return peewee.SqliteDatabase(str(_made(sqlite_path(url))), pragmas=dict(pragmas), timeout=busy_seconds)
        parameters: dict[str, Any] = {
            "connect_timeout": CONNECT_SECONDS,
            "application_name": "hallmark",
            **_LIVENESS,
            **postgresql_parameters(url),
        }
    except ValueError as error:
        raise ConfigurationError(f"The database {mask_url(url)}: {error}") from None
    # Poolers in transaction mode know no prepared statements, hence the threshold.
    database = _Postgresql(parameters.pop("dbname"), prefer_psycopg3=True, prepare_threshold=None, **parameters)
    database.answer_seconds = answer_seconds
    return database


def explained(error: Exception, url: str) -> HallmarkError:
    """Return the typed error that stands for a driver's: wrong configuration, a spent resource, or an outage."""
    shown = mask_url(url)
    text = without_secrets(" ".join(str(error).split()), url)
    state = sql_state(error)
    if state in _REFUSED_STATES or (scheme_of(url) != "sqlite" and _REFUSED.search(text)):
        return ConfigurationError(f"The database {shown} refuses this configuration: {text}")
    if state == _DISK_FULL_STATE or "disk is full" in text:
        return DiskFull(f"The database {shown} cannot write: the disk is full.")
    if spent := resource_error(error):
        return spent
    if "file is not a database" in text:
        return ConfigurationError(f"{shown} is not a database file.")
    if "unable to open database file" in text or "readonly database" in text:
        return _file_refused(url, text)
    return DatabaseUnavailable(f"The database {shown} does not answer: {text}")


def sql_state(error: Exception) -> str:
    """Return the five characters of an SQL state, empty when there is none."""
    return str(getattr(error.__cause__ or getattr(error, "orig", None), "sqlstate", "") or "")


def _file_refused(url: str, text: str) -> HallmarkError:
    """Tell a file that may not be written from a process that cannot open any."""
    try:
        os.close(os.open(sqlite_path(url), os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return resource_error(error) or ConfigurationError(
            f"The database file of {mask_url(url)} cannot be written: {error.strerror}."
        )
    return DatabaseUnavailable(f"The database {mask_url(url)} cannot be opened now: {text}")


def _made(path: Path) -> Path:
    try:
        return private_file(path)
    except OSError as error:
        if error.errno in (errno.EISDIR,):
            raise ConfigurationError(f"The database {path} is a folder.") from None
        raise resource_error(error) or ConfigurationError(
            f"The database file {path} cannot be made: {error.strerror}."
        ) from None


#: What drivers raise.
DRIVER_ERRORS = (peewee.PeeweeException, sqlite3.Error)
