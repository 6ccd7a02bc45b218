"""The basic witness input: what the state-transition program reads (docs/state_transition.md, section 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from runtime.errors import InvalidInput

MAGIC: Final = b"HMK1"
HEADER_BYTES: Final = 96
MAX_BYTES: Final = 1 << 28
MAX_TRANSACTIONS: Final = 4096
#: Bytes of a raw transaction; go-ethereum's limit too.
MAX_TRANSACTION_BYTES: Final = 131072
#: Requests from L1 in one batch; the bytes of one, and of the rolling hash before them.
MAX_REQUESTS: Final = 256
REQUEST_BYTES: Final = 76
ROLLING_BYTES: Final = 32


class WitnessInputError(InvalidInput):
    """The bytes are not a witness input, or the values do not fit into one."""

    code = "witness_input"


@dataclass(frozen=True)
class Header:
    """Batch metadata that every rule may depend on.

    Attributes
    ----------
    protocol_version : int
        32 bits.
    chain_id, batch_number, timestamp, base_fee, gas_limit : int
        64 bits each; `timestamp` in seconds, `base_fee` in wei per gas.
    fee_recipient : bytes
        20 bytes.
    """

    protocol_version: int
    chain_id: int
    batch_number: int
    timestamp: int
    fee_recipient: bytes
    base_fee: int
    gas_limit: int

    def metadata(self, transactions: int) -> bytes:
        """Return words 1 to 17 of the header, 68 bytes: what the metadata commitment covers.

        Raises
        ------
        WitnessInputError
            A value does not fit into its field.
        """
        if len(self.fee_recipient) != 20:
            raise WitnessInputError("The fee recipient is an address of 20 bytes.")
        try:
            return b"".join(
                (
                    self.protocol_version.to_bytes(4, "little"),
                    self.chain_id.to_bytes(8, "little"),
                    self.batch_number.to_bytes(8, "little"),
                    self.timestamp.to_bytes(8, "little"),
                    self.fee_recipient,
                    self.base_fee.to_bytes(8, "little"),
                    self.gas_limit.to_bytes(8, "little"),
                    transactions.to_bytes(4, "little"),
                )
            )
        except OverflowError as error:
            raise WitnessInputError(f"A number of the batch header does not fit: {error}.") from error

    def as_json(self) -> dict[str, Any]:
        """Return the header as a JSON-ready mapping; numbers stay numbers, the address is hex."""
        return {
            "protocol_version": self.protocol_version,
            "chain_id": self.chain_id,
            "batch_number": self.batch_number,
            "timestamp": self.timestamp,
            "fee_recipient": "0x" + self.fee_recipient.hex(),
            "base_fee": self.base_fee,
            "gas_limit": self.gas_limit,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Header:
        """Read what `as_json` wrote.

        Raises
        ------
        WitnessInputError
            A field is missing or has another type.
        """
        try:
            header = cls(**{**values, "fee_recipient": bytes.fromhex(values["fee_recipient"].removeprefix("0x"))})
            header.metadata(0)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise WitnessInputError(f"The batch header is incomplete: {error}.") from error
        return header


@dataclass(frozen=True)
class WitnessInput:
    """A decoded witness input.

    Attributes
    ----------
    header : Header
    transactions : tuple of bytes
        Raw signed transactions.
    tree, requests, hints : bytes
        Sections as they stand.
    """

    header: Header
    transactions: tuple[bytes, ...]
    tree: bytes
    requests: bytes
    hints: bytes


def transaction_section(transactions: Sequence[bytes]) -> bytes:
    """Return the transaction section: for each its length and its bytes, padded to a word.

    Raises
    ------
    WitnessInputError
        Too many transactions, or one that is empty or too long.
    """
    if len(transactions) > MAX_TRANSACTIONS:
        raise WitnessInputError(f"A batch has at most {MAX_TRANSACTIONS} transactions.")
    if any(not 0 < len(raw) <= MAX_TRANSACTION_BYTES for raw in transactions):
        raise WitnessInputError(f"A transaction has 1 to {MAX_TRANSACTION_BYTES} bytes.")
    return b"".join(len(raw).to_bytes(4, "little") + raw + bytes(-len(raw) % 4) for raw in transactions)


def encode(header: Header, transactions: Sequence[bytes], tree: bytes, requests: bytes = b"") -> bytes:
    """Return the witness input of a batch, without hints: `core.program.hints.with_hints` adds them.

    Parameters
    ----------
    tree
        The tree section, from `core.state_tree.StateTree.partial` of the state before the batch.
    requests
        The section of the requests from L1, from `core.formats.priority.request_section`.

    Raises
    ------
    WitnessInputError
        A value does not fit into its field, or the whole is too large.
    """
    section = transaction_section(transactions)
    if len(tree) % 4:
        raise WitnessInputError("The tree section is not a whole number of words.")
    sizes = b"".join((len(part) // 4).to_bytes(4, "little") for part in (section, tree, b""))
    count = -(-max(0, len(requests) - ROLLING_BYTES) // REQUEST_BYTES)
    if len(requests) != _requests_bytes(count):
        raise WitnessInputError("The section of requests from L1 is not whole.")
    counted = bytes(4) + count.to_bytes(4, "little") + bytes(4)
    content = MAGIC + header.metadata(len(transactions)) + sizes + counted + section + tree + requests
    if len(content) > MAX_BYTES:
        raise WitnessInputError(f"The witness input has {len(content)} bytes; at most {MAX_BYTES} are accepted.")
    return content


def decode(content: bytes) -> WitnessInput:
    """Read a witness input, as strictly as the program does except for the inside of the tree section.

    Raises
    ------
    WitnessInputError
        The layout is broken.
    """
    if not HEADER_BYTES <= len(content) <= MAX_BYTES or len(content) % 4:
        raise WitnessInputError(f"A witness input does not have {len(content)} bytes.")

    def number(start: int, size: int) -> int:
        return int.from_bytes(content[start : start + size], "little")

    requests = number(88, 4)
    if content[:4] != MAGIC or any(content[84:88]) or any(content[92:HEADER_BYTES]) or requests > MAX_REQUESTS:
        raise WitnessInputError("The header of the witness input is not of this format.")

    header = Header(
        number(4, 4), number(8, 8), number(16, 8), number(24, 8), content[32:52], number(52, 8), number(60, 8)
    )
    ends = [HEADER_BYTES]
    for size in (4 * number(72, 4), 4 * number(76, 4), _requests_bytes(requests), 4 * number(80, 4)):
        ends.append(ends[-1] + size)
    if ends[-1] != len(content):
        raise WitnessInputError("The sections do not add up to the length of the witness input.")
    section = content[ends[0] : ends[1]]
    rest = (content[start:end] for start, end in pairwise(ends[1:]))
    return WitnessInput(header, _transactions(section, number(68, 4)), *rest)


def _requests_bytes(count: int) -> int:
    return ROLLING_BYTES + REQUEST_BYTES * count if count else 0


def _transactions(section: bytes, count: int) -> tuple[bytes, ...]:
    if count > MAX_TRANSACTIONS:
        raise WitnessInputError(f"A batch has at most {MAX_TRANSACTIONS} transactions.")
    transactions = []
    position = 0
    for _ in range(count):
        length = int.from_bytes(section[position : position + 4], "little")
        end = position + 4 + length
        padded = end + -length % 4
        if not 0 < length <= MAX_TRANSACTION_BYTES or padded > len(section) or any(section[end:padded]):
            raise WitnessInputError("The transaction section is malformed.")
        transactions.append(section[position + 4 : end])
        position = padded
    if position != len(section):
        raise WitnessInputError("The transaction section has left-over words.")
    return tuple(transactions)
