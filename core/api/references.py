"""Which block a caller means: a number, a tag, a hash, or the object of EIP-1898.

`latest` and `pending` are the newest settled batch, `safe` the newest one up to which every batch is proven,
`finalized` the newest one that L1 has executed, as core last saw it; before the first of them that is genesis.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.api.encoding import MAX_NUMBER, read_data, read_quantity
from core.api.json_rpc import INVALID_PARAMS, RpcError
from core.eth_sender.status import noted_state
from core.proofs.acceptance import proven_batch
from core.state import chain
from core.store import Batch, Store


class References:
    """Finds blocks in one store.

    Parameters
    ----------
    store
        Core's rows.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, reference: object) -> Batch | None:
        """Return the settled batch that is meant, None when there is none (yet).

        Raises
        ------
        RpcError
            It is neither a tag, a quantity, a hash nor an object with one of them.
        """
        if isinstance(reference, Mapping):
            return self._find_object(reference)
        if isinstance(reference, str) and len(reference) == 66:
            return chain.batch_by_hash(read_data(reference, "The block hash", 32))
        return chain.batch_at(self.number(reference))

    def state(self, reference: object) -> int:
        """Return the number of an existing block whose state is asked for.

        Raises
        ------
        RpcError
            As for :meth:`find`, or there is no such block.
        """
        batch = self.find(reference)
        if batch is None:
            raise RpcError(INVALID_PARAMS, "header not found: there is no such block (yet).")
        return int(batch.number)

    def number(self, reference: object) -> int:
        """Return the number that a tag or a quantity names; a block of that number need not exist."""
        if reference in ("latest", "pending"):
            return chain.head()
        if reference == "safe":
            return min(proven_batch(), chain.head())
        if reference == "finalized":
            state = noted_state(self._store)
            return 0 if state is None else min(state.executed, chain.head())
        if reference == "earliest":
            return 0
        if not isinstance(reference, str) or not reference.startswith("0x"):
            raise RpcError(INVALID_PARAMS, "The block is neither a tag nor a quantity nor a hash.")
        return min(read_quantity(reference, "The block number"), MAX_NUMBER)

    def _find_object(self, reference: Mapping[object, object]) -> Batch | None:
        if ("blockNumber" in reference) == ("blockHash" in reference):
            raise RpcError(INVALID_PARAMS, "A block object has either blockNumber or blockHash.")
        if "blockHash" in reference:
            return chain.batch_by_hash(read_data(reference["blockHash"], "blockHash", 32))
        return chain.batch_at(self.number(reference["blockNumber"]))
