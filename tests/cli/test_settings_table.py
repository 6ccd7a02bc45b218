"""The page of settings is what the settings are, and no other page repeats their defaults."""

from __future__ import annotations

from pathlib import Path

from cli import settings_table
from core.settings import CoreSettings
from gateway.settings import GatewaySettings
from runtime.settings import Settings

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_page_is_generated_from_the_settings() -> None:
    page = (DOCS / "settings.md").read_text(encoding="utf-8")
    assert page == settings_table.render(), "run `hallmark config describe > docs/settings.md`"


def test_every_setting_says_what_it_is() -> None:
    for group in (Settings, CoreSettings, GatewaySettings):
        assert not [name for name, field in group.model_fields.items() if not field.description]


def test_size_classes_are_those_of_the_circuits() -> None:
    from proving.machine.main_vm.shapes import MAX_SIZE_CLASS, MIN_SIZE_CLASS
    from runtime.settings import SIZE_CLASSES

    assert SIZE_CLASSES == (MIN_SIZE_CLASS, MAX_SIZE_CLASS)
