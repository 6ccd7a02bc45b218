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

    def account(self, address: bytes) -> Account:
        """Return the account's value in the newest state."""
        known = self._known.get(address)
        if known is None:
            known = chain.newest_account(address)
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[address] = known
        return known

    def settle(self, accounts: Mapping[bytes, Account]) -> None:
        """Note new values of accounts in the newest state."""
        self._known.update({address: value for address, value in accounts.items() if address in self._known})

    def forget(self) -> None:
        """Read everything again."""
        self._known.clear()
