"""Write-once artifacts by name, on a local or shared folder or an object store (obstore)."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PermissionDeniedError, UnauthenticatedError

from broker.artifacts.cache import ArtifactCache
from broker.artifacts.names import check_name, maker_of
from broker.artifacts.place import Access, local_folder, open_place
from runtime import artifact
from runtime.errors import (
    ArtifactCorrupt,
    ArtifactExists,
    ArtifactKind,
    ArtifactMissing,
    ArtifactTruncated,
    ArtifactVersion,
    DiskFull,
    HallmarkError,
    StoreForbidden,
    StoreReadOnly,
    StoreUnavailable,
    TooLarge,
)
from runtime.settings import Settings
from runtime.urls import mask_url, scheme_of

#: Largest artifact that is read into memory unless the caller allows more, in bytes.
DEFAULT_LIMIT = 8 << 30
#: Bytes of one part of an upload; what is not larger goes in one request.
PART_BYTES = 8 << 20
#: Parts of one upload on their way at once.
PARTS_AT_ONCE = 4
_CHUNK = 1 << 20
#: What servers say when there is no bucket; an object that is missing reads the same otherwise.
_NO_BUCKET = "NoSuchBucket"


@dataclass(frozen=True)
class Entry:
    """An artifact as the store lists it."""

    name: str
    size: int
    written: datetime


class ArtifactStore:
    """Bytes by name, each written once.

    Parameters
    ----------
    url
        ``file:///PATH``, ``memory://``, ``s3://BUCKET/PREFIX``, or ``http(s)://...``, which is only read.
    disk_reserve
        A local store refuses to write when its disk would have fewer bytes left than this.
    access
        How a store on the network is reached.
    cache
        Keeps copies of what a store on the network holds.
    """

    def __init__(
        self,
        url: str,
        *,
        disk_reserve: int = 0,
        access: Access | None = None,
        cache: ArtifactCache | None = None,
    ) -> None:
        self.url = url
        self.disk_reserve = disk_reserve
        self.folder: Path | None = local_folder(url)
        self.cache = cache
        self._read_only = scheme_of(url) in ("http", "https")
        self._store: Any = open_place(url, access or Access())

    def put(self, name: str, *parts: bytes) -> str:
        """Store the parts in a row under ``name``, whole or not at all, and return the name.

        Storing the same bytes again is no error: a request whose answer was lost is sent twice. More than
        ``PART_BYTES`` go in parts of their own; there the name is looked for first, so that of two who write it at the
        same moment both are answered alike. Names of attempts have one writer.

        Raises
        ------
        ArtifactExists
            The name is taken by other bytes, which are left as they are.
        DiskFull, StoreForbidden, StoreReadOnly, StoreUnavailable
        """
        check_name(name)
        self._check_writable()
        size = sum(map(len, parts))
        if self.folder is not None and self.free_bytes() < size + self.disk_reserve:
            raise DiskFull(
                f"Storing {size} bytes would leave less than {self.disk_reserve} on the disk of {self.folder}."
            )
        try:
            if size <= PART_BYTES:
                obstore.put(self._store, name, b"".join(parts), mode="create")
            elif self.exists(name):
                raise AlreadyExistsError
            else:
                obstore.put(self._store, name, _pieces(parts), chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE)
        except AlreadyExistsError:
            if not self._holds(name, parts):
                raise ArtifactExists(f"The artifact {name} exists already.") from None
        except (BaseError, OSError) as error:
            raise self._explain(name, error) from error
        return name

    def get(self, name: str, *, limit: int = DEFAULT_LIMIT) -> bytes:
        """Return the bytes of an artifact, as the store itself holds them.

        Raises
        ------
        ArtifactMissing, TooLarge, StoreForbidden, StoreUnavailable
        """
        buffer = io.BytesIO()
        for chunk in self._fetch(name, limit)[1]:
            buffer.write(chunk)
        return buffer.getvalue()

    def save(self, name: str, kind: str, payload: bytes, *, protocol: str, compress: bool = False) -> str:
        """Store a payload in its envelope (:mod:`runtime.artifact`) and return the name."""
        parts = artifact.parts(kind, payload, protocol=protocol, compress=compress)
        self.put(name, *parts)
        if self.cache is not None:
            for _ in self.cache.keep(name, sum(map(len, parts)), _pieces(parts)):
                pass
        return name

    def load(self, name: str, *, kind: str, protocol: str) -> bytes:
        """Return the payload of an artifact, after its kind, protocol version and checksum were checked.

        A store on the network is asked a second time before what it answered counts as damaged.

        Raises
        ------
        ArtifactMissing, ArtifactKind, ArtifactVersion, ArtifactTruncated, ArtifactCorrupt, StoreForbidden,
        StoreUnavailable
        """
        for chunks in self._ways(name):
            try:
                return artifact.read(chunks, kind=kind, protocol=protocol).payload
            except (ArtifactCorrupt, ArtifactTruncated) as error:
                damage = error
            except (ArtifactKind, ArtifactVersion) as error:
                text = f"The artifact {name}{_made_by(name)}: {error.message}"
                raise type(error)(text, remedy=error.remedy, **error.details) from error
        text = f"The artifact {name}{_made_by(name)} is damaged: {damage.message}"
        raise type(damage)(text, remedy=_remedy(name), **damage.details) from damage

    def prefetch(self, name: str) -> bool:
        """Fetch an artifact into the cache and return whether that was done: it is there, or there is no cache.

        Nothing is checked: whoever loads it does, and asks the store when the copy is damaged.

        Raises
        ------
        ArtifactMissing, TooLarge, StoreForbidden, StoreUnavailable
        """
        check_name(name)
        if self.cache is None or self.cache.has(name):
            return False
        size, chunks = self._fetch(name, self.cache.limit)
        for _ in self.cache.keep(name, size, chunks):
            pass
        return True

    def exists(self, name: str) -> bool:
        """Return whether an artifact is in the store."""
        check_name(name)
        try:
            obstore.head(self._store, name)
        except FileNotFoundError:
            return False
        except (BaseError, OSError) as error:
            raise self._explain(name, error) from error
        return True

    def check(self) -> None:
        """Ask the store for something, as `hallmark doctor` does.

        Raises
        ------
        StoreForbidden, StoreUnavailable
        """
        if self.folder is not None:
            self.free_bytes()
        elif self._read_only:
            self.exists("check")
        else:
            next(self.entries("check/"), None)

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """Yield every artifact under a prefix."""
        try:
            for page in obstore.list(self._store, prefix or None):
                for entry in page:
                    yield Entry(str(entry["path"]), int(entry["size"]), entry["last_modified"])
        except (BaseError, OSError) as error:
            raise self._explain(prefix or "its list", error) from error

    def names(self, prefix: str = "") -> Iterator[tuple[str, int]]:
        """Yield the name and size of every artifact under a prefix."""
        for entry in self.entries(prefix):
            yield entry.name, entry.size

    def remove(self, prefix: str, *, keep: frozenset[str] = frozenset()) -> tuple[int, int]:
        """Remove everything under a prefix except ``keep``; return how many artifacts and bytes went."""
        check_name(prefix.rstrip("/"))
        doomed = [(name, size) for name, size in self.names(prefix) if name not in keep]
        self.delete([name for name, _ in doomed])
        if self.folder is not None:
            _remove_leavings(self.folder / prefix.rstrip("/"))
        return len(doomed), sum(size for _, size in doomed)

    def delete(self, names: Iterable[str]) -> None:
        """Remove artifacts by name."""
        self._check_writable()
        doomed = list(names)
        for start in range(0, len(doomed), 500):
            some = doomed[start : start + 500]
            try:
                obstore.delete(self._store, some)
            except (BaseError, OSError) as error:
                raise self._explain(some[0], error) from error
            if self.cache is not None:
                for name in some:
                    self.cache.drop(name)

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

    def _check_writable(self) -> None:
        if self._read_only:
            raise StoreReadOnly(f"{mask_url(self.url)} is read over HTTP, and nothing can be stored there.")

    def _fetch(self, name: str, limit: int) -> tuple[int, Iterator[bytes]]:
        """Return an artifact's size and its bytes piece by piece."""
        check_name(name)
        try:
            found = obstore.get(self._store, name)
        except (BaseError, OSError) as error:
            raise self._explain(name, error) from error
        size = int(found.meta["size"])
        if size > limit:
            raise TooLarge(f"The artifact {name} has {size} bytes, over the limit of {limit}.")
        return size, self._stream(name, found)

    def _stream(self, name: str, found: Any) -> Iterator[bytes]:
        try:
            yield from found.stream(min_chunk_size=_CHUNK)
        except (BaseError, OSError) as error:
            raise self._explain(name, error) from error

    def _ways(self, name: str) -> Iterator[Iterator[bytes]]:
        """Yield an artifact's bytes from the cache, from the store, and from a store on the network once more."""
        if self.cache is not None and (copy := self.cache.chunks(name)) is not None:
            yield copy
            # Asked for again: the copy is damaged.
            self.cache.drop(name)
        for _ in range(1 if self.folder is not None else 2):
            size, chunks = self._fetch(name, DEFAULT_LIMIT)
            yield chunks if self.cache is None else self.cache.keep(name, size, chunks)
            if self.cache is not None:
                self.cache.drop(name)

    def _holds(self, name: str, parts: Iterable[bytes]) -> bool:
        """Return whether the store holds these very bytes under a name."""
        with contextlib.suppress(ArtifactMissing):
            return _digest(self._fetch(name, DEFAULT_LIMIT)[1]) == _digest(parts)
        return False

    def _explain(self, name: str, error: Exception) -> HallmarkError:
        text = str(error)
        place = mask_url(self.url)
        if _NO_BUCKET in text:
            return StoreForbidden(f"The artifact store {place} has no such bucket.")
        if isinstance(error, FileNotFoundError):
            text = f"The artifact {name}{_made_by(name)} is not in {place}."
            return ArtifactMissing(text, remedy=_remedy(name))
        if isinstance(error, (PermissionDeniedError, UnauthenticatedError, PermissionError)):
            return StoreForbidden(f"The artifact store {place} refuses access to {name}.")
        if "StorageFull" in text or "No space left" in text or "quota" in text.lower():
            return DiskFull(f"The artifact {name} could not be written: the disk of {place} is full.")
        first = text.splitlines()[0] if text else type(error).__name__
        return StoreUnavailable(f"The artifact store {place} failed at {name}: {first}")


def open_artifacts(settings: Settings) -> ArtifactStore:
    """Open the artifact store of ``settings``; one on the network has a cache on this host."""
    cache = None
    if settings.store_cache and scheme_of(settings.store_url) not in ("file", "memory"):
        cache = ArtifactCache(settings.state_dir / "cache", settings.store_cache)
    return ArtifactStore(
        settings.store_url, disk_reserve=settings.disk_reserve, access=Access.of(settings), cache=cache
    )


def _pieces(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the parts in pieces of at most a mebibyte."""
    for part in parts:
        for start in range(0, len(part), _CHUNK):
            yield part[start : start + _CHUNK]


def _digest(chunks: Iterable[bytes]) -> bytes:
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.digest()


def _made_by(name: str) -> str:
    maker = maker_of(name)
    return f", made by job {maker}," if maker else ""


def _remedy(name: str) -> str:
    maker = maker_of(name)
    if maker is None:
        return "No job made it: cancel the batch; core offers it again with its inputs."
    return f"`hallmark job requeue {maker}` makes it again, and then what needs it."


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
