"""Neither the key nor the URL of L1's node is shown anywhere."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from core.eth_sender.connection import connect
from core.eth_sender.errors import L1Unavailable
from core.eth_sender.opening import open_sender
from core.eth_sender.signer import Signer
from core.settings import load_core_settings
from runtime.configuration import show
from runtime.errors import ConfigurationError
from tests.core.chain import node_at

KEY = "42" * 32
SECRET = "s3cret-project-key"
COMPLETE = {"core_l1_url": "https://l1.example/v3/" + SECRET, "core_l1_executor": "0x" + "11" * 20, "core_l1_key": KEY}
COMPLETE |= {"core_snark_key": "/verifying.key"}


@pytest.mark.parametrize("text", [KEY, "0x" + KEY, f"  {KEY.upper()}\n"])
def test_a_signer_shows_its_address_alone(text: str) -> None:
    signer = Signer(text, "the test")
    assert KEY.lower() not in (repr(signer) + str(signer)).lower()
    assert signer.address in repr(signer)


@pytest.mark.parametrize("text", ["", KEY[:-1], KEY + "00", "zz" * 32, "00" * 32, "ff" * 32])
def test_what_is_no_key_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Signer(text, "the test")
    shown = "".join(traceback.format_exception(caught.value))
    assert not text or text not in shown


def test_a_key_file_is_private(tmp_path: Path) -> None:
    file = tmp_path / "key"
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Signer.of_file(file)
    file.write_text(KEY)
    file.chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        Signer.of_file(file)
    file.chmod(0o600)
    assert Signer.of_file(file).address == Signer(KEY, "").address


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v3/", "http://user:{}@127.0.0.1:9/"])
def test_a_node_that_is_away_is_named_without_its_url(url: str) -> None:
    web3 = connect(url.format(SECRET) + SECRET)
    with pytest.raises(L1Unavailable) as caught:
        _ = web3.eth.block_number
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_settings_of_l1_are_complete_and_masked(tmp_path: Path) -> None:
    own = load_core_settings(**COMPLETE)
    shown = repr(own) + "".join(f"{one.variable}={one.value}" for one in show(own))
    assert SECRET not in shown and KEY not in shown
    for missing in ("core_l1_url", "core_l1_key", "core_snark_key"):
        with pytest.raises(ConfigurationError, match="CORE_L1"):
            load_core_settings(**{**COMPLETE, missing: None if missing == "core_snark_key" else ""})
    load_core_settings(**{**COMPLETE, "core_l1_executor": ""})  # what `hallmark l1 deploy` starts from
    for wrong in ({"core_l1_key_file": tmp_path}, {"core_l1_url": "ftp://x"}, {"core_l1_executor": "0x12"}):
        with pytest.raises(ConfigurationError) as caught:
            load_core_settings(**{**COMPLETE, **wrong})
        assert SECRET not in str(caught.value) and KEY not in str(caught.value)


def test_a_sender_is_made_from_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY)
    file.chmod(0o600)
    changes = {**COMPLETE, "core_l1_key": "", "core_l1_key_file": file, "core_l1_url": "http://127.0.0.1:9/" + SECRET}
    node = node_at(tmp_path, **changes)
    with pytest.raises(L1Unavailable):
        open_sender(node.core_settings, node.store, node.snarks, node.identity, bytes(32)).step()
    node.store.close()
