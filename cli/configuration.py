"""The configuration of every process at once: read, checked as far as its users would, and handed on to them."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

from actors.stages import check_size_class, load_stages
from core.settings import CoreSettings
from gateway.cores import cores
from gateway.settings import GatewaySettings
from runtime.configuration import FILE_VARIABLE, PREFIX, EnvironmentSettings, handed_on, unknown_variables
from runtime.errors import ConfigurationError, HallmarkError
from runtime.private import why_unusable
from runtime.settings import Settings
from runtime.urls import file_path, scheme_of, sqlite_path

#: Variables of the project that are no settings -> what they are.
OTHER_VARIABLES = {
    FILE_VARIABLE: "The file that is read beside the environment; unset: `.env` in the working folder.",
    f"{PREFIX}PROCESS": "What a supervisor calls a process (`prove.2`), in logs and `run/*.json`.",
    f"{PREFIX}NVCC": "Path of the CUDA compiler, for `make cuda`.",
    f"{PREFIX}EMULATION": "`address`: the emulated device runs under the address sanitizer.",
    f"{PREFIX}VECTORS": "Folder of the larger published test vectors, for tests.",
    f"{PREFIX}PACKAGES": "Folder of Python packages that a machine without network lacks, for `tools/gpu_run.sh`.",
}
#: Variables of others that the project's processes and tools heed -> what for.
FOREIGN_VARIABLES = {
    "HONCHO_PROCESS_NAME, DYNO, PS": f"What other supervisors set; read where `{PREFIX}PROCESS` is unset.",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "A collector that gets every span as well, over HTTP.",
    "OTEL_SDK_DISABLED": "`true`: no spans, so that `hallmark trace` shows nothing.",
    "OTEL_SERVICE_NAME": "Name of the process in spans; unset: `hallmark-` and its type.",
    "RABBITMQ_PASSWORD, RABBITMQ_OBSERVER_PASSWORD": "Passwords in what `python -m broker.queues` prints.",
    "http_proxy, no_proxy": "Proxies for other hosts; loopback is always reached directly.",
    "CXX": "Compiler of the native library and of the emulated device; unset: `g++`.",
    "PYTHON": "Interpreter that the make targets set up with.",
}


class Configuration(NamedTuple):
    """Every group of settings."""

    general: Settings
    core: CoreSettings
    gateway: GatewaySettings


def load() -> Configuration:
    """Read every group.

    Raises
    ------
    ConfigurationError
        With the faults of all of them.
    """
    return Configuration(*_all([Settings.load, CoreSettings.load, GatewaySettings.load]))  # type: ignore[arg-type]


def checked() -> Configuration:
    """Read every group and refuse what any process or job would refuse; nothing is written.

    Raises
    ------
    ConfigurationError
        With every fault.
    """
    found = load()
    check(found)
    return found


def check(found: Configuration) -> None:
    """Refuse what any process or job would refuse of a configuration; nothing is written.

    Raises
    ------
    ConfigurationError
        With every fault.
    """
    checks = (_folders, _stages, _budget, _kernels, _device, _core, _profile, _offers, _cores)
    _all([functools.partial(each, found) for each in checks])


def for_children(configuration: Configuration) -> dict[str, str]:
    """Return the environment in which child processes see exactly this configuration."""
    return handed_on(configuration, os.environ)


def misspelt() -> list[str]:
    """Return the ``HALLMARK_*`` variables that nothing reads."""
    return unknown_variables([Settings, CoreSettings, GatewaySettings], OTHER_VARIABLES)


def _all(steps: Sequence[Callable[[], EnvironmentSettings | None]]) -> list[EnvironmentSettings | None]:
    found, faults = [], []
    for step in steps:
        try:
            found.append(step())
        except HallmarkError as error:
            faults.append(error)
    if len(faults) == 1 and isinstance(faults[0], ConfigurationError):
        raise faults[0]
    if faults:
        raise ConfigurationError("; ".join(fault.message for fault in faults))
    return found


def _folders(found: Configuration) -> None:
    wanted = {"STATE_DIR": found.general.state_dir}
    databases = {"DATABASE_URL": found.general.database_url, "CORE_DATABASE_URL": found.core.core_database_url}
    for variable, url in databases.items():
        if scheme_of(url) == "sqlite":
            wanted[variable] = sqlite_path(url).parent
    if scheme_of(found.general.store_url) == "file":
        wanted["STORE_URL"] = file_path(found.general.store_url)
    refused = [f"{PREFIX}{name}: {reason}" for name, folder in wanted.items() if (reason := why_unusable(folder))]
    if refused:
        raise ConfigurationError("; ".join(refused))


def _budget(found: Configuration) -> None:
    check_size_class(found.general)


def _kernels(found: Configuration) -> None:
    from proving import native

    wanted = found.general.cpu
    if wanted and wanted not in native.available_isas():
        raise ConfigurationError(f"{PREFIX}CPU: this CPU runs {', '.join(native.available_isas())}, not {wanted}")


def _device(found: Configuration) -> None:
    from cuda.select import CONTROL

    if found.general.device.startswith("cuda") and not CONTROL.exists():
        raise ConfigurationError(f"{PREFIX}DEVICE: this machine has no CUDA device ({CONTROL} is missing)")


def _stages(found: Configuration) -> None:
    load_stages(found.general.stages)


def _profile(found: Configuration) -> None:
    made, accepted = found.general.profile, found.core.core_profile
    if made != accepted:
        raise ConfigurationError(
            f"{PREFIX}PROFILE: proofs would be made under {made}, core accepts {accepted} ({PREFIX}CORE_PROFILE)"
        )


def _core(found: Configuration) -> None:
    from core.state.inputs import read_inputs

    read_inputs(found.general, found.core)[0].check()


def _offers(found: Configuration) -> None:
    if found.gateway.gateway_renew_seconds >= found.core.core_offer_seconds:
        raise ConfigurationError(
            f"{PREFIX}GATEWAY_RENEW_SECONDS: offers of {found.core.core_offer_seconds} s "
            f"({PREFIX}CORE_OFFER_SECONDS) would run out before they are renewed"
        )


def _cores(found: Configuration) -> None:
    cores(found.general, found.gateway)
