"""Wires: values that one row of the circuit writes and any number of rows read.

A wire bus carries (address, value ...). Its writers send with a multiplicity, its readers receive with a count of 0 or
1. Three things are fixed by the key, because addresses and multiplicities of writers are made of preprocessed columns,
and are checked here, when the circuit is made:

* *one writer*: no address has two rows that write it with a multiplicity other than zero;
* the multiplicities of all wires sum to less than 2^40, so that no sum of counts reaches p;
* where the readers are fixed too, each wire is read as often as its multiplicity says, else no trace would satisfy the
  circuit.

Why that is sound. The bus balances every message (a, v) over the integers (see `counts`). Sends with address a come
from one row, so they all carry that row's value w. A receive of (a, v) with v other than w would be balanced by no
send. So every reader of a reads w, whatever the prover writes elsewhere, and however readers choose their addresses.
An address that nobody writes cannot be read.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from proving.stark.air.bus import Bus, Interaction
from proving.stark.air.counts import fixed_values, multiplicities
from proving.stark.air.errors import AirError
from proving.stark.air.rows import U64
from proving.stark.air.table import TableBuilder

MAX_MULTIPLICITY = 2**40  #: exclusive bound on the sum over all wires of a circuit

_Side = tuple[TableBuilder, Interaction]


def check_wires(tables: Sequence[TableBuilder], buses: Sequence[Bus]) -> None:
    """Check every wire bus of a circuit; raise `AirError` for the first rule that is broken."""
    total = 0
    for bus in buses:
        if bus.kind != "wire":
            continue
        sides = [(table, item) for table in tables for item in table.interactions if item.bus == bus]
        written, counts = _written(bus, [side for side in sides if side[1].sends])
        total += sum(map(int, counts))
        if total >= MAX_MULTIPLICITY:
            raise AirError(f"bus {bus.label}: the multiplicities of the circuit's wires sum to {total}, 2^40 or more")
        read = _read([side for side in sides if not side[1].sends])
        if read is not None:
            _agree(bus, written, counts, read)


def _written(bus: Bus, writers: Sequence[_Side]) -> tuple[U64, U64]:
    """Addresses, ascending, and multiplicities of all wires of a bus."""
    addresses, counts = [np.empty(0, dtype=np.uint64)], [np.empty(0, dtype=np.uint64)]
    for table, interaction in writers:
        count = multiplicities(table, interaction)
        address = fixed_values(table, interaction.fields[0].node)
        if address is None:
            raise AirError(
                f"{table.name}: {interaction.name!r} writes a wire whose address is not fixed by the key",
                remedy="make the first field of preprocessed columns",
            )
        addresses.append(address[count != 0])
        counts.append(count[count != 0])
    every, count = np.concatenate(addresses), np.concatenate(counts)
    order = np.argsort(every, kind="stable")
    every, count = every[order], count[order]
    twice = np.flatnonzero(every[1:] == every[:-1])
    if twice.size:
        raise AirError(f"bus {bus.label}: wire {int(every[twice[0]])} has two writers")
    return every, count


def _read(readers: Sequence[_Side]) -> tuple[U64, U64] | None:
    """Addresses, ascending, and how often each is read; None when a reader's witness decides."""
    addresses = [np.empty(0, dtype=np.uint64)]
    for table, interaction in readers:
        count = fixed_values(table, interaction.count.node)
        address = fixed_values(table, interaction.fields[0].node)
        if count is None or address is None or not table.preprocessed_values:
            return None
        addresses.append(address[count != 0])
    every, times = np.unique(np.concatenate(addresses), return_counts=True)
    return every, times.astype(np.uint64)


def _agree(bus: Bus, written: U64, counts: U64, read: tuple[U64, U64]) -> None:
    wires = np.union1d(written, read[0])
    sent, received = np.zeros(wires.size, dtype=np.uint64), np.zeros(wires.size, dtype=np.uint64)
    sent[np.searchsorted(wires, written)] = counts
    received[np.searchsorted(wires, read[0])] = read[1]
    differ = np.flatnonzero(sent != received)
    if differ.size:
        wire, has, needs = int(wires[differ[0]]), int(sent[differ[0]]), int(received[differ[0]])
        raise AirError(f"bus {bus.label}: wire {wire} is read {needs} times, its multiplicity is {has}")
