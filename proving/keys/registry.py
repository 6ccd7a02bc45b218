"""The circuits that there are keys of, by name: what a key is made from, described only when one has to be made."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from proving.keys.family import Family
    from proving.recursion.compile import CompiledCircuit
    from proving.recursion.program import WitnessProgram
    from proving.snark.circuit import Circuit as SnarkCircuit
    from proving.stark.air.circuit import Circuit
    from proving.stark.key import Key

#: The circuit that proves a segment of a machine run.
MAIN_VM = "main_vm"

#: How a description gets the keys of the circuits whose proofs its circuit verifies, by name.
Find = Callable[[str], "Key"]


@dataclass(frozen=True)
class Description:
    """What a circuit's key is made from.

    Attributes
    ----------
    log_blowup
        log2 of 1/rate.
    max_log_heights
        By table, log2 of the largest height; tables with preprocessed columns have the height of these.
    program
        What the witness of a circuit that verifies proofs is filled from.
    profiles
        The profiles that its proofs may have; all when empty.
    form
        Parameters of :class:`proving.stark.shape.Layout` that are not its defaults.
    """

    circuit: Circuit
    log_blowup: int
    max_log_heights: Mapping[str, int]
    program: WitnessProgram | None = None
    profiles: Sequence[str] = ()
    form: Mapping[str, Any] = field(default_factory=dict)


@functools.cache
def families() -> tuple[Family, ...]:
    """Return the circuits that aggregate, for every profile."""
    from proving.circuits.served import SERVED
    from proving.keys.family import Family
    from proving.machine.main_vm.shapes import SHAPES
    from proving.stark.security import PROFILES

    leaves = {MAIN_VM: len(SHAPES), **{name: len(circuit.shapes) for name, circuit in SERVED.items()}}
    return tuple(Family(profile, leaves) for profile in PROFILES)


@functools.cache
def names() -> tuple[str, ...]:
    """Return the names of all circuits; what a circuit verifies stands before it."""
    return (*families()[0].leaves, *(name for family in families() for name in family.circuits))


def describe(name: str, find: Find) -> Description:
    """Describe a circuit.

    Raises
    ------
    KeyError
        There is no such circuit.
    """
    if name == MAIN_VM:
        return _main_vm()
    if name in families()[0].leaves:
        return _served(name)
    from proving.keys.family import LOG_BLOWUP

    compiled = write(name, find)
    made = Description(compiled.circuit, LOG_BLOWUP, compiled.log_heights, compiled.program)
    for family in families():
        if name in family.layers:
            layer = family.layer(name)
            return replace(made, log_blowup=layer.log_blowup, profiles=(family.profile,), form=layer.form)
    return made


def write(name: str, find: Find) -> CompiledCircuit:
    """Write down a circuit that verifies proofs.

    Raises
    ------
    KeyError
        There is no such circuit.
    """
    from proving.circuits.served import SERVED
    from proving.keys.family import KEY_SLOTS
    from proving.machine.main_vm.shapes import SHAPES
    from proving.recursion.aggregation import write_leaf, write_node
    from proving.recursion.claims import type_number
    from proving.recursion.compression import write_layer
    from proving.recursion.scheduler import write_scheduler
    from proving.recursion.tie import write_tie
    from proving.recursion.tip import MAIN_VM_TYPE, write_tip
    from runtime.protocol import PROTOCOL_NUMBER

    for family in families():
        if name not in family.circuits:
            continue
        first = family.leaf(MAIN_VM, 0)
        if name == family.node:
            return write_node(name, find(first), family.profile, KEY_SLOTS)
        if name == family.tip:
            return write_tip(name, find(first), family.profile, KEY_SLOTS, family.log_heights)
        if name == family.tie:
            return write_tie(name, find(family.tip), find(first), family.profile, KEY_SLOTS)
        if name == family.scheduler:
            return write_scheduler(name, find(family.tip), family.profile, PROTOCOL_NUMBER, KEY_SLOTS)
        if name in family.layers:
            return write_layer(name, find(family.below(name)), family.profile)
        basic, number = family.basic[name]
        key = find(basic)
        heights = SHAPES[number] if basic == MAIN_VM else SERVED[basic].shapes[number]
        number_of_type = MAIN_VM_TYPE if basic == MAIN_VM else type_number(SERVED[basic].kind)
        shape = key.layout.shape(tuple(heights[table.name] for table in key.layout.tables))
        return write_leaf(name, key, shape, family.profile, number_of_type, family.log_heights)
    raise KeyError(name)


def write_snark(profile: str, find: Find) -> SnarkCircuit:
    """Write down the SNARK's circuit, which verifies proofs of a profile's last layer.

    Raises
    ------
    NotCompressed
        The profile has no layers.
    """
    from proving.snark.wrap import write_wrap

    [family] = [family for family in families() if family.profile == profile]
    return write_wrap(find(family.last), profile).compile()


def _main_vm() -> Description:
    from proving.machine.main_vm.circuit import circuit
    from proving.machine.main_vm.shape import LOG_BLOWUP, MAX_LOG_HEIGHTS

    return Description(circuit(), LOG_BLOWUP, MAX_LOG_HEIGHTS)


def _served(name: str) -> Description:
    from proving.circuits.basic import LOG_BLOWUP
    from proving.circuits.served import SERVED

    served = SERVED[name]
    return Description(served.circuit, LOG_BLOWUP, served.shapes[-1])
