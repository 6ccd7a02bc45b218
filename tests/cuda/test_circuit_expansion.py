"""Traces of requests and of recursion that a device expands are those of the native library."""

from __future__ import annotations

import numpy as np
import pytest

from cuda.backend import CudaBackend
from proving.backend.expansion import Expansion
from proving.backend.native import NativeBackend
from proving.circuits.basic import BasicCircuit
from proving.circuits.requests import empty_chain
from proving.circuits.served import SERVED
from proving.recursion.witness import prepare
from tests.proving.recursion import every_table


def same(backend: CudaBackend, expansion: Expansion) -> None:
    expected, made = NativeBackend().expand(expansion), backend.expand(expansion)
    assert set(made) == set(expected) == set(expansion.shapes)
    for table, trace in expected.items():
        assert trace.shape == expansion.shapes[table]
        np.testing.assert_array_equal(backend.download(made[table]), trace, table)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("circuit", SERVED.values(), ids=SERVED)
def test_requests_are_expanded_as_natively(backend: CudaBackend, circuit: BasicCircuit, full: bool) -> None:
    count = circuit.capacities[0] if full else 2
    words = np.random.default_rng(5).integers(0, 2**32, (count, circuit.layout.input_words), dtype=np.uint32)
    expansion, _ = circuit.prepare(empty_chain(circuit.kind), words)
    same(backend, expansion)


def test_moduli_of_every_length_are_expanded_as_natively(backend: CudaBackend) -> None:
    """Zero, which stands for 2^256, one, and numbers of one to eight words, powers of two among them."""
    random = np.random.default_rng(6)
    words = random.integers(0, 2**32, (18, 32), dtype=np.uint32)
    words[:, 24:] = 0
    for length in range(1, 9):
        words[2 * length, 24 : 24 + length] = random.integers(1, 2**32, length, dtype=np.uint32)
        words[2 * length + 1, 23 + length] = 1 << length
    words[1, 24] = 1
    circuit = SERVED["arith256"]
    expansion, _ = circuit.prepare(empty_chain(circuit.kind), words)
    same(backend, expansion)


def test_no_requests_are_expanded_as_natively(backend: CudaBackend) -> None:
    for circuit in SERVED.values():
        expansion, _ = circuit.prepare(empty_chain(circuit.kind), np.empty((0, circuit.layout.input_words), np.uint32))
        same(backend, expansion)


def test_a_circuit_that_verifies_is_expanded_as_natively(backend: CudaBackend) -> None:
    compiled, _, publics = every_table.made()
    same(backend, prepare(compiled.program, publics, every_table.hints(publics)))


def test_what_no_backend_knows_is_no_expansion(backend: CudaBackend, native: NativeBackend) -> None:
    class Unknown(Expansion):
        def release(self) -> None: ...

    for refuses in (backend, native):
        with pytest.raises(TypeError, match="no expansion of Unknown"):
            refuses.expand(Unknown({}))
