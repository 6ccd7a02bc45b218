"""Accounts of the newest state, remembered between looks: every transaction at the door asks for two or three."""

from __future__ import annotations

from collections.abc import Mapping

from core.state import chain
from core.state.chain import Account

#: Accounts that are remembered; a hundred bytes or two each.
REMEMBERED = 100_000


class Newest:
    """Reads accounts. Not safe for several threads: its owner locks."""

    def __init__(self) -> None:
        self._known: dict[bytes, Account] = {}
        #: Of a sealed batch whose account versions are not in the store yet.
        self._ahead: dict[bytes, Account] = {}

    @property
    def is_ahead(self) -> bool:
        """Whether the newest batch is sealed and its account versions may not be in the store."""
        return bool(self._ahead)

    def account(self, address: bytes) -> Account:
        """Return the account's value in the newest state."""
        known = self._ahead.get(address) or self._known.get(address)
        if known is None:
            known = chain.newest_account(address)
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[address] = known
        return known

    def seal(self, accounts: Mapping[bytes, Account]) -> None:
        """Note new values of accounts, which a sealed batch gives them."""
        self._ahead |= accounts

    def settle(self) -> None:
        """Note that they are in the store."""
        self._known |= {address: value for address, value in self._ahead.items() if address in self._known}
        self._ahead.clear()

    def forget(self) -> None:
        """Read everything again."""
        self._known.clear()
        self._ahead.clear()
