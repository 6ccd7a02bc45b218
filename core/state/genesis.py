"""Genesis: the accounts and constants a chain starts with, read from a JSON file.

::

    {"timestamp": 0, "fee_recipient": "0x...", "base_fee": 1000000000, "gas_limit": 30000000,
     "accounts": {"0x...": {"balance": "10000000000000000000000", "nonce": 0}}}

Numbers are JSON integers or decimal strings (a balance does not fit into the integers of most JSON readers).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import msgspec

from core.state.chain import Account
from runtime.errors import ConfigurationError

#: Five accounts of the mnemonic "test test test test test test test test test test test junk" that Ethereum's
#: development tools (Hardhat, Anvil) publish for local chains; never for a chain with value.
DEVELOPMENT = Path(__file__).with_name("development_genesis.json")

#: A genesis file larger than this is refused, in bytes.
MAX_GENESIS_BYTES = 64 << 20

_WORD64 = 1 << 64
_WORD256 = 1 << 256


class _AccountFile(msgspec.Struct, forbid_unknown_fields=True):
    balance: int | str
    nonce: int | str = 0


class _GenesisFile(msgspec.Struct, forbid_unknown_fields=True):
    fee_recipient: str
    base_fee: int | str
    gas_limit: int | str
    accounts: msgspec.Raw
    timestamp: int | str = 0


@dataclass(frozen=True)
class Genesis:
    """What the chain starts with.

    Attributes
    ----------
    timestamp : int
        Seconds since the epoch; batches are later.
    fee_recipient : bytes
        20 bytes; receives every fee.
    base_fee : int
        Wei per gas, constant.
    gas_limit : int
        Gas of one batch.
    source : Path
    digest : str
        SHA-256 of the file, hex.
    """

    timestamp: int
    fee_recipient: bytes
    base_fee: int
    gas_limit: int
    source: Path
    digest: str
    _accounts: bytes = field(repr=False)

    @cached_property
    def accounts(self) -> dict[bytes, Account]:
        """The accounts, read when they are first asked for: a store that has them asks no more.

        Raises
        ------
        ConfigurationError
            An account is not of this form, or has a value out of range.
        """
        try:
            return _accounts(self._accounts)
        except (ValueError, msgspec.DecodeError) as error:
            raise ConfigurationError(f"genesis {self.source}: {error}") from error

    def check(self) -> None:
        """Look at the accounts.

        Raises
        ------
        ConfigurationError
            As for :attr:`accounts`.
        """
        len(self.accounts)


def read_genesis(path: Path | None) -> Genesis:
    """Read the genesis file at `path`, or the development genesis.

    Raises
    ------
    ConfigurationError
        The file is missing, too large, not of this form, or has a value out of range; accounts are looked at later.
    """
    source = path or DEVELOPMENT
    try:
        if source.stat().st_size > MAX_GENESIS_BYTES:
            raise ConfigurationError(f"genesis {source}: larger than {MAX_GENESIS_BYTES} bytes")
        content = source.read_bytes()
        parsed = msgspec.json.decode(content, type=_GenesisFile)
        return Genesis(
            timestamp=_number(parsed.timestamp, _WORD64),
            fee_recipient=_address(parsed.fee_recipient),
            base_fee=_number(parsed.base_fee, _WORD64),
            gas_limit=_number(parsed.gas_limit, _WORD64),
            source=source,
            digest=hashlib.sha256(content).hexdigest(),
            _accounts=bytes(parsed.accounts),
        )
    except (OSError, ValueError, msgspec.DecodeError) as error:
        raise ConfigurationError(f"genesis {source}: {error}") from error


def _accounts(content: bytes) -> dict[bytes, Account]:
    parsed = msgspec.json.decode(content, type=dict[str, _AccountFile])
    accounts = {
        _address(text): Account(_number(entry.nonce, _WORD64), _number(entry.balance, _WORD256))
        for text, entry in parsed.items()
    }
    if len(accounts) != len(parsed):
        raise ValueError("an account is listed twice")
    if sum(account.balance for account in accounts.values()) >= _WORD256:
        raise ValueError("the balances add up to 2^256 or more")
    return {address: account for address, account in accounts.items() if account != Account()}


def _address(text: str) -> bytes:
    if not text.startswith("0x") or len(text) != 42:
        raise ValueError(f"{text[:50]} is not an address")
    return bytes.fromhex(text[2:])


def _number(value: int | str, limit: int) -> int:
    number = int(value, 10) if isinstance(value, str) else value
    if not 0 <= number < limit:
        raise ValueError(f"{value} is out of range")
    return number
