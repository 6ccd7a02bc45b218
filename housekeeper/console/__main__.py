"""``python -m housekeeper.console``: serve the console page until SIGTERM."""

from __future__ import annotations

from runtime.process import Body, run_process


def _enter() -> Body:
    from housekeeper.console.serving import serve

    return serve


def main() -> None:
    """Run the process."""
    run_process("console", _enter)


if __name__ == "__main__":
    main()
