"""``python -m gateway``: run the gateway until SIGTERM."""

from __future__ import annotations

from runtime.process import Body, run_process


def _enter() -> Body:
    from gateway.serving import serve

    return serve


def main() -> None:
    """Run the process."""
    run_process("gateway", _enter)


if __name__ == "__main__":
    main()
