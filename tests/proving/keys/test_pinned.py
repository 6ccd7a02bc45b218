from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from proving import keys
from proving.circuits.served import SERVED
from proving.keys import __main__ as command
from proving.keys import described, registry, snark_circuits
from proving.keys.errors import KeySetFull
from proving.keys.family import KEY_SLOTS, Family
from proving.keys.registry import families, names, write_snark
from proving.machine.main_vm.shapes import SHAPES
from proving.recursion.aggregation import HeightsDiffer, write_leaf
from proving.snark.builder import Builder

PROFILE = "proven100"
#: Of all circuits those of one profile that differ in kind, and one that the other profiles have as well: making every
#: key takes minutes, and is what `python -m proving.keys` does.
MADE = [
    *(keys.MAIN_VM, "arith256", "leaf.main_vm.0.proven100", "node.proven100", "tip.proven100", "scheduler.proven100"),
    *(pytest.param(name, marks=pytest.mark.long) for name in ("layer.0.proven100", "node.proven128")),
]


@pytest.mark.parametrize("name", MADE)
def test_this_code_makes_the_pinned_keys(name: str) -> None:
    assert command.make_pin(name) == keys.pinned()[name]


def test_every_circuit_and_key_set_is_pinned() -> None:
    assert tuple(keys.pinned()) == names()
    assert set(keys.key_sets()) == {family.profile for family in families()}


@pytest.mark.long
def test_this_code_writes_the_pinned_circuit_of_the_snark_down() -> None:
    assert set(keys.snark_pins()) == {family.profile for family in families() if family.layers}
    data = snark_circuits.encode(write_snark(PROFILE, keys.key))
    assert described.digest(data) == keys.snark_pins()[PROFILE]


def test_another_circuit_of_the_snark_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HALLMARK_KEY_DIR", str(tmp_path))
    small = Builder(table_bits=2)
    small.public_input()
    monkeypatch.setattr(registry, "write_snark", lambda *_: small.compile())
    with pytest.raises(keys.KeyMismatch, match="not the one"):
        keys.snark_circuit.__wrapped__(PROFILE)
    with pytest.raises(keys.KeyMismatch, match="no SNARK"):
        keys.snark_circuit.__wrapped__("proven128")
    assert not list(tmp_path.iterdir())


def test_there_is_a_leaf_for_every_shape_and_room_for_all_keys() -> None:
    family = keys.circuits_of(PROFILE)
    assert family == next(each for each in families() if each.profile == PROFILE)
    assert family.leaves == {keys.MAIN_VM: len(SHAPES), **{name: len(served.shapes) for name, served in SERVED.items()}}
    assert len(set(family.names)) == sum(family.leaves.values()) + 4 <= KEY_SLOTS


def test_more_keys_than_entries_are_refused() -> None:
    family = Family(PROFILE, {keys.MAIN_VM: KEY_SLOTS - 4})
    digests = {name: np.zeros(4, dtype=np.uint64) for name in family.names}
    assert family.entries(digests).shape == (KEY_SLOTS, 4)
    with pytest.raises(KeySetFull, match=str(KEY_SLOTS)):
        Family(PROFILE, {keys.MAIN_VM: KEY_SLOTS - 3}).entries(digests)


def test_layers_are_no_entries_of_the_key_set() -> None:
    family = keys.circuits_of(PROFILE)
    assert family.last == family.layers[-1]
    assert set(family.layers).isdisjoint(family.names)
    assert [family.below(name) for name in family.layers] == [family.scheduler, *family.layers[:-1]]


@pytest.mark.parametrize("part", ["digest", "head"])
def test_another_pin_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, part: str) -> None:
    _pin_other(monkeypatch, tmp_path, keys.MAIN_VM, part)
    for find in (keys.key, keys.proving_key):
        with pytest.raises(keys.KeyMismatch, match=r"pins .*0000"):
            find.__wrapped__(keys.MAIN_VM)


@pytest.mark.parametrize(
    "name",
    [
        "leaf.main_vm.1.proven100",
        "leaf.arith256.0.proven100",
        "leaf.sha256.1.proven100",
        "leaf.blake2s.2.proven100",
        "node.proven100",
        "tip.proven100",
        "tie.proven100",
        "scheduler.proven100",
    ],
)
def test_a_key_set_with_another_key_is_not_the_pinned_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    assert keys.key_set.__wrapped__(PROFILE).entries.shape == (KEY_SLOTS, 4)
    _pin_other(monkeypatch, tmp_path, name, "digest")
    with pytest.raises(keys.KeyMismatch, match="key set"):
        keys.key_set.__wrapped__(PROFILE)


def _pin_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, part: str) -> None:
    other = tmp_path / "pinned.json"
    pins = json.loads(keys.PINNED.read_text())
    pins["keys"][name][part] = "00" * 32
    other.write_text(json.dumps(pins))
    monkeypatch.setattr(keys, "PINNED", other)


@pytest.mark.parametrize("name", MADE)
def test_every_profile_is_reached(name: str) -> None:
    for profile, report in keys.key(name).reports.items():
        assert report.reached, profile


def test_a_leaf_that_needs_more_height_than_the_others_is_refused() -> None:
    """Nodes, tip and ties read any leaf as one of the family's heights."""
    family, key = keys.circuits_of(PROFILE), keys.key("arith256")
    low = {**family.log_heights, "given": family.log_heights["given"] - 2}
    with pytest.raises(HeightsDiffer, match="leaf needs"):
        write_leaf("leaf", key, key.layout.largest(), PROFILE, 1, low)
