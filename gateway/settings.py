"""The gateway's own settings, beside those of :mod:`runtime.settings`; the same prefix, ``HALLMARK_``."""

from __future__ import annotations

import socket
from typing import Annotated

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from runtime.errors import ConfigurationError
from runtime.settings import PREFIX, Size


class GatewaySettings(BaseSettings):
    """What only the gateway asks. Durations are in the unit of their name; sizes in bytes."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
    )

    #: Name under which core knows this gateway.
    gateway_name: Annotated[str, Field(min_length=1, max_length=64)] = socket.gethostname()[:64] or "gateway"
    #: Time between two questions to core for work; a batch waits half of it on average.
    gateway_poll_seconds: Annotated[float, Field(ge=0.02, le=600)] = 0.25
    #: Time between two looks into the job store for finished proofs.
    gateway_hand_back_seconds: Annotated[float, Field(ge=0.02, le=600)] = 0.1
    #: Offers are renewed this often; well below core's HALLMARK_CORE_OFFER_SECONDS.
    gateway_renew_seconds: Annotated[float, Field(ge=0.02, le=3600)] = 15.0
    #: No further batch is fetched while this many are being proven.
    gateway_max_batches: Annotated[int, Field(ge=1)] = 8
    #: A larger witness input is refused before it is fetched; the state-transition program reads no more either.
    gateway_witness_limit: Size = 256 << 20
    #: One request to core may take this long; a proof is verified before core answers.
    gateway_request_seconds: Annotated[float, Field(ge=0.1)] = 600.0


def load_gateway_settings(**overrides: object) -> GatewaySettings:
    """Read the gateway's part of the environment.

    Raises
    ------
    ConfigurationError
        With every fault in one message.
    """
    try:
        return GatewaySettings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        faults = [
            f"{PREFIX}{'_'.join(map(str, fault['loc'])).upper()}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False)
        ]
        raise ConfigurationError("; ".join(faults), faults=faults) from None
