"""What a chain is made from: its genesis, its program and the number of its protocol version."""

from __future__ import annotations

from core.program.state_transition import Program
from core.settings import CoreSettings
from core.state.genesis import Genesis, read_genesis
from runtime.errors import ConfigurationError
from runtime.settings import Settings


def read_inputs(settings: Settings, core_settings: CoreSettings) -> tuple[Genesis, Program, int]:
    """Return genesis, program and protocol version as core uses them.

    Raises
    ------
    ConfigurationError
        A file is unusable, or the protocol version is no number.
    """
    genesis = read_genesis(core_settings.core_genesis)
    return (
        genesis,
        Program.read(core_settings.program_path(), core_settings.core_cycle_limit),
        _protocol_number(settings),
    )


def _protocol_number(settings: Settings) -> int:
    if not settings.protocol_version.isdecimal() or int(settings.protocol_version) >= 1 << 32:
        raise ConfigurationError("HALLMARK_PROTOCOL_VERSION: core needs a number below 2^32")
    return int(settings.protocol_version)
