"""``python -m broker.jobs migrate``: the release step of the job store; ``check`` only looks."""

from __future__ import annotations

import argparse

from runtime.process import Body, Exit, Process, run_process


def main() -> None:
    """Bring the database's schema to this release's, or say in one line why not; waits for a database that is away."""
    parser = argparse.ArgumentParser(prog="python -m broker.jobs", description=main.__doc__)
    parser.add_argument("command", choices=["migrate", "check"])
    command = parser.parse_args().command

    def enter() -> Body:
        from broker.jobs import JobDatabase, schema
        from runtime.urls import mask_url
        from runtime.waiting import wait_for

        def body(process: Process) -> int:
            def attempt() -> list[str]:
                database = JobDatabase(process.settings.database_url, create=command == "migrate")
                if command == "migrate":
                    return schema.migrate(database)
                schema.check(database)
                return []

            applied = wait_for(attempt, "database", process.stopping)
            done = f"migrated by {', '.join(applied)}" if applied else "up to date"
            print(f"job store: the schema of {mask_url(process.settings.database_url)} is {done}")
            return Exit.OK

        return body

    run_process("release", enter)


if __name__ == "__main__":
    main()
