"""What the operating system refuses, as typed errors: disk, descriptors, memory."""

from __future__ import annotations

import errno

from runtime.errors import DiskFull, HallmarkError, OutOfDescriptors, OutOfMemory, ResourceError

_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})
_MEMORY = frozenset({errno.ENOMEM, errno.ENOBUFS})
_BROKEN = frozenset({errno.EIO, errno.EROFS})


def is_disk_full(error: BaseException) -> bool:
    """Return whether a disk or a quota is full."""
    return isinstance(error, OSError) and error.errno in _DISK_FULL


def resource_error(error: BaseException) -> HallmarkError | None:
    """Return the typed error for a resource that ran out, wherever it stands in the chain of causes, or None.

    Database drivers wrap the system's error, or have only its text.
    """
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        if (found := _classified(link)) is not None:
            return found
        link = link.__cause__ or link.__context__
    return None


def _classified(error: BaseException) -> HallmarkError | None:
    if isinstance(error, ResourceError):
        return error
    number = error.errno if isinstance(error, OSError) else None
    text = str(error)
    if number in _DISK_FULL or "database or disk is full" in text or "No space left on device" in text:
        return DiskFull()
    if number in _DESCRIPTORS or "Too many open files" in text:
        return OutOfDescriptors()
    if number in _MEMORY or isinstance(error, MemoryError):
        return OutOfMemory("The host has no memory left.", remedy="Stop other processes, or lower HALLMARK_MEMORY.")
    if number in _BROKEN:
        return StorageBroken(f"The disk fails: {error.strerror}." if isinstance(error, OSError) else "")
    return None


class StorageBroken(ResourceError):
    """The disk fails or became read-only."""

    code = "storage_broken"
    default_remedy = "Look at the kernel's log (dmesg) for the disk of HALLMARK_STATE_DIR."
