"""Settings: environment variables ``HALLMARK_*`` (or ``.env``), typed, checked once, every fault listed at once."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from runtime.errors import ConfigurationError

PREFIX = "HALLMARK_"

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def _parse_size(value: object) -> object:
    """Accept ``8G``, ``512M`` or a plain number of bytes."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d+)([KMGT]?)i?B?", value.strip().upper().replace("IB", "B"))
    if match is None:
        raise ValueError("expected a size such as 8G, 512M or a number of bytes")
    return int(match[1]) * _UNITS[match[2]]


def _scheme(*allowed: str) -> AfterValidator:
    def check(value: str) -> str:
        if value and urlsplit(value).scheme not in allowed:
            raise ValueError(f"expected a URL of scheme {' or '.join(allowed)}")
        return value

    return AfterValidator(check)


Size = Annotated[int, BeforeValidator(_parse_size), Field(ge=0)]
Port = Annotated[int, Field(ge=0, le=65535)]


class Settings(BaseSettings):
    """Everything that can be configured. Durations are in the unit of their name; sizes in bytes."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
    )

    #: The one folder that holds everything Hallmark writes, unless the URLs below say otherwise.
    state_dir: Path = Path("~/.local/state/hallmark")
    #: Job store: ``sqlite:///PATH`` (one host) or ``postgresql://user:password@host/database``.
    database_url: Annotated[str, _scheme("sqlite", "postgresql", "postgres")] = ""
    #: What wakes workers: ``embedded://`` or ``amqp(s)://user:password@host:port/vhost``.
    broker_url: Annotated[str, _scheme("embedded", "amqp", "amqps")] = "embedded://"
    #: Artifact store; ``file:///PATH`` must be shared by all hosts.
    store_url: Annotated[str, _scheme("file", "s3", "gs", "az", "memory")] = ""

    #: Where the gateway finds core.
    core_url: Annotated[str, _scheme("http", "https")] = "http://127.0.0.1:3050"
    #: Where core listens; loopback unless a token is set.
    core_host: str = "127.0.0.1"
    core_port: Port = 3050
    #: Where the gateway serves health, metrics and status.
    gateway_host: str = "127.0.0.1"
    gateway_port: Port = 3060
    #: Bearer token asked of clients when a server listens beyond loopback.
    token: SecretStr = SecretStr("")

    #: Address of every process's health and metrics endpoint.
    metrics_host: str = "127.0.0.1"
    #: First metrics port; process types and instances count up from it. 0 picks a free one.
    metrics_port: Port = 9300

    #: Compute device of circuit provers: ``auto``, ``cpu``, ``cuda``, ``cuda:N``, ``emulated`` (on the CPU).
    device: Annotated[str, Field(pattern=r"^(auto|cpu|emulated|cuda(:\d+)?)$")] = "auto"
    #: Budget of device memory; 0 takes most of what is free on the device.
    device_memory: Size = 0
    #: Memory budget of one process; 0 takes what the host has free. Chooses the size class.
    memory: Size = 0
    #: log2 of the cycles of one segment (16..20); 0 follows from ``memory``.
    size_class: Annotated[int, Field(ge=0, le=24)] = 0
    #: A run of more cycles is refused, so that a program that loops for ever ends.
    cycle_limit: Annotated[int, Field(ge=1)] = 1 << 32
    #: Security profile of the proofs made here.
    profile: Literal["proven100", "proven128", "legacy-conjectured"] = "proven100"
    #: Chain that this installation proves; every job row carries it.
    chain_id: Annotated[int, Field(ge=1, lt=1 << 63)] = 4242
    #: Version of keys and formats; workers take only jobs of their own.
    protocol_version: Annotated[str, Field(min_length=1, max_length=64)] = "1"

    #: A worker that has not renewed for this long is taken for dead. Renewal happens at a third of it.
    lease_seconds: Annotated[float, Field(ge=0.5, le=3600)] = 9.0
    #: A job that reports no progress for this long loses its lease, however alive its process is.
    stall_seconds: Annotated[float, Field(ge=1)] = 900.0
    #: Period of the housekeeper's sweep.
    sweep_seconds: Annotated[float, Field(ge=0.1, le=60)] = 2.0
    #: A queued row whose message is older than this is announced again.
    announce_seconds: Annotated[float, Field(ge=1)] = 60.0
    #: Idle workers look into the database this often, with jitter, in case a message was lost.
    poll_seconds: Annotated[float, Field(ge=0.05, le=600)] = 5.0
    #: Failures after which a job is dead.
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 4
    #: Delay before the first retry; doubles with each failure.
    retry_seconds: Annotated[float, Field(ge=0)] = 2.0
    #: On SIGTERM a running job has this long to finish before it is given back.
    drain_seconds: Annotated[float, Field(ge=0)] = 4.0
    #: Intermediate artifacts of finished batches are removed after this many hours.
    retention_hours: Annotated[float, Field(ge=0)] = 24.0
    #: Finished batches leave the database after this many days.
    archive_days: Annotated[float, Field(ge=0)] = 30.0
    #: The artifact store refuses to write when its disk has less than this left.
    disk_reserve: Size = 256 << 20

    #: Module that holds the stage functions; tests name small ones.
    stages: str = "proving.stages"
    #: Labels of this installation in metrics and attempts.
    cluster: str = "local"
    zone: str = "local"
    log_format: Literal["auto", "json", "console"] = "auto"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @model_validator(mode="after")
    def _complete(self) -> Settings:
        state = self.state_dir.expanduser().absolute()
        object.__setattr__(self, "state_dir", state)
        if not self.database_url:
            object.__setattr__(self, "database_url", f"sqlite:///{state}/hallmark.db")
        if not self.store_url:
            object.__setattr__(self, "store_url", f"file://{state}/artifacts")
        faults = []
        if self.broker_url.startswith("amqp") and not urlsplit(self.broker_url).path.strip("/"):
            faults.append(
                f"{PREFIX}BROKER_URL: name a vhost of its own, such as amqp://user:password@host:5672/hallmark"
            )
        for server in ("core", "gateway", "metrics"):
            host = getattr(self, f"{server}_host")
            if not is_loopback(host) and not self.token.get_secret_value():
                faults.append(f"{PREFIX}{server.upper()}_HOST: {host} is reachable from outside, set {PREFIX}TOKEN")
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @property
    def embedded(self) -> bool:
        """Whether workers are woken from ready rows instead of RabbitMQ."""
        return self.broker_url.startswith("embedded")

    @property
    def sqlite(self) -> bool:
        """Whether the job store is a local SQLite file."""
        return self.database_url.startswith("sqlite")


@dataclass(frozen=True)
class Shown:
    """One setting as ``config check`` prints it."""

    variable: str
    value: str
    source: Literal["environment", ".env", "default"]


def is_loopback(host: str) -> bool:
    """Return whether a server on ``host`` is reached from this machine only."""
    return host in ("localhost", "::1") or host.startswith("127.")


def load_settings(**overrides: object) -> Settings:
    """Read the environment, once per process.

    Parameters
    ----------
    **overrides
        Values that win over the environment, by field name.

    Raises
    ------
    ConfigurationError
        With every fault of every variable in one message, secrets left out.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        faults = [
            f"{PREFIX}{'_'.join(map(str, fault['loc'])).upper()}: {fault['msg']}" if fault["loc"] else fault["msg"]
            for fault in error.errors(include_url=False, include_input=False)
        ]
        raise ConfigurationError("; ".join(faults), faults=faults) from None


def mask_url(url: str) -> str:
    """Return ``url`` with its password replaced."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}:***@{host}"))


def show(settings: BaseSettings) -> list[Shown]:
    """Return every setting with its value (secrets masked) and where the value came from."""
    dotenv = _dotenv_names()
    shown = []
    for name in sorted(type(settings).model_fields):
        variable = PREFIX + name.upper()
        value = getattr(settings, name)
        text = ("***" if value.get_secret_value() else "") if isinstance(value, SecretStr) else mask_url(str(value))
        source: Literal["environment", ".env", "default"] = "default"
        if os.environ.get(variable):
            source = "environment"
        elif variable in dotenv:
            source = ".env"
        shown.append(Shown(variable, text, source))
    return shown


def _dotenv_names() -> set[str]:
    path = Path(".env")
    if not path.is_file():
        return set()
    lines = path.read_text(encoding="utf-8").splitlines()
    return {line.partition("=")[0].removeprefix("export ").strip().upper() for line in lines if "=" in line}
