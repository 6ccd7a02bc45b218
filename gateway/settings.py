"""The gateway's own settings, beside those of :mod:`runtime.settings`; the same prefix, ``HALLMARK_``."""

from __future__ import annotations

import socket
import ssl
from typing import Annotated, Self

from pydantic import Field, model_validator

from runtime.configuration import PREFIX, AbsolutePath, EnvironmentSettings, Size
from runtime.tls import client_context


def _host_name() -> str:
    return socket.gethostname()[:64] or "gateway"


class GatewaySettings(EnvironmentSettings):
    """What only the gateway asks. Durations are in the unit of their name; sizes in bytes."""

    gateway_name: Annotated[str, Field(min_length=1, max_length=64, default_factory=_host_name)]
    """Name under which core knows this gateway; empty: the host's name."""
    gateway_poll_seconds: Annotated[float, Field(ge=0.02, le=600)] = 0.25
    """Time from one question to core for work to the next, when core answers at once that it has none."""
    gateway_wait_seconds: Annotated[float, Field(ge=0, le=30)] = 10.0
    """Core holds a question for this long until a batch is ready; 0: it is asked again and again instead."""
    gateway_hand_back_seconds: Annotated[float, Field(ge=0.02, le=600)] = 0.1
    """Time between two looks into the job store for finished proofs."""
    gateway_renew_seconds: Annotated[float, Field(ge=0.02, le=3600)] = 15.0
    """Offers are renewed this often; well below core's HALLMARK_CORE_OFFER_SECONDS."""
    gateway_max_batches: Annotated[int, Field(ge=1)] = 8
    """No further batch is fetched while this many are being proven; of all cores together."""
    gateway_cores: AbsolutePath | None = None
    """File of cores (TOML), for a gateway of several; HALLMARK_CORE_URL and what belongs to it are then not read."""
    gateway_witness_limit: Size = 256 << 20
    """A larger witness input is refused before it is fetched; the state-transition program reads no more either."""
    gateway_request_seconds: Annotated[float, Field(ge=0.1, le=1e8)] = 600.0
    """One request to core may take this long; a proof is verified before core answers."""
    gateway_tls_authority: AbsolutePath | None = None
    """Who signs the certificate of a core at an ``https`` address (PEM); empty: the system's authorities."""
    gateway_tls_certificate: AbsolutePath | None = None
    """The gateway's certificate (PEM), for a core that asks for one."""
    gateway_tls_key: AbsolutePath | None = None
    """Private key of that certificate (PEM, not encrypted)."""

    @model_validator(mode="after")
    def _tls_complete(self) -> Self:
        if (self.gateway_tls_certificate is None) != (self.gateway_tls_key is None):
            raise ValueError(f"{PREFIX}GATEWAY_TLS_CERTIFICATE and {PREFIX}GATEWAY_TLS_KEY are set together")
        return self

    def tls(self) -> ssl.SSLContext:
        """Return how the gateway talks TLS to core.

        Raises
        ------
        ConfigurationError
        """
        return client_context(self.gateway_tls_authority, self.gateway_tls_certificate, self.gateway_tls_key)


def load_gateway_settings(**overrides: object) -> GatewaySettings:
    """Read the gateway's part of the environment.

    Raises
    ------
    ConfigurationError
        With every fault in one message.
    """
    return GatewaySettings.load(**overrides)
