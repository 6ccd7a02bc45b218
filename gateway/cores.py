"""Which cores the gateway serves: one, as the settings say, or each that the file of cores names."""

from __future__ import annotations

import hashlib
import ssl
import tomllib
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from gateway.settings import GatewaySettings
from runtime.configuration import PREFIX, AbsolutePath
from runtime.errors import ConfigurationError
from runtime.settings import Settings, check_token
from runtime.tls import client_context
from runtime.urls import check_url, mask_url

#: Names the file of cores.
VARIABLE = f"{PREFIX}GATEWAY_CORES"

#: Cores of one gateway, and the size of the file that lists them in bytes.
MAX_CORES, MAX_FILE_BYTES = 256, 1 << 20

#: Fields of a core that name files.
_FILES = ("tls_authority", "tls_certificate", "tls_key")


class Core(BaseModel):
    """One rollup's core.

    Attributes
    ----------
    chain_id
        The chain whose batches it offers; those of another one are refused.
    url
        Where it listens.
    token
        Bearer token; empty for none.
    tls_authority, tls_certificate, tls_key
        As the gateway's settings of these names.
    max_batches
        No further batch of this core is fetched while this many are being proven; None: the limit of all counts alone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    chain_id: Annotated[int, Field(ge=1, lt=1 << 63, strict=True)]
    url: Annotated[str, AfterValidator(lambda value: check_url(value, ("http", "https")))]
    token: Annotated[SecretStr, AfterValidator(check_token)] = SecretStr("")
    tls_authority: AbsolutePath | None = None
    tls_certificate: AbsolutePath | None = None
    tls_key: AbsolutePath | None = None
    max_batches: Annotated[int | None, Field(ge=1, strict=True)] = None

    @model_validator(mode="after")
    def _tls_complete(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key are set together")
        return self

    def tls(self) -> ssl.SSLContext:
        """Return how the gateway talks TLS to it.

        Raises
        ------
        ConfigurationError
        """
        return client_context(self.tls_authority, self.tls_certificate, self.tls_key)

    def files_digest(self) -> bytes:
        """Return a digest of what its files hold; one that cannot be read is one more content."""
        digest = hashlib.sha256()
        for name in _FILES:
            path = getattr(self, name)
            digest.update(hashlib.sha256(content_of(path) if path else b"none").digest())
        return digest.digest()


def content_of(path: Path) -> bytes:
    """Return what a small file holds, or in its place why it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        return f"unreadable: {error.errno}".encode()


def cores(settings: Settings, own: GatewaySettings) -> tuple[Core, ...]:
    """Return the cores to serve: those of the file of cores, or the one that the settings name.

    Raises
    ------
    ConfigurationError
        The file cannot be read, is not as it should be, or names a chain or an address twice; a certificate cannot be
        used. Every fault of the file is in the message, no value of it but chain ids.
    """
    if own.gateway_cores is not None:
        return cores_of_file(own.gateway_cores)
    found = _of_settings(settings, own)
    found.tls()
    return (found,)


def _of_settings(settings: Settings, own: GatewaySettings) -> Core:
    return Core(
        chain_id=settings.chain_id,
        url=settings.core_url,
        token=settings.token,
        tls_authority=own.gateway_tls_authority,
        tls_certificate=own.gateway_tls_certificate,
        tls_key=own.gateway_tls_key,
    )


def cores_of_file(path: Path) -> tuple[Core, ...]:
    """Return the cores that a file names; raises as :func:`cores`."""
    listed = _read(path)
    found: list[Core] = []
    faults: list[str] = []
    for place, entry in enumerate(listed, 1):
        try:
            found.append(Core.model_validate(_beside(path, entry)))
        except ValidationError as error:
            faults += [f"core {place}: {_fault(each)}" for each in error.errors(include_url=False, include_input=False)]
    faults += _twice(found)
    if faults:
        raise ConfigurationError(f"{VARIABLE}: {path}: {'; '.join(faults)}", faults=faults)
    for core in found:
        core.tls()
    return tuple(found)


def _read(path: Path) -> list[Any]:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
        if len(content) > MAX_FILE_BYTES:
            raise ConfigurationError(f"{VARIABLE}: {path} has more than {MAX_FILE_BYTES} bytes")
        said = tomllib.loads(content.decode())
    except OSError as error:
        raise ConfigurationError(f"{VARIABLE}: {path} cannot be read: {error.strerror}") from None
    except UnicodeError:
        raise ConfigurationError(f"{VARIABLE}: {path} is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{VARIABLE}: {path} is no TOML: {error}") from None
    listed = said.pop("core", None)
    if said or not isinstance(listed, list) or not 1 <= len(listed) <= MAX_CORES:
        raise ConfigurationError(f"{VARIABLE}: {path} holds 1 to {MAX_CORES} tables [[core]] and nothing else")
    return listed


def _beside(path: Path, entry: Any) -> Any:
    """Return an entry with its files found from where the file of cores is, whatever folder a process runs in."""
    if not isinstance(entry, dict):
        return entry
    files = {name: path.parent / Path(entry[name]).expanduser() for name in _FILES if isinstance(entry.get(name), str)}
    return {**entry, **files}


def _fault(fault: Any) -> str:
    where = ".".join(map(str, fault["loc"]))
    text = str(fault["msg"]).removeprefix("Value error, ")
    return f"{where}: {text}" if where else text


def _twice(found: list[Core]) -> list[str]:
    """Return what two cores claim both: one of them would get the other's proofs, or none."""
    faults = []
    for place, core in enumerate(found):
        for earlier in found[:place]:
            shown, shown_earlier = mask_url(core.url), mask_url(earlier.url)
            if earlier.chain_id == core.chain_id:
                faults.append(f"{shown_earlier} and {shown} both claim chain {core.chain_id}")
            elif earlier.url.rstrip("/") == core.url.rstrip("/"):
                faults.append(f"{shown} is named for the chains {earlier.chain_id} and {core.chain_id}")
    return faults
