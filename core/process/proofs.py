"""``python -m core.process.proofs``: offer the open batches of this release's protocol version, and take their proofs.

It runs beside a core of a later version, on the same host, database and state directory, until none of its batches is
left: a release judges proofs of its own version only. It listens at ``HALLMARK_CORE_HOST`` and ``HALLMARK_CORE_PORT``.
"""

from __future__ import annotations

from runtime.process import Body, run_process


def main() -> None:
    """Run."""

    def enter() -> Body:
        from core.process.proofs_serving import serve

        return serve

    run_process("proofs", enter)


if __name__ == "__main__":
    main()
