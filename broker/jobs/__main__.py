"""``python -m broker.jobs migrate``: the release step of the job store."""

from __future__ import annotations

import sys

from broker.jobs import JobDatabase, schema
from runtime.errors import HallmarkError
from runtime.settings import load_settings
from runtime.urls import mask_url

#: Exit code for a configuration that no retry repairs (``EX_CONFIG``).
BAD_CONFIGURATION = 78


def main() -> int:
    """Bring the database's schema to this release's, or say in one line why not."""
    if sys.argv[1:] not in (["migrate"], ["check"]):
        print("usage: python -m broker.jobs migrate|check", file=sys.stderr)
        return 2
    try:
        database = JobDatabase(load_settings().database_url)
        if sys.argv[1] == "migrate":
            applied = schema.migrate(database)
            print(f"{mask_url(database.url)}: {', '.join(applied) or 'up to date'}")
        else:
            schema.check(database)
            print(f"{mask_url(database.url)}: up to date")
    except HallmarkError as error:
        print(error.line(), file=sys.stderr)
        return BAD_CONFIGURATION
    return 0


if __name__ == "__main__":
    sys.exit(main())
