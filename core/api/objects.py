"""Blocks, transactions and receipts as Ethereum's execution API describes them, complete.

What this chain does not have has the value that an Ethereum chain after the Merge gives it: no uncles, no difficulty,
no logs. `transactionsRoot` and `receiptsRoot` are the commitments that the batch's proof binds, not tries.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from core.api.encoding import data, quantity
from core.formats.commitments import results_commitment, transactions_commitment
from core.formats.transactions import TransactionView
from core.formats.witness_input import transaction_section
from core.state import bridge, chain
from core.store import Batch, Transaction, TransactionStatus
from core.store.transactions import StoredTransaction

#: A transfer emits no logs.
NO_BLOOM = "0x" + "00" * 256

#: Keccak-256 of the RLP of an empty list.
NO_UNCLES = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"

_ZERO_HASH = data(bytes(32))

_COMMITMENTS_OF_NOTHING = {"transactions": transactions_commitment([]).hex(), "results": results_commitment([]).hex()}


@dataclass(frozen=True)
class Constants:
    """What is the same in every block.

    Attributes
    ----------
    chain_id : int
    base_fee : int
        Wei per gas.
    gas_limit : int
        Gas that the transactions of one block may use.
    fee_recipient : bytes
        20 bytes.
    """

    chain_id: int
    base_fee: int
    gas_limit: int
    fee_recipient: bytes


def block_hash(batch: Batch) -> bytes:
    """Return the 32 bytes that stand for a batch where Ethereum has a block hash: its public output.

    The output binds roots, transactions, results and metadata. For genesis, which nothing proves, it is the root.
    """
    return bytes(batch.expected_output)


def block_header(batch: Batch, rows: Sequence[StoredTransaction], constants: Constants) -> dict[str, object]:
    """Return a block without its list of transactions, as `newHeads` shows it."""
    parent = chain.batch_at(batch.number - 1)
    parts = json.loads(batch.commitments) if batch.commitments else _COMMITMENTS_OF_NOTHING
    return {
        "number": quantity(batch.number),
        "hash": data(block_hash(batch)),
        "parentHash": _ZERO_HASH if parent is None else data(block_hash(parent)),
        "sha3Uncles": NO_UNCLES,
        "miner": data(constants.fee_recipient),
        "stateRoot": data(batch.new_root),
        "transactionsRoot": "0x" + parts["transactions"],
        "receiptsRoot": "0x" + parts["results"],
        "logsBloom": NO_BLOOM,
        "difficulty": "0x0",
        "gasLimit": quantity(constants.gas_limit),
        "gasUsed": quantity(sum(row.gas_used for row in rows)),
        "timestamp": quantity(batch.timestamp),
        "extraData": "0x",
        "mixHash": _ZERO_HASH,
        "nonce": "0x" + "00" * 8,
        "baseFeePerGas": quantity(constants.base_fee),
    }


def block(batch: Batch, constants: Constants, *, full: bool) -> dict[str, object]:
    """Return a block with the hashes of its transactions, or with the whole ones."""
    rows = chain.transactions_of(batch.number)
    header = block_header(batch, rows, constants)
    listed = [transaction(row, chain.view(row), batch) if full else data(row.hash) for row in rows]
    size = len(transaction_section(bridge.signed_in(rows)))
    return {**header, "size": quantity(size), "transactions": listed, "uncles": []}


def transaction(row: Transaction | StoredTransaction, view: TransactionView, batch: Batch | None) -> dict[str, object]:
    """Return a transaction; without a batch it waits."""
    described: dict[str, object] = {
        "hash": data(row.hash),
        "type": quantity(view.kind),
        "blockHash": None if batch is None else data(block_hash(batch)),
        "blockNumber": None if batch is None else quantity(batch.number),
        "blockTimestamp": None if batch is None else quantity(batch.timestamp),
        "transactionIndex": None if batch is None else quantity(row.batch_index),
        "from": data(row.sender),
        "to": None if view.to is None else data(view.to),
        "nonce": quantity(view.nonce),
        "value": quantity(view.value),
        "gas": quantity(view.gas),
        "gasPrice": quantity(row.gas_price if row.status == TransactionStatus.SEALED else view.gas_price),
        "input": data(view.data),
        "v": quantity(view.v),
        "r": quantity(view.r),
        "s": quantity(view.s),
    }
    if view.chain_id is not None:
        described["chainId"] = quantity(view.chain_id)
    if view.kind != 0:
        described["yParity"] = quantity(view.y_parity)
        described["accessList"] = [
            {"address": data(address), "storageKeys": [data(key) for key in keys]} for address, keys in view.access_list
        ]
    if view.kind == 2:
        described["maxFeePerGas"] = quantity(view.gas_price)
        described["maxPriorityFeePerGas"] = quantity(view.tip)
    return described


def receipts(batch: Batch, rows: Sequence[StoredTransaction]) -> list[dict[str, object]]:
    """Return the receipts of all transactions of a batch, in order."""
    before = accumulate((row.gas_used for row in rows), initial=0)
    return [receipt(batch, row, used) for row, used in zip(rows, before, strict=False)]


def receipt(batch: Batch, row: Transaction | StoredTransaction, gas_before: int) -> dict[str, object]:
    """Return the receipt of a transaction, before which others of its batch used `gas_before`."""
    view = chain.view(row)
    return {
        "type": quantity(view.kind),
        "transactionHash": data(row.hash),
        "transactionIndex": quantity(row.batch_index),
        "blockHash": data(block_hash(batch)),
        "blockNumber": quantity(batch.number),
        "from": data(row.sender),
        "to": None if view.to is None else data(view.to),
        "cumulativeGasUsed": quantity(gas_before + row.gas_used),
        "gasUsed": quantity(row.gas_used),
        "effectiveGasPrice": quantity(row.gas_price),
        "contractAddress": None,
        "logs": [],
        "logsBloom": NO_BLOOM,
        "status": "0x0" if row.reason else "0x1",
    }
