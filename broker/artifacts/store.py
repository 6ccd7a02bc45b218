"""Write-once artifacts by name, on a local or shared folder or an object store (obstore)."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, MemoryStore, from_url

from runtime import artifact
from runtime.errors import (
    ArtifactCorrupt,
    ArtifactExists,
    ArtifactKind,
    ArtifactMissing,
    ArtifactTruncated,
    ArtifactVersion,
    ConfigurationError,
    DiskFull,
    HallmarkError,
    StoreUnavailable,
    TooLarge,
)
from runtime.os_errors import resource_error
from runtime.private import private_folder
from runtime.settings import Settings
from runtime.urls import file_path, mask_url, scheme_of

#: Largest artifact that is read into memory unless the caller allows more, in bytes.
DEFAULT_LIMIT = 8 << 30

_OF_A_JOB = re.compile(r"batches/\d+/(\d+)/")
_NAME = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")


def artifact_name(batch_id: int, job_id: int, token: str, kind: str) -> str:
    """Return the name under which one attempt of one job writes: nobody else ever writes there."""
    return f"batches/{batch_id}/{job_id}/{token}/{kind}"


def batch_prefix(batch_id: int) -> str:
    """Return the prefix of everything that belongs to a batch."""
    return f"batches/{batch_id}/"


def local_folder(url: str) -> Path | None:
    """Return the folder of a ``file:`` store, and ``None`` for any other."""
    return file_path(url) if scheme_of(url) == "file" else None


def maker_of(name: str) -> int | None:
    """Return the job that made an artifact, or nothing for one that no job made.

    Examples
    --------
    >>> maker_of("batches/1/17/0a/proof")
    17
    """
    found = _OF_A_JOB.match(name)
    return int(found[1]) if found else None


class ArtifactStore:
    """Bytes by name, each written once.

    Parameters
    ----------
    url
        ``file:///PATH``, ``memory://`` or any URL that obstore knows (``s3://bucket/prefix``).
    disk_reserve
        A local store refuses to write when its disk would have fewer bytes left than this.
    """

    def __init__(self, url: str, *, disk_reserve: int = 0) -> None:
        self.url = url
        self.disk_reserve = disk_reserve
        self.folder: Path | None = None
        self._store: Any = self._open(url)

    def put(self, name: str, data: bytes) -> str:
        """Store ``data`` under ``name``, whole or not at all, and return the name.

        Raises
        ------
        ArtifactExists
            The name is taken; its bytes are left as they are.
        DiskFull, StoreUnavailable
        """
        _check_name(name)
        if self.folder is not None and self.free_bytes() < len(data) + self.disk_reserve:
            raise DiskFull(
                f"Storing {len(data)} bytes would leave less than {self.disk_reserve} on the disk of {self.folder}."
            )
        try:
            obstore.put(self._store, name, data, mode="create")
        except AlreadyExistsError:
            raise ArtifactExists(f"The artifact {name} exists already.") from None
        except (BaseError, OSError) as error:
            raise self._explain(name, error) from error
        return name

    def get(self, name: str, *, limit: int = DEFAULT_LIMIT) -> bytes:
        """Return the bytes of an artifact.

        Raises
        ------
        ArtifactMissing, TooLarge, StoreUnavailable
        """
        _check_name(name)
        try:
            found = obstore.get(self._store, name)
            if found.meta["size"] > limit:
                raise TooLarge(f"The artifact {name} has {found.meta['size']} bytes, over the limit of {limit}.")
            return bytes(found.bytes())
        except FileNotFoundError:
            text = f"The artifact {name}{_made_by(name)} is not in {mask_url(self.url)}."
            raise ArtifactMissing(text, remedy=_remedy(name)) from None
        except (BaseError, OSError) as error:
            raise self._explain(name, error) from error

    def save(self, name: str, kind: str, payload: bytes, *, protocol: str, compress: bool = False) -> str:
        """Store a payload in its envelope (:mod:`runtime.artifact`) and return the name."""
        return self.put(name, artifact.pack(kind, payload, protocol=protocol, compress=compress))

    def load(self, name: str, *, kind: str, protocol: str) -> bytes:
        """Return the payload of an artifact, after its kind, protocol version and checksum were checked.

        Raises
        ------
        ArtifactMissing, ArtifactKind, ArtifactVersion, ArtifactTruncated, ArtifactCorrupt, StoreUnavailable
        """
        try:
            return artifact.unpack(self.get(name), kind=kind, protocol=protocol).payload
        except (ArtifactCorrupt, ArtifactTruncated) as error:
            text = f"The artifact {name}{_made_by(name)} is damaged: {error.message}"
            raise type(error)(text, remedy=_remedy(name), **error.details) from error
        except (ArtifactKind, ArtifactVersion) as error:
            text = f"The artifact {name}{_made_by(name)}: {error.message}"
            raise type(error)(text, remedy=error.remedy, **error.details) from error

    def exists(self, name: str) -> bool:
        """Return whether an artifact is in the store."""
        _check_name(name)
        try:
            obstore.head(self._store, name)
        except FileNotFoundError:
            return False
        except (BaseError, OSError) as error:
            raise self._explain(name, error) from error
        return True

    def names(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Yield the name and size of every artifact under a prefix."""
        for page in obstore.list(self._store, prefix or None):
            for entry in page:
                yield str(entry["path"]), int(entry["size"])

    def remove(self, prefix: str, *, keep: frozenset[str] = frozenset()) -> tuple[int, int]:
        """Remove everything under a prefix except ``keep``; return how many artifacts and bytes went."""
        _check_name(prefix.rstrip("/"))
        doomed = [(name, size) for name, size in self.names(prefix) if name not in keep]
        for start in range(0, len(doomed), 500):
            obstore.delete(self._store, [name for name, _ in doomed[start : start + 500]])
        if self.folder is not None:
            _remove_leavings(self.folder / prefix.rstrip("/"))
        return len(doomed), sum(size for _, size in doomed)

    def forget(self, age_seconds: float) -> int:
        """Remove a local store's artifacts written longer ago than this and return how many; for caches only."""
        if self.folder is None:
            return 0
        oldest = time.time() - age_seconds
        doomed = [path for path in self.folder.rglob("*") if path.is_file() and path.stat().st_mtime < oldest]
        for path in doomed:
            path.unlink(missing_ok=True)
        return len(doomed)

    def free_bytes(self) -> int:
        """Return the free bytes of a local store's disk, and a very large number for any other store."""
        if self.folder is None:
            return 1 << 62
        try:
            state = os.statvfs(self.folder)
        except OSError as error:
            raise StoreUnavailable(f"The artifact store's folder {self.folder} is gone: {error.strerror}.") from error
        return state.f_bavail * state.f_frsize

    def _open(self, url: str) -> Any:
        scheme = scheme_of(url)
        try:
            self.folder = local_folder(url)
            if self.folder is not None:
                private_folder(self.folder)
                return LocalStore(str(self.folder))
            return MemoryStore() if scheme == "memory" else from_url(url)
        except OSError as error:
            raise resource_error(error) or ConfigurationError(
                f"The artifact store {mask_url(url)} cannot be opened: {error.strerror}."
            ) from None
        except (BaseError, ValueError) as error:
            first = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ConfigurationError(
                f"The artifact store {mask_url(url)} cannot be opened: {first.replace(url, mask_url(url))}"
            ) from None

    def _explain(self, name: str, error: Exception) -> HallmarkError:
        text = str(error)
        if "StorageFull" in text or "No space left" in text or "quota" in text.lower():
            return DiskFull(f"The artifact {name} could not be written: the disk of {mask_url(self.url)} is full.")
        first = text.splitlines()[0] if text else type(error).__name__
        return StoreUnavailable(f"The artifact store {mask_url(self.url)} failed at {name}: {first}")


def open_artifacts(settings: Settings) -> ArtifactStore:
    """Open the artifact store of ``settings``."""
    return ArtifactStore(settings.store_url, disk_reserve=settings.disk_reserve)


def _made_by(name: str) -> str:
    maker = maker_of(name)
    return f", made by job {maker}," if maker else ""


def _remedy(name: str) -> str:
    maker = maker_of(name)
    if maker is None:
        return "No job made it: cancel the batch; core offers it again with its inputs."
    return f"`hallmark job requeue {maker}` makes it again, and then what needs it."


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or ".." in name.split("/"):
        raise ValueError(f"{name!r} is not an artifact name")


def _remove_leavings(folder: Path) -> None:
    """Remove half-written files of killed processes (obstore marks them with ``#``) and empty folders."""
    if not folder.is_dir():
        return
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file() and "#" in path.name:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    if not any(folder.iterdir()):
        folder.rmdir()
