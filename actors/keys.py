"""Which keys this worker holds: printed at its start, compared with the job's, so that two releases never mix."""

from __future__ import annotations

from actors.stages import Stages
from runtime.errors import HallmarkError, Retry
from runtime.settings import Settings


class OtherKeys(HallmarkError):
    """The job was made for other keys than this worker holds."""

    code = "other_keys"
    default_remedy = "Run one release everywhere; `hallmark doctor` prints the digests. Then requeue the job."
    retry = Retry.LATER


def key_identity(stages: Stages, settings: Settings) -> str:
    """Return ``profile:digest`` of the key set held here.

    A stage module without ``key_digest`` holds none, and its identity is empty.

    Raises
    ------
    ConfigurationError
        The keys made here are not the pinned ones.
    """
    digest = getattr(stages, "key_digest", None)
    return f"{settings.profile}:{digest(settings.profile)}" if digest is not None else ""


def check_keys(wanted: str, held: str) -> None:
    """Refuse a job that names other keys; one that names none is taken.

    Raises
    ------
    OtherKeys
    """
    if wanted and held and wanted != held:
        raise OtherKeys(f"The job is for keys {wanted}, this worker holds {held}.", wanted=wanted, held=held)
