"""Components between the seal and the provers catch up, check each other's work, and halt where it differs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from core.batches.component import Component
from core.batches.components import KINDS, lags, make_components
from core.batches.settlement import advance
from core.batches.witness_store import WitnessStore
from core.errors import ProgramFault
from core.process.node import Node
from core.program.kept import KeptPrograms
from core.store import AccountVersion, Batch, BatchStatus, ProtectiveRead
from tests.core.chain import WALLETS, Clock, node_at, transfer

NAMES = [kind.name for kind in KINDS]


def sealing(folder: Path) -> Node:
    """A core whose own process seals only, with three batches."""
    node = node_at(folder, Clock(), core_components="none")
    for nonce in range(3):
        node.sequencer.submit(transfer(WALLETS[0], nonce))
        node.seal_and_settle()
    return node


def component(node: Node, *names: str) -> list[Component]:
    witnesses = WitnessStore(node.settings.state_dir / "core" / "witnesses")
    programs = KeptPrograms(node.core_settings.programs(node.settings), node.program, 1 << 32)
    return make_components(names, node.store, node.tree, witnesses, programs)


def statuses(node: Node) -> list[str]:
    with node.store.session():
        return [batch.status for batch in Batch.select().where(Batch.number > 0).order_by(Batch.number)]


def behind(node: Node) -> dict[str, int]:
    with node.store.session():
        return {lag.component: lag.batches for lag in lags()}


def test_each_catches_up_alone_and_says_how_far_it_is(tmp_path: Path) -> None:
    node = sealing(tmp_path)
    assert statuses(node) == [BatchStatus.TREE_UPDATED] * 3
    assert behind(node) == {"metadata_calculator": 0, **dict.fromkeys(NAMES, 3)}
    assert advance(component(node, NAMES[1], NAMES[2])) == 0, "nothing is produced before the reads are written"
    assert advance(component(node, NAMES[0])) == 3
    assert behind(node) == {"metadata_calculator": 0, NAMES[0]: 0, NAMES[1]: 3, NAMES[2]: 3}
    assert component(node, NAMES[1])[0].step()
    assert behind(node) == {"metadata_calculator": 0, NAMES[0]: 0, NAMES[1]: 2, NAMES[2]: 3}
    assert advance(component(node, *NAMES)) == 2 + 3
    assert statuses(node) == [BatchStatus.COMMITTED] * 3
    with node.store.session():
        assert [lag.sealed_at for lag in lags()] == [None] * 4


def test_what_is_produced_does_not_depend_on_who_does_it(tmp_path: Path) -> None:
    apart, together = sealing(tmp_path / "apart"), node_at(tmp_path / "together", Clock())
    advance(component(apart, *NAMES))
    for nonce in range(3):
        together.sequencer.submit(transfer(WALLETS[0], nonce))
        together.seal_and_settle()
    outputs = []
    for node in (apart, together):
        with node.store.session():
            outputs.append([batch.expected_output for batch in Batch.select().order_by(Batch.number)])
            reads = ProtectiveRead.select().order_by(ProtectiveRead.batch_number, ProtectiveRead.address)
            outputs[-1].extend((read.address, read.nonce, read.balance) for read in reads)
        node.store.close()
    assert outputs[0] == outputs[1]


def change_version(number: int) -> None:
    sender = bytes.fromhex(WALLETS[0].address[2:])
    here = (AccountVersion.address == sender) & (AccountVersion.batch_number == number)
    AccountVersion.update(nonce=77).where(here).execute()


def change_old_root(number: int) -> None:
    Batch.update(old_root=bytes(32)).where(Batch.number == number).execute()


def change_new_root(number: int) -> None:
    Batch.update(new_root=bytes(32)).where(Batch.number == number).execute()


def change_values(number: int) -> None:
    batch = Batch.get_by_id(number)
    accounts = json.loads(batch.new_accounts)
    accounts[0][1] += 1
    batch.new_accounts = json.dumps(accounts)
    batch.save()


@pytest.mark.parametrize(
    ("halting", "change", "says"),
    [
        (NAMES[0], lambda: change_version(1), "other accounts before it"),
        (NAMES[0], lambda: change_old_root(2), "another root"),
        (NAMES[1], lambda: change_version(2), "account versions"),
        (NAMES[1], lambda: change_values(2), "account versions"),
        (NAMES[2], lambda: change_new_root(2), "the data commit to"),
    ],
)
def test_a_component_halts_at_what_differs_and_the_others_go_on(
    tmp_path: Path, halting: str, change: Callable[[], None], says: str
) -> None:
    node = sealing(tmp_path)
    place = NAMES.index(halting)
    advance(component(node, *NAMES[:place]))
    for each in component(node, *NAMES[place:]):
        assert each.step()
    with node.store.session():
        change()
    components = component(node, *NAMES)
    with pytest.raises(ProgramFault, match=says):
        advance(components)
    found = behind(node)
    assert [found[name] for name in NAMES] == [0] * place + [2] * (3 - place), "batch 1 was done by all, 2 by some"
    with pytest.raises(ProgramFault, match=says):
        components[place].step()


def test_one_that_has_halted_does_not_work_again_until_it_is_started_anew(tmp_path: Path) -> None:
    node = sealing(tmp_path)
    advance(component(node, NAMES[0]))
    with node.store.session():
        change_version(2)
    halted = component(node, *NAMES)
    with pytest.raises(ProgramFault):
        advance(halted)
    with node.store.session():
        AccountVersion.update(nonce=2).where(AccountVersion.batch_number == 2, AccountVersion.nonce == 77).execute()
    with pytest.raises(ProgramFault):
        advance(halted)
    assert advance(component(node, *NAMES)) > 0
    assert statuses(node) == [BatchStatus.COMMITTED] * 3


def test_core_starts_and_seals_while_a_component_halts(tmp_path: Path) -> None:
    node = sealing(tmp_path)
    with node.store.session():
        change_values(2)
    del node
    again = node_at(tmp_path, Clock())
    assert statuses(again)[:2] == [BatchStatus.COMMITTED, BatchStatus.TREE_UPDATED]
    again.sequencer.submit(transfer(WALLETS[0], 3))
    assert again.sequencer.seal() == 4
    with pytest.raises(ProgramFault, match="Batch 2"):
        again.settlement.advance()
