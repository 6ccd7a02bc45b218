"""The states of batches and jobs, and the stages that jobs belong to."""

from __future__ import annotations

import enum


class Stage(enum.StrEnum):
    """What kind of work a job is; one process type serves one stage."""

    #: Runs the program, cuts the run into segments, writes a checkpoint for each; in later rounds, checks the proofs
    #: that a circuit verifies.
    WITNESS = "witness"
    #: Replays one checkpoint into execution records, or fills the trace of a later round's circuit.
    VECTORS = "vectors"
    #: Proves one segment, or one circuit of a later round.
    PROVE = "prove"
    #: Turns the batch's proof into the SNARK that L1 takes, where core asks for one.
    COMPRESS = "compress"


class JobState(enum.StrEnum):
    """Where a job stands: waiting -> queued -> in_progress -> successful."""

    #: Some job that it depends on has not completed.
    WAITING = "waiting"
    #: May be claimed.
    QUEUED = "queued"
    #: A worker holds its lease.
    IN_PROGRESS = "in_progress"
    #: Its result is stored.
    SUCCESSFUL = "successful"
    #: The last attempt failed; it is claimed again once its delay has passed.
    FAILED = "failed"
    #: Its attempts are spent or its input is invalid; an operator decides.
    DEAD = "dead"
    #: Its batch was withdrawn.
    CANCELLED = "cancelled"


class BatchState(enum.StrEnum):
    """Where a batch stands."""

    #: Jobs are being worked on.
    IN_PROGRESS = "in_progress"
    #: Its proof is stored and waits to be returned to core.
    PROVEN = "proven"
    #: Core accepted the proof.
    ACCEPTED = "accepted"
    #: Core refused the proof; the reason is kept.
    REFUSED = "refused"
    #: One of its jobs is dead.
    DEAD = "dead"
    #: Withdrawn.
    CANCELLED = "cancelled"


class Outcome(enum.StrEnum):
    """How an attempt ended."""

    #: The job completed.
    SUCCESSFUL = "successful"
    #: The attempt raised an error.
    FAILED = "failed"
    #: The lease ran out: the worker died, stalled or lost its way to the database.
    LOST = "lost"
    #: The kernel ended the worker because memory ran out.
    KILLED = "killed"
    #: The worker gave the job back, usually because it was told to stop.
    RELEASED = "released"
    #: The batch was cancelled meanwhile.
    CANCELLED = "cancelled"


#: States that no worker changes any more.
FINAL = (JobState.SUCCESSFUL, JobState.DEAD, JobState.CANCELLED)
#: States of a batch of which nothing runs any more, and whose artifacts and rows may go.
FINISHED_BATCH = (BatchState.ACCEPTED, BatchState.REFUSED, BatchState.CANCELLED)
