from __future__ import annotations

import json
from pathlib import Path

import pytest

from proving import keys
from proving.keys import __main__ as command
from proving.keys.registry import CIRCUITS


@pytest.mark.parametrize("name", CIRCUITS)
def test_this_code_makes_the_pinned_keys(name: str) -> None:
    assert command.make_pin(name) == keys.pinned()[name]


def test_every_circuit_is_pinned() -> None:
    assert set(keys.pinned()) == set(CIRCUITS)


@pytest.mark.parametrize("part", keys.Pin._fields)
def test_another_pin_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, part: str) -> None:
    other = tmp_path / "pinned.json"
    pin = keys.pinned()[keys.MAIN_VM]._replace(**{part: "00" * 32})
    other.write_text(json.dumps({keys.MAIN_VM: pin._asdict()}))
    monkeypatch.setattr(keys, "PINNED", other)
    for find in (keys.key, keys.proving_key):
        with pytest.raises(keys.KeyMismatch, match=r"pins .*0000"):
            find.__wrapped__(keys.MAIN_VM)


@pytest.mark.parametrize("name", CIRCUITS)
def test_every_profile_is_reached(name: str) -> None:
    for profile, report in keys.key(name).reports.items():
        assert report.reached, profile
