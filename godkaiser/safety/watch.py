"""Leases and deadlines: what must end, and when, without anybody's help."""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from godkaiser.model.ids import ActuatorId
from godkaiser.model.instant import Instant

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Lease:
    """An actuator may be away from its safe value since `since` until `until`, by command `command`."""

    actuator: ActuatorId
    value: float
    since: Instant
    until: Instant
    command: str
    who: str


@dataclass(slots=True)
class Deadlines(Generic[K]):
    """The earliest instant per key. Moving one later is cheap: the heap is corrected when it comes due."""

    _at: dict[K, Instant] = field(default_factory=dict)
    _heap: list[tuple[Instant, int, K]] = field(default_factory=list)
    _queued: dict[K, Instant] = field(default_factory=dict)
    _order: int = 0

    def set(self, key: K, at: Instant) -> None:
        """Wake for `key` at `at`, instead of any earlier arrangement."""
        self._at[key] = at
        queued = self._queued.get(key)
        if queued is None or at < queued:
            self._push(key, at)

    def sooner(self, key: K, at: Instant) -> None:
        """Wake for `key` at `at` at the latest; an earlier arrangement stands."""
        self.set(key, min(at, self._at.get(key, at)))

    def drop(self, key: K) -> None:
        """No longer wake for `key`."""
        self._at.pop(key, None)

    def get(self, key: K) -> Instant | None:
        """When `key` is due."""
        return self._at.get(key)

    @property
    def keys(self) -> list[K]:
        """Everything that is to come."""
        return list(self._at)

    @property
    def next(self) -> Instant | None:
        """The earliest due instant."""
        self._correct()
        return self._heap[0][0] if self._heap else None

    def due(self, now: Instant) -> list[K]:
        """Keys that are due, in order of time, each handed over once."""
        keys: list[K] = []
        while (first := self.next) is not None and first <= now:
            _, _, key = heapq.heappop(self._heap)
            self._queued.pop(key, None)
            self._at.pop(key, None)
            keys.append(key)
        return keys

    def _push(self, key: K, at: Instant) -> None:
        self._queued[key] = at
        heapq.heappush(self._heap, (at, self._order, key))
        self._order += 1

    def _correct(self) -> None:
        while self._heap:
            at, _, key = self._heap[0]
            if self._queued.get(key) == at and self._at.get(key) == at:
                return
            heapq.heappop(self._heap)
            if self._queued.get(key) == at:
                del self._queued[key]
                if (wanted := self._at.get(key)) is not None:
                    self._push(key, wanted)
