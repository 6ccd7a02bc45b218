"""Ethereum's execution API as published: fields and encodings, and a check of an answer against them.

Source: the schemas of github.com/ethereum/execution-apis (`src/schemas/block.yaml`, `transaction.yaml`, `receipt.yaml`,
`base-types.yaml`), read in 2026. `difficulty` and `baseFeePerGas` are optional there; libraries need them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

UINT = r"0x(0|[1-9a-f][0-9a-f]{0,63})"
BYTE = r"0x([0-9a-fA-F]?){1,2}"
BYTES = r"0x[0-9a-f]*"
ADDRESS = r"0x[0-9a-fA-F]{40}"
HASH = r"0x[0-9a-f]{64}"

BLOCK = {
    "hash": HASH,
    "parentHash": HASH,
    "sha3Uncles": HASH,
    "miner": ADDRESS,
    "stateRoot": HASH,
    "transactionsRoot": HASH,
    "receiptsRoot": HASH,
    "logsBloom": r"0x[0-9a-f]{512}",
    "difficulty": BYTES,
    "number": UINT,
    "gasLimit": UINT,
    "gasUsed": UINT,
    "timestamp": UINT,
    "extraData": BYTES,
    "mixHash": HASH,
    "nonce": r"0x[0-9a-f]{16}",
    "baseFeePerGas": UINT,
    "size": UINT,
    "transactions": list,
    "uncles": list,
}

_TRANSACTION = {
    "blockHash": HASH,
    "blockNumber": UINT,
    "blockTimestamp": UINT,
    "transactionIndex": UINT,
    "from": ADDRESS,
    "hash": HASH,
    "nonce": UINT,
    "to": ADDRESS,
    "gas": UINT,
    "gasPrice": UINT,
    "value": UINT,
    "input": BYTES,
    "chainId": UINT,
    "v": UINT,
    "r": UINT,
    "s": UINT,
}
_TYPED = _TRANSACTION | {"accessList": list, "yParity": BYTE}

TRANSACTIONS = {
    0: _TRANSACTION | {"type": "0x0"},
    1: _TYPED | {"type": "0x1"},
    2: _TYPED | {"type": "0x2", "maxFeePerGas": UINT, "maxPriorityFeePerGas": UINT},
}

RECEIPT = {
    "type": BYTE,
    "transactionHash": HASH,
    "transactionIndex": UINT,
    "blockHash": HASH,
    "blockNumber": UINT,
    "from": ADDRESS,
    "to": ADDRESS,
    "cumulativeGasUsed": UINT,
    "gasUsed": UINT,
    "contractAddress": None,
    "logs": list,
    "logsBloom": r"0x[0-9a-f]{512}",
    "status": UINT,
    "effectiveGasPrice": UINT,
}


def check(value: Mapping[str, Any], shape: Mapping[str, Any], *, without: frozenset[str] = frozenset()) -> None:
    """Fail unless `value` has exactly the fields of `shape` in their encodings; those of `without` are null."""
    assert set(value) == set(shape)
    for name, wanted in shape.items():
        found = value[name]
        if wanted is None or name in without:
            assert found is None, name
        elif wanted is list:
            assert isinstance(found, list), name
        else:
            assert isinstance(found, str) and re.fullmatch(wanted, found), f"{name}: {found}"
