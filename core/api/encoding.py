"""The encodings of Ethereum's JSON-RPC: quantities, byte strings, and parameters read strictly.

Quantities are 0x-hex without leading zeros, byte strings 0x-hex of full length.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from core.api.json_rpc import INVALID_PARAMS, RpcError
from core.formats.witness_input import MAX_TRANSACTION_BYTES

_HEX = re.compile(r"0x([0-9a-fA-F]{2})*")
_QUANTITY = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]{0,63})")

#: The largest block number that is looked up: what the store's columns hold.
MAX_NUMBER = (1 << 63) - 1


def quantity(number: int) -> str:
    """Return a number as a quantity."""
    return hex(number)


def data(content: bytes) -> str:
    """Return a byte string as 0x-hex."""
    return "0x" + bytes(content).hex()


def parameter(parameters: Sequence[Any], position: int, default: Any = None) -> Any:
    """Return a parameter; what is missing or null has the default."""
    found = parameters[position] if position < len(parameters) else None
    return default if found is None else found


def read_quantity(value: object, name: str) -> int:
    """Read a quantity of up to 256 bits.

    Raises
    ------
    RpcError
        It is none.
    """
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise RpcError(INVALID_PARAMS, f"{name} is not a quantity: 0x-hex without leading zeros, at most 256 bits.")
    return int(value, 16)


def read_data(value: object, name: str, length: int | None = None) -> bytes:
    """Read a byte string of `length` bytes, or of any length that a transaction may have.

    Raises
    ------
    RpcError
        It is none, or has another length.
    """
    if not isinstance(value, str) or len(value) > 2 * MAX_TRANSACTION_BYTES + 2 or not _HEX.fullmatch(value):
        raise RpcError(INVALID_PARAMS, f"{name} is not a 0x-prefixed byte string.")
    content = bytes.fromhex(value[2:])
    if length is not None and len(content) != length:
        raise RpcError(INVALID_PARAMS, f"{name} has {len(content)} bytes, not {length}.")
    return content


def data_at(parameters: Sequence[Any], position: int, length: int | None = None) -> bytes:
    """Read the byte string at a position of a call's parameters."""
    return read_data(parameter(parameters, position), f"Parameter {position}", length)


def position_at(parameters: Sequence[Any], position: int) -> int:
    """Read the index of a transaction in its block."""
    return min(read_quantity(parameter(parameters, position), f"Parameter {position}"), MAX_NUMBER)
