"""What is shown of a proof that holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import display

if TYPE_CHECKING:
    from proving.stages import Verified, VerifiedSnark


def print_verified(shown: Verified | VerifiedSnark, *, title: str) -> None:
    """Print what a batch's proof or SNARK shows under a title."""
    from proving.hash.text import digest_hex

    security = shown.security
    rows = [
        ("program commitment", digest_hex(shown.program_commitment)),
        ("output", shown.output.hex()),
        ("security, weakest layer", f"{security.summary}, {security.parameters.profile.name}"),
    ]
    if wrap := getattr(shown, "wrap", ""):
        rows.append(("security, SNARK around it", wrap))
    display.console.print(display.pairs(title, rows))
