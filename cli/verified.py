"""What is shown of a proof that holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import display

if TYPE_CHECKING:
    from proving.stages.bundle import Verified


def print_verified(shown: Verified, *, title: str) -> None:
    """Print a verified bundle under a title."""
    from proving.hash.text import digest_hex

    security = shown.security
    display.console.print(
        display.pairs(
            title,
            [
                ("program commitment", digest_hex(shown.program_commitment)),
                ("output", shown.output.hex()),
                ("segments", str(shown.segments)),
                ("security, segments", f"{security.summary}, {security.parameters.profile.name}"),
            ],
        )
    )
