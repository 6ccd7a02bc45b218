from __future__ import annotations

import json
from pathlib import Path

import pytest

from proving import keys


def test_key_digest_is_the_pinned_one() -> None:
    assert keys.main_vm_key().hex == json.loads(keys.PINNED.read_text())["main_vm"]


def test_another_pinned_digest_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "pinned.json"
    other.write_text(json.dumps({"main_vm": "00" * 32}))
    monkeypatch.setattr(keys, "PINNED", other)
    with pytest.raises(keys.KeyMismatch, match="pins 0000"):
        keys.main_vm_key.__wrapped__()


def test_every_profile_is_reached() -> None:
    for name, report in keys.main_vm_key().reports.items():
        assert report.reached, name
