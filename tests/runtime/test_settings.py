"""Settings: typed, complete, all faults at once, no secret shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.errors import ConfigurationError
from runtime.settings import Settings, load_settings, mask_url, show


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
