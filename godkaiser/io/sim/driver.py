"""One actuator as the firmware drives it: level, timers, protection, activation budget, emergency latch."""

from __future__ import annotations

from collections import deque

from .spec import HOUR, SECOND, ActuatorSpec, World

NEVER = 2**63 - 1
ACTIVATIONS_PER_HOUR = 60
REST = 30 * SECOND
_SWITCHES = ("pump", "relay")


class Driver:
    """State of one actuator. Levels are 0..1; instants and spans are microseconds.

    ``level`` is what the firmware takes the output to be, ``output`` what it is: when a driver starts it
    writes the default to the pin of a pump or relay as if it were not inverted, and so stays until told.
    """

    def __init__(self, spec: ActuatorSpec, zone: str, world: World, now: int) -> None:
        self.spec = spec
        self.level = 0.0
        self.latched = False
        self.latched_at = -NEVER
        self.source = ""
        self.off_at = NEVER
        self._zone = zone
        self._world = world
        self._since = NEVER
        self._ran = 0
        self._stopped_at = -NEVER
        self._starts: deque[int] = deque(maxlen=ACTIVATIONS_PER_HOUR)
        quirk = spec.inverted and spec.type in _SWITCHES
        self._write(1.0 - spec.default_level if quirk else spec.default_level)
        self._count(spec.default_level, now)

    def _write(self, output: float) -> None:
        self.output = output
        self._world.drive(self._zone, self.spec.part, output)

    @property
    def binary(self) -> bool:
        """Whether the output is on or off and nothing between."""
        return self.spec.type != "pwm"

    @property
    def duty(self) -> int:
        """The level as the wire reports it: 0..255."""
        return round(self.level * 255)

    @property
    def deadline(self) -> int:
        """When something happens by itself: the end of a timed ON or of the allowed run time."""
        return min(self.off_at, self._limit)

    @property
    def _limit(self) -> int:
        return NEVER if self._since == NEVER else self._since + self.spec.max_runtime * 1000

    def runtime(self, now: int) -> int:
        """Milliseconds run since boot, the current run included."""
        return (self._ran + (0 if self._since == NEVER else now - self._since)) // 1000

    def set(self, level: float, now: int) -> bool:
        """Drive to a level on command; False when the activation budget or the rest period forbids it."""
        if level > 0 and self.level == 0:
            if not self._may_start(now):
                return False
            self._starts.append(now)
        self.off_at = NEVER
        self.force(level, now)
        return True

    def _may_start(self, now: int) -> bool:
        if self.spec.type not in _SWITCHES:
            return True
        worn = self._ran >= self.spec.max_runtime * 1000 and now - self._stopped_at < REST
        full = len(self._starts) == ACTIVATIONS_PER_HOUR and now - self._starts[0] < HOUR
        return not worn and not full

    def force(self, level: float, now: int) -> bool:
        """Drive to a level whatever the limits say; whether that changed anything."""
        if level != self.output:
            self._write(level)
        return self._count(level, now)

    def _count(self, level: float, now: int) -> bool:
        """Keep account of the time run."""
        if level == self.level:
            return False
        if level == 0:
            self._ran += now - self._since
            self._since, self._stopped_at, self.off_at = NEVER, now, NEVER
        elif self.level == 0:
            self._since = now
        self.level = level
        return True

    def latch(self, now: int) -> None:
        """Emergency: off, and closed to commands until unlatched."""
        self.force(0.0, now)
        self.latched, self.latched_at = True, now

    def unlatch(self) -> None:
        """Open to commands again; the output stays off."""
        self.latched = False

    def rest(self, now: int) -> bool:
        """Go to the default state, unless latched off; whether that changed anything."""
        return not self.latched and self.force(self.spec.default_level, now)

    def expired(self, now: int) -> str:
        """What is due now: ``duration``, ``runtime`` or nothing."""
        if now >= self._limit:
            return "runtime"
        return "duration" if now >= self.off_at else ""
