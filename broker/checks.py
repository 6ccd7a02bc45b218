"""Asks the backing services whether they answer this installation, as an operator who looks for a cause does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from broker.artifacts import local_folder, open_artifacts
from broker.jobs import DatabaseMissing, open_existing
from broker.queues import RabbitBroker
from runtime.errors import HallmarkError
from runtime.settings import Settings
from runtime.urls import mask_url

#: Said of what is only looked at, not made.
LATER = " (not there yet; the first process that writes makes it)"


@dataclass(frozen=True)
class Finding:
    """One check: its name, whether all is well, and what was found."""

    name: str
    well: bool
    text: str


def find(settings: Settings, checks: dict[str, Callable[[Settings], str]]) -> Iterator[Finding]:
    """Yield every finding; a check that fails says why and the next one goes on."""
    for name, check in checks.items():
        try:
            yield Finding(name, True, check(settings))
        except HallmarkError as error:
            yield Finding(name, False, error.line())
        except Exception as error:
            yield Finding(name, False, f"{type(error).__name__}: {error}")


def _jobs(settings: Settings) -> str:
    try:
        open_existing(settings)
    except DatabaseMissing:
        return mask_url(settings.database_url) + LATER
    return mask_url(settings.database_url)


def _broker(settings: Settings) -> str:
    if settings.embedded:
        return "embedded: workers are woken by the job store"
    version = RabbitBroker(settings.broker_url, connection_name="check").probe()
    return f"RabbitMQ {'.'.join(map(str, version))} at {mask_url(settings.broker_url)}"


def _artifacts(settings: Settings) -> str:
    folder = local_folder(settings.store_url)
    if folder is not None and not folder.exists():
        return mask_url(settings.store_url) + LATER
    open_artifacts(settings).check()
    return mask_url(settings.store_url)


#: The services that several hosts share.
SERVICES: dict[str, Callable[[Settings], str]] = {
    "job store": _jobs,
    "broker": _broker,
    "artifact store": _artifacts,
}
