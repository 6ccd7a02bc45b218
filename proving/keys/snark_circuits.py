"""A circuit of the SNARK as a file (`proving.keys.described`).

The description names the arrays of the wiring with their types and shapes, and lists the steps of the witness's
program: a step's name, its numbers, and the shapes of its variables, which all stand one after the other in one array.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proving.keys import described
from proving.keys.stored import views
from proving.snark.bn254.field import FR
from proving.snark.circuit import Circuit, Ids, Step
from proving.snark.hashing import PlaceStep
from proving.snark.hints import DivideStep, ExceedsStep, InvertStep, RatioStep
from proving.snark.steps import CombineStep, ConstantStep, LimbStep, PermutationStep

MAGIC = b"HMSNARK\1"

_STEPS: Mapping[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        CombineStep, ConstantStep, DivideStep, ExceedsStep, InvertStep, LimbStep, PermutationStep, PlaceStep, RatioStep,
    )
}  # fmt: skip
_ARRAYS = ("public_inputs", "inputs", "wires", "selectors", "pool", "table")


def encode(circuit: Circuit) -> bytes:
    """Return the circuit's file."""
    variables: list[Ids] = []
    steps = [_describe(step, variables) for step in circuit.steps]
    arrays = {name: _smallest(getattr(circuit, name)) for name in _ARRAYS}
    arrays["variables"] = _smallest(np.concatenate([np.zeros(0, dtype=np.int64), *variables]))
    description = {
        "rows": circuit.rows,
        "variables": circuit.variables,
        "arrays": [[name, array.dtype.str, array.shape] for name, array in arrays.items()],
        "steps": steps,
    }
    return described.encode(MAGIC, description, arrays.values())


def decode(data: memoryview) -> Circuit:
    """Return the circuit of a file that has been compared with the pinned digest."""
    found, rest = described.decode(data)
    listed = found["arrays"]
    stored = views(rest, [(kind, shape) for _, kind, shape in listed])
    arrays = {name: _widest(array) for (name, _, _), array in zip(listed, stored, strict=True)}
    variables = _Variables(arrays.pop("variables"))
    return Circuit(
        rows=found["rows"],
        variables=found["variables"],
        steps=tuple(_restore(step, variables) for step in found["steps"]),
        **arrays,
    )


class _Variables:
    """Takes arrays of variables from the front of what is left."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._begin = 0

    def take(self, shape: list[int]) -> Ids:
        """Return the next ones."""
        end = self._begin + int(np.prod(shape, dtype=np.int64))
        found = self._ids[self._begin : end].reshape(shape)
        self._begin = end
        return found


def _describe(step: Step, variables: list[Ids]) -> list[Any]:
    """Return a step as JSON, its variables behind those that are listed already."""
    words: list[Any] = [type(step).__name__]
    for value in _values(step):
        if isinstance(step, ConstantStep) and value is step.constants:
            words.append(FR.decode(value))
        elif isinstance(value, np.ndarray):
            variables.append(value.reshape(-1))
            words.append({"shape": value.shape})
        elif isinstance(value, Mapping) and any(isinstance(item, np.ndarray) for item in value.values()):
            variables.extend(ids.reshape(-1) for ids in value.values())
            words.append({"wires": {name: ids.shape for name, ids in value.items()}})
        else:
            words.append({"factors": dict(value)} if isinstance(value, Mapping) else value)
    return words


def _restore(step: list[Any], variables: _Variables) -> Step:
    name, *values = step
    arguments: list[Any] = []
    for value in values:
        match value:
            case {"shape": shape}:
                arguments.append(variables.take(shape))
            case {"wires": wires}:
                arguments.append({wire: variables.take(shape) for wire, shape in wires.items()})
            case {"factors": factors}:
                arguments.append(factors)
            case [*constants]:
                arguments.append(FR.encode(constants))
            case _:
                arguments.append(value)
    restored: Step = _STEPS[name](*arguments)
    return restored


def _values(step: Any) -> Iterator[Any]:
    for field in fields(step):
        yield getattr(step, field.name)


def _smallest(array: NDArray[Any]) -> NDArray[Any]:
    """Return integers in the smallest type that holds them all, field elements as they are."""
    if array.dtype == np.uint64:
        return np.ascontiguousarray(array, dtype="<u8")
    kinds = ("<i1", "<i2", "<i4", "<i8")
    low, high = int(array.min(initial=0)), int(array.max(initial=0))
    kind = next(kind for kind in kinds if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max)
    return np.ascontiguousarray(array, dtype=kind)


def _widest(array: NDArray[Any]) -> NDArray[Any]:
    return array if array.dtype == np.uint64 else array.astype(np.int64)
