"""The methods of Ethereum's JSON-RPC that wallets and explorers call, over one chain.

Refusals use go-ethereum's code and words, because wallets recognise them. There is no code and no storage yet, and
transfers emit no logs: what asks for them is answered as for accounts without code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from eth_hash.auto import keccak

from core.api import objects
from core.api.bridge_api import BridgeApi
from core.api.encoding import data, data_at, parameter, position_at, quantity, read_data, read_quantity
from core.api.fees import Fees, read_call
from core.api.json_rpc import INVALID_PARAMS, LIMIT_EXCEEDED, TRANSACTION_REFUSED, Method, RpcError
from core.api.objects import Constants
from core.api.references import References
from core.errors import Busy
from core.eth_sender.status import l1_status, mined_transactions
from core.formats.transactions import UnreadableTransaction
from core.http.pools import Pool
from core.proofs.acceptance import proven_batch
from core.sequencer import GasEstimate, Intake, Known, MempoolFull, Refused, Sequencer, TipTooLow, Underpriced
from core.state import chain
from core.state.chain import Account
from core.store import Batch, L1Transaction, L1TransactionStatus, Store, TransactionStatus

#: Threads that read, and that read whole blocks or run the program; calls beyond what may wait are refused (-32005).
READERS, LONG_READERS = 4, 2
WAITING, WAITING_OF_A_CLIENT = 1024, 256

T = TypeVar("T")


class EthereumApi:
    """The methods over one chain.

    Parameters
    ----------
    store
        Core's rows.
    sequencer
        Takes transactions.
    estimate
        Says what gas a transaction takes.
    constants
        What is the same in every block.
    version
        Of the software, for `web3_clientVersion`.
    bridge
        The methods of the bridge.
    """

    def __init__(
        self,
        store: Store,
        sequencer: Sequencer,
        estimate: GasEstimate,
        constants: Constants,
        version: str,
        bridge: BridgeApi,
    ) -> None:
        self._bridge = bridge
        self._store = store
        self._sequencer = sequencer
        self._constants = constants
        self._version = version
        self._references = References(store)
        self._fees = Fees(estimate, self._references, constants)
        self.readers = Pool("reading", READERS, WAITING, WAITING_OF_A_CLIENT)
        self._long_readers = Pool("reading blocks", LONG_READERS, WAITING, WAITING_OF_A_CLIENT)
        self._intake = Intake(sequencer)
        self._sealer = Pool("sealing on call", 1, WAITING)

    def methods(self) -> Mapping[str, Method]:
        """Return every method by its name."""
        constants: dict[str, Callable[[], object]] = {
            "web3_clientVersion": lambda: self._version,
            "net_version": lambda: str(self._constants.chain_id),
            "net_listening": lambda: True,
            "net_peerCount": lambda: "0x0",
            "eth_chainId": lambda: quantity(self._constants.chain_id),
            "eth_syncing": lambda: False,
            "eth_accounts": list,
        }
        reads: dict[str, Callable[[Sequence[Any]], Any]] = {
            "web3_sha3": lambda p: data(keccak(data_at(p, 0))),
            "eth_gasPrice": lambda _: quantity(self._constants.base_fee + self._sequencer.tip_of_next_batch()),
            "eth_maxPriorityFeePerGas": lambda _: quantity(self._sequencer.tip_of_next_batch()),
            "eth_call": self._call,
            "eth_blockNumber": lambda _: quantity(chain.head()),
            "eth_getBalance": lambda p: quantity(self._account(p).balance),
            "eth_getTransactionCount": lambda p: quantity(self._account(p).nonce),
            "eth_getCode": self._code,
            "eth_getStorageAt": self._storage,
            "eth_getLogs": self._logs,
            "eth_getBlockTransactionCountByNumber": lambda p: self._count(p, lambda batch: int(batch.transactions)),
            "eth_getBlockTransactionCountByHash": lambda p: self._count(p, lambda batch: int(batch.transactions)),
            "eth_getUncleCountByBlockNumber": lambda p: self._count(p, lambda _: 0),
            "eth_getUncleCountByBlockHash": lambda p: self._count(p, lambda _: 0),
            "eth_getTransactionByBlockNumberAndIndex": self._transaction_in_block,
            "eth_getTransactionByBlockHashAndIndex": self._transaction_in_block,
            "eth_getTransactionByHash": self._transaction,
            "eth_getTransactionReceipt": self._receipt,
            "hallmark_batchStatus": self._batch_status,
            "hallmark_bridgeTerms": lambda _: self._bridge.described(),
            "hallmark_priorityRequest": lambda p: self._bridge.request(p),
            "hallmark_priorityRequestsOf": lambda p: self._bridge.requests_of(p),
            "hallmark_withdrawalProof": lambda p: self._bridge.withdrawal(p),
        }
        long_reads: dict[str, Callable[[Sequence[Any]], Any]] = {
            "eth_getBlockByNumber": self._block,
            "eth_getBlockByHash": self._block,
            "eth_getBlockReceipts": self._block_receipts,
            "eth_feeHistory": lambda p: self._fees.history(p),
            "eth_estimateGas": lambda p: quantity(self._fees.gas(p)),
        }
        return {
            **{name: _constant(value) for name, value in constants.items()},
            **{name: self._in_thread(function, self._long_readers) for name, function in long_reads.items()},
            **{name: self._in_thread(function, self.readers) for name, function in reads.items()},
            "eth_sendRawTransaction": self._send,
            "hallmark_sealBatch": self._in_thread(lambda _: self._seal(), self._sealer),
        }

    def _in_thread(self, function: Callable[[Sequence[Any]], T], pool: Pool) -> Method:
        """Run a method in a thread with a store session of its own: the event loop never waits for the database."""

        def call(parameters: Sequence[Any]) -> T:
            with self._store.session():
                return function(parameters)

        async def method(parameters: Sequence[Any]) -> T:
            try:
                return await pool.run(call, parameters)
            except Busy as error:
                raise _too_much(error) from error

        return method

    def _account(self, parameters: Sequence[Any]) -> Account:
        address = data_at(parameters, 0, 20)
        reference = parameter(parameters, 1, "latest")
        if reference == "pending":
            return self._sequencer.pending_account(address)
        return chain.account_at(address, self._references.state(reference))

    def _call(self, parameters: Sequence[Any]) -> str:
        call = read_call(parameter(parameters, 0))
        self._references.state(parameter(parameters, 1, "latest"))
        if parameter(parameters, 2):
            raise RpcError(INVALID_PARAMS, "State overrides are not supported: there is no code to run with them.")
        if call.to is None:
            raise RpcError(TRANSACTION_REFUSED, "contract creation is not supported")
        return "0x"

    def _code(self, parameters: Sequence[Any]) -> str:
        data_at(parameters, 0, 20)
        self._references.state(parameter(parameters, 1, "latest"))
        return "0x"

    def _storage(self, parameters: Sequence[Any]) -> str:
        data_at(parameters, 0, 20)
        slot = parameter(parameters, 1)
        if not (isinstance(slot, str) and len(slot) == 66):
            read_quantity(slot, "The slot")
        else:
            read_data(slot, "The slot", 32)
        self._references.state(parameter(parameters, 2, "latest"))
        return data(bytes(32))

    def _logs(self, parameters: Sequence[Any]) -> list[object]:
        wanted = parameter(parameters, 0)
        if not isinstance(wanted, Mapping):
            raise RpcError(INVALID_PARAMS, "Parameter 0 is not a filter object.")
        if wanted.get("blockHash") is not None:
            if wanted.get("fromBlock") is not None or wanted.get("toBlock") is not None:
                raise RpcError(INVALID_PARAMS, "A filter has either blockHash or fromBlock and toBlock.")
            self._references.state({"blockHash": wanted["blockHash"]})
            return []
        first, last = (self._references.number(wanted.get(name) or "latest") for name in ("fromBlock", "toBlock"))
        if first > last:
            raise RpcError(INVALID_PARAMS, "invalid block range params: fromBlock is after toBlock.")
        return []

    async def _send(self, parameters: Sequence[Any]) -> str:
        raw = data_at(parameters, 0)
        try:
            return data(await self._intake.submit(raw))
        except Busy as error:
            raise _too_much(error) from error
        except Known as error:
            raise RpcError(TRANSACTION_REFUSED, "already known") from error
        except (TipTooLow, Underpriced) as error:
            raise RpcError(TRANSACTION_REFUSED, error.message) from error
        except MempoolFull as error:
            raise RpcError(LIMIT_EXCEEDED, error.message) from error
        except Refused as error:
            raise RpcError(TRANSACTION_REFUSED, error.message, {"status": error.status.name}) from error
        except UnreadableTransaction as error:
            raise RpcError(TRANSACTION_REFUSED, f"invalid transaction: {error.message}") from error

    def _seal(self) -> str | None:
        number = self._sequencer.seal()
        return None if number is None else quantity(number)

    def _block(self, parameters: Sequence[Any]) -> dict[str, object] | None:
        full = parameter(parameters, 1, False)
        if not isinstance(full, bool):
            raise RpcError(INVALID_PARAMS, "Parameter 1 is not a boolean: whether whole transactions are wanted.")
        batch = self._references.find(parameter(parameters, 0, "latest"))
        return None if batch is None else objects.block(batch, self._constants, full=full)

    def head(self, number: int) -> dict[str, object] | None:
        """Return what `newHeads` shows of block `number`."""
        batch = chain.batch_at(number)
        if batch is None:
            return None
        return objects.block_header(batch, chain.transactions_of(number), self._constants)

    def _count(self, parameters: Sequence[Any], number: Callable[[Batch], int]) -> str | None:
        batch = self._references.find(parameter(parameters, 0))
        return None if batch is None else quantity(number(batch))

    def _block_receipts(self, parameters: Sequence[Any]) -> list[dict[str, object]] | None:
        batch = self._references.find(parameter(parameters, 0))
        return None if batch is None else objects.receipts(batch, chain.transactions_of(batch.number))

    def _transaction_in_block(self, parameters: Sequence[Any]) -> dict[str, object] | None:
        batch = self._references.find(parameter(parameters, 0))
        row = None if batch is None else chain.transaction_in(batch.number, position_at(parameters, 1))
        return None if row is None else objects.transaction(row, chain.view(row), batch)

    def _transaction(self, parameters: Sequence[Any]) -> dict[str, object] | None:
        row = chain.transaction(data_at(parameters, 0, 32))
        if row is None or row.status == TransactionStatus.DROPPED:
            return None
        batch = chain.batch_at(row.batch_number) if row.batch_number else None
        return objects.transaction(row, chain.view(row), batch)

    def _receipt(self, parameters: Sequence[Any]) -> dict[str, object] | None:
        row = chain.transaction(data_at(parameters, 0, 32))
        if row is None or row.status != TransactionStatus.SEALED:
            return None
        batch = chain.batch_at(row.batch_number)
        if batch is None:
            return None
        return objects.receipt(batch, row, chain.gas_used_before(row))

    def _batch_status(self, parameters: Sequence[Any]) -> dict[str, object] | None:
        number = self._references.number(parameter(parameters, 0, "latest"))
        batch = Batch.get_or_none(Batch.number == number)
        if batch is None:
            return None
        return {
            "number": quantity(batch.number),
            "status": batch.status,
            "security": batch.security,
            "l1Status": l1_status(self._store, batch.number),
            "l1Transactions": [_l1_transaction(row) for row in mined_transactions(batch.number)],
            "provenBatch": quantity(proven_batch()),
        }


def _constant(value: Callable[[], object]) -> Method:
    async def method(_: Sequence[Any]) -> object:
        return value()

    return method


def _too_much(error: Busy) -> RpcError:
    return RpcError(LIMIT_EXCEEDED, f"{error.message} Try again in a moment.")


def _l1_transaction(row: L1Transaction) -> dict[str, object]:
    return {
        "action": row.action,
        "hash": data(row.hash),
        "blockNumber": quantity(row.block or 0),
        "gasUsed": quantity(row.gas_used or 0),
        "succeeded": row.succeeded,
        "confirmed": row.status == L1TransactionStatus.CONFIRMED,
    }
