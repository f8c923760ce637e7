"""What an offline rule wants from its actuator at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from .flaw import Body
from .items import as_int, as_text
from .pins import NO_PIN
from .rules import TYPE_LENGTH, uncalibrated

TIME_ON: Final = "__twindow_on"
TIME_OFF: Final = "__twindow_off"
WARM_UP: Final = 3
# The four names stand for two zones: the last three share the clock of Berlin, summer time included.
_BERLIN: Final = "Europe/Berlin"
_ZONES: Final = {"UTC": "UTC", "Europe/Berlin": _BERLIN, "CET": _BERLIN, "CEST": _BERLIN}
_MINUTES_OF_DAY: Final = 24 * 60


@dataclass(frozen=True, slots=True)
class Window:
    """When a rule may act: ``start`` and ``end`` (exclusive) in minutes of the day, Sunday is bit 0."""

    start: int
    end: int
    days: int
    timezone: str

    def holds(self, seconds: int) -> bool:
        """Whether a Unix time lies inside. What lies after midnight belongs to the day it began on."""
        local = datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(_ZONES[self.timezone]))
        minute = local.hour * 60 + local.minute
        if self.start <= self.end:
            return self.start <= minute < self.end and self._on(local)
        if minute >= self.start:
            return self._on(local)
        return minute < self.end and self._on(local - timedelta(days=1))

    def _on(self, local: datetime) -> bool:
        return bool(self.days >> local.isoweekday() % 7 & 1)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as the device keeps it. Thresholds are physical values, 0 for unset."""

    actuator: int
    sensor: int
    kind: str
    activate_below: float = 0.0
    deactivate_above: float = 0.0
    activate_above: float = 0.0
    deactivate_below: float = 0.0
    window: Window | None = None

    @property
    def timed(self) -> bool:
        """Whether only the clock counts."""
        return self.kind in (TIME_ON, TIME_OFF)

    @property
    def runs(self) -> bool:
        """Whether this rule can ever do anything; one that cannot covers no actuator."""
        if self.timed:
            return self.window is not None
        named = 0 < len(self.kind.encode("utf-8", "replace")) <= TYPE_LENGTH and self.sensor != NO_PIN
        return named and not uncalibrated(self.kind) and (self._heats or self._cools)

    @property
    def _heats(self) -> bool:
        return bool(self.activate_below or self.deactivate_above)

    @property
    def _cools(self) -> bool:
        return bool(self.activate_above or self.deactivate_below)

    def wants(self, value: float | None, seconds: int | None, running: bool) -> bool | None:
        """On, off, or None to leave it as it is.

        ``value`` is the reading, None when it is missing; ``seconds`` is Unix time, None while the clock is
        not set; ``running`` is what the actuator does now: a pair of thresholds looks only at the one that
        would change it.
        """
        if self.window is not None and seconds is None:
            return None
        inside = self.window is None or seconds is None or self.window.holds(seconds)
        if self.timed:
            return self._by_clock(inside)
        if not inside:
            return False
        return None if value is None else self._by_value(value, running)

    def _by_clock(self, inside: bool) -> bool | None:
        if self.kind == TIME_ON:
            return inside
        return False if inside else None

    def _by_value(self, value: float, running: bool) -> bool | None:
        on, off = (self.activate_below, self.deactivate_above), (self.activate_above, self.deactivate_below)
        if self._heats:
            enter, leave = _under(value, on[0]), _over(value, on[1])
        else:
            enter, leave = _over(value, off[0]), _under(value, off[1])
        if running:
            return False if leave else None
        return True if enter else None


def _under(value: float, threshold: float) -> bool:
    return threshold != 0 and value < threshold


def _over(value: float, threshold: float) -> bool:
    return threshold != 0 and value > threshold


def rule_of(kept: Body) -> Rule:
    """A rule out of what :func:`.rules.rule_item` keeps; what is no number there counts as unset."""
    window = kept["time_filter"]
    return Rule(
        actuator=as_int(kept["actuator_gpio"], NO_PIN),
        sensor=as_int(kept["sensor_gpio"], NO_PIN),
        kind=as_text(kept["sensor_value_type"]),
        activate_below=_threshold(kept["activate_below"]),
        deactivate_above=_threshold(kept["deactivate_above"]),
        activate_above=_threshold(kept["activate_above"]),
        deactivate_below=_threshold(kept["deactivate_below"]),
        window=_window(window) if isinstance(window, dict) and window["enabled"] else None,
    )


def _threshold(value: object) -> float:
    # The device reads 32-bit floats: what does not fit is no threshold of anything.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 3.4e38:
        return 0.0
    return float(value)


def _window(window: Body) -> Window:
    start, end = (_minutes(window, name) for name in ("start", "end"))
    return Window(start, end, as_int(window["days_of_week_mask"], 127) & 127, as_text(window["timezone"]))


def _minutes(window: Body, name: str) -> int:
    hour, minute = as_int(window[f"{name}_hour"], 0), as_int(window[f"{name}_minute"], 0)
    return max(0, min(_MINUTES_OF_DAY, hour * 60 + minute))
