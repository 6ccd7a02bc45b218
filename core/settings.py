"""Core's own settings, beside those of :mod:`runtime.settings`; the same prefix, ``HALLMARK_``."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from runtime.configuration import PREFIX, AbsolutePath, EnvironmentSettings, Size
from runtime.settings import MAX_SECONDS, DatabaseUrl, Settings
from runtime.tls import server_context
from runtime.urls import check_url, sqlite_url

#: The committed state-transition program.
PROGRAM = Path(__file__).parent.parent / "guest" / "programs" / "stf.elf"

#: What takes a batch from the metadata calculator to the provers, in order.
COMPONENTS = ("protective_reads_writer", "basic_witness_input_producer", "commitment_generator")


def _web_url(value: SecretStr) -> SecretStr:
    url = value.get_secret_value()
    return SecretStr(check_url(url, ("http", "https"))) if url else value


def _origins(value: str) -> str:
    for origin in _named(value):
        if origin != "*" and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[A-Za-z0-9._:\[\]-]+", origin):
            raise ValueError("an origin is scheme://host or scheme://host:port, without a path")
    return value


def _versions(value: int) -> int:
    if 0 < value < 16:
        raise ValueError("16 or more, or 0 for all: a batch that is not recorded in the end is taken back")
    return value


def _components(value: str) -> str:
    if value != "none" and (unknown := set(_named(value)) - set(COMPONENTS)):
        raise ValueError(f"there is no component {', '.join(sorted(unknown))}; there are {', '.join(COMPONENTS)}")
    return value


def _named(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


class CoreSettings(EnvironmentSettings):
    """What only core asks. Durations are in the unit of their name; sizes in bytes."""

    core_database_url: Annotated[str, DatabaseUrl, Field(repr=False)] = ""
    """Core's own store: ``sqlite:///PATH`` or ``postgresql://...``; empty is a file in the state directory."""
    core_genesis: AbsolutePath | None = None
    """Genesis allocations and chain constants; empty is the development genesis."""
    core_program: AbsolutePath | None = None
    """The state-transition program; empty is the one committed in ``guest/``."""
    core_batch_transactions: Annotated[int, Field(ge=1, le=1024)] = 16
    """A batch is sealed when this many transactions wait (1024 plain transfers take about half a billion cycles)."""
    core_batch_seconds: Annotated[float, Field(ge=0, le=MAX_SECONDS)] = 5.0
    """A batch is sealed when the oldest transaction has waited this long; 0: by count or explicit call only."""
    core_batch_bytes: Annotated[Size, Field(ge=1 << 17)] = 1 << 22
    """A batch is sealed when the transactions that wait have this many bytes."""
    core_batch_cycles: Annotated[int, Field(ge=1, lt=1 << 63)] = 1 << 32
    """A batch is sealed when what waits costs this much to prove: cycles of the program's runs at the door, and those
    that their requests are worth."""
    core_mempool_limit: Annotated[int, Field(ge=1)] = 10_000
    """Transactions that may wait; then only those that pay more come in, in place of the ones that pay least."""
    core_mempool_account_limit: Annotated[int, Field(ge=1)] = 256
    """Transactions of one account that may wait."""
    core_mempool_bump_percent: Annotated[int, Field(ge=0, le=1000)] = 10
    """Fee cap and tip must rise by this much for a transaction to replace a waiting one with its nonce."""
    core_mempool_seconds: Annotated[float, Field(ge=1, le=MAX_SECONDS)] = 10_800.0
    """A transaction that has waited this long is dropped."""
    core_origins: Annotated[str, AfterValidator(_origins)] = ""
    """Origins of web pages that may call core, with commas between (``http://localhost:5173``); ``*`` allows all."""
    core_tls_certificate: AbsolutePath | None = None
    """Core's certificate (PEM, with those between it and its authority): core then speaks TLS."""
    core_tls_key: AbsolutePath | None = None
    """Private key of that certificate (PEM, not encrypted)."""
    core_tls_clients: AbsolutePath | None = None
    """Authorities (PEM) one of which must have signed the certificate of a gateway; wallets need none."""
    core_offer_seconds: Annotated[float, Field(ge=0.1, le=MAX_SECONDS)] = 60.0
    """A prover that neither renews nor submits within this time loses its offer."""
    core_proof_limit: Size = 1 << 24
    """Larger proofs are refused before they are read to the end."""
    core_cycle_limit: Annotated[int, Field(ge=1, lt=1 << 63)] = 1 << 34
    """Cycles that the program may run for one batch before core calls it broken."""
    core_tree_versions: Annotated[int, Field(ge=0), AfterValidator(_versions)] = 10_000
    """Batches whose state tree is kept, for proofs of what an account held then: 16 or more; 0 keeps all."""
    core_components: Annotated[str, AfterValidator(_components)] = ",".join(COMPONENTS)
    """What core's own process does, or ``none``; the others run as ``python -m core.process.component NAME``."""
    core_profile: Literal["proven100", "proven128", "legacy-conjectured"] = "proven100"
    """Security profile that a proof must have, whatever the provers are set to; others are refused."""
    core_snark_key: AbsolutePath | None = None
    """File of a SNARK's verifying key: each proof must bring a SNARK under it, for L1. Empty: none is asked for."""
    core_production: bool = False
    """Refuse a SNARK's key of an ``insecure-test`` setup: set it on a chain that holds value."""
    core_proving: Literal["all", "sampled", "skipped"] = "all"
    """For test networks: let batches pass unproven, all (``skipped``) or all but samples; every output says so."""
    core_sampled_every: Annotated[int, Field(ge=2, le=1_000_000)] = 10
    """Of ``sampled`` batches, one of so many is proven, chosen by its output."""
    core_accept_insecure: bool = False
    """Allow a ``core_profile`` whose bits are not proven; every acceptance is then marked INSECURE."""

    core_l1_url: Annotated[SecretStr, AfterValidator(_web_url)] = SecretStr("")
    """JSON-RPC of a node of L1 (``http(s)://...``); never shown, as many hold a key."""
    core_l1_executor: Annotated[str, Field(pattern="^(0x[0-9a-fA-F]{40})?$")] = ""
    """Address of this rollup's Executor contract on L1, as ``hallmark l1 deploy`` prints it. Empty: nothing is sent."""
    core_l1_key: SecretStr = SecretStr("")
    """Private key that sends to L1, a validator's of the contract: 64 hexadecimal digits; or a file holds it."""
    core_l1_key_file: AbsolutePath | None = None
    """File with the private key, readable by its owner only."""
    core_l1_confirmations: Annotated[int, Field(ge=1, le=10_000)] = 6
    """A transaction on L1 counts for good once its block and those on it are this many."""
    core_l1_first_block: Annotated[int, Field(ge=0, lt=1 << 63)] = 0
    """Block of L1 that holds the Executor, or an earlier one: requests and claims are looked for from there on."""
    core_l1_poll_seconds: Annotated[float, Field(ge=0.02, le=3600)] = 2.0
    """Time between two looks at L1."""
    core_l1_bump_seconds: Annotated[float, Field(ge=0.1, le=MAX_SECONDS)] = 60.0
    """A transaction that waits this long is sent again with an eighth more fees."""
    core_l1_fee_percent: Annotated[int, Field(ge=0, le=1000)] = 0
    """Percent of its share of L1's gas that a transaction must pay as tip, at L1's base fee: more than 100 where
    batches are seldom full, 0 where prices do not follow."""
    core_l1_fee_most_gwei: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    """Gwei per gas on the rollup that this tip never passes, whatever L1 asks."""
    core_l1_max_fee_gwei: Annotated[int, Field(ge=1, le=1_000_000)] = 200
    """Gwei per gas that core never passes; transactions wait while L1 asks for more."""

    @model_validator(mode="after")
    def _l1_complete(self) -> Self:
        keys = bool(self.core_l1_key.get_secret_value()) + (self.core_l1_key_file is not None)
        complete = keys == 1 and self.core_l1_url.get_secret_value() and self.core_snark_key is not None
        if self.core_l1_executor and not complete:
            raise ValueError(
                f"{PREFIX}CORE_L1_EXECUTOR is set: set {PREFIX}CORE_L1_URL and {PREFIX}CORE_SNARK_KEY as well, and one "
                f"of {PREFIX}CORE_L1_KEY and {PREFIX}CORE_L1_KEY_FILE"
            )
        return self

    @model_validator(mode="after")
    def _price_known(self) -> Self:
        if self.core_l1_fee_percent and not self.core_l1_url.get_secret_value():
            raise ValueError(
                f"{PREFIX}CORE_L1_FEE_PERCENT is set: set {PREFIX}CORE_L1_URL as well, whose price it follows"
            )
        return self

    @model_validator(mode="after")
    def _tls_complete(self) -> Self:
        given = (self.core_tls_certificate is not None, self.core_tls_key is not None)
        if any(given) != all(given) or (self.core_tls_clients is not None and not all(given)):
            raise ValueError(
                f"{PREFIX}CORE_TLS_CERTIFICATE and {PREFIX}CORE_TLS_KEY are set together, and "
                f"{PREFIX}CORE_TLS_CLIENTS only beside them"
            )
        return self

    @model_validator(mode="after")
    def _proving_all_where_it_counts(self) -> Self:
        if self.core_proving != "all" and (self.core_production or self.core_l1_executor):
            raise ValueError(
                f"{PREFIX}CORE_PROVING={self.core_proving} lets batches pass that nobody has proven: never with "
                f"{PREFIX}CORE_PRODUCTION=true, nor with {PREFIX}CORE_L1_EXECUTOR, whose contract takes none of them"
            )
        return self

    @model_validator(mode="after")
    def _proven_unless_allowed(self) -> Self:
        if self.core_profile == "legacy-conjectured" and not self.core_accept_insecure:
            raise ValueError(
                f"{PREFIX}CORE_PROFILE: {self.core_profile} rests on a disproved conjecture; core accepts proven "
                f"profiles only, unless {PREFIX}CORE_ACCEPT_INSECURE=true is set as well"
            )
        return self

    def tls(self) -> ssl.SSLContext | None:
        """Return how core talks TLS, None where it does not.

        Raises
        ------
        ConfigurationError
        """
        if self.core_tls_certificate is None or self.core_tls_key is None:
            return None
        return server_context(self.core_tls_certificate, self.core_tls_key, self.core_tls_clients)

    def database_url(self, settings: Settings) -> str:
        """Return the URL of core's store."""
        return self.core_database_url or sqlite_url(self.folder(settings) / "core.db")

    def origins(self) -> frozenset[str]:
        """Return the origins of web pages that may call core."""
        return frozenset(_named(self.core_origins))

    def components(self) -> frozenset[str]:
        """Return the names of the components that core's own process runs."""
        return frozenset(_named(self.core_components)) & frozenset(COMPONENTS)

    def program_path(self) -> Path:
        """Return the path of the state-transition program."""
        return self.core_program or PROGRAM

    def programs(self, settings: Settings) -> Path:
        """Return the folder of the programs that batches were made with."""
        return self.folder(settings) / "programs"

    def folder(self, settings: Settings) -> Path:
        """Return the folder of core's files."""
        return settings.state_dir / "core"


def load_core_settings(**overrides: object) -> CoreSettings:
    """Read core's part of the environment.

    Raises
    ------
    ConfigurationError
        With every fault in one message.
    """
    return CoreSettings.load(**overrides)
