"""Bundle: checks and joins the chain of segment proofs.

It stands where leaf, node, tip and scheduler will be and is not aggregation: the bundle is as long as its proofs.
"""

from __future__ import annotations

from actors.attempt import Result, Work
from broker.jobs import Stage
from runtime.errors import InvalidInput


def run(work: Work) -> Result:
    """Load every segment's proof in the chain's order and join them."""
    work.check_keys()
    made = [entry for entry in work.context.store.inputs(work.claim) if entry.stage is Stage.PROVE]
    if [entry.index for entry in made] != list(range(len(made))):
        raise InvalidInput(f"The segments {[entry.index for entry in made]} are no chain.")
    proofs = []
    for done, entry in enumerate(made):
        proofs.append(work.load_named(entry.artifact, "proof"))
        work.progress(0.5 * done / max(len(made), 1), "load")
    statement = work.load("statement")
    work.progress(0.5, "join")
    return Result("bundle", work.context.stages.join(proofs, statement, profile=work.context.settings.profile))
