"""What waits to be taken by the broker: a queue of eight that sheds load before it is full."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .condition import Condition
from .driver import NEVER
from .spec import Publish

SLOTS = 8
PRESSURE = 6
RELIEF = 4
RETRIES = (100_000, 500_000, 1_000_000)
LONGEST_TOPIC, LONGEST_PAYLOAD = 127, 1535
_CRITICAL = (
    "/ack",
    "/alert",
    "/response",
    "/config_response",
    "/system/intent_outcome",
    "/recovery_confirm",
    "/emergency/error",
    "/session/announce",
    "/queue_pressure",
)


def _no_matter() -> None:
    """Most messages may be lost."""


@dataclass
class Entry:
    """A message on its way; ``lost`` is called when it will never leave."""

    message: Publish
    lost: Callable[[], None] = _no_matter
    tries: int = 0

    @property
    def critical(self) -> bool:
        """Whether it goes first, and is tried again when there is no room."""
        return self.message.topic.endswith(_CRITICAL)


@dataclass
class Tally:
    """Since boot."""

    high_water: int = 0
    shed: int = 0
    dropped: int = 0
    retried: int = 0


@dataclass
class Outbox:
    """The publish queue. While the broker takes everything at once nothing ever waits here."""

    condition: Condition
    tally: Tally = field(default_factory=Tally)
    _queue: list[Entry] = field(default_factory=list)
    _again: list[tuple[int, Entry]] = field(default_factory=list)
    _free_at: int = -NEVER
    _pressed: bool = False
    _edges: list[str] = field(default_factory=list)

    @property
    def fill(self) -> int:
        """Slots in use."""
        return len(self._queue)

    @property
    def deadline(self) -> int:
        """When the next message leaves or is tried again."""
        retry = min((due for due, _ in self._again), default=NEVER)
        return min(retry, self._free_at if self._queue else NEVER)

    def report(self) -> dict[str, object]:
        """What is told when the pressure begins or ends."""
        return {
            "fill_level": self.fill,
            "high_watermark": self.tally.high_water,
            "shed_count": self.tally.shed,
            "drop_count": self.tally.dropped,
            "threshold": PRESSURE,
        }

    def edges(self) -> list[str]:
        """The words of pressure entered or left since the last call."""
        edges, self._edges = self._edges, []
        return edges

    def pass_on(self, entries: list[Entry], now: int) -> list[Publish]:
        """Take messages in; those that leave now."""
        left = self._leave(now)
        due = [entry for at, entry in self._again if now >= at]
        self._again = [(at, entry) for at, entry in self._again if now < at]
        for entry in (*due, *entries):
            self._admit(entry, now)
            left += self._leave(now)
        return left

    def _admit(self, entry: Entry, now: int) -> None:
        if not _fits(entry.message):
            self._drop(entry)
        elif self.fill >= SLOTS and entry.critical:
            self._postpone(entry, now)
        elif self.fill >= PRESSURE and not entry.critical:
            self.tally.shed += 1
            entry.lost()
        else:
            self._queue.append(entry)
            self.tally.high_water = max(self.tally.high_water, self.fill if self.condition.pause else 0)
            self._watch()

    def _postpone(self, entry: Entry, now: int) -> None:
        if entry.tries == len(RETRIES):
            self._drop(entry)
            return
        self._again.append((now + RETRIES[entry.tries], entry))
        entry.tries += 1
        self.tally.retried += 1

    def _drop(self, entry: Entry) -> None:
        self.tally.dropped += 1
        entry.lost()

    def _leave(self, now: int) -> list[Publish]:
        left: list[Publish] = []
        while self._queue and (now >= self._free_at or not self.condition.pause):
            first = next((place for place, entry in enumerate(self._queue) if entry.critical), 0)
            left.append(self._queue.pop(first).message)
            self._free_at = now + self.condition.pause
            self._watch()
        return left

    def _watch(self) -> None:
        if not self._pressed and self.fill >= PRESSURE:
            self._pressed = True
            self._edges.append("entered_pressure")
        elif self._pressed and self.fill < RELIEF:
            self._pressed = False
            self._edges.append("recovered")

    def clear(self) -> None:
        """The connection is gone, and with it all that waited for it."""
        entries = [*self._queue, *(entry for _, entry in self._again)]
        self._queue, self._again, self._free_at = [], [], -NEVER
        self._watch()
        self._edges.clear()
        for entry in entries:
            entry.lost()


def _fits(message: Publish) -> bool:
    topic = len(message.topic.encode())
    return topic <= LONGEST_TOPIC and len(message.payload) <= LONGEST_PAYLOAD
