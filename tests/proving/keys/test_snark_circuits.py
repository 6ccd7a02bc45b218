"""Stored circuits and commitments of the SNARK: what is used is what was written down, whatever lies in the folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from proving.keys import described, keystore, setups, snark_circuits, snark_keys
from proving.snark.arithmetic import SnarkArithmetic
from proving.snark.bn254.field import FR
from proving.snark.builder import Builder
from proving.snark.circuit import Circuit, Ids
from proving.snark.errors import WitnessRefused
from proving.snark.prover import prove
from proving.snark.setup import insecure
from proving.snark.setup.errors import SetupPower, SetupRefused
from proving.snark.setup.powers import Setup
from proving.snark.steps import PermutationStep
from runtime.errors import ArtifactError

NAME = "wrap.test"


def written() -> Circuit:
    """A circuit with every kind of step."""
    builder = Builder(table_bits=8)
    publics = builder.public_input(1)
    arithmetic = SnarkArithmetic(builder)
    words, digests = arithmetic.given((8, 1)), arithmetic.given_digests((4,))
    beta = arithmetic.given((3,))
    product = arithmetic.ext_multiply(arithmetic.ext_multiply(beta, beta), arithmetic.ext_inverse(beta))
    bits = arithmetic.indices(arithmetic.absorb(arithmetic.start(), arithmetic.canonical(product)), 0, 1, 2)
    siblings = arithmetic.reshape(arithmetic.take(digests, slice(1, 4)), (1, 3))
    leaves = arithmetic.hash_rows(arithmetic.reshape(words, (1, 8)))
    builder.assert_equal(arithmetic.climb(leaves, siblings, bits).ids, publics)
    return builder.compile()


INPUTS = [*range(8), 11, 12, 13, 14, 15, 16, 17]


@pytest.fixture(scope="module")
def circuit() -> Circuit:
    return written()


@pytest.fixture(scope="module")
def setup(circuit: Circuit) -> Setup:
    return insecure.make(circuit.rows)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HALLMARK_KEY_DIR", str(tmp_path / "keys"))
    return tmp_path / "keys"


def test_a_stored_circuit_is_the_one_that_was_written_down(circuit: Circuit) -> None:
    data = snark_circuits.encode(circuit)
    assert data == snark_circuits.encode(written())
    found = snark_circuits.decode(memoryview(data))
    for field in fields(Circuit):
        if field.name != "steps":
            assert np.array_equal(getattr(found, field.name), getattr(circuit, field.name)), field.name
    assert len({type(step) for step in found.steps}) == len(snark_circuits._STEPS)
    values = [one.fill(FR.encode([5]), FR.encode(INPUTS)) for one in (circuit, found)]
    assert np.array_equal(*values)
    assert snark_circuits.encode(found) == data


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: data[:1000] + bytes([data[1000] ^ 1]) + data[1001:],
        lambda data: data[:-100] + bytes([data[-100] ^ 1]) + data[-99:],
    ],
)
def test_a_changed_circuit_is_not_used(folder: Path, circuit: Circuit, change: Callable[[bytes], bytes]) -> None:
    data = snark_circuits.encode(circuit)
    digest = described.digest(data)
    path = keystore.circuit_path_of(NAME, digest)
    assert keystore.load_circuit(NAME, digest) is None
    keystore.write(path, data)
    assert keystore.load_circuit(NAME, digest) is not None
    path.write_bytes(change(data))
    assert keystore.load_circuit(NAME, digest) is None


def test_commitments_are_kept_and_a_wrong_one_proves_nothing(folder: Path, circuit: Circuit, setup: Setup) -> None:
    digest = described.digest(snark_circuits.encode(circuit))
    made = snark_keys.proving_key(NAME, digest, circuit, setup)
    [path] = folder.iterdir()
    assert path.read_bytes() == made.key.to_bytes() == snark_keys.verifying_key(circuit, setup).to_bytes()
    statement = FR.decode(circuit.fill(FR.encode([0]), FR.encode(INPUTS))[made_output(circuit)])
    found = snark_keys.proving_key(NAME, digest, circuit, setup)
    assert found.key == made.key
    prove(found, statement, INPUTS)
    # Two commitments change places.
    data = bytearray(path.read_bytes())
    data[4 * 32 : 6 * 32], data[6 * 32 : 8 * 32] = data[6 * 32 : 8 * 32], data[4 * 32 : 6 * 32]
    path.write_bytes(data)
    with pytest.raises(WitnessRefused):
        prove(snark_keys.proving_key(NAME, digest, circuit, setup), statement, INPUTS)
    assert snark_keys.verifying_key(circuit, setup) == made.key


def test_the_commitments_of_another_setup_are_not_taken(folder: Path, circuit: Circuit, setup: Setup) -> None:
    digest = described.digest(snark_circuits.encode(circuit))
    other = insecure.make(circuit.rows)
    first, second = (snark_keys.proving_key(NAME, digest, circuit, each).key for each in (setup, other))
    one, two = sorted(folder.iterdir())
    swapped = one.read_bytes(), two.read_bytes()
    one.write_bytes(swapped[1])
    two.write_bytes(swapped[0])
    assert [snark_keys.proving_key(NAME, digest, circuit, each).key for each in (setup, other)] == [first, second]


def test_an_insecure_setup_is_made_once(folder: Path) -> None:
    made = setups.insecure_test(64)
    found = setups.insecure_test(64)
    assert np.array_equal(made.powers, found.powers) and made.point == found.point and found.mark == "insecure-test"
    [path] = folder.glob("*.setup")
    path.write_bytes(path.read_bytes()[:-1])
    assert setups.insecure_test(64).point != made.point


def test_processes_that_start_together_make_one_setup(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = insecure.make

    def slowly(rows: int) -> Setup:
        time.sleep(0.2)
        return make(rows)

    monkeypatch.setattr(insecure, "make", slowly)
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(setups.insecure_test, [64] * 3))
    assert len({each.point for each in made}) == 1


def test_a_setup_is_read_as_what_it_is(folder: Path, tmp_path: Path) -> None:
    made = setups.insecure_test(64)
    [stored] = folder.glob("*.setup")
    assert setups.read(stored, 64).point == made.point
    with pytest.raises(SetupPower):
        setups.read(stored, 128)
    other = tmp_path / "other"
    other.write_bytes(b"ptau" + bytes(100))
    with pytest.raises(SetupRefused):
        setups.read(other, 64)
    other.write_bytes(b"neither of them")
    with pytest.raises(ArtifactError):
        setups.read(other, 64)


def made_output(circuit: Circuit) -> Ids:
    """The variable that must equal the public input: the output of the last permutation."""
    *_, last = [step for step in circuit.steps if isinstance(step, PermutationStep)]
    output: Ids = last.cells[-1, 1, :1]
    return output
