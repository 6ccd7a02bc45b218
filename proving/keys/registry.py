"""The circuits that there are keys of, by name: what a key is made from, described only when one has to be made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proving.stark.air.circuit import Circuit

#: The circuit that proves a segment of a machine run.
MAIN_VM = "main_vm"


@dataclass(frozen=True)
class Description:
    """What a circuit's key is made from.

    Attributes
    ----------
    log_blowup
        log2 of 1/rate.
    max_log_heights
        By table, log2 of the largest height; tables with preprocessed columns have the height of these.
    """

    circuit: Circuit
    log_blowup: int
    max_log_heights: Mapping[str, int]


def _main_vm() -> Description:
    from proving.machine.main_vm.circuit import circuit
    from proving.machine.main_vm.shape import LOG_BLOWUP, MAX_LOG_HEIGHTS

    return Description(circuit(), LOG_BLOWUP, MAX_LOG_HEIGHTS)


#: Circuit name -> its description. Functions import what they describe, because whoever finds a key in the keystore
#: needs none of it.
CIRCUITS: dict[str, Callable[[], Description]] = {MAIN_VM: _main_vm}
