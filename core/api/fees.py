"""Fees: what gas a call takes, and what recent blocks paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from core.api.encoding import parameter, quantity, read_data, read_quantity
from core.api.json_rpc import INVALID_PARAMS, TRANSACTION_REFUSED, RpcError
from core.api.objects import Constants
from core.api.references import References
from core.formats.transactions import UnreadableTransaction
from core.formats.witness_input import MAX_TRANSACTION_BYTES
from core.sequencer import GasEstimate, Refused
from core.state import chain
from core.store import Transaction

#: Blocks of one `eth_feeHistory`, without and with rewards (which read every transaction of every block).
MAX_BLOCKS = 1024
MAX_REWARDED_BLOCKS = 128

#: Percentiles of one `eth_feeHistory`.
MAX_PERCENTILES = 100

#: Entries of a call's access list, counting its keys.
MAX_ACCESS_ENTRIES = MAX_TRANSACTION_BYTES // 21


@dataclass(frozen=True)
class Call:
    """A transaction that is asked about, not sent."""

    sender: bytes | None
    to: bytes | None
    gas: int | None
    value: int
    data: bytes
    access_list: tuple[tuple[bytes, tuple[bytes, ...]], ...]


def read_call(fields: object) -> Call:
    """Read the transaction object of `eth_call` and `eth_estimateGas`; fields that change nothing here are passed over.

    Raises
    ------
    RpcError
        It is no object, or a field has another type.
    """
    if not isinstance(fields, Mapping):
        raise RpcError(INVALID_PARAMS, "Parameter 0 is not a transaction object.")
    given = {name: value for name, value in fields.items() if value is not None}
    content = [read_data(given[name], name) for name in ("input", "data") if name in given]
    if len(content) == 2 and content[0] != content[1]:
        raise RpcError(INVALID_PARAMS, 'both "data" and "input" are set and not equal. Please use "input".')
    return Call(
        sender=read_data(given["from"], "from", 20) if "from" in given else None,
        to=read_data(given["to"], "to", 20) if "to" in given else None,
        gas=read_quantity(given["gas"], "gas") if "gas" in given else None,
        value=read_quantity(given.get("value", "0x0"), "value"),
        data=content[0] if content else b"",
        access_list=_access_list(given.get("accessList", [])),
    )


def _access_list(entries: object) -> tuple[tuple[bytes, tuple[bytes, ...]], ...]:
    found = []
    left = MAX_ACCESS_ENTRIES
    if not isinstance(entries, list):
        raise RpcError(INVALID_PARAMS, "accessList is not a list.")
    for entry in entries:
        keys = entry.get("storageKeys") if isinstance(entry, Mapping) else None
        if not isinstance(entry, Mapping) or not isinstance(keys or [], list):
            raise RpcError(INVALID_PARAMS, "An entry of accessList has an address and a list of storageKeys.")
        left -= 1 + len(keys or [])
        if left < 0:
            raise RpcError(INVALID_PARAMS, "accessList does not fit into a transaction.")
        found.append(
            (read_data(entry.get("address"), "address", 20), tuple(read_data(key, "key", 32) for key in keys or []))
        )
    return tuple(found)


class Fees:
    """Answers about fees over one chain.

    Parameters
    ----------
    estimate
        Asks the state-transition program.
    references
        Finds blocks.
    constants
        Base fee and gas limit, the same in every block.
    """

    def __init__(self, estimate: GasEstimate, references: References, constants: Constants) -> None:
        self._estimate = estimate
        self._references = references
        self._constants = constants

    def gas(self, parameters: Sequence[Any]) -> int:
        """Answer `eth_estimateGas`.

        Raises
        ------
        RpcError
            The sender's balance does not cover the value, the gas that the caller allows does not suffice, or no
            transaction of this form is executed.
        """
        call = read_call(parameter(parameters, 0))
        number = self._references.state(parameter(parameters, 1, "latest"))
        if call.sender is not None and call.value > chain.account_at(call.sender, number).balance:
            raise RpcError(TRANSACTION_REFUSED, "insufficient funds for transfer")
        try:
            gas = self._estimate.gas(call.to, call.data, call.access_list)
        except (Refused, UnreadableTransaction) as error:
            raise RpcError(TRANSACTION_REFUSED, error.message) from error
        if call.gas is not None and call.gas < gas:
            raise RpcError(TRANSACTION_REFUSED, f"gas required exceeds allowance ({call.gas})")
        return gas

    def history(self, parameters: Sequence[Any]) -> dict[str, object]:
        """Answer `eth_feeHistory`; fewer blocks than asked for where a limit ends them."""
        percentiles = _percentiles(parameter(parameters, 2))
        asked = _block_count(parameter(parameters, 0))
        newest = self._references.state(parameter(parameters, 1, "latest"))
        count = min(asked, newest + 1, MAX_BLOCKS if percentiles is None else MAX_REWARDED_BLOCKS)
        oldest = newest - count + 1
        if not count:
            return {"oldestBlock": "0x0", "baseFeePerGas": [], "gasUsedRatio": []}
        used = dict.fromkeys(range(oldest, newest + 1), 0)
        used |= chain.gas_used_between(oldest, newest)
        answer: dict[str, object] = {
            "oldestBlock": quantity(oldest),
            "baseFeePerGas": [quantity(self._constants.base_fee)] * (count + 1),
            "gasUsedRatio": [used[number] / self._constants.gas_limit if used[number] else 0.0 for number in used],
            "baseFeePerBlobGas": ["0x0"] * (count + 1),
            "blobGasUsedRatio": [0.0] * count,
        }
        if percentiles is not None:
            paid = {
                number: list(rows)
                for number, rows in groupby(chain.transactions_between(oldest, newest), lambda row: row.batch_number)
            }
            answer["reward"] = [self._rewards(paid.get(number, []), percentiles) for number in used]
        return answer

    def _rewards(self, rows: Sequence[Transaction], percentiles: Sequence[float]) -> list[str]:
        """Return the tips per gas below which these percentages of a block's gas lie."""
        tips = sorted((row.gas_price - self._constants.base_fee, row.gas_used) for row in rows)
        total = sum(gas for _, gas in tips)
        rewards, place, below = [], 0, tips[0][1] if tips else 0
        for percentile in percentiles:
            while place + 1 < len(tips) and below < total * percentile / 100:
                place += 1
                below += tips[place][1]
            rewards.append(quantity(tips[place][0] if tips else 0))
        return rewards


def _block_count(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
        return int(value)
    return read_quantity(value, "The number of blocks")


def _percentiles(value: object) -> list[float] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > MAX_PERCENTILES:
        raise RpcError(INVALID_PARAMS, f"The percentiles are a list of at most {MAX_PERCENTILES} numbers.")
    numbers = [float(entry) for entry in value if isinstance(entry, int | float) and not isinstance(entry, bool)]
    if len(numbers) != len(value) or numbers != sorted(numbers) or any(not 0 <= entry <= 100 for entry in numbers):
        raise RpcError(INVALID_PARAMS, "The percentiles are numbers from 0 to 100 that do not fall.")
    return numbers
