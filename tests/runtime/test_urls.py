"""URLs: every password works, none is shown, every folder is the one that was meant."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.urls import (
    amqp_url,
    check_url,
    file_path,
    mask_url,
    postgresql_parameters,
    sqlite_path,
    sqlite_url,
    without_secrets,
)

#: Passwords as a generator of passwords makes them, without NUL and surrogates, which no server takes.
PASSWORDS = st.text(st.characters(min_codepoint=33, exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


@given(PASSWORDS)
def test_encoded_passwords_are_decoded_once(password: str) -> None:
    login = f"u:{quote(password, safe='')}@"
    assert postgresql_parameters(f"postgresql://{login}host/db")["password"] == password
    assert amqp_url(f"amqp://{login}host/vhost").password == password


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"], exclude_characters="/@% "), min_size=1))
def test_what_the_server_s_own_client_takes_raw_is_taken_raw(password: str) -> None:
    assert postgresql_parameters(f"postgresql://u:{password}@host/db")["password"] == password
    assert amqp_url(f"amqp://u:{password}@host/vhost").password == password


@given(PASSWORDS, st.sampled_from(["host:1/a", "host/a?b=c", "[::1]:5/a", "host:port/a", "", "/", "host:99999/a"]))
def test_no_shown_url_holds_the_password_however_malformed(password: str, rest: str) -> None:
    secret = f"S3cr-{password}"
    for scheme in ("postgresql", "postgres", "amqp", "amqps", "http", "s3", "mysql", "redis"):
        for written in (secret, quote(secret, safe="")):
            assert "S3cr" not in mask_url(f"{scheme}://user:{written}@{rest}"), (scheme, written)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("postgresql://u:S3cr/et@host/db", "postgresql"),
        ("postgresql://u:S3cr%et@host/db", "postgresql"),
        ("postgresql://u:S3cret@host:port/db", "postgresql"),
        ("postgresql://u:S3cret@host", "postgresql"),
        ("amqp://u:S3cr/et@host/vhost", "amqp"),
        ("amqp://u:S3cret@host:port/vhost", "amqp"),
        ("amqp://u:S3cret@host", "amqp"),
        ("amqp://u:S3cret@host/", "amqp"),
        ("http://u:S3cret@host/", "http"),
        ("http://host:S3cret", "http"),
        ("mysql://u:S3cret@host/db", "postgresql"),
        ("S3cret", "postgresql"),
    ],
)
def test_a_malformed_url_is_refused_without_repeating_it(url: str, allowed: str) -> None:
    with pytest.raises(ValueError) as refused:
        check_url(url, (allowed,))
    assert "S3cr" not in str(refused.value)


def test_forms_of_postgresql() -> None:
    found = postgresql_parameters("postgresql:///jobs?host=/var/run/postgresql&user=h&password=p%23w")
    assert (found["host"], found["password"], found["dbname"]) == ("/var/run/postgresql", "p#w", "jobs")
    several = postgresql_parameters("postgres://u:p@a:1,b:2/jobs?sslmode=require")
    assert (several["host"], several["port"], several["sslmode"]) == ("a,b", "1,2", "require")
    shown = mask_url("postgresql://u:p%40w@[::1]:5/jobs?sslmode=require&sslpassword=hidden")
    assert shown == "postgresql://u:***@[::1]:5/jobs?sslmode=require&sslpassword=***"
    assert "p%23w" not in mask_url("postgresql:///jobs?host=/var/run/postgresql&user=h&password=p%23w")


def test_amqp_parts_survive_the_client_that_splits_them_again() -> None:
    import pika

    found = amqp_url("amqps://h@l:p#w?x[y%252F@[::1]/a%2Fb?heartbeat=7")
    assert (found.user, found.password, found.host, found.port, found.vhost) == (
        "h@l",
        "p#w?x[y%2F",
        "::1",
        5671,
        "a/b",
    )
    read = pika.URLParameters(found.encoded())
    assert isinstance(read.credentials, pika.PlainCredentials)
    assert (read.credentials.username, read.credentials.password) == ("h@l", "p#w?x[y%2F")
    assert (read.host, read.port, read.virtual_host, read.heartbeat) == ("::1", 5671, "a/b", 7)


@pytest.mark.parametrize("name", ["run#1", "run?1", "50%20off", "a b", "é", "a@b:c", "100%"])
def test_a_folder_is_the_one_that_was_meant(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    assert file_path(folder.as_uri()) == folder
    assert sqlite_path(check_url(sqlite_url(folder / "x.db"), ("sqlite",))) == folder / "x.db"


def test_raw_signs_in_a_file_url_are_part_of_the_name() -> None:
    assert file_path("file:///srv/x/run#1?2") == Path("/srv/x/run#1?2")
    for wrong in ("file://srv/x", "file:x"):
        with pytest.raises(ValueError):
            file_path(wrong)


def test_relative_sqlite_paths_become_absolute_where_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert check_url("sqlite:///jobs.db", ("sqlite",)) == f"sqlite:///{tmp_path}/jobs.db"


def test_a_driver_s_message_loses_the_password() -> None:
    url = "postgresql://u:p%23w@host/db"
    assert without_secrets('connection to "p#w" and p%23w failed', url) == 'connection to "***" and *** failed'
