"""The proofs of a run that `hallmark prove` makes, round by round, or finds among what it kept."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from cli import display
from cli.unfinished import PROOF_SUFFIX, Unfinished
from proving.stages.rounds import MAIN_VM, Round, Step, tree
from runtime.errors import ArtifactCorrupt, InvalidInput, VerificationError
from runtime.progress import Progress as Tell

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.progress import Progress, TaskID

    from cli.device import Device
    from proving.machine.program import Program


class Proofs:
    """The proofs of a run whose checkpoints are kept.

    Parameters
    ----------
    statement
        Bytes of the run's `Statement`.
    requests
        By circuit, the number of parts of the run's requests.
    join
        Whether the proof of a run that is one segment without requests is joined too.
    """

    def __init__(
        self,
        kept: Unfinished,
        statement: bytes,
        requests: Mapping[str, int],
        program: Program,
        device: Device,
        profile: str,
        *,
        join: bool = True,
    ) -> None:
        import numpy as np

        from proving.stages import run_proof
        from proving.stages.statement import Statement

        self._kept, self._statement, self._device, self._profile = kept, statement, device, profile
        self._told = Statement.decode(statement)
        ends = self._told.ends
        starts = np.concatenate([program.commitment[np.newaxis], ends[:-1]])
        self._publics = np.concatenate([starts, ends], axis=1)
        # One segment's proof may show all of it; then nothing is joined.
        self._alone = not join and run_proof.covers(self._told)
        self._steps = tree(len(ends), requests)[: 1 if self._alone else None]
        self._parts = {MAIN_VM: len(ends), **requests}

    def make_all(self, bars: Progress) -> bytes:
        """Make every proof of every round that is not kept from before, and return that of the run."""
        from proving.keys.prepared import let_go
        from proving.stages import run_proof

        total = len(self._steps)
        whole = bars.add_task("all proofs", total=total, note=f"0 of {total}")
        proof = b""
        for done, step in enumerate(self._steps):
            if done and step.round is not self._steps[done - 1].round:
                # The next round has keys of its own, which take the memory of the last one's.
                let_go()
            proof = self._found_or_made(step, bars, whole, done)
            bars.update(whole, completed=done + 1, note=f"{done + 1} of {total}")
        return run_proof.pack(self._told, proof, profile=self._profile) if self._alone else proof

    def _found_or_made(self, step: Step, bars: Progress, whole: TaskID, done: int) -> bytes:
        witness = self._witness(step)
        found = self._kept.find(_name(step))
        if found is not None and self._holds(found, witness, step):
            return found
        task = bars.add_task(self._title(step), total=1, note="")
        proof = self._make(witness, step, partial(_tell, bars, whole, task, done))
        if step.round is not Round.SCHEDULER:
            self._kept.keep(_name(step), proof)
        # The total stands for the proofs that are done; a bar for each would outgrow the screen.
        bars.update(task, completed=1, note=display.size(len(proof)), visible=False)
        return proof

    def _witness(self, step: Step) -> bytes:
        """Return the checkpoint that a step's proof is made from, or what a circuit is to prove about its children."""
        from proving import stages

        if step.round is Round.BASIC:
            return self._needed(checkpoint_name(step.circuit_type, step.index))
        children = [self._needed(_name(self._steps[place])) for place in step.children]
        return stages.recursive_witness(step.round, children, statement=self._statement, profile=self._profile)

    def _make(self, witness: bytes, step: Step, tell: Tell) -> bytes:
        from proving import stages

        basic = stages.prove_segment if step.circuit_type == MAIN_VM else stages.prove_requests
        prove = basic if step.round is Round.BASIC else stages.prove_recursive
        with self._device.used(tell) as compute:
            return prove(witness, None, backend=compute, profile=self._profile, progress=tell)

    def _holds(self, proof: bytes, witness: bytes, step: Step) -> bool:
        from proving import stages
        from proving.stages.requests import proves_requests
        from proving.stages.verify import verify_segment

        if step.round is not Round.BASIC:
            return stages.proves(proof, witness)
        if step.circuit_type != MAIN_VM:
            return proves_requests(proof, witness, profile=self._profile)
        try:
            verify_segment(proof, publics=self._publics[step.index], profile=self._profile)
        except (InvalidInput, VerificationError):
            return False
        return True

    def _needed(self, name: str) -> bytes:
        found = self._kept.find(name)
        if found is None:
            raise ArtifactCorrupt(f"{self._kept.folder / name} is missing.", remedy="Remove the folder to begin anew.")
        return found

    def _title(self, step: Step) -> str:
        total = self._parts.get(step.circuit_type)
        of = "" if step.circuit_type in ("", MAIN_VM) else f"{step.circuit_type} "
        if step.round is Round.BASIC:
            return f"{of}segment {step.index + 1} of {total}"
        if step.round is Round.LEAF:
            return f"{of}leaf {step.index + 1} of {total}"
        if step.round is Round.NODE:
            return f"{of}node {step.index + 1} of depth {step.depth}"
        return f"tie {step.depth}" if step.depth else step.round.name.lower()


def checkpoint_name(circuit_type: str, index: int) -> str:
    """Return the name under which a segment's checkpoint, or a part of the requests of a type, is kept."""
    return f"{_of(circuit_type)}{index:05d}.checkpoint"


def _name(step: Step) -> str:
    return f"{_of(step.circuit_type)}{step.round.name.lower()}-{step.depth}-{step.index:05d}{PROOF_SUFFIX}"


def _of(circuit_type: str) -> str:
    return "" if circuit_type in ("", MAIN_VM) else f"{circuit_type}-"


def _tell(bars: Progress, whole: TaskID, task: TaskID, index: int, done: float, note: str) -> None:
    # Done is what has returned its proof, not what says so of itself.
    share = min(done, 0.99)
    bars.update(task, completed=share, note=note)
    bars.update(whole, completed=index + share)
