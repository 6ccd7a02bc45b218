"""``python -m housekeeper``: run the periodic tasks. ``python -m housekeeper clock``: make the ticks.

Two of either are harmless: a tick is a row that one clock makes per period and one housekeeper takes.
"""

from __future__ import annotations

import argparse

from runtime.process import Body, run_process


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m housekeeper", description=__doc__)
    parser.add_argument("what", nargs="?", choices=["tasks", "clock"], default="tasks")
    chosen = parser.parse_args()

    def enter() -> Body:
        from housekeeper import serving

        return serving.tick if chosen.what == "clock" else serving.serve

    run_process("clock" if chosen.what == "clock" else "housekeeper", enter)


if __name__ == "__main__":
    main()
