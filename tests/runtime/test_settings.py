"""Settings: typed, complete, all faults at once, no secret shown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.addresses import is_loopback
from runtime.configuration import handed_on, show
from runtime.errors import ConfigurationError
from runtime.settings import Settings, load_settings
from runtime.urls import file_path, mask_url, sqlite_path


@pytest.fixture(autouse=True)
def _no_dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"HALLMARK_{name.upper()}", raising=False)


def test_defaults_keep_everything_in_the_state_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HALLMARK_STATE_DIR", str(tmp_path / "state"))
    settings = load_settings()
    assert settings.database_url == f"sqlite:///{tmp_path}/state/hallmark.db"
    assert settings.store_url == f"file://{tmp_path}/state/artifacts"
    assert settings.embedded and settings.sqlite


def test_all_faults_are_listed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "CHAIN_ID": "0",
        "MEMORY": "lots",
        "PROFILE": "fast",
        "DEVICE": "gpu",
        "DATABASE_URL": "mysql://x",
    }.items():
        monkeypatch.setenv(f"HALLMARK_{name}", value)
    with pytest.raises(ConfigurationError) as refused:
        load_settings()
    for name in ("CHAIN_ID", "MEMORY", "PROFILE", "DEVICE", "DATABASE_URL"):
        assert f"HALLMARK_{name}: " in refused.value.message


def test_exposed_servers_need_a_token_and_rabbit_a_vhost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALLMARK_GATEWAY_HOST", "0.0.0.0")
    monkeypatch.setenv("HALLMARK_BROKER_URL", "amqp://u:p@host")
    with pytest.raises(ConfigurationError, match=r"vhost.*HALLMARK_GATEWAY_HOST.*HALLMARK_TOKEN"):
        load_settings()
    monkeypatch.setenv("HALLMARK_TOKEN", "t0ken")
    monkeypatch.setenv("HALLMARK_BROKER_URL", "amqp://u:p@host/hallmark")
    assert load_settings().token.get_secret_value() == "t0ken"


@pytest.mark.parametrize(("text", "size"), [("8G", 8 << 30), ("512MiB", 512 << 20), ("64k", 64 << 10), ("1000", 1000)])
def test_sizes_have_units(monkeypatch: pytest.MonkeyPatch, text: str, size: int) -> None:
    monkeypatch.setenv("HALLMARK_MEMORY", text)
    assert load_settings().memory == size


def test_shown_values_mask_secrets_and_name_their_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HALLMARK_ZONE=b2\n")
    monkeypatch.setenv("HALLMARK_TOKEN", "s3cret")
    monkeypatch.setenv("HALLMARK_DATABASE_URL", "postgresql://hallmark:s3cret@host/jobs")
    shown = {entry.variable: entry for entry in show(load_settings())}
    assert "s3cret" not in repr(shown)
    assert shown["HALLMARK_DATABASE_URL"].value == "postgresql://hallmark:***@host/jobs"
    assert shown["HALLMARK_ZONE"].source == ".env" and shown["HALLMARK_TOKEN"].source == "environment"
    assert shown["HALLMARK_CHAIN_ID"].source == "default"


def test_urls_without_password_stay_as_they_are() -> None:
    assert mask_url("sqlite:////tmp/x.db") == "sqlite:////tmp/x.db"


def test_what_any_job_would_refuse_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {
        "SIZE_CLASS": "24",
        "THREADS": "0",
        "CPU": "fast",
        "TOKEN": "two words",
        "LEASE_SECONDS": "1000",
        "STORE_URL": "file://srv/x",
        "DRAIN_SECONDS": "inf",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(f"HALLMARK_{name}", value)
    with pytest.raises(ConfigurationError) as refused:
        load_settings()
    for name in {*wrong, "STALL_SECONDS"} - {"LEASE_SECONDS"}:
        assert f"HALLMARK_{name}: " in refused.value.message


def test_hosts_that_look_like_loopback_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for host, loopback in {
        "127.9.9.9": True,
        "::1": True,
        "localhost": True,
        "127.evil.org": False,
        "::": False,
    }.items():
        assert is_loopback(host) is loopback
    monkeypatch.setenv("HALLMARK_METRICS_HOST", "[::1]")
    assert load_settings().metrics_host == "::1"


@pytest.mark.parametrize("name", ["run#1", "run?1", "50%20off", "a b", "é"])
def test_everything_lies_in_the_state_folder_whatever_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv("HALLMARK_STATE_DIR", str(tmp_path / name))
    settings = load_settings()
    assert file_path(settings.store_url) == tmp_path / name / "artifacts"
    assert sqlite_path(settings.database_url) == tmp_path / name / "hallmark.db"


def test_children_see_what_was_read_and_no_other_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HALLMARK_STATE_DIR=state\nHALLMARK_ZONE=b2\nHALLMARK_TOKEN=s3cret\n")
    monkeypatch.setenv("hallmark_cluster", "c1")
    read = load_settings()
    assert read.state_dir == tmp_path / "state"
    environment = handed_on([read], os.environ)
    other = tmp_path / "other"
    other.mkdir()
    (other / ".env").write_text("HALLMARK_ZONE=elsewhere\nHALLMARK_CHAIN_ID=7\n")
    monkeypatch.chdir(other)
    for name in [name for name in os.environ if name.upper().startswith("HALLMARK_")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert load_settings() == read
    assert read.zone == "b2" and read.cluster == "c1" and read.token.get_secret_value() == "s3cret"


def test_a_settings_file_that_cannot_be_read_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bad.env").write_bytes(b"HALLMARK_ZONE=\xff\n")
    monkeypatch.setenv("HALLMARK_ENV_FILE", str(tmp_path / "bad.env"))
    with pytest.raises(ConfigurationError, match=r"bad\.env cannot be read"):
        load_settings()


def test_no_representation_of_the_settings_holds_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HALLMARK_TOKEN", "s3cret")
    monkeypatch.setenv("HALLMARK_DATABASE_URL", "postgresql://hallmark:s3cret@host/jobs")
    monkeypatch.setenv("HALLMARK_BROKER_URL", "amqp://hallmark:s3cret@host/jobs")
    assert "s3cret" not in repr(load_settings()) + str(load_settings())
