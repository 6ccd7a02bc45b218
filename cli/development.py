"""What a development node tells whoever starts it: where to connect, with which account, and how to watch the proof."""

from __future__ import annotations

import shlex

from cli import commands, display
from core.settings import CoreSettings
from core.state.genesis import read_genesis
from runtime.settings import Settings
from runtime.words import count

#: First account of the mnemonic that Ethereum's development tools publish; the development genesis funds it.
ACCOUNT = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
PRIVATE_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
#: The second one, to whom the examples send.
RECEIVER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
_GAS, _WEI = 21_000, 10**18

_WEB3 = """\
python3 - <<'END'
from web3 import Web3
node = Web3(Web3.HTTPProvider({url!r}))
account = node.eth.account.from_key({key!r})
signed = account.sign_transaction({{
    "to": {receiver!r}, "value": {value}, "gas": {gas}, "gasPrice": node.eth.gas_price,
    "nonce": node.eth.get_transaction_count(account.address, "pending"), "chainId": node.eth.chain_id,
}})
print(Web3.to_hex(node.eth.send_raw_transaction(signed.raw_transaction)))
END"""


def describe(settings: Settings, core: CoreSettings) -> list[str]:
    """Return the lines that a started system prints; the account and examples only for the development genesis."""
    rows = [
        ("RPC", f"{settings.core_url} (chain {settings.chain_id})"),
        ("state", commands.here(settings.state_dir)),
        ("batches", _sealing(core)),
    ]
    watch = f"Watch it being proven:\n{commands.line('watch', state=settings.state_dir)}"
    if core.core_genesis is not None:
        return [*display.pairs("Hallmark runs", rows).plain.splitlines(), *watch.splitlines()]
    funded = read_genesis(None).accounts[bytes.fromhex(ACCOUNT.removeprefix("0x"))].balance
    rows[1:1] = [
        ("account", f"{ACCOUNT} ({funded // _WEI:,} ether)"),
        ("private key", f"{PRIVATE_KEY} (published: for development only)"),
    ]
    return [
        *display.pairs("Hallmark runs, with the development genesis", rows).plain.splitlines(),
        "Send a transaction with cast:",
        cast(settings),
        "or with web3.py (pip install web3):",
        *web3(settings).splitlines(),
        *watch.splitlines(),
    ]


def cast(settings: Settings) -> str:
    """Return the command line of Foundry's `cast` that sends a transfer."""
    price = read_genesis(None).base_fee
    # Limit and price are given because core estimates neither; `--async` because a receipt exists once it is sealed.
    return (
        f"cast send --async --rpc-url {shlex.quote(settings.core_url)} --private-key {PRIVATE_KEY} --legacy "
        f"--gas-limit {_GAS} --gas-price {price} --value 1gwei {RECEIVER}"
    )


def web3(settings: Settings) -> str:
    """Return the shell lines that send a transfer with web3.py."""
    return _WEB3.format(url=settings.core_url, key=PRIVATE_KEY, receiver=RECEIVER, value=10**9, gas=_GAS)


def _sealing(core: CoreSettings) -> str:
    waiting = count(core.core_batch_transactions, "transaction")
    if core.core_batch_seconds == 0:
        return f"sealed when {waiting} wait, or by hallmark_sealBatch"
    return f"sealed when {waiting} wait, or {core.core_batch_seconds:g} s after the first"
