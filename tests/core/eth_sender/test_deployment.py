"""Contracts are put on L1 by key and mark, and core as a process sends to them."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from web3 import Web3

from cli.main import app
from core.eth_sender.contracts import artifact
from core.eth_sender.deployment import Deployer, Rollup, rollup_of
from core.eth_sender.errors import L1ProductionChain
from core.eth_sender.executor import Executor, Rules
from core.eth_sender.signer import Signer
from core.proofs.snark_store import SnarkStore
from core.proofs.verification import key_set, read_snark_key
from core.settings import PROGRAM, load_core_settings
from core.tools.client import CoreClient
from proving import keys
from proving.machine.program import Program
from proving.snark.errors import SnarkKeyRefused
from proving.snark.key import SnarkKey
from proving.snark.layout import PRODUCTION, WORD, text_word
from proving.snark.setup.pinned import SETUP_POINT
from proving.stages import snark_proof
from proving.stages.batch_proof import Claim
from runtime.errors import ConfigurationError, InvalidInput
from runtime.protocol import PROTOCOL_NUMBER
from runtime.settings import load_settings
from tests.contracts.deployment import Evm
from tests.contracts.node import install_packages
from tests.core.chain import WALLETS, transfer
from tests.core.eth_sender.rollup import ACCOUNT, GWEI, KEY, local_l1
from tests.core.server_process import ServerProcess
from tests.proving.snark.circuits import batch_circuit, batch_snark

ROLLUP = Rollup(4242, b"\x11" * 32, 7, Rules(1, b"\x22" * 32, b"\x33" * 32, bytes(32)))


def production_key() -> SnarkKey:
    """A key of the pinned ceremony, of a circuit of nobody."""
    return replace(batch_circuit().key, mark=PRODUCTION, setup_point=SETUP_POINT)


def funded(evm: Evm) -> Deployer:
    evm.web3.eth.send_transaction({"from": evm.owner, "to": ACCOUNT, "value": 10**20})  # type: ignore[typeddict-item]
    return Deployer(evm.web3, Signer(KEY, "the test"), 500 * GWEI)


@pytest.mark.parametrize("key", [batch_circuit().key, production_key()], ids=lambda key: key.mark)
def test_both_contracts_are_of_the_kind_that_the_key_asks_for(key: SnarkKey) -> None:
    with local_l1() as (evm, _):
        places = {"owner": evm.owner, "validator": evm.validator}
        verifier, executor = funded(evm).deploy(key, ROLLUP, **places, least_notice=86_400)
        found, block = Executor(evm.web3, executor.address), evm.web3.eth.block_number
        assert found.insecure_test(block) is (key.mark != PRODUCTION)
        assert found.chain_id(block) == ROLLUP.chain_id
        assert found.rules(1, block) == replace(ROLLUP.rules, snark_key=key.digest)
        assert found.least_notice(block) == 86_400
        assert found.state_root(block) == found.stored(0, block).root == ROLLUP.genesis_root
        assert [found.is_validator(one, block) for one in (evm.validator, evm.owner)] == [True, False]
        asked = evm.web3.eth.contract(address=verifier.address, abi=artifact(verifier.contract)["abi"])  # type: ignore[call-overload]
        assert asked.functions.keyDigest().call() == key.digest
        assert evm.web3.eth.get_transaction_receipt(Web3.to_hex(executor.transaction))["gasUsed"] == executor.gas_used


def test_a_key_of_a_test_setup_goes_to_no_production_chain_and_nothing_is_sent() -> None:
    install_packages()
    with local_l1("--chain-id", "1") as (evm, wire):
        deployer = funded(evm)
        with pytest.raises(L1ProductionChain, match="chain 1 has value"):
            deployer.deploy(batch_circuit().key, ROLLUP, owner=evm.owner, validator=evm.validator)
        assert wire.sent == []
        _, executor = deployer.deploy(production_key(), ROLLUP, owner=evm.owner, validator=evm.validator)
        assert executor.contract == "Executor"


def test_a_mark_is_not_believed_where_the_setup_says_otherwise(tmp_path: Path) -> None:
    """Whoever knows a setup's secret can mark the key as production."""
    file = tmp_path / "key"
    data = batch_circuit().key.to_bytes()
    file.write_bytes(data[:WORD] + text_word(PRODUCTION) + data[2 * WORD :])
    with pytest.raises(ConfigurationError, match="not that of the pinned ceremony"):
        read_snark_key(file)
    refused = CliRunner().invoke(app, ["keys", "export-verifier", str(file)])
    assert isinstance(refused.exception, SnarkKeyRefused)


@pytest.mark.parametrize("key", [batch_circuit().key, production_key()], ids=lambda key: key.mark)
def test_an_exported_verifier_can_be_deployed_by_other_tools(key: SnarkKey, tmp_path: Path) -> None:
    file, output = tmp_path / "key", tmp_path / "verifier.json"
    file.write_bytes(key.to_bytes())
    shown = CliRunner().invoke(app, ["keys", "export-verifier", str(file), "--output", str(output)])
    assert shown.exit_code == 0, shown.output
    assert ("production" if key.mark == PRODUCTION else "INSECURE-TEST") in shown.output
    exported = json.loads(output.read_text())
    bytecode, arguments = artifact(exported["contract"])["bytecode"], exported["constructorArguments"]
    assert exported["bytecode"] == f"0x{bytecode}{arguments[2:]}"
    assert arguments in shown.output
    with local_l1() as (evm, _):
        abi = [entry for entry in exported["abi"] if entry["type"] != "constructor"]
        verifier = evm.deploy({"abi": abi, "bytecode": exported["bytecode"]})
        assert verifier.functions.keyDigest().call().hex() == exported["keyDigest"][2:] == key.digest.hex()
        assert verifier.functions.insecureTest().call() is (key.mark != PRODUCTION)


@pytest.fixture
def core(tmp_path: Path) -> Iterator[ServerProcess]:
    made = ServerProcess("core", tmp_path)
    yield made
    made.end()


def test_a_process_sends_to_what_the_command_deployed(
    core: ServerProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over HTTP, from a key file, killed between the steps."""
    install_packages()
    key, secret = tmp_path / "verifying.key", tmp_path / "secret"
    key.write_bytes(batch_circuit().key.to_bytes())
    secret.write_text(KEY)
    secret.chmod(0o600)
    with local_l1() as (evm, wire):
        funded(evm)
        url = str(wire.endpoint_uri)  # type: ignore[attr-defined]
        l1 = {
            "HALLMARK_CORE_L1_URL": url,
            "HALLMARK_CORE_L1_KEY_FILE": str(secret),
            "HALLMARK_CORE_L1_POLL_SECONDS": "0.05",
            "HALLMARK_CORE_L1_CONFIRMATIONS": "1",
            "HALLMARK_CORE_SNARK_KEY": str(key),
        }
        for name, value in l1.items():
            monkeypatch.setenv(name, value)
        deployed = CliRunner().invoke(app, ["l1", "deploy", str(key)])
        assert deployed.exit_code == 0, deployed.output
        assert "insecure-test" in deployed.output
        variable, address = deployed.output.split()[-1].split("=")
        monkeypatch.setenv(variable, address)
        core.environment |= l1 | {variable: address}

        core.start()
        core.wait_for("/ready")
        client = CoreClient(core.url)
        client.send_raw_transaction(transfer(WALLETS[0], 0))
        number = client.seal()
        assert wait_for_l1(client, "committed")["provenBatch"] == "0x0"
        assert core.process is not None
        core.process.kill()
        core.process.wait()
        rollup = rollup_of(load_settings(), load_core_settings(), key_set("proven100"), batch_circuit().key.digest)
        output = Executor(evm.web3, address).stored(number, evm.web3.eth.block_number).output
        # What a prover claims, from its own keys: the contract must compute the same public inputs.
        program = Program.from_elf(PROGRAM.read_bytes()).commitment
        claim = Claim(keys.key_set("proven100").digest, program, PROTOCOL_NUMBER, output)
        SnarkStore(tmp_path / "core" / "snarks").put(number, batch_snark(snark_proof.public_inputs(claim)))
        core.start()
        core.wait_for("/ready")
        found = wait_for_l1(client, "executed")
        assert [one["action"] for one in found["l1Transactions"]] == ["commit", "prove", "execute"]
        for one in found["l1Transactions"]:
            receipt = evm.web3.eth.get_transaction_receipt(one["hash"])
            assert (receipt["gasUsed"], receipt["status"]) == (int(one["gasUsed"], 16), 1)
        assert evm.web3.eth.get_transaction_count(ACCOUNT) == 2 + 3
        shown = CliRunner().invoke(app, ["l1", "status"])
        assert shown.exit_code == 0, shown.output
        assert "INSECURE-TEST" in shown.output and "this installation has" not in shown.output
        root = Executor(evm.web3, address).state_root(evm.web3.eth.block_number)
        assert root.hex() in shown.output and root != rollup.genesis_root
        receiver = WALLETS[1].address
        rebuilt = CliRunner().invoke(app, ["rebuild-state", str(tmp_path / "rebuilt"), "--account", receiver])
        assert rebuilt.exit_code == 0, rebuilt.output
        assert f"batch 1, 6 accounts, root {root.hex()}" in rebuilt.output
        assert f"{receiver.lower()}: nonce 0, balance {10_001 * 10**18} wei" in rebuilt.output

        monkeypatch.setenv("HALLMARK_PROTOCOL_VERSION", "2")
        upgraded = CliRunner().invoke(app, ["l1", "upgrade", str(key), "--first-batch", "5", "--yes"])
        assert upgraded.exit_code == 0, upgraded.output
        assert "Protocol version 2 is from batch 5 on, of those that are committed to from 20" in upgraded.output
        shown = CliRunner().invoke(app, ["l1", "status"])
        assert "from batch 1 on" in shown.output and "from batch 5 on" in shown.output
        executor, block = Executor(evm.web3, address), evm.web3.eth.block_number
        assert executor.rules(4, block) == rollup.rules
        assert executor.rules(5, block) == replace(rollup.rules, protocol_version=2)
        again = CliRunner().invoke(app, ["l1", "upgrade", str(key), "--first-batch", "1", "--yes"])
        assert again.exit_code != 0
    assert KEY[2:] not in core.log.read_text()


def wait_for_l1(client: CoreClient, status: str) -> dict[str, Any]:
    found: dict[str, Any] = {"l1Status": None}
    for _ in range(300):
        with contextlib.suppress(InvalidInput):  # a block is shown once its batch is settled
            found = client.call("hallmark_batchStatus", "0x1")
        if found["l1Status"] == status and len(found["l1Transactions"]) == {"committed": 1, "executed": 3}[status]:
            return found
        time.sleep(0.1)
    pytest.fail(f"the batch is {found} on L1 and not {status}")
