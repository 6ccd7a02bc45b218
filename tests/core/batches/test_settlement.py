"""The way of a batch from the seal to its commitments, and what a crash in between leaves."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from core.errors import GenesisMismatch, ProgramFault
from core.formats.commitments import data_commitment, output_commitment
from core.formats.witness_input import decode
from core.process.node import Node
from core.proofs.batch_file import BatchFileError, batch_file, read_batch_file
from core.state import chain
from core.state_tree import StateTree
from core.store import AccountVersion, Batch, BatchStatus, Fact, ProtectiveRead, Transaction
from proving.field.goldilocks import PRIME
from runtime.errors import ConfigurationError, InvalidInput, TooLarge
from tests.core.chain import ETHER, WALLETS, accounts_at, node_at, transfer


def _sealed(node: Node, batches: int = 1) -> None:
    for nonce in range(batches):
        node.sequencer.submit(transfer(WALLETS[0], nonce))
        node.seal_and_settle()


def test_a_settled_batch_states_what_the_program_proved(node: Node) -> None:
    _sealed(node)
    with node.store.session():
        batch = Batch.get_by_id(1)
        assert batch.status == BatchStatus.COMMITTED
        assert batch.expected_output == batch.program_output
        witness = (node.settings.state_dir / "core/witnesses/batch-1.witness").read_bytes()
        assert (len(witness), witness[:4]) == (batch.witness_size, b"HMK1")
        assert node.program.run(witness).output == batch.expected_output
        assert decode(witness).transactions == (transfer(WALLETS[0], 0),)


def test_protective_reads_are_the_values_before_the_batch(node: Node) -> None:
    _sealed(node, 2)
    with node.store.session():
        sender = bytes.fromhex(WALLETS[0].address[2:])
        read = ProtectiveRead.get(ProtectiveRead.batch_number == 2, ProtectiveRead.address == sender)
        assert (read.nonce, read.balance) == (1, chain.account_at(sender, 1).balance)
        first = ProtectiveRead.select().where(ProtectiveRead.batch_number == 1)
        values = {row.address: row.balance for row in first}
        assert values[sender] == 10_000 * ETHER
        assert values[node.genesis.fee_recipient] == 0, "the fee recipient's first fee is an initial write"


def test_the_state_of_every_batch_can_be_restored(node: Node) -> None:
    _sealed(node, 3)
    with node.store.session():
        for number in range(4):
            assert StateTree(accounts_at(number)).root == Batch.get_by_id(number).new_root


def test_batches_form_a_chain_of_roots(node: Node) -> None:
    _sealed(node, 3)
    with node.store.session():
        batches = list(Batch.select().order_by(Batch.number))
        assert all(after.old_root == before.new_root for before, after in pairwise(batches))


@pytest.mark.parametrize("crash", ["sealed", "tree_updated", "witness_ready"])
def test_a_crash_between_two_parts_is_finished_at_the_next_start(tmp_path: Path, crash: str) -> None:
    node = node_at(tmp_path)
    _sealed(node)
    with node.store.session():
        whole = batch_file(Batch.get_by_id(1), node.identity)
        batch = Batch.get_by_id(1)
        batch.status = crash
        if crash == "sealed":
            AccountVersion.delete().where(AccountVersion.batch_number == 1).execute()
            batch.new_root = None
        batch.expected_output = batch.commitments = None
        batch.save()
    node.store.close()
    again = node_at(tmp_path)
    with again.store.session():
        assert batch_file(Batch.get_by_id(1), again.identity) == whole
    again.sequencer.submit(transfer(WALLETS[0], 1))
    assert again.seal_and_settle() == 2


def test_a_failure_in_the_calculator_leaves_the_tree_where_it_was(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("No space left on device")

    node.sequencer.submit(transfer(WALLETS[0], 0))
    with monkeypatch.context() as patch:
        patch.setattr("core.batches.metadata_calculator._write_versions", full)
        with pytest.raises(OSError, match="No space"):
            node.sequencer.seal()
    node.settlement.advance()
    with node.store.session():
        assert Batch.get_by_id(1).status == BatchStatus.COMMITTED
    node.sequencer.submit(transfer(WALLETS[0], 1))
    assert node.seal_and_settle() == 2


@pytest.mark.parametrize("what", ["balance", "receipt", "root"])
def test_a_disagreement_with_the_program_stops_the_batch(tmp_path: Path, what: str) -> None:
    node = node_at(tmp_path)
    node.sequencer.submit(transfer(WALLETS[0], 0))
    assert node.sequencer.seal() == 1
    with node.store.session():
        batch = Batch.get_by_id(1)
        if what == "balance":
            accounts = json.loads(batch.new_accounts)
            accounts[0][2] = str(int(accounts[0][2]) + 1)
            batch.new_accounts = json.dumps(accounts)
        elif what == "root":
            batch.new_root = bytes(32)
        else:
            Transaction.update(gas_used=Transaction.gas_used + 1).where(Transaction.batch_number == 1).execute()
        batch.save()
    with pytest.raises(ProgramFault):
        node.settlement.advance()
    with node.store.session():
        assert Batch.get_by_id(1).status != BatchStatus.COMMITTED
        assert node.offers.issue("prover") is None


def test_a_store_of_another_chain_genesis_or_with_changed_accounts_is_refused(tmp_path: Path) -> None:
    node_at(tmp_path).store.close()
    with pytest.raises(GenesisMismatch, match="chain_id"):
        node_at(tmp_path, chain_id=7)
    genesis = tmp_path / "genesis.json"
    genesis.write_text(Path("core/state/development_genesis.json").read_text().replace("0xfe", "0xfd"))
    with pytest.raises(GenesisMismatch, match="genesis"):
        node_at(tmp_path, core_genesis=genesis)
    node = node_at(tmp_path)
    with node.store.session():
        assert Fact.get_by_id("chain_id").value == "4242"
        AccountVersion.update(nonce=5).where(AccountVersion.batch_number == 0).execute()
    with pytest.raises(GenesisMismatch, match="not those of the state tree"):
        node_at(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"core_program": Path("/nonexistent.elf")},
        {"core_program": Path("pyproject.toml")},
        {"core_genesis": Path("/nonexistent.json")},
        {"core_genesis": Path("pyproject.toml")},
        {"protocol_version": "one"},
    ],
)
def test_unusable_settings_are_configuration_errors(tmp_path: Path, change: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        node_at(tmp_path, **change)


@pytest.mark.parametrize(
    "text",
    [
        '{"fee_recipient": "0x12", "base_fee": 1, "gas_limit": 1, "accounts": {}}',
        '{"fee_recipient": "FE", "base_fee": -1, "gas_limit": 1, "accounts": {}}',
        '{"base_fee": 1, "gas_limit": 1, "accounts": {}}',
        '{"fee_recipient": "0xfefefefefefefefefefefefefefefefefefefefe", "base_fee": 1, "gas_limit": 1, "x": 1,'
        ' "accounts": {}}',
    ],
)
def test_a_malformed_genesis_is_a_configuration_error(tmp_path: Path, text: str) -> None:
    genesis = tmp_path / "genesis.json"
    genesis.write_text(text)
    with pytest.raises(ConfigurationError):
        node_at(tmp_path, core_genesis=genesis)


def test_a_digest_has_one_way_to_be_written() -> None:
    """The empty root may not be written as p, for which the hash would be the same."""
    other = PRIME.to_bytes(8, "little") + bytes(24)
    numbers = {"chain_id": 1, "batch_number": 1, "timestamp": 1}
    digests = dict.fromkeys(("old_root", "new_root"), bytes(32))
    parts = dict.fromkeys(("transactions", "results", "diffs", "metadata"), bytes(32))
    for name in digests:
        with pytest.raises(InvalidInput, match="below p"):
            output_commitment(**numbers, **{**digests, name: other}, data=bytes(32))
    for name in parts.keys() - {"diffs"}:
        with pytest.raises(InvalidInput, match="below p"):
            data_commitment(**{**parts, name: other})


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f | {"old_root": PRIME.to_bytes(8, "little").hex() + f["old_root"][16:]},
        lambda f: f | {"program_sha256": f["program_sha256"][:-2] + " a"},
        lambda f: f | {"header": f["header"] | {"fee_recipient": f["header"]["fee_recipient"].upper()}},
        lambda f: f | {"header": f["header"] | {"fee_recipient": " " + f["header"]["fee_recipient"][2:]}},
    ],
    ids=["not below p", "white space", "upper case", "no prefix"],
)
def test_a_batch_file_has_one_encoding(node: Node, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    _sealed(node)
    with node.store.session():
        content = batch_file(Batch.get_by_id(1), node.identity)
    with pytest.raises(BatchFileError):
        read_batch_file(json.dumps(change(json.loads(content))).encode())


def test_the_batch_file_is_read_back_and_no_field_can_be_changed(node: Node) -> None:
    _sealed(node)
    with node.store.session():
        content = batch_file(Batch.get_by_id(1), node.identity)
        expected = Batch.get_by_id(1).expected_output
    read = read_batch_file(content)
    assert read.output == expected
    assert read.header.chain_id == 4242
    fields = json.loads(content)
    bound = [name for name in fields if name not in ("program_commitment", "program_sha256", "witness_input_sha256")]
    for name in bound:
        changed = json.loads(content)
        if isinstance(changed[name], str):
            changed[name] = ("0" if changed[name][0] != "0" else "1") + changed[name][1:]
        elif isinstance(changed[name], int):
            changed[name] += 1
        else:
            changed[name]["timestamp"] += 1
        with pytest.raises(BatchFileError):
            read_batch_file(json.dumps(changed).encode())
    for broken in (b"", b"{}", content[:-3], content.replace(b'"version": 3', b'"version": 2'), b"\xff"):
        with pytest.raises(BatchFileError):
            read_batch_file(broken)
    with pytest.raises(TooLarge):
        read_batch_file(b" " * 100_000)
