"""Passwords of any characters, against real servers, in every form that their own clients take."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from psycopg import sql

from broker.jobs import JobDatabase, schema
from broker.queues import RabbitBroker
from core.store import open_store
from runtime.errors import ConfigurationError, DatabaseUnavailable
from runtime.settings import load_settings
from tests.servers import PostgreSQL, RabbitMQ

#: Taken raw by psql and by this project, beside the percent sign, which every client reads as the start of an escape.
RAW = "S3cr#t?x:[y]&=é+$"
ANY = RAW + "/@% %41"


@contextlib.contextmanager
def role(postgresql: PostgreSQL, password: str) -> Iterator[tuple[str, str]]:
    """Yield the name of a role with this password and of a database that it owns."""
    name = f"r{secrets.token_hex(6)}"
    with psycopg.connect(postgresql.url(), autocommit=True) as connection:
        quoted = sql.Identifier(name)
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(quoted, sql.Literal(password)))
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(quoted, quoted))
        yield name, name


@pytest.mark.parametrize("password", [RAW, ANY], ids=["raw and encoded", "encoded"])
def test_postgresql_takes_the_password_in_every_form(postgresql: PostgreSQL, password: str) -> None:
    with role(postgresql, password) as (name, database):
        place, escaped = f"127.0.0.1:{postgresql.port}/{database}", quote(password, safe="")
        urls = [
            f"postgresql://{name}:{escaped}@{place}",
            f"postgres://{place}?user={name}&password={escaped}",
            f"postgresql:///{database}?host={postgresql.folder}&port={postgresql.port}&user={name}&password={escaped}",
        ]
        if password == RAW:
            urls.append(f"postgresql://{name}:{password}@{place}")
        for url in urls:
            read = load_settings(database_url=url)
            made = JobDatabase(read.database_url)
            schema.migrate(made)
            made.close()
            open_store(read.database_url).close()
            assert "S3cr" not in repr(read)
            wrong = url.replace("S3cr", "S3cr-wrong")
            for open_it in (lambda url=wrong: JobDatabase(url).read("SELECT 1"), lambda url=wrong: open_store(url)):
                with pytest.raises(ConfigurationError) as refused:
                    open_it()
                assert "S3cr" not in refused.value.line() and "password authentication failed" in refused.value.message


def test_a_password_that_is_changed_while_a_process_runs_is_an_outage(postgresql: PostgreSQL) -> None:
    with role(postgresql, "first") as (name, database):
        running = JobDatabase(f"postgresql://{name}:first@127.0.0.1:{postgresql.port}/{database}")
        assert running.read("SELECT 1 AS one") == [{"one": 1}]
        with psycopg.connect(postgresql.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD 'second'").format(sql.Identifier(name)))
            running.close()
            with pytest.raises(DatabaseUnavailable, match="password authentication failed"):
                running.read("SELECT 1 AS one")
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD 'first'").format(sql.Identifier(name)))
        assert running.read("SELECT 1 AS one") == [{"one": 1}]
        running.close()


def test_rabbitmq_takes_the_password_raw_and_encoded(rabbitmq: RabbitMQ) -> None:
    name = f"u{secrets.token_hex(6)}"
    rabbitmq.api("PUT", f"users/{name}", {"password": ANY, "tags": ""})
    rights = {"configure": ".*", "write": ".*", "read": ".*"}
    rabbitmq.api("PUT", f"permissions/{rabbitmq.vhost}/{name}", rights)
    place = urlsplit(rabbitmq.url()).netloc.rpartition("@")[2] + f"/{rabbitmq.vhost}"
    half = ANY.replace("%", "%25").replace("/", "%2F")
    for written in (quote(ANY, safe=""), half):
        url = load_settings(broker_url=f"amqp://{name}:{written}@{place}").broker_url
        made = RabbitBroker(url, connection_name="test")
        assert made.probe() >= (3,)
        made.close()
        with pytest.raises(ConfigurationError) as refused:
            RabbitBroker(url.replace("S3cr", "S3cr-wrong"), connection_name="test").probe()
        assert "S3cr" not in refused.value.line()
