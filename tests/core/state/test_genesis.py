"""The genesis file: its accounts are looked at once, and before anything is written about them."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.errors import ConfigurationError
from tests.core.chain import node_at


@pytest.mark.parametrize(
    ("account", "message"),
    [
        ('"0x11": {"balance": 1}', "not an address"),
        (f'"0x{"11" * 20}": {{"balance": -1}}', "out of range"),
        (f'"0x{"11" * 20}": {{"balance": 1}}, "0X{"11" * 20}": {{"balance": 1}}', "not an address"),
        (f'"0x{"1a" * 20}": {{"balance": 1}}, "0x{"1A" * 20}": {{"balance": 1}}', "listed twice"),
        (f'"0x{"11" * 20}": {{"balance": "{1 << 255}"}}, "0x{"12" * 20}": {{"balance": "{1 << 255}"}}', "add up"),
        (f'"0x{"11" * 20}": {{"balance": 1, "code": ""}}', "code"),
    ],
)
def test_wrong_accounts_in_genesis_are_refused_and_the_mended_file_is_taken(
    tmp_path: Path, account: str, message: str
) -> None:
    genesis = tmp_path / "genesis.json"
    text = '{"fee_recipient": "0x' + "fe" * 20 + '", "base_fee": 1, "gas_limit": 30000000, "accounts": {%s}}'
    genesis.write_text(text % account)
    with pytest.raises(ConfigurationError, match=message):
        node_at(tmp_path, core_genesis=genesis)
    genesis.write_text(text % f'"0x{"11" * 20}": {{"balance": 1}}')
    node_at(tmp_path, core_genesis=genesis).store.close()
    again = node_at(tmp_path, core_genesis=genesis)
    assert "accounts" not in vars(again.genesis), "a store that has them reads them no more"
    again.store.close()
