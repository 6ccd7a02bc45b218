"""Which schema a database has, and bringing it to this release's."""

from __future__ import annotations

from pathlib import Path

from playhouse.migrations import Runner
from psycopg import sql

from broker.jobs.database import JobDatabase
from runtime.database import without_hurry
from runtime.errors import SchemaVersionError

DIRECTORY = Path(__file__).parent / "migrations"

#: Key of the advisory lock that keeps two migrations of one PostgreSQL database apart.
_LOCK = 0x48414C4C

#: A transaction whose client says nothing for this long is ended, as its locks keep jobs from everybody else.
_SILENCE = "60s"
_SILENCE_SETTING = "idle_in_transaction_session_timeout"


class SchemaBehind(SchemaVersionError):
    """The database has the schema of an older release."""

    code = "schema_behind"


class SchemaAhead(SchemaVersionError):
    """The database has the schema of a newer release."""

    code = "schema_ahead"
    default_remedy = "Start the release that migrated it, or point HALLMARK_DATABASE_URL elsewhere."


def migrate(database: JobDatabase) -> list[str]:
    """Apply the pending migrations and return their names; safe when several processes do it at once.

    Raises
    ------
    SchemaAhead
        The database knows migrations that this release does not.
    """

    def work(session: object) -> list[str]:
        if not database.sqlite:
            database.peewee.execute_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        runner = _runner(database)
        _refuse_ahead(runner)
        applied = [str(name) for name in runner.up()]
        if not database.sqlite:
            _end_silent_transactions(database)
        return applied

    with without_hurry(database.peewee):
        return database.transact(work)


def check(database: JobDatabase) -> None:
    """Refuse a database whose schema is not this release's.

    Raises
    ------
    SchemaBehind, SchemaAhead
    """

    def work(session: object) -> list[str]:
        runner = _runner(database)
        _refuse_ahead(runner)
        return [str(row.name) for row in runner.status() if row.applied is None]

    pending = database.transact(work)
    if pending:
        raise SchemaBehind(f"The database lacks the migrations {', '.join(pending)}.")


def _runner(database: JobDatabase) -> Runner:
    return Runner(database.peewee, directory=str(DIRECTORY), table_name="schema_migration")


def _refuse_ahead(runner: Runner) -> None:
    unknown = [str(row.name) for row in runner.status() if row.path is None]
    if unknown:
        raise SchemaAhead(f"The database has migrations that this release does not know: {', '.join(unknown)}.")


def _end_silent_transactions(database: JobDatabase) -> None:
    """Let PostgreSQL end transactions of this role in this database whose client is cut off, unless a limit is set.

    Behind a pooler a session has no settings of its own, hence the role's.
    """
    run = database.peewee.execute_sql
    name, limit = run(f"SELECT current_database(), current_setting('{_SILENCE_SETTING}')").fetchone()
    if limit == "0":
        statement = sql.SQL("ALTER ROLE CURRENT_USER IN DATABASE {} SET {} = {}").format(
            sql.Identifier(name), sql.Identifier(_SILENCE_SETTING), sql.Literal(_SILENCE)
        )
        run(statement.as_string(None))
