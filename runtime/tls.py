"""TLS of core and its gateways, each of which may ask for the other's certificate (mutual TLS)."""

from __future__ import annotations

import ssl
from pathlib import Path

from runtime.errors import ConfigurationError


def server_context(certificate: Path, key: Path, clients: Path | None) -> ssl.SSLContext:
    """Return how a server talks TLS.

    Parameters
    ----------
    certificate, key
        The server's own, PEM.
    clients
        Authorities whose certificates clients may bring, PEM. What is brought must be theirs; whether one must be
        brought at all is the route's affair.

    Raises
    ------
    ConfigurationError
        A file is missing, or is not what it should be.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load(context, certificate, key)
    if clients is not None:
        context.verify_mode = ssl.CERT_OPTIONAL
        _trust(context, clients)
    return context


def client_context(authority: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """Return how a client talks TLS.

    Parameters
    ----------
    authority
        Who signs the server's certificate, PEM; None: the system's authorities.
    certificate, key
        The client's own, for a server that asks.

    Raises
    ------
    ConfigurationError
        A file is missing, or is not what it should be.
    """
    context = ssl.create_default_context()
    if authority is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        _trust(context, authority)
    if certificate is not None and key is not None:
        _load(context, certificate, key)
    return context


def _load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    try:
        # An encrypted key would be asked about on the terminal.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"The certificate {certificate} and its key {key} cannot be used: {error}.") from None


def _trust(context: ssl.SSLContext, authority: Path) -> None:
    try:
        context.load_verify_locations(authority)
    except OSError as error:
        raise ConfigurationError(f"{authority} holds no certificate of an authority: {error}.") from None
