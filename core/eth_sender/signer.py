"""The key that core sends to L1 with: from a file or the environment, never shown."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3

from core.eth_sender.fees import Fees
from runtime.errors import ConfigurationError

_KEY = re.compile(r"(?:0x)?([0-9a-fA-F]{64})")


class Signer:
    """Signs transactions of one account; shows its address and nothing else.

    Parameters
    ----------
    key
        64 hexadecimal digits.
    source
        Where they came from, for messages.

    Raises
    ------
    ConfigurationError
        It is no private key; the message does not repeat it.
    """

    def __init__(self, key: str, source: str) -> None:
        found = _KEY.fullmatch(key.strip())
        account: LocalAccount | None = None
        if found:
            try:
                account = Account.from_key(bytes.fromhex(found[1]))
            except ValueError:
                account = None
        if account is None:
            # Raised here and not in the handler: the library's message may hold the key.
            raise ConfigurationError(f"{source} is no private key: 64 hexadecimal digits, below the curve's order.")
        self._account = account
        self.address = account.address

    def __repr__(self) -> str:
        return f"Signer({self.address})"

    @classmethod
    def of_file(cls, path: Path) -> Signer:
        """Read a key from a file that only its owner may read.

        Raises
        ------
        ConfigurationError
            The file cannot be read, others can read it, or it holds no key.
        """
        try:
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise ConfigurationError(f"{path} can be read by others than its owner; make it private: chmod 600.")
            text = path.read_text(encoding="ascii", errors="replace")
        except OSError as error:
            raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
        return cls(text, str(path))

    def sign(
        self, *, chain_id: int, nonce: int, to: str | None, data: bytes, gas: int, fees: Fees
    ) -> tuple[bytes, bytes]:
        """Return the bytes and the hash of a signed transaction of type 2; one to nobody creates a contract."""
        receiver: dict[str, Any] = {} if to is None else {"to": Web3.to_checksum_address(to)}
        signed = self._account.sign_transaction(
            receiver
            | {
                "type": 2,
                "chainId": chain_id,
                "nonce": nonce,
                "value": 0,
                "data": data,
                "gas": gas,
                "maxFeePerGas": fees.most,
                "maxPriorityFeePerGas": fees.priority,
            }
        )
        return bytes(signed.raw_transaction), bytes(signed.hash)
