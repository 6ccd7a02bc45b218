"""How many workers a stage should have, from its queue; pure, so that every step can be tried without a process."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What the number of workers follows.

    Attributes
    ----------
    least, most
        Workers at any time.
    grow_seconds
        A job that has waited this long asks for more workers: a queue that its workers keep short needs none.
    shrink_seconds
        Workers go when no job has waited for this long, so that a pause between two batches stops nobody.
    """

    least: int
    most: int
    grow_seconds: float
    shrink_seconds: float


@dataclass(frozen=True)
class Seen:
    """A stage's queue at one moment: ready jobs, jobs being worked on, and how long the oldest ready one has waited."""

    ready: int
    in_progress: int
    oldest_seconds: float


class Scaler:
    """Decides for one stage; remembers since when nothing has waited."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._quiet_since: float | None = None

    def decide(self, seen: Seen, workers: int, now: float) -> int:
        """Return how many workers there should be.

        Grows at once to what is ready, twice as many at most where there are some; shrinks to what is in progress.

        Parameters
        ----------
        workers
            Those that were asked for last.
        now
            Any steady clock, in seconds.
        """
        limits = self.limits
        wanted = workers
        if seen.ready:
            self._quiet_since = None
            if workers == 0 or seen.oldest_seconds >= limits.grow_seconds:
                wanted = max(workers, min(seen.in_progress + seen.ready, max(1, 2 * workers)))
        else:
            self._quiet_since = now if self._quiet_since is None else self._quiet_since
            if now - self._quiet_since >= limits.shrink_seconds:
                wanted = min(workers, seen.in_progress)
        return min(limits.most, max(limits.least, wanted))
