"""Which changes concern whom: pure filters between the feed and those who follow it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from godkaiser.errors import InvalidValueError
from godkaiser.handles.mirror import Event
from godkaiser.handles.values import Reading

if TYPE_CHECKING:
    from datetime import datetime

    from godkaiser.handles.places import SensorLook


@dataclass(slots=True)
class Follower:
    """New readings of one sensor, at most `limit`."""

    sensor: SensorLook
    limit: int | None
    last: datetime | None = field(default=None, init=False)
    given: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.limit is not None and self.limit < 0:
            raise InvalidValueError(
                field="limit", value=repr(self.limit), problem="not a count", allowed="0, 1, 2, … or None"
            )
        latest = self.sensor.latest
        self.last = None if latest is None else latest.measured_at

    @property
    def done(self) -> bool:
        """Has it given enough?"""
        return self.limit is not None and self.given >= self.limit

    def take(self, change: Event) -> Reading | None:
        """The reading in a change if it is a new one of this sensor."""
        if change["kind"] != "snapshot" and (change["kind"], change["id"]) != ("sensor", self.sensor.id):
            return None
        known = self.sensor.latest
        reading = known if change["kind"] == "snapshot" else self.sensor.reading_in(change["data"])
        if reading is None or reading.measured_at == self.last:
            return None
        self.last = reading.measured_at
        self.given += 1
        return reading


@dataclass(frozen=True, slots=True)
class Sieve:
    """Changes of a kind, or of the things in a zone. What tells of everything always passes."""

    kind: str | None = None
    zone: str | None = None

    def lets(self, change: Event) -> bool:
        """Does it pass?"""
        if change["kind"] in ("snapshot", "gone"):
            return True
        if self.kind is not None and change["kind"] != self.kind:
            return False
        return self.zone is None or change["data"].get("zone") == self.zone
