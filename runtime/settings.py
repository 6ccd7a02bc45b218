"""Settings of every process: environment variables ``HALLMARK_*`` (or ``.env``), typed, checked once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, model_validator

from runtime.addresses import is_loopback
from runtime.configuration import PREFIX, AbsolutePath, EnvironmentSettings, Port, Size
from runtime.protocol import PROTOCOL_VERSION
from runtime.urls import check_url, scheme_of, sqlite_url

#: Hallmark runs from its checkout, and writes below it unless told otherwise.
CHECKOUT = Path(__file__).resolve().parent.parent
#: Size classes that the circuits know: log2 of the cycles of one segment.
SIZE_CLASSES = (12, 20)
#: Longest duration that is accepted; about three years in seconds.
MAX_SECONDS = 1e8


def _url(*allowed: str) -> AfterValidator:
    return AfterValidator(lambda value: check_url(value, allowed) if value else value)


def _host(value: str, info: ValidationInfo) -> str:
    """Accept an IPv6 address with or without brackets, and one beyond loopback only where a token guards it."""
    host = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    token = info.data.get("token")
    if token is not None and not token.get_secret_value() and not is_loopback(host):
        raise ValueError(f"{host} is reachable from outside, set {PREFIX}TOKEN")
    return host


def _longer_than_lease(value: float, info: ValidationInfo) -> float:
    if value <= info.data.get("lease_seconds", 0):
        raise ValueError(f"it must be longer than {PREFIX}LEASE_SECONDS")
    return value


def check_token(value: SecretStr) -> SecretStr:
    """Return a token that a header can carry.

    Raises
    ------
    ValueError
    """
    if not all(33 <= ord(character) < 127 for character in value.get_secret_value()):
        raise ValueError("a header carries it: use letters, digits and signs of ASCII, no spaces")
    return value


def _size_class(value: int) -> int:
    low, high = SIZE_CLASSES
    if value and not low <= value <= high:
        raise ValueError(f"size classes are {low} to {high}, or 0")
    return value


DatabaseUrl = _url("sqlite", "postgresql", "postgres")
Host = Annotated[str, AfterValidator(_host)]


class Settings(EnvironmentSettings):
    """Everything that more than one process asks. Durations are in the unit of their name; sizes in bytes."""

    state_dir: AbsolutePath = CHECKOUT / ".hallmark" / "state"
    """The one folder that holds everything Hallmark writes, unless the URLs below say otherwise."""
    database_url: Annotated[str, DatabaseUrl, Field(repr=False)] = ""
    """Job store: ``sqlite:///PATH`` or ``postgresql://user:password@host/database``; empty: in the state folder."""
    database_answer_seconds: Annotated[float, Field(ge=0.1, le=1e8)] = 60.0
    """PostgreSQL counts as away when it owes an answer for this long; a network that is cut closes no connection."""
    broker_url: Annotated[str, _url("embedded", "amqp", "amqps"), Field(repr=False)] = "embedded://"
    """What wakes workers: ``embedded://`` or ``amqp(s)://user:password@host:port/vhost``."""
    store_url: Annotated[str, _url("file", "s3", "gs", "az", "http", "https", "memory"), Field(repr=False)] = ""
    """Artifact store: ``s3://BUCKET/PREFIX``, or ``file:///PATH`` that all hosts share; empty: in the state folder."""
    store_endpoint: Annotated[str, _url("http", "https")] = ""
    """Server of an ``s3://`` store that is not Amazon's."""
    store_region: str = ""
    """Region of an ``s3://`` store; empty: ``AWS_REGION``, else us-east-1."""
    store_access_key: str = ""
    """Key of an ``s3://`` store; empty: what ``AWS_*`` variables or the machine's role give."""
    store_secret_key: SecretStr = SecretStr("")
    """Secret of that key."""
    store_retry_seconds: Annotated[float, Field(ge=0, le=240)] = 60.0
    """A request to an object store is tried again for this long before the store counts as unavailable."""
    store_cache: Size = 4 << 30
    """Disk for copies of what an object store holds, in the state folder, least recently used goes first; 0: none."""

    token: Annotated[SecretStr, AfterValidator(check_token)] = SecretStr("")
    """Bearer token asked for all but ``/health`` and ``/ready``; needed when a server listens beyond loopback."""
    token_before: Annotated[SecretStr, AfterValidator(check_token)] = SecretStr("")
    """The token that HALLMARK_TOKEN replaced: still taken and never sent, until every process has the new one."""
    core_url: Annotated[str, _url("http", "https")] = "http://127.0.0.1:3050"
    """Where the gateway finds core."""
    core_host: Host = "127.0.0.1"
    """Where core listens; loopback unless a token is set."""
    core_port: Port = 3050
    """Core's port; 0 picks a free one."""
    gateway_host: Host = "127.0.0.1"
    """Where the gateway serves health, metrics and status."""
    gateway_port: Port = 3060
    """The gateway's port; 0 picks a free one."""

    console_host: Host = "127.0.0.1"
    """Where the console page is served; loopback unless a token is set."""
    console_port: Port = 3070
    """The console's port; 0 picks a free one."""
    console_url: Annotated[str, _url("http", "https")] = ""
    """Where browsers find the console when that is not its own address: behind a proxy, under a name."""
    console_rabbitmq_url: Annotated[str, _url("http", "https")] = ""
    """RabbitMQ's own console, for a link."""
    console_trace_url: Annotated[str, _url("http", "https")] = ""
    """Where a trace is shown, for links; ``{trace_id}`` stands for its 32 digits."""

    metrics_host: Host = "127.0.0.1"
    """Address of every process's health and metrics endpoint."""
    metrics_port: Port = 9300
    """First metrics port; processes count up from it, a taken one becomes a free one. 0 picks free ones."""

    device: Annotated[str, Field(pattern=r"^(auto|cpu|emulated|cuda(:\d+)?)$")] = "auto"
    """Compute device of circuit provers: ``auto``, ``cpu``, ``cuda``, ``cuda:N``, ``emulated`` (on the CPU)."""
    device_memory: Size = 0
    """Budget of device memory; 0 takes most of what is free, by turns with other processes of the device."""
    device_turns: AbsolutePath | None = None
    """Folder of the locks by which processes take turns at a device; empty: this user's, in ``/dev/shm``."""
    memory: Size = 0
    """Memory budget of one process; 0 takes what host and container have free. Chooses the size class, and what is kept
    while proving."""
    size_class: Annotated[int, AfterValidator(_size_class)] = 0
    """log2 of the cycles of one segment, 12 to 20; 0 follows from ``memory``."""
    threads: Annotated[int | None, Field(ge=1, le=1024)] = None
    """Threads of one process's kernels; empty: one for each CPU that the process may use."""
    cpu: Literal["", "avx512", "avx2", "portable"] = ""
    """Instruction set of the kernels; empty: the best that this CPU has."""
    key_dir: AbsolutePath | None = None
    """Folder of the keys that are made once per machine; empty: below the checkout."""
    setup: AbsolutePath | None = None
    """A public ceremony's powers of tau (``.ptau``), for SNARKs; empty: an insecure test setup of this machine."""
    cycle_limit: Annotated[int, Field(ge=1, lt=1 << 63)] = 1 << 32
    """A run of more cycles is refused, so that a program that loops for ever ends."""
    profile: Literal["proven100", "proven128", "legacy-conjectured"] = "proven100"
    """Security profile of the proofs made here."""
    chain_id: Annotated[int, Field(ge=1, lt=1 << 63)] = 4242
    """Chain that this installation proves, and that commands mean without ``--chain``; every job row carries it."""
    worker_chains: Literal["one", "all"] = "one"
    """Whose jobs workers take: ``one``: of HALLMARK_CHAIN_ID; ``all``: of every chain in the job store."""
    protocol_version: Annotated[str, Field(min_length=1, max_length=64)] = PROTOCOL_VERSION
    """Version of keys and formats; workers take only jobs of their own."""

    lease_seconds: Annotated[float, Field(ge=0.5, le=3600)] = 9.0
    """A worker that has not renewed for this long is taken for dead. Renewal happens at a third of it."""
    stall_seconds: Annotated[
        float, Field(ge=1, le=MAX_SECONDS, validate_default=True), AfterValidator(_longer_than_lease)
    ] = 900.0
    """A job that reports no progress for this long loses its lease, however alive its process is."""
    sweep_seconds: Annotated[float, Field(ge=0.1, le=60)] = 2.0
    """Period of the housekeeper's sweep."""
    announce_seconds: Annotated[float, Field(ge=1, le=MAX_SECONDS)] = 60.0
    """A queued row whose message is older than this is announced again."""
    poll_seconds: Annotated[float, Field(ge=0.05, le=600)] = 5.0
    """Idle workers look into the database this often, with jitter, in case a message was lost."""
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 4
    """Failures after which a job is dead."""
    retry_seconds: Annotated[float, Field(ge=0, le=MAX_SECONDS)] = 2.0
    """Delay before the first retry; doubles with each failure."""
    drain_seconds: Annotated[float, Field(ge=0, le=MAX_SECONDS)] = 4.0
    """On SIGTERM a running job has this long to finish before it is given back."""
    retention_hours: Annotated[float, Field(ge=0, le=MAX_SECONDS)] = 24.0
    """Intermediate artifacts of finished batches are removed after this many hours."""
    archive_days: Annotated[float, Field(ge=0, le=MAX_SECONDS)] = 30.0
    """Finished batches leave the database after this many days."""
    disk_reserve: Size = 256 << 20
    """The artifact store refuses to write when its disk has less than this left."""

    stages: str = "proving.stages"
    """Module that holds the stage functions; tests name small ones."""
    cluster: str = "local"
    """Label of this installation in metrics."""
    zone: str = "local"
    """Label of this host's place in metrics and attempts."""
    log_format: Literal["auto", "json", "console"] = "auto"
    """``auto`` is for people on a terminal and JSON elsewhere."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe level that is logged."""

    @model_validator(mode="after")
    def _complete(self) -> Settings:
        if not self.database_url:
            object.__setattr__(self, "database_url", sqlite_url(self.state_dir / "hallmark.db"))
        if not self.store_url:
            object.__setattr__(self, "store_url", (self.state_dir / "artifacts").as_uri())
        return self

    @property
    def tokens(self) -> tuple[str, ...]:
        """The tokens that are taken, the one that is sent first; none where none is asked for."""
        if not (token := self.token.get_secret_value()):
            return ()
        return tuple(dict.fromkeys(filter(None, (token, self.token_before.get_secret_value()))))

    @property
    def embedded(self) -> bool:
        """Whether workers are woken from ready rows instead of RabbitMQ."""
        return scheme_of(self.broker_url) == "embedded"

    @property
    def sqlite(self) -> bool:
        """Whether the job store is a local SQLite file."""
        return scheme_of(self.database_url) == "sqlite"


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
    found = Settings.load(**overrides)
    # Kernels and keystore know no settings: they look into the environment, where a value from a file is not.
    for name, value in (("THREADS", found.threads), ("CPU", found.cpu), ("KEY_DIR", found.key_dir)):
        if value:
            os.environ[PREFIX + name] = str(value)
    return found
