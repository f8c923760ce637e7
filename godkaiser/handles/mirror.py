"""The last known picture of a farm, folded from the change feed.

The owner's thread folds, any thread reads. Every fold and every read holds one lock for the length of a
dictionary operation; what is handed out is never changed afterwards, only replaced.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from godkaiser.errors import GodkaiserError, from_wire

Picture = Mapping[str, Any]
Event = dict[str, Any]
_LISTS: Final = {"node": "nodes", "sensor": "sensors", "actuator": "actuators", "rule": "rules"}
_WHOLE: Final = ("stop", "alarms", "link", "counters")
BACKLOG: Final = 10_000


class Mirror:
    """Folds changes, answers looks, and hands changes on to those who listen."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._things: dict[str, dict[str, Picture]] = {kind: {} for kind in _LISTS}
        self._whole: dict[str, Any] = {}
        self._at = (datetime.fromtimestamp(0, UTC), time.monotonic(), 1.0)
        self._listeners: set[asyncio.Queue[Event]] = set()
        self.gone: GodkaiserError | None = None

    # ── the owner's side ───────────────────────────────────────────────────────────────────────────────
    def fold(self, change: Event) -> None:
        """Take one change of the feed."""
        kind, thing, data = change["kind"], change["id"], change["data"]
        with self._lock:
            if kind == "gone":
                self.gone = from_wire(data)
            elif kind == "snapshot":
                self._take_all(data)
            elif kind in _LISTS:
                self._things[kind][thing] = data
            elif kind in _WHOLE:
                self._whole[kind] = data
            if "now" in change:
                self._at = (datetime.fromisoformat(change["now"]), time.monotonic(), self._at[2])
        self._hand_on(change)

    def _take_all(self, shot: Picture) -> None:
        self.gone = None
        self._things = {kind: {str(t["id"]): t for t in shot[many]} for kind, many in _LISTS.items()}
        self._whole = {key: value for key, value in shot.items() if key not in _LISTS.values()}
        self._at = (datetime.fromisoformat(shot["now"]), time.monotonic(), float(shot["speed"]))

    def _hand_on(self, change: Event) -> None:
        for queue in self._listeners:
            if queue.qsize() >= BACKLOG:
                while not queue.empty():
                    queue.get_nowait()
                change = {"kind": "snapshot", "id": "", "data": self.whole()}
            queue.put_nowait(change)

    def listen(self) -> asyncio.Queue[Event]:
        """Changes from now on; one that is not read is cut short to a snapshot. Owner's loop only."""
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self._listeners.add(queue)
        return queue

    def unlisten(self, queue: asyncio.Queue[Event]) -> None:
        """No more. Owner's loop only."""
        self._listeners.discard(queue)

    # ── everybody's side ───────────────────────────────────────────────────────────────────────────────
    def all(self, kind: str) -> list[Picture]:
        """Every thing of a kind, in the controller's order."""
        with self._lock:
            return list(self._things[kind].values())

    def one(self, kind: str, thing: str) -> Picture | None:
        """One thing, None when unknown."""
        with self._lock:
            return self._things[kind].get(thing)

    def part(self, key: str) -> Any:
        """`link`, `stop`, `counters`, `zones`, `speed`, …"""
        with self._lock:
            return self._whole[key]

    def whole(self) -> Event:
        """Everything, in the shape of a snapshot."""
        with self._lock:
            lists = {many: list(self._things[kind].values()) for kind, many in _LISTS.items()}
            return {**self._whole, **lists, "now": self._now().isoformat()}

    def now(self) -> datetime:
        """The controller's time, carried on from when it was last told at the pace at which it runs."""
        with self._lock:
            return self._now()

    def _now(self) -> datetime:
        told, read, speed = self._at
        return told + timedelta(seconds=(time.monotonic() - read) * speed)
