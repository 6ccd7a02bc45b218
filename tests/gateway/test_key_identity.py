"""The gateway reads the key's digest as data; core and the provers get theirs from the keys themselves."""

from __future__ import annotations

from core.proofs import verification
from gateway.serving import key_identity
from runtime.settings import load_settings


def test_gateway_asks_for_the_key_that_core_verifies_with() -> None:
    settings = load_settings(profile="proven128")
    assert key_identity(settings) == verification.key_identity("proven128")
