"""What a virtual node is made of, and the two things it touches: the greenhouse and the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from .firmware.pins import NO_PIN, Board
from .firmware.profile import Generation

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def grid(now: int, step: int) -> int:
    """The first multiple of ``step`` after ``now``."""
    return (now // step + 1) * step


class World(Protocol):
    """The physical surroundings of a node."""

    def offers(self, quantity: str) -> bool:
        """Whether this quantity can be measured here at all."""
        ...

    def sense(self, zone: str, quantity: str) -> float:
        """The true physical value of a quantity in a zone, in the unit of its sensor type."""
        ...

    def drive(self, zone: str, part: str, level: float) -> None:
        """Set a part (fan, heater, pump, …) of a zone to a level 0..1."""
        ...


@dataclass(frozen=True, slots=True)
class Publish:
    """One MQTT message on its way from a node to the broker."""

    topic: str
    payload: bytes
    qos: int
    retain: bool = False


@dataclass(frozen=True, slots=True)
class SensorSpec:
    """A sensor as configured on the device: ``interval`` in s, ``i2c`` a 7-bit address, ``rom`` 16 hex.

    ``type`` is the wire type: a chip of two values is two of these. Only ``continuous`` ones report unasked.
    """

    gpio: int
    type: str
    interval: int = 30
    i2c: int | None = None
    rom: str | None = None
    subzone: str = ""
    mode: str = "continuous"

    @property
    def identity(self) -> tuple[object, ...]:
        """What makes it the same sensor when it is configured anew."""
        return self.gpio, self.type, self.rom, self.i2c


@dataclass(frozen=True, slots=True)
class ActuatorSpec:
    """An actuator as configured on the device. ``part`` names what it moves; ``max_runtime`` in ms.

    ``aux`` is the second pin of a valve; ``inverted`` means that a low pin is on.
    """

    gpio: int
    type: str
    part: str
    default_state: bool = False
    max_runtime: int = 3_600_000
    aux: int = NO_PIN
    subzone: str = ""
    inverted: bool = False

    @property
    def default_level(self) -> float:
        """The level 0..1 this actuator falls back to when it is left alone."""
        return 1.0 if self.default_state else 0.0


@dataclass(frozen=True, slots=True)
class NodeSpec:
    """A whole node. ``synced`` is whether its clock was set by the network before it first spoke.

    ``generation`` is that of its firmware.
    """

    id: str
    board: Board
    zone: str
    sensors: tuple[SensorSpec, ...] = ()
    actuators: tuple[ActuatorSpec, ...] = ()
    synced: bool = True
    generation: Generation = "2026"
