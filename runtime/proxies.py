"""A proxy of the environment is for other hosts: this machine's own addresses are reached directly."""

from __future__ import annotations

import os

#: In the forms that the HTTP clients in use understand: names, addresses, a network.
LOOPBACK = ("localhost", "127.0.0.1", "::1", "127.0.0.0/8")


def spare_loopback() -> None:
    """Add loopback to ``no_proxy``, in both spellings, for every client library of this process and its children."""
    present = [
        entry.strip()
        for variable in ("no_proxy", "NO_PROXY")
        for entry in os.environ.get(variable, "").split(",")
        if entry.strip()
    ]
    wanted = ",".join(dict.fromkeys([*present, *LOOPBACK]))
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = wanted
