"""The only readers of the time: the wall clock, and a virtual one that a driver moves."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass

from godkaiser.model.instant import SECOND, Duration, Instant
from godkaiser.ports import Cancelable


def _elapsed_ns() -> int:
    """The time that passed, sleep of the machine included where the system tells."""
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class WallClock:
    """The machine's time, but never back: leases and freshness are measured with it.

    A correction forward (a machine without a battery finds the network) is taken over at once; one backward is
    waited out, so that a clock set back prolongs nothing.
    """

    def __init__(self) -> None:
        self._ahead = self._known = time.time_ns() - _elapsed_ns()

    def now(self) -> Instant:
        """Now."""
        self._ahead = max(self._ahead, time.time_ns() - _elapsed_ns())
        return (_elapsed_ns() + self._ahead) // 1000

    def jumped(self) -> Duration:
        """Microseconds, whole seconds at least: what is less is the clock being kept right."""
        self.now()
        by = (self._ahead - self._known) // 1000
        if by < SECOND:
            return 0
        self._known = self._ahead
        return by

    def call_at(self, at: Instant, call: Callable[[], None]) -> Cancelable:
        """Through the running loop; a jump of the wall clock moves it with the next arrangement."""
        delay = max(0, at - self.now()) / SECOND
        return asyncio.get_running_loop().call_later(min(delay, 86400.0), call)


@dataclass(slots=True)
class _Alarm:
    call: Callable[[], None] | None

    def cancel(self) -> None:
        self.call = None


class VirtualClock:
    """Stands still until `advance`d. Alarms fire inside `advance`, in order of time."""

    def __init__(self, start: Instant) -> None:
        self._now = start
        self._alarms: list[tuple[Instant, int, _Alarm]] = []
        self._count = 0

    def now(self) -> Instant:
        """Where it stands."""
        return self._now

    def call_at(self, at: Instant, call: Callable[[], None]) -> Cancelable:
        """Fire when the clock is advanced that far; at once is at the next `advance`."""
        alarm = _Alarm(call)
        self._count += 1
        heapq.heappush(self._alarms, (at, self._count, alarm))
        return alarm

    def jumped(self) -> Duration:
        """Never: what it shows has passed."""
        return 0

    def advance(self, to: Instant) -> None:
        """Move forward (never back) and fire what is due."""
        self._now = max(self._now, to)
        while self._alarms and self._alarms[0][0] <= self._now:
            _, _, alarm = heapq.heappop(self._alarms)
            if alarm.call is not None:
                alarm.call()
