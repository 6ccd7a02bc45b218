"""What a worker holds, in a file that outlives it, so that whoever looks next can name a kill for memory.

A process that the kernel ends for memory says nothing, and its lease runs out like that of a worker cut off from the
network. So each worker writes down, in ``run/`` of the state directory, which attempts it holds and how many processes
had been ended for memory when it was last seen alive. Workers of the same host and folder look at their start and
every few seconds: where a process is gone, its file is still there and the count has risen, its attempts end as
``killed_for_memory``. It needs no supervisor, and works in a pod whose container is started again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from broker.jobs import Claim, JobStore, Worker
from runtime.errors import KilledForMemory, Unavailable
from runtime.logging import get_logger
from runtime.memory_kills import MemoryKills, killed_since, memory_kills
from runtime.private import private_folder
from runtime.run_files import run_folder

#: Ending of the files.
_ENDING = ".held"
#: The field of ``/proc/PID/stat`` after the command's name that says when the process began, in ticks since the boot.
_BEGAN = 19


@dataclass(frozen=True)
class _Holder:
    """What a file says: a process, and the claims that it held."""

    worker: str
    host: str
    pid: int
    began: int
    kills: MemoryKills
    held: tuple[tuple[int, str], ...]

    @classmethod
    def read(cls, path: Path) -> _Holder | None:
        """Return what a file says, nothing when it is gone or broken."""
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            held = tuple((int(job_id), str(token)) for job_id, token in found.pop("held"))
            return cls(**{**found, "kills": MemoryKills(**found["kills"]), "held": held})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    @property
    def gone(self) -> bool:
        """Whether the process has ended; one of the same number that began later is another."""
        return _began(self.pid) != self.began


class HeldFile:
    """The file of one worker; a disk that is full loses it, nothing else."""

    def __init__(self, state_dir: Path, worker: Worker) -> None:
        self._folder = private_folder(run_folder(state_dir))
        pid = os.getpid()
        self._said = _Holder(worker.name, worker.host, pid, _began(pid), memory_kills(), ())
        # In a container, the next process has the same name and number.
        self._path = self._folder / f"{worker.name.replace('/', '@')}.{self._said.began}{_ENDING}"
        self._lock = threading.Lock()

    def hold(self, claims: Mapping[int, Claim]) -> None:
        """Write down what is held now, by job."""
        with self._lock:
            held = tuple((claim.job_id, claim.token) for claim in list(claims.values()))
            self._say(dataclasses.replace(self._said, held=held))

    def look(self, store: JobStore) -> int:
        """Note that this process is alive, and end the attempts of this host's workers that were killed for memory.

        Returns
        -------
        int
            How many attempts were; a database that is away is asked the next time.
        """
        kills = memory_kills()
        with self._lock:
            self._say(dataclasses.replace(self._said, kills=kills))
        return sum(self._look_at(path, store) for path in self._folder.glob(f"*{_ENDING}") if path != self._path)

    def remove(self) -> None:
        """Remove it: the process ends in order."""
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _say(self, said: _Holder) -> None:
        if said == self._said:
            return
        self._said = said
        temporary = self._path.with_suffix(".part")
        with contextlib.suppress(OSError):
            temporary.write_text(json.dumps(dataclasses.asdict(said)), encoding="utf-8")
            temporary.replace(self._path)

    def _look_at(self, path: Path, store: JobStore) -> int:
        found, named = _Holder.read(path), 0
        if found is None or found.host != self._said.host or not found.gone:
            return 0
        if killed_since(found.kills):
            try:
                named = sum([_name(store, found.worker, job_id, token) for job_id, token in found.held])
            except Unavailable:
                return 0
        with contextlib.suppress(OSError):
            path.unlink()
        return named


def _name(store: JobStore, worker: str, job_id: int, token: str) -> bool:
    """End an attempt by its cause; its row has room for one text, so the remedy is part of it."""
    text = f"The kernel ended {worker} because memory ran out. {KilledForMemory.default_remedy}"
    recorded = store.killed(job_id, token, KilledForMemory(text))
    get_logger("worker").error("killed for memory", code=KilledForMemory.code, killed=worker, job=job_id, new=recorded)
    return recorded


def _began(pid: int) -> int:
    """Return when a process began, 0 for one that is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[_BEGAN])
