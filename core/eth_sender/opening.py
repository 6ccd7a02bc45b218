"""What the settings of L1 name: its node, the key, and the sender of a core."""

from __future__ import annotations

from web3 import Web3

from core.eth_sender.connection import connect
from core.eth_sender.executor import Executor, Rules
from core.eth_sender.fees import GWEI
from core.eth_sender.sender import EthSender, Expected, Terms
from core.eth_sender.signer import Signer
from core.formats.identity import Identity
from core.proofs.snark_store import SnarkStore
from core.settings import CoreSettings
from core.store import Store
from runtime.configuration import PREFIX
from runtime.errors import ConfigurationError


def open_sender(
    settings: CoreSettings, store: Store, snarks: SnarkStore, identity: Identity, key_set: bytes
) -> EthSender:
    """Return the sender of a core whose settings name a node of L1; nothing is sent yet.

    Parameters
    ----------
    settings, identity
        Where to send, and what the contract must be of.
    store, snarks
        What is sent.
    key_set
        Digest of the keys that batches are proven with, 32 bytes.

    Raises
    ------
    ConfigurationError
        The key is missing or unusable.
    """
    web3, executor = executor_of(settings)
    program, snark_key = (bytes.fromhex(digest) for digest in (identity.program_commitment, identity.snark_key))
    rules = Rules(int(identity.protocol_version), program, key_set, snark_key)
    return EthSender(
        store,
        snarks,
        web3,
        executor,
        signer_of(settings),
        Expected(identity.chain_id, rules),
        Terms(
            settings.core_l1_confirmations,
            settings.core_l1_bump_seconds,
            settings.core_l1_max_fee_gwei * GWEI,
        ),
    )


def executor_of(settings: CoreSettings) -> tuple[Web3, Executor]:
    """Return a connection to L1 and the configured contract there; nothing is sent yet.

    Raises
    ------
    ConfigurationError
        There is no node.
    """
    web3 = connect_to(settings)
    return web3, Executor(web3, settings.core_l1_executor)


def connect_to(settings: CoreSettings) -> Web3:
    """Return a connection to the configured node of L1; nothing is sent yet.

    Raises
    ------
    ConfigurationError
        There is none.
    """
    if not (url := settings.core_l1_url.get_secret_value()):
        raise ConfigurationError(f"Set {PREFIX}CORE_L1_URL to the JSON-RPC of a node of L1.")
    return connect(url)


def signer_of(settings: CoreSettings) -> Signer:
    """Return the signer with the configured key.

    Raises
    ------
    ConfigurationError
        There is none, or it is unusable.
    """
    if settings.core_l1_key_file is not None:
        return Signer.of_file(settings.core_l1_key_file)
    if not settings.core_l1_key.get_secret_value():
        raise ConfigurationError(f"Set {PREFIX}CORE_L1_KEY_FILE or {PREFIX}CORE_L1_KEY to send to L1.")
    return Signer(settings.core_l1_key.get_secret_value(), f"{PREFIX}CORE_L1_KEY")
