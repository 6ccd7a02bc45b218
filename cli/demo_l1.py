"""The demo's L1: a node on this machine with the rollup's contracts, and what becomes of the batch on it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli import files
from cli.local_l1 import KEY, local_l1
from core.eth_sender.connection import connect, typed_errors
from core.eth_sender.deployment import Deployed, Deployer, rollup_of
from core.eth_sender.executor import Executor
from core.eth_sender.fees import GWEI
from core.eth_sender.signer import Signer
from core.eth_sender.status import L1Status
from core.proofs.verification import key_set
from core.settings import CoreSettings
from core.tools.client import CoreClient
from proving.stages.compression import verifying_key
from runtime.errors import HallmarkError
from runtime.private import private_file
from runtime.settings import Settings

#: Seconds that the three transactions may take; py-evm needs most of them for the pairing.
L1_SECONDS = 300.0
LOOK_SECONDS = 0.5
#: Seconds between two looks of core at L1: five a second took a third of a core for as long as the batch was proven.
POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Settled:
    """A batch that L1 acts on.

    Attributes
    ----------
    l1
        Where.
    transactions
        As ``hallmark_batchStatus`` lists them.
    state_root
        What the contract says.
    snark_path
        File of the batch's SNARK.
    """

    l1: DemoL1
    transactions: list[dict[str, Any]]
    state_root: bytes
    snark_path: Path


@dataclass(frozen=True)
class DemoL1:
    """A running L1 with the contracts of the demo's rollup.

    Attributes
    ----------
    name
        What the node is.
    snark_key
        File of the SNARK's verifying key.
    mark
        Its setup's.
    """

    name: str
    url: str
    snark_key: Path
    mark: str
    key_file: Path
    verifier: Deployed
    executor: Deployed

    def settings(self) -> dict[str, object]:
        """Return core's settings for it."""
        return {
            "core_snark_key": self.snark_key,
            "core_l1_url": self.url,
            "core_l1_executor": self.executor.address,
            "core_l1_key_file": self.key_file,
            "core_l1_confirmations": 1,
            "core_l1_poll_seconds": POLL_SECONDS,
        }

    def wait(self, client: CoreClient, number: int, snark_path: Path, failed: Callable[[], str]) -> Settled:
        """Wait until L1 acts on a batch's root.

        Parameters
        ----------
        snark_path
            Where the batch's SNARK is kept.
        failed
            Returns why it cannot happen any more, or nothing.

        Raises
        ------
        HallmarkError
            It took too long, or `failed` gave a reason.
        """
        deadline = time.monotonic() + L1_SECONDS
        while True:
            found = client.call("hallmark_batchStatus", hex(number))
            if found["l1Status"] == L1Status.EXECUTED and len(found["l1Transactions"]) == len(L1Status):
                break
            if reason := failed():
                raise HallmarkError(reason)
            if time.monotonic() > deadline:
                client.ready()  # core says there what keeps it from sending
                raise HallmarkError(f"Batch {number} is {found['l1Status']} on L1 after {L1_SECONDS:.0f} s.")
            time.sleep(LOOK_SECONDS)
        web3 = connect(self.url)
        with typed_errors():
            root = Executor(web3, self.executor.address).state_root(int(web3.eth.block_number))
        return Settled(self, found["l1Transactions"], root, snark_path)


@contextlib.contextmanager
def demo_l1(folder: Path, settings: Settings, core: CoreSettings) -> Iterator[DemoL1]:
    """Run a local L1, deploy the contracts of a demo's rollup, and write what core needs of it into its folder."""
    key = verifying_key(core.core_profile, settings.setup)
    snark_key, key_file = folder / "snark.key", private_file(folder / "l1.key")
    files.write(snark_key, key.to_bytes())
    key_file.write_text(KEY)
    rollup = rollup_of(settings, core, key_set(core.core_profile), key.digest)
    signer = Signer(KEY, "the demo's key")
    with local_l1() as (name, url):
        deployer = Deployer(connect(url), signer, core.core_l1_max_fee_gwei * GWEI)
        made = deployer.deploy(key, rollup, owner=signer.address, validator=signer.address)
        yield DemoL1(name, url, snark_key, key.mark, key_file, *made)
