"""A reading that costs is made again only as often as its cost allows."""

from __future__ import annotations

import pytest

from runtime.kept import MAX_SECONDS, SHARE, Kept


class Costly:
    """Counts its readings; each takes some seconds of a clock that runs only then."""

    def __init__(self, seconds: float) -> None:
        self.now, self.made, self.seconds = 1000.0, 0, seconds
        self.kept = Kept(self.make, clock=lambda: self.now)

    def make(self) -> int:
        self.now += self.seconds
        self.made += 1
        return self.made


@pytest.mark.parametrize("seconds", [0.001, 2.0])
def test_readings_take_a_small_share_of_the_time(seconds: float) -> None:
    costly = Costly(seconds)
    started = costly.now
    while costly.now < started + 1000 * seconds:
        costly.kept.get()
        costly.now += seconds / 10
    assert costly.made * seconds / (costly.now - started) == pytest.approx(SHARE, rel=0.1)


def test_no_reading_is_kept_too_long() -> None:
    costly = Costly(100 * MAX_SECONDS)
    assert costly.kept.get() == costly.kept.get() == 1
    costly.now += MAX_SECONDS
    assert costly.kept.get() == 2


def test_a_failure_is_told_and_not_kept() -> None:
    costly = Costly(2.0)
    assert costly.kept.get() == 1
    costly.now += MAX_SECONDS
    costly.kept._make = lambda: 1 // 0
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            costly.kept.get()
    costly.kept._make = costly.make
    assert costly.kept.get() == 2
