"""``python -m actors.run --stage prove``: one worker process of one stage.

It waits out a database or broker that is away, leaves with 78 on a bad configuration, and on SIGTERM claims nothing
more, gives the running job ``HALLMARK_DRAIN_SECONDS`` to finish and then gives it back.
"""

from __future__ import annotations

import argparse
import functools

from runtime.process import Body, run_process


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m actors.run", description=__doc__)
    parser.add_argument("--stage", required=True, help="witness, vectors, prove or compress")
    parser.add_argument("--threads", type=int, default=1, help="jobs at a time; 2 on a device overlaps loading")
    chosen = parser.parse_args()

    def enter() -> Body:
        from actors.worker import serve
        from broker.jobs import Stage

        if chosen.stage not in list(Stage):
            parser.error(f"argument --stage: choose from {', '.join(Stage)}")
        if chosen.threads < 1:
            parser.error("argument --threads: at least 1")
        return functools.partial(serve, stage=Stage(chosen.stage), threads=chosen.threads)

    run_process(chosen.stage, enter)


if __name__ == "__main__":
    main()
