"""One tree of errors: every failure an operator can meet has a code, a sentence and a remedy.

A subclass states its sentence as the first line of its docstring, its stable ``code`` and a ``remedy``.
Packages above this one add their own leaves. Anything that is not a :class:`HallmarkError` is a bug.
"""

from __future__ import annotations

import enum
from typing import ClassVar


class Retry(enum.Enum):
    """What the job store does with a job whose attempt ended in this error."""

    #: The same input fails the same way: the job is dead at once.
    NEVER = "never"
    #: A resource was missing: try again after a growing delay.
    LATER = "later"
    #: The worker was lost, not the work: try again immediately.
    AT_ONCE = "at_once"


class HallmarkError(Exception):
    """Something went wrong that Hallmark knows by name.

    Parameters
    ----------
    message
        What happened, with the values that matter. Defaults to the first line of the class's docstring.
    remedy
        What the reader can do about it. Defaults to the class's remedy.
    **details
        Typed attributes for logs and JSON bodies; never secrets, never witness values.
    """

    code: ClassVar[str] = "error"
    default_remedy: ClassVar[str] = ""
    retry: ClassVar[Retry] = Retry.NEVER
    #: Whether the process that met it cannot go on: it records the cause, ends, and is started again.
    ends_process: ClassVar[bool] = False

    def __init__(self, message: str = "", *, remedy: str = "", **details: object) -> None:
        sentence = message or (self.__doc__ or type(self).__name__).strip().splitlines()[0]
        super().__init__(sentence)
        self.message = sentence
        self.remedy = remedy or self.default_remedy
        self.details = details

    def line(self) -> str:
        """Return the error as one line: code, sentence, remedy."""
        if not self.remedy:
            return f"{self.code}: {self.message}"
        # What a library said comes without a full stop.
        stop = "" if self.message.endswith((".", "!", "?", ":")) else "."
        return f"{self.code}: {self.message}{stop} Remedy: {self.remedy}"

    def body(self) -> dict[str, object]:
        """Return the error as a JSON-ready mapping."""
        return {"code": self.code, "message": self.message, "remedy": self.remedy, **self.details}


class ConfigurationError(HallmarkError):
    """The configuration is wrong; the process stops and tells every fault at once."""

    code = "configuration"
    #: Inside a job it concerns this worker, not the input: another one may do better.
    retry = Retry.LATER
    default_remedy = "Correct the environment variables named above; `hallmark config check` shows them all."


class InvalidInput(HallmarkError):
    """The input breaks a rule; the same input will never be accepted."""

    code = "invalid_input"


class VerificationError(HallmarkError):
    """A proof was refused."""

    code = "verification_failed"


class ArtifactError(InvalidInput):
    """An artifact cannot be used."""

    code = "artifact"
    default_remedy = "Requeue the job that made it; `hallmark inspect FILE` shows what is in the file."


class ArtifactCorrupt(ArtifactError):
    """The artifact's bytes do not match its checksum or its format."""

    code = "artifact_corrupt"


class ArtifactTruncated(ArtifactError):
    """The artifact ends before its stated length."""

    code = "artifact_truncated"


class ArtifactVersion(ArtifactError):
    """The artifact was written by another version."""

    code = "artifact_version"
    default_remedy = "Use the release that wrote it, or make the artifact again with this one."


class ArtifactKind(ArtifactError):
    """The artifact is of another kind than the one expected here."""

    code = "artifact_kind"


class ArtifactMissing(ArtifactError):
    """The artifact is not in the store."""

    code = "artifact_missing"
    retry = Retry.LATER


class ArtifactExists(ArtifactError):
    """Artifacts are write-once and this name is taken."""

    code = "artifact_exists"


class TooLarge(InvalidInput):
    """The input is larger than its limit."""

    code = "too_large"


class ResourceError(HallmarkError):
    """A resource of this host ran out."""

    code = "resource"
    retry = Retry.LATER


class DiskFull(ResourceError):
    """The disk is full."""

    code = "disk_full"
    default_remedy = "Free space on the state directory's disk, or lower HALLMARK_RETENTION_HOURS."


class OutOfDescriptors(ResourceError):
    """The process has no file descriptor left."""

    code = "out_of_descriptors"
    default_remedy = "Raise the limit (`ulimit -n`, LimitNOFILE=), or close connections that are not used."


class OutOfMemory(ResourceError):
    """The memory budget is spent."""

    code = "out_of_memory"
    default_remedy = "Lower HALLMARK_SIZE_CLASS or raise HALLMARK_MEMORY."


class KilledForMemory(ResourceError):
    """The kernel ended the process because memory ran out."""

    code = "killed_for_memory"
    default_remedy = (
        "Lower HALLMARK_SIZE_CLASS or HALLMARK_MEMORY there, raise the limit of its container, or run fewer processes."
    )


class Unavailable(HallmarkError):
    """A backing service does not answer; the process backs off and stays."""

    code = "unavailable"
    retry = Retry.LATER


class DatabaseUnavailable(Unavailable):
    """The database does not answer."""

    code = "database_unavailable"
    default_remedy = "Check that the server of HALLMARK_DATABASE_URL is up and reachable."


class BrokerUnavailable(Unavailable):
    """The broker does not answer."""

    code = "broker_unavailable"
    default_remedy = "Check that the server of HALLMARK_BROKER_URL is up, reachable and raises no alarm."


class StoreUnavailable(Unavailable):
    """The artifact store does not answer."""

    code = "store_unavailable"
    default_remedy = "Check that the server of HALLMARK_STORE_URL is up and reachable; jobs wait for it."


class StoreForbidden(ConfigurationError):
    """The artifact store refuses who asks, or has no such bucket."""

    code = "store_forbidden"
    default_remedy = "Correct HALLMARK_STORE_URL, HALLMARK_STORE_ACCESS_KEY and HALLMARK_STORE_SECRET_KEY."


class StoreReadOnly(ConfigurationError):
    """The artifact store is read over HTTP, where nothing can be stored."""

    code = "store_read_only"
    default_remedy = "Name a store that can be written to (file:///..., s3://...) in HALLMARK_STORE_URL."


class SchemaVersionError(ConfigurationError):
    """The database has the schema of another release."""

    code = "schema_version"
    default_remedy = "Run `python -m broker.jobs migrate` with the newest release, then restart."


class JobError(HallmarkError):
    """The job store refused a request."""

    code = "job"


class JobNotFound(JobError):
    """There is no such job or batch."""

    code = "job_not_found"
    default_remedy = "`hallmark status` lists the batches and their jobs."


class BatchFinished(JobError):
    """The batch is finished, and what was asked for would open it again."""

    code = "batch_finished"
    default_remedy = "Nothing is left to do for it; `hallmark status` shows what became of it."


class LeaseLost(JobError):
    """The lease ran out or was given to another worker; this attempt's result is refused."""

    code = "lease_lost"
    retry = Retry.AT_ONCE


class JobCancelled(JobError):
    """The batch was cancelled while the job was running."""

    code = "job_cancelled"


class StageUnavailable(ConfigurationError):
    """No function is registered for the stage in this process."""

    code = "stage_unavailable"


def cause_of(error: BaseException) -> tuple[str, str, Retry]:
    """Classify any exception as ``(code, sentence, retry)`` for the job's row.

    An exception outside the tree is a bug (code ``internal``); it is retried with delay, because a retry on
    another host tells a bug of the program from a fault of one machine.
    """
    if isinstance(error, HallmarkError):
        return error.code, error.message, error.retry
    if isinstance(error, MemoryError):
        return OutOfMemory.code, str(error) or "The process ran out of memory.", Retry.LATER
    return "internal", f"{type(error).__name__}: {error}", Retry.LATER
