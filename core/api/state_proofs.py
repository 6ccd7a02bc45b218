"""``GET /state_proof``: accounts after a batch, with what shows them under the batch's state root."""

from __future__ import annotations

import re

import msgspec
from aiohttp import web

from core.errors import BatchUnknown
from core.http.pools import Pool
from core.state import chain
from core.state_tree.kept import KeptTree
from core.state_tree.proof import ProvenAccount, StateProof
from core.store import Store
from runtime.errors import InvalidInput

#: Accounts of one proof.
MAX_ACCOUNTS = 64

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")


class StateProofs:
    """The route.

    Parameters
    ----------
    store, tree
        Core's rows, and the state tree, which is read only.
    """

    def __init__(self, store: Store, tree: KeptTree) -> None:
        self._store = store
        self._tree = tree
        self._readers = Pool("state proofs", 2, 256)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes for an aiohttp application."""
        return [web.get("/state_proof", self.answer, allow_head=False)]

    async def answer(self, request: web.Request) -> web.Response:
        """Answer with a ``StateProof`` of the accounts that the query names, after ``batch`` or the newest one."""
        addresses = [_address(text) for text in request.query.getall("address", [])]
        if not 1 <= len(addresses) <= MAX_ACCOUNTS:
            raise InvalidInput(f"Name 1 to {MAX_ACCOUNTS} accounts: ?address=0x...&address=0x...")
        number = request.query.get("batch", "")
        if number and not _NUMBER.fullmatch(number):
            raise InvalidInput("The batch number is a decimal integer.")
        proof = await self._readers.run(self.prove, addresses, int(number) if number else None)
        return web.Response(body=msgspec.json.encode(proof), content_type="application/json")

    def prove(self, addresses: list[bytes], number: int | None = None) -> StateProof:
        """Return accounts after a settled batch, the newest one where no number is given, with their proof.

        Raises
        ------
        BatchUnknown
            There is no such batch, or it is not settled.
        VersionUnknown
            Its tree is not kept any more.
        """
        with self._store.session():
            batch = chain.batch_at(chain.head() if number is None else number)
        if batch is None:
            raise BatchUnknown(f"Batch {number} is not settled.")
        with self._tree.version(batch.number) as version:
            values = version.accounts(addresses)
            section, root = version.partial(addresses), version.root
        accounts = [
            ProvenAccount(f"0x{address.hex()}", str(nonce), str(balance))
            for address, (nonce, balance) in zip(addresses, values, strict=True)
        ]
        return StateProof(batch.number, f"0x{root.hex()}", accounts, f"0x{section.hex()}")


def _address(text: str) -> bytes:
    if not _ADDRESS.fullmatch(text):
        raise InvalidInput(f"{text[:50]!r} is not an address: 0x and 40 hexadecimal digits.")
    return bytes.fromhex(text[2:])
