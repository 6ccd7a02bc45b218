"""A batch's jobs: every proof of every round passes the three stages, and waits for its own makers only."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.graph import CHILDREN, MAIN_VM, batch_jobs
from actors.graph import job_key as key_of
from broker.jobs import JobSpec, Stage
from broker.jobs.new import NewJobs
from proving.stages.rounds import Round, Step, tree

SEGMENTS = st.one_of(st.integers(1, 12), st.integers(1, 400))
#: Parts of the requests of types; a type without any does not occur.
PARTS = st.dictionaries(st.sampled_from(["arith256", "keccak_f"]), st.integers(1, 9))


def job_key(stage: Stage, step: Step) -> str:
    return key_of(stage, step.round, step.depth, step.index, step.circuit_type)


def jobs_of(segments: int, parts: dict[str, int], snark_key: str = "") -> dict[str, JobSpec]:
    names = {
        circuit_type: [f"{circuit_type}.{index}" for index in range(count)] for circuit_type, count in parts.items()
    }
    checkpoints = [f"checkpoint.{index}" for index in range(segments)]
    jobs = batch_jobs(checkpoints, "statement", snark_key, names)
    return {job.key: job for job in jobs}


@given(SEGMENTS, PARTS)
def test_every_proof_passes_the_three_stages(segments: int, parts: dict[str, int]) -> None:
    jobs = jobs_of(segments, parts)
    steps = tree(segments, parts)
    later = (Stage.WITNESS, Stage.VECTORS, Stage.PROVE)

    def passed(step: Step) -> tuple[Stage, ...]:
        if step.round is not Round.BASIC:
            return later
        return later[1:] if step.circuit_type == MAIN_VM else later[2:]

    keys = [job_key(stage, step) for step in steps for stage in passed(step)]
    assert sorted(jobs) == sorted(keys)


@given(SEGMENTS, PARTS)
def test_a_witness_waits_for_its_childrens_proofs_and_for_nothing_else(segments: int, parts: dict[str, int]) -> None:
    jobs, steps = jobs_of(segments, parts), tree(segments, parts)
    for step in steps:
        children = [job_key(Stage.PROVE, steps[child]) for child in step.children]
        witness, vectors = (job_key(stage, step) for stage in (Stage.WITNESS, Stage.VECTORS))
        if step.round is Round.BASIC and step.circuit_type != MAIN_VM:
            assert jobs[job_key(Stage.PROVE, step)].depends_on == ()
            continue
        if step.round is Round.BASIC:
            assert jobs[vectors].depends_on == () and list(jobs[job_key(Stage.PROVE, step)].depends_on) == [vectors]
            continue
        assert list(jobs[witness].depends_on) == children == jobs[witness].parameters[CHILDREN]
        assert list(jobs[vectors].depends_on) == [witness]
        assert list(jobs[job_key(Stage.PROVE, step)].depends_on) == [witness, vectors]


@given(SEGMENTS, PARTS)
def test_only_the_schedulers_proof_ends_the_batch(segments: int, parts: dict[str, int]) -> None:
    jobs = jobs_of(segments, parts)
    (final,) = [job for job in jobs.values() if job.final]
    assert (final.stage, final.round) == (Stage.PROVE, Round.SCHEDULER)
    needed, left = {final.key}, [final.key]
    while left:
        makers = [key for key in jobs[left.pop()].depends_on if key not in needed]
        needed.update(makers)
        left += makers
    assert needed == set(jobs), "a job that nobody waits for"


@given(SEGMENTS, PARTS)
def test_a_snark_is_made_of_the_schedulers_proof_where_one_is_asked_for(segments: int, parts: dict[str, int]) -> None:
    bare, jobs = jobs_of(segments, parts), jobs_of(segments, parts, "cd" * 32)
    (final,) = [job for job in jobs.values() if job.final]
    scheduler = key_of(Stage.PROVE, Round.SCHEDULER, 0, 0, "")
    assert (final.stage, list(final.depends_on)) == (Stage.COMPRESS, [scheduler])
    assert final.parameters == {"snark_key": "cd" * 32}
    assert set(jobs) - {final.key} == set(bare)
    assert all(jobs[key] == job for key, job in bare.items() if key != scheduler)


@given(SEGMENTS, PARTS)
def test_jobs_have_places_and_inputs_of_their_own(segments: int, parts: dict[str, int]) -> None:
    jobs = jobs_of(segments, parts)
    assert len(NewJobs.of(list(jobs.values())).places) == len(jobs)
    for job in jobs.values():
        assert job.circuit_type in ({MAIN_VM, *parts} if job.round < Round.TIP else {""})
        kind, of = ("checkpoint", "checkpoint") if job.circuit_type == MAIN_VM else ("requests", job.circuit_type)
        wanted = {kind: f"{of}.{job.index}"} if job.round == Round.BASIC else {}
        if job.stage is Stage.WITNESS:
            wanted = {"statement": "statement"}
        assert job.inputs == wanted
