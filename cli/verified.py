"""What is shown of a proof that holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import display

if TYPE_CHECKING:
    from proving.stages.batch_proof import Verified


def print_verified(shown: Verified, *, title: str) -> None:
    """Print what a batch's proof shows under a title."""
    from proving.hash.text import digest_hex

    security = shown.security
    display.console.print(
        display.pairs(
            title,
            [
                ("program commitment", digest_hex(shown.program_commitment)),
                ("output", shown.output.hex()),
                ("security, weakest layer", f"{security.summary}, {security.parameters.profile.name}"),
            ],
        )
    )
