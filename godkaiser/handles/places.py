"""What is measured and what can be moved in one place, as far as one can look at it without waiting."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from godkaiser.handles import deeds
from godkaiser.handles.thing import Thing
from godkaiser.handles.values import Outcome, Reading, Verdict, ago, number, when


class SensorLook(Thing):
    """What is measured in one place."""

    kind = "sensor"
    columns = ("sensor", "name", "value", "age", "quality", "freshness")

    @property
    def node(self) -> str:
        """The id of its node."""
        return str(self._shot["node"])

    @property
    def zone(self) -> str | None:
        """The id of its zone."""
        zone: str | None = self._shot["zone"]
        return zone

    @property
    def type(self) -> str:
        """`sht31_temp`, `moisture`, `ph`, …"""
        return str(self._shot["type"])

    @property
    def unit(self) -> str:
        """Unit of its values."""
        return str(self._shot["unit"])

    @property
    def latest(self) -> Reading | None:
        """The newest reading; None when it has never reported. No waiting: what we know now."""
        return self.reading_in(self._shot)

    def reading_in(self, shot: Mapping[str, Any]) -> Reading | None:
        """The reading in a picture of this sensor, as the change feed brings it."""
        return Reading.of(shot, self._line.mirror.now())

    def row(self) -> tuple[object, ...]:
        """Its line in a table."""
        seen = self.latest
        if seen is None:
            return self.id, self.name, "no value", "never heard", "–", "never"
        return self.id, self.name, number(seen.value, seen.unit), ago(seen.age), seen.quality, seen.freshness

    def __repr__(self) -> str:
        _, name, value, age, quality, _ = self.row()
        return f"<Sensor {name} {value}, {age}{'' if quality in ('good', '–') else f', {quality}'}>"


class ActuatorLook(Thing):
    """What can be moved."""

    kind = "actuator"
    columns = ("actuator", "name", "kind", "reported", "wished", "last command")

    @property
    def node(self) -> str:
        """The id of its node."""
        return str(self._shot["node"])

    @property
    def zone(self) -> str | None:
        """The id of its zone."""
        zone: str | None = self._shot["zone"]
        return zone

    @property
    def reported(self) -> float | None:
        """0..1 by the node's own report; None when it has not reported."""
        reported: float | None = self._shot["reported"]
        return reported

    @property
    def reported_at(self) -> datetime | None:
        """When it reported; aware, UTC."""
        return when(self._shot["reported_at"])

    @property
    def wished(self) -> float | None:
        """0..1 as we want it."""
        wished: float | None = self._shot["wished"]
        return wished

    @property
    def pending(self) -> bool:
        """Is a command under way?"""
        return bool(self._shot["pending"])

    @property
    def safe(self) -> bool | None:
        """Is it reported at its safe value? None when it has not reported."""
        safe: bool | None = self._shot["safe"]
        return safe

    @property
    def ends_at(self) -> datetime | None:
        """When it goes back to its safe value by itself; aware, UTC; None when it is not energised by us."""
        return when(self._shot["lease_until"])

    @property
    def last(self) -> Outcome | None:
        """Where the last command stands."""
        shot = self._shot["last_command"]
        return None if shot is None else Outcome.of(shot)

    def check(self, value: float) -> Verdict:
        """Ask the safety gate whether `value` (0..1) would be allowed now. Sends nothing, changes nothing.

        Waits for the controller's answer, a few milliseconds. Raises `InvalidValueError`,
        `ControllerGoneError`.
        """
        return self._line.waited(deeds.check, self._line, self.id, value)

    def row(self) -> tuple[object, ...]:
        """Its line in a table."""
        shot, last = self._shot, self.last
        ended = "–" if last is None else f"{last.value:g} by {last.origin}: {last.state}"
        return self.id, self.name, shot["kind"], self._level(self.reported), self._level(self.wished), ended

    def _level(self, value: float | None) -> str:
        return "unknown" if value is None else "off" if value == 0 else f"{value:.0%}"

    def __repr__(self) -> str:
        pending = ", a command is under way" if self.pending else ""
        return f"<Actuator {self.name} ({self._shot['kind']}) reported {self._level(self.reported)}{pending}>"
