from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from broker.artifacts import ArtifactStore, artifact_name, open_artifacts
from broker.jobs import Batch, Claim, JobSpec, JobStore, Stage, Worker, open_store, status
from core.process.node import Node
from core.process.server import Server
from gateway.cores import cores
from gateway.line import Line
from gateway.service import Gateway
from gateway.settings import GatewaySettings, load_gateway_settings
from runtime.settings import Settings, load_settings
from tests.core.chain import CHAIN_ID, KEY_DIGEST, WALLETS, Clock, node_at, stand_in_proof, transfer
from tests.processes import started

WORKER = Worker("test-worker")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def node(tmp_path: Path, clock: Clock) -> Iterator[Node]:
    opened = node_at(tmp_path / "core", clock)
    yield opened
    opened.store.close()


@pytest.fixture
async def core(node: Node) -> AsyncIterator[TestServer]:
    async with TestServer(Server(node, started(node.settings, "core")).application()) as served:
        yield served


@dataclass
class Prover:
    """A prover's stores and what its workers do to them, with the stand-in proof in place of proving."""

    settings: Settings
    own: GatewaySettings
    jobs: JobStore
    artifacts: ArtifactStore

    def gateway(self, key: str = KEY_DIGEST) -> Gateway:
        served = cores(self.settings, self.own)
        return Gateway(started(self.settings, "gateway"), self.own, served, self.jobs, self.artifacts, key)

    def line(self) -> Line:
        """Return the line of a gateway of one core."""
        return self.gateway().lines[0]

    def batch(self, number: int = 1) -> Batch:
        return status.batch(self.jobs, number)

    def work(self, node: Node, *, spoil: bool = False) -> None:
        """Run every waiting batch's program from the artifacts and complete it with a stand-in proof.

        A batch of another chain than the node's is one of a stand-in core, which takes any proof.
        """
        while (claim := self.jobs.claim([Stage.WITNESS], WORKER, protocol_versions=["1"])) is not None:
            inputs = claim.job.inputs
            if claim.job.chain_id != node.settings.chain_id:
                self._end(claim, b"stand-in")
                continue
            advice = self.artifacts.load(inputs["advice"], kind="advice", protocol="1")
            assert self.artifacts.load(inputs["program"], kind="program", protocol="1") == node.program.elf
            proof = b"spoilt" if spoil else stand_in_proof(node.program.run(advice).output)
            self._end(claim, proof)

    def _end(self, claim: Claim, proof: bytes) -> None:
        self.jobs.complete(claim, claim.job.inputs["advice"], [JobSpec(Stage.PROVE, final=True)])
        last = self.jobs.claim([Stage.PROVE], WORKER, protocol_versions=["1"])
        assert last is not None
        name = artifact_name(last.job.batch_id, last.job_id, last.token, "batch_proof")
        self.jobs.complete(last, self.artifacts.save(name, "batch_proof", proof, protocol="1"))


@pytest.fixture
def prover(tmp_path: Path, core: TestServer) -> Prover:
    settings = load_settings(state_dir=tmp_path / "prover", core_url=str(core.make_url("/")), chain_id=CHAIN_ID)
    settings.state_dir.mkdir()
    own = load_gateway_settings(
        gateway_name="test", gateway_poll_seconds=0.02, gateway_wait_seconds=0, gateway_renew_seconds=0.05
    )
    return Prover(settings, own, open_store(settings), open_artifacts(settings))


def seal(node: Node, batches: int = 1, first: int = 0) -> None:
    for nonce in range(first, first + batches):
        node.sequencer.submit(transfer(WALLETS[0], nonce))
        node.seal_and_settle()
