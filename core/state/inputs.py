"""What a chain is made from: its genesis, its program and the number of its protocol version."""

from __future__ import annotations

from core.program.state_transition import Program
from core.settings import CoreSettings
from core.state.genesis import Genesis, read_genesis
from runtime.errors import ConfigurationError
from runtime.logging import get_logger
from runtime.settings import Settings

log = get_logger(__name__)


def read_inputs(settings: Settings, core_settings: CoreSettings) -> tuple[Genesis, Program, int]:
    """Return genesis, program and protocol version as core uses them.

    Raises
    ------
    ConfigurationError
        A file is unusable, or the protocol version is no number.
    """
    genesis = read_genesis(core_settings.core_genesis)
    program = Program.read(core_settings.program_path(), core_settings.core_cycle_limit)
    if core_settings.core_program is None and not program.compiled:
        log.warning(
            "program.not_compiled", program=program.commitment, effect="core seals slowly", remedy="run make native"
        )
    return genesis, program, _protocol_number(settings)


def _protocol_number(settings: Settings) -> int:
    if not settings.protocol_version.isdecimal() or int(settings.protocol_version) >= 1 << 32:
        raise ConfigurationError("HALLMARK_PROTOCOL_VERSION: core needs a number below 2^32")
    return int(settings.protocol_version)
