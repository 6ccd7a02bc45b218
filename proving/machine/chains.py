"""The request chains of the machine's state: what a segment's requests make of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from proving.circuits.keccak_f import KECCAK_F
from proving.circuits.requests import U32, U64, absorb, blocks
from proving.circuits.served import SERVED
from proving.machine.records import REQUEST_HEAD

#: Place of the type in a record of a request.
_TYPE: Final = 2

#: By circuit, inputs ``(count, input words)`` and outputs ``(count, output words)`` of requests, in order.
Requests = Mapping[str, tuple[U32, U32]]


def of_type(records: NDArray[np.uint32], name: str) -> NDArray[np.intp]:
    """Return which records of requests, in order, are of a circuit's type; none is Keccak-f's."""
    return np.flatnonzero(records[:, _TYPE] == SERVED[name].kind)


def requested(records: NDArray[np.uint32], keccak: NDArray[np.uint32]) -> dict[str, tuple[U32, U32]]:
    """Return what records of requests, and of calls of Keccak-f, have asked for, and what was answered."""
    found = {}
    for name, served in SERVED.items():
        if served is KECCAK_F:
            inputs, outputs = (keccak[call::2, REQUEST_HEAD::2] for call in (0, 1))
        else:
            words = records[of_type(records, name), REQUEST_HEAD::2]
            inputs, outputs = words[:, : served.layout.input_words], words[:, -served.layout.output_words :]
        found[name] = (np.ascontiguousarray(inputs), np.ascontiguousarray(outputs))
    return found


def advanced(chains: U64, requests: Requests) -> U64:
    """Return the digests of all chains ``(4, 4)`` behind requests, from those before them."""
    after = np.array(chains, dtype=np.uint64)
    for name, (inputs, outputs) in requests.items():
        if len(inputs):
            after[SERVED[name].kind] = absorb(chains[SERVED[name].kind], blocks(inputs, outputs))[-1]
    return after
