"""How a command ends when something known went wrong."""

from __future__ import annotations

import sys

from runtime.errors import ConfigurationError, HallmarkError, InvalidInput, VerificationError

#: Exit statuses: 1 a refused proof, 3 `status --check` found something stuck, 65 bad input, 70 anything else known, 78
#: wrong configuration (sysexits.h). docs/operations.md lists them.
EXIT_REFUSED, EXIT_STUCK, EXIT_INPUT, EXIT_FAILED, EXIT_CONFIGURATION = 1, 3, 65, 70, 78


def report(error: HallmarkError) -> int:
    """Print the error as one line on standard error and return the exit status."""
    print(f"hallmark: {error.line()}", file=sys.stderr)
    if isinstance(error, VerificationError):
        return EXIT_REFUSED
    if isinstance(error, ConfigurationError):
        return EXIT_CONFIGURATION
    if isinstance(error, InvalidInput):
        return EXIT_INPUT
    return EXIT_FAILED
