"""A batch ends in the scheduler's proof; its last job was a stage of its own, ``bundle``, before.

Such a job becomes what stands in its place now, so that nobody meets a stage that he does not know. One that was
still to be done lacks what it needs as the scheduler's, and fails with that cause: finish or cancel batches before.
"""

from __future__ import annotations

from typing import Any

STATEMENTS = (
    "UPDATE jobs SET stage = 'prove', round = 4 WHERE stage = 'bundle'",
    "UPDATE tallies SET stage = 'prove' WHERE stage = 'bundle' AND NOT EXISTS (SELECT 1 FROM tallies t "
    "WHERE t.name = tallies.name AND t.stage = 'prove' AND t.outcome = tallies.outcome)",
    "UPDATE tallies SET count = count + (SELECT b.count FROM tallies b WHERE b.name = tallies.name "
    "AND b.stage = 'bundle' AND b.outcome = tallies.outcome), total = total + (SELECT b.total FROM tallies b "
    "WHERE b.name = tallies.name AND b.stage = 'bundle' AND b.outcome = tallies.outcome) WHERE stage = 'prove' "
    "AND EXISTS (SELECT 1 FROM tallies b WHERE b.name = tallies.name AND b.stage = 'bundle' "
    "AND b.outcome = tallies.outcome)",
    "DELETE FROM tallies WHERE stage = 'bundle'",
)


def up(migrator: Any, db: Any) -> None:
    """Rename the stage in jobs and tallies."""
    for statement in STATEMENTS:
        db.execute_sql(statement)
