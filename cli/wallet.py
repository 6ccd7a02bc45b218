"""The demo's wallet: signs transfers of every type with `eth-account`, between the development genesis accounts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from core.tools.client import CoreClient

#: The mnemonic that Ethereum's development tools publish for local chains; core's development genesis funds it.
MNEMONIC = "test test test test test test test test test test test junk"
_ACCOUNTS = 5
_GAS = 21_000


def transfers(client: CoreClient, count: int) -> Iterator[bytes]:
    """Yield `count` signed raw transfers: legacy (EIP-155), EIP-2930 and EIP-1559 in turn."""
    # A third of what every operator's command would load.
    from eth_account import Account

    Account.enable_unaudited_hdwallet_features()
    accounts = [Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{i}") for i in range(_ACCOUNTS)]
    chain_id = int(client.call("eth_chainId"), 16)
    price = int(client.call("eth_gasPrice"), 16)
    nonces = [int(client.call("eth_getTransactionCount", account.address, "latest"), 16) for account in accounts]
    for index in range(count):
        sender = index % _ACCOUNTS
        fields: dict[str, Any] = {
            "chainId": chain_id,
            "nonce": nonces[sender],
            "gas": _GAS,
            "to": accounts[(sender + 1) % _ACCOUNTS].address,
            "value": 10**15 + index,
        }
        fields |= (
            {"gasPrice": price},
            {"type": 1, "gasPrice": price, "accessList": []},
            {"type": 2, "maxFeePerGas": 2 * price, "maxPriorityFeePerGas": 1},
        )[index % 3]
        nonces[sender] += 1
        yield bytes(accounts[sender].sign_transaction(fields).raw_transaction)
