"""Core's own settings, beside those of :mod:`runtime.settings`; the same prefix, ``HALLMARK_``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from runtime.errors import ConfigurationError
from runtime.settings import PREFIX, Settings, Size

#: The committed state-transition program.
PROGRAM = Path(__file__).parent.parent / "guest" / "programs" / "stf.elf"


class CoreSettings(BaseSettings):
    """What only core asks. Durations are in the unit of their name; sizes in bytes."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
    )

    #: Core's own store: ``sqlite:///PATH`` or ``postgresql://...``; empty is a file in the state directory.
    core_database_url: str = ""
    #: Genesis allocations and chain constants; empty is the development genesis.
    core_genesis: Path | None = None
    #: The state-transition program; empty is the one committed in ``guest/``.
    core_program: Path | None = None
    #: A batch is sealed when this many transactions wait (1024 plain transfers make a bundle of about 0.9 GB)...
    core_batch_transactions: Annotated[int, Field(ge=1, le=1024)] = 16
    #: ... or when the oldest has waited this long; 0 seals on explicit call only.
    core_batch_seconds: Annotated[float, Field(ge=0)] = 5.0
    #: Transactions that may wait; more are refused until a batch is sealed.
    core_mempool_limit: Annotated[int, Field(ge=1)] = 10_000
    #: A prover that neither renews nor submits within this time loses its offer.
    core_offer_seconds: Annotated[float, Field(ge=0.1)] = 60.0
    #: Larger proofs are refused before they are read to the end.
    core_proof_limit: Size = 1 << 30
    #: Cycles that the program may run for one batch before core calls it broken.
    core_cycle_limit: Annotated[int, Field(ge=1)] = 1 << 34

    def database_url(self, settings: Settings) -> str:
        """Return the URL of core's store."""
        return self.core_database_url or f"sqlite:///{self.folder(settings) / 'core.db'}"

    def program_path(self) -> Path:
        """Return the path of the state-transition program."""
        return self.core_program or PROGRAM

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
    try:
        return CoreSettings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        faults = [
            f"{PREFIX}{'_'.join(map(str, fault['loc'])).upper()}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False)
        ]
        raise ConfigurationError("; ".join(faults), faults=faults) from None
