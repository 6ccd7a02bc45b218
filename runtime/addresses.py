"""Addresses that servers listen on: what is loopback, how one is written, and sockets bound to them."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
from typing import Any

from runtime.errors import ConfigurationError

#: Names that every host gives to its loopback interface.
_LOOPBACK_NAMES = frozenset({"localhost", "ip6-localhost", "ip6-loopback"})
#: Connections that the kernel completes before the server takes them.
BACKLOG = 128


def is_loopback(host: str) -> bool:
    """Return whether a server on ``host`` is reached from this machine only."""
    if host.lower() in _LOOPBACK_NAMES:
        return True
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_loopback)


def joined(host: str, port: int) -> str:
    """Return ``host:port`` with the brackets that an IPv6 address needs."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def bound(host: str, port: int, *, prefix: str) -> list[socket.socket]:
    """Return listening sockets on every address of ``host``, IPv4 and IPv6.

    Parameters
    ----------
    port
        0 takes a free one, the same on every address where that can be had.
    prefix
        Of the two settings, such as ``HALLMARK_CORE``, for the message.

    Raises
    ------
    ConfigurationError
        The port is taken or not allowed; the host is no address of this machine.
    """
    sockets: list[socket.socket] = []
    with contextlib.ExitStack() as undo:
        for family, address in _addresses(host, port, prefix):
            if not port and sockets:
                address = (address[0], sockets[0].getsockname()[1], *address[2:])
            opened = undo.enter_context(socket.socket(family, socket.SOCK_STREAM))
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                opened.bind(address)
                opened.listen(BACKLOG)
            except OSError as error:
                # A name with an address of a family that is switched off still has the other one.
                if error.errno == errno.EADDRNOTAVAIL and (sockets or host.lower() in _LOOPBACK_NAMES):
                    opened.close()
                    continue
                raise _refused(error, host, port, prefix) from None
            opened.setblocking(False)
            sockets.append(opened)
        if not sockets:
            raise _refused(OSError(errno.EADDRNOTAVAIL, "no address"), host, port, prefix)
        undo.pop_all()
    return sockets


def _addresses(host: str, port: int, prefix: str) -> list[tuple[int, Any]]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(
            f"{prefix}_HOST: {host} is no address of this machine ({error}).",
            remedy="Use 127.0.0.1, ::1, 0.0.0.0, :: or an address that `ip address` shows.",
        ) from None
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _refused(error: OSError, host: str, port: int, prefix: str) -> ConfigurationError:
    if error.errno == errno.EADDRINUSE:
        return PortTaken(f"{prefix}_PORT: port {port} of {host} is taken.")
    if error.errno in (errno.EACCES, errno.EPERM):
        return ConfigurationError(
            f"{prefix}_PORT: port {port} may not be used by this user.", remedy="Choose a port from 1024 on."
        )
    return ConfigurationError(
        f"{prefix}_HOST: {host} is no address of this machine ({error.strerror}).",
        remedy="Use 127.0.0.1, ::1, 0.0.0.0, :: or an address that `ip address` shows.",
    )


class PortTaken(ConfigurationError):
    """Another process listens on the port."""

    code = "port_taken"
    default_remedy = "Stop the other process (perhaps another Hallmark), or choose another port."
