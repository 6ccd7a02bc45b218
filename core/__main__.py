"""``python -m core``: the server; ``python -m core COMMAND``: small tools that talk to a running one."""

from __future__ import annotations

import sys

from runtime.process import Body, run_process


def _enter() -> Body:
    from core.process.serving import serve

    return serve


def main() -> None:
    """Serve, or run a command where one is named."""
    if sys.argv[1:]:
        from core.tools.commands import main as run_command

        run_command()
    else:
        run_process("core", _enter)


if __name__ == "__main__":
    main()
