"""The one lane on which configurations, zones and subzones reach a node's tables, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .driver import NEVER
from .spec import SECOND

PATIENCE = {"config": SECOND // 10, "place": 12 * SECOND // 10}


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do on the lane: ``run`` when its time has come, ``refuse`` when it does not come.

    A configuration holds the lane for ``span`` microseconds, and ``placed`` is called once it is sure of its
    turn.
    """

    kind: Literal["config", "place"]
    run: Callable[[int], None]
    refuse: Callable[[int], None]
    placed: Callable[[int], None] = lambda now: None
    span: int = 0


class Lane:
    """One job at work, one configuration in the queue; others knock until their patience ends."""

    def __init__(self) -> None:
        self._current: Job | None = None
        self._free_at = -NEVER
        self._queued: Job | None = None
        self._knocking: list[tuple[int, Job]] = []

    @property
    def deadline(self) -> int:
        """When the job at work is done, or somebody loses patience."""
        done = self._free_at if self._current else NEVER
        return min(done, min((until for until, _ in self._knocking), default=NEVER))

    def take(self, job: Job, now: int) -> None:
        """Do a job now, if nothing is in its way."""
        self._knocking.append((now + PATIENCE[job.kind], job))
        self.tick(now)

    def tick(self, now: int) -> None:
        """Let time pass."""
        while self._step(now):
            pass
        late = [job for until, job in self._knocking if now >= until]
        self._knocking = [(until, job) for until, job in self._knocking if now < until]
        for job in late:
            job.refuse(now)

    def _step(self, now: int) -> bool:
        """Finish, start or queue one job; whether there was one."""
        if self._current is not None:
            if now < self._free_at:
                return self._enqueue(now)
            job, self._current = self._current, None
            job.run(now)
            return True
        return self._start(now)

    def _start(self, now: int) -> bool:
        place = next((entry for entry in self._knocking if entry[1].kind == "place"), None)
        if place is None and self._queued is None:
            return self._enqueue(now)
        if place is not None:
            self._knocking.remove(place)
            job = place[1]
        elif self._queued is not None:
            job, self._queued = self._queued, None
        self._current, self._free_at = job, now + job.span
        return True

    def _enqueue(self, now: int) -> bool:
        first = next((entry for entry in self._knocking if entry[1].kind == "config"), None)
        if self._queued is not None or first is None:
            return False
        self._knocking.remove(first)
        self._queued = first[1]
        first[1].placed(now)
        return True
