"""The Ethereum JSON-RPC methods that a wallet needs to send transfers and follow them.

Quantities are 0x-hex without leading zeros, byte strings 0x-hex of full length. Refusals use go-ethereum's code and
words, because wallets recognise them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from core import chain
from core.acceptance import proven_batch
from core.eth_sender.status import l1_status, mined_transactions
from core.json_rpc import INVALID_PARAMS, LIMIT_EXCEEDED, TRANSACTION_REFUSED, Method, RpcError
from core.sequencer import Known, MempoolFull, Refused, Sequencer
from core.store import Batch, L1Transaction, L1TransactionStatus, Store, Transaction, TransactionStatus
from core.transactions import TransactionView, UnreadableTransaction, read_transaction
from core.witness_input import MAX_TRANSACTION_BYTES

_HEX = re.compile(r"0x([0-9a-fA-F]{2})*")
_QUANTITY = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]{0,15})")

#: A transfer emits no logs.
_NO_BLOOM = "0x" + "00" * 256

T = TypeVar("T")


class EthereumApi:
    """The methods over one chain.

    Parameters
    ----------
    store
        Core's rows.
    sequencer
        Takes transactions.
    chain_id
        Told to wallets, which sign it.
    base_fee
        Wei per gas.
    """

    def __init__(self, store: Store, sequencer: Sequencer, chain_id: int, base_fee: int) -> None:
        self._store = store
        self._sequencer = sequencer
        self._chain_id = chain_id
        self._base_fee = base_fee

    def methods(self) -> Mapping[str, Method]:
        """Return every method by its name."""
        plain: dict[str, Callable[[Sequence[Any]], Any]] = {
            "web3_clientVersion": lambda _: "Hallmark",
            "net_version": lambda _: str(self._chain_id),
            "net_listening": lambda _: True,
            "eth_chainId": lambda _: _quantity(self._chain_id),
            "eth_syncing": lambda _: False,
            "eth_accounts": lambda _: [],
            "eth_gasPrice": lambda _: _quantity(self._base_fee),
            "eth_maxPriorityFeePerGas": lambda _: _quantity(0),
            "eth_blockNumber": lambda _: _quantity(chain.head()),
            "eth_getBalance": lambda p: _quantity(self._account(p).balance),
            "eth_getTransactionCount": lambda p: _quantity(self._account(p).nonce),
            "eth_getCode": self._code,
            "eth_getBlockByNumber": self._block,
            "eth_getTransactionByHash": self._transaction,
            "eth_getTransactionReceipt": self._receipt,
            "eth_sendRawTransaction": self._send,
            "hallmark_sealBatch": lambda _: self._seal(),
            "hallmark_batchStatus": self._batch_status,
        }
        return {name: self._in_thread(function) for name, function in plain.items()}

    def _in_thread(self, function: Callable[[Sequence[Any]], T]) -> Method:
        """Run a method in a thread with a store session of its own: the event loop never waits for the database."""

        def call(parameters: Sequence[Any]) -> T:
            with self._store.session():
                return function(parameters)

        async def method(parameters: Sequence[Any]) -> T:
            return await asyncio.to_thread(call, parameters)

        return method

    def _account(self, parameters: Sequence[Any]) -> chain.Account:
        address = _bytes(parameters, 0, 20)
        tag = parameters[1] if len(parameters) > 1 else "latest"
        if tag == "pending":
            return self._sequencer.pending_account(address)
        return chain.account_at(address, _block_number(tag))

    def _code(self, parameters: Sequence[Any]) -> str:
        _bytes(parameters, 0, 20)
        return "0x"

    def _send(self, parameters: Sequence[Any]) -> str:
        raw = _bytes(parameters, 0, None)
        try:
            return _data(self._sequencer.submit(raw))
        except Known as error:
            raise RpcError(TRANSACTION_REFUSED, "already known") from error
        except MempoolFull as error:
            raise RpcError(LIMIT_EXCEEDED, error.message) from error
        except Refused as error:
            raise RpcError(TRANSACTION_REFUSED, error.message, {"status": error.status.name}) from error
        except UnreadableTransaction as error:
            raise RpcError(TRANSACTION_REFUSED, f"invalid transaction: {error.message}") from error

    def _seal(self) -> str | None:
        number = self._sequencer.seal()
        return None if number is None else _quantity(number)

    def _transaction(self, parameters: Sequence[Any]) -> dict[str, object] | None:
        row = chain.transaction(_bytes(parameters, 0, 32))
        if row is None or row.status == TransactionStatus.DROPPED:
            return None
        return _describe(row, read_transaction(row.content))

    def _receipt(self, parameters: Sequence[Any]) -> dict[str, object] | None:
        row = chain.transaction(_bytes(parameters, 0, 32))
        if row is None or row.status != TransactionStatus.SEALED:
            return None
        batch = chain.batch_at(row.batch_number)
        if batch is None:
            return None
        view = read_transaction(row.content)
        before = [other for other in chain.transactions_of(row.batch_number) if other.batch_index <= row.batch_index]
        return {
            "transactionHash": _data(row.hash),
            "transactionIndex": _quantity(row.batch_index),
            "blockHash": _data(block_hash(batch)),
            "blockNumber": _quantity(row.batch_number),
            "from": _data(row.sender),
            "to": None if view.to is None else _data(view.to),
            "cumulativeGasUsed": _quantity(sum(other.gas_used for other in before)),
            "gasUsed": _quantity(row.gas_used),
            "effectiveGasPrice": _quantity(row.gas_price),
            "contractAddress": None,
            "logs": [],
            "logsBloom": _NO_BLOOM,
            "type": _quantity(view.kind),
            "status": "0x1",
        }

    def _block(self, parameters: Sequence[Any]) -> dict[str, object] | None:
        number = _block_number(parameters[0] if parameters else "latest")
        full = len(parameters) > 1 and parameters[1] is True
        batch = chain.batch_at(number)
        if batch is None:
            return None
        rows = chain.transactions_of(number)
        parent = chain.batch_at(number - 1)
        listed: list[object] = [
            _describe(row, read_transaction(row.content)) if full else _data(row.hash) for row in rows
        ]
        return {
            "number": _quantity(number),
            "hash": _data(block_hash(batch)),
            "parentHash": _data(bytes(32) if parent is None else block_hash(parent)),
            "stateRoot": _data(batch.new_root),
            "timestamp": _quantity(batch.timestamp),
            "baseFeePerGas": _quantity(self._base_fee),
            "gasUsed": _quantity(sum(row.gas_used for row in rows)),
            "gasLimit": _quantity(self._sequencer.gas_limit),
            "miner": _data(self._sequencer.fee_recipient),
            "logsBloom": _NO_BLOOM,
            "extraData": "0x",
            "transactions": listed,
            "uncles": [],
        }

    def _batch_status(self, parameters: Sequence[Any]) -> dict[str, object] | None:
        batch = Batch.get_or_none(Batch.number == _block_number(parameters[0] if parameters else "latest"))
        if batch is None:
            return None
        return {
            "number": _quantity(batch.number),
            "status": batch.status,
            "l1Status": l1_status(self._store, batch.number),
            "l1Transactions": [_l1_transaction(row) for row in mined_transactions(batch.number)],
            "provenBatch": _quantity(proven_batch()),
        }


def block_hash(batch: Batch) -> bytes:
    """Return the 32 bytes that stand for a batch where Ethereum has a block hash: its public output.

    The output binds roots, transactions, results and metadata. For genesis, which nothing proves, it is the root.
    """
    return bytes(batch.expected_output)


def _l1_transaction(row: L1Transaction) -> dict[str, object]:
    return {
        "action": row.action,
        "hash": _data(row.hash),
        "blockNumber": _quantity(row.block or 0),
        "gasUsed": _quantity(row.gas_used or 0),
        "succeeded": row.succeeded,
        "confirmed": row.status == L1TransactionStatus.CONFIRMED,
    }


def _describe(row: Transaction, view: TransactionView) -> dict[str, object]:
    batch = chain.batch_at(row.batch_number) if row.batch_number else None
    described: dict[str, object] = {
        "hash": _data(row.hash),
        "blockHash": None if batch is None else _data(block_hash(batch)),
        "blockNumber": None if batch is None else _quantity(row.batch_number),
        "transactionIndex": None if batch is None else _quantity(row.batch_index),
        "from": _data(row.sender),
        "to": None if view.to is None else _data(view.to),
        "nonce": _quantity(view.nonce),
        "value": _quantity(view.value),
        "gas": _quantity(view.gas),
        "gasPrice": _quantity(view.gas_price if row.gas_price is None else row.gas_price),
        "input": _data(view.data),
        "type": _quantity(view.kind),
        "v": _quantity(view.v),
        "r": _quantity(view.r),
        "s": _quantity(view.s),
    }
    if view.chain_id is not None:
        described["chainId"] = _quantity(view.chain_id)
    if view.kind == 2:
        described["maxFeePerGas"] = _quantity(view.gas_price)
        described["maxPriorityFeePerGas"] = _quantity(view.tip)
    return described


def _quantity(number: int) -> str:
    return hex(number)


def _data(content: bytes) -> str:
    return "0x" + bytes(content).hex()


def _bytes(parameters: Sequence[Any], position: int, length: int | None) -> bytes:
    text = parameters[position] if position < len(parameters) else None
    if not isinstance(text, str) or len(text) > 2 * MAX_TRANSACTION_BYTES + 2 or not _HEX.fullmatch(text):
        raise RpcError(INVALID_PARAMS, f"Parameter {position} is not a 0x-prefixed byte string.")
    content = bytes.fromhex(text[2:])
    if length is not None and len(content) != length:
        raise RpcError(INVALID_PARAMS, f"Parameter {position} has {len(content)} bytes, not {length}.")
    return content


def _block_number(tag: object) -> int:
    if tag in ("latest", "pending", "safe"):
        return chain.head()
    if tag == "finalized":
        return proven_batch()
    if tag == "earliest":
        return 0
    if isinstance(tag, str) and _QUANTITY.fullmatch(tag):
        number = int(tag, 16)
        if number > chain.head():
            raise RpcError(INVALID_PARAMS, f"There is no block {number} yet.")
        return number
    raise RpcError(INVALID_PARAMS, "The block is neither a tag nor a quantity.")
