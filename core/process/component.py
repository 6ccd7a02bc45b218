"""``python -m core.process.component NAME``: one component of core as a process of its own.

Core's own process runs every component that ``HALLMARK_CORE_COMPONENTS`` names; the others run here, on the same host,
over the same database and state directory. It goes on where it stood, and on SIGTERM ends after the batch in hand.
"""

from __future__ import annotations

import argparse
import functools

from runtime.process import Body, run_process


def main() -> None:
    """Parse the command line and run."""
    from core.settings import COMPONENTS

    parser = argparse.ArgumentParser(prog="python -m core.process.component", description=__doc__)
    parser.add_argument("name", choices=COMPONENTS)
    chosen = parser.parse_args()

    def enter() -> Body:
        from core.process.component_serving import serve

        return functools.partial(serve, name=chosen.name)

    run_process(chosen.name, enter)


if __name__ == "__main__":
    main()
