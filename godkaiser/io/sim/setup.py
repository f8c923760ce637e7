"""What a node keeps in flash: where it stands, and what hangs on which pin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from .firmware.actuator_item import actuator_claims
from .firmware.offline import Rule
from .firmware.sensor_item import sensor_claims
from .spec import ActuatorSpec, NodeSpec, SensorSpec

MOST_SUBZONES = 8
_Entry = TypeVar("_Entry")


@dataclass(frozen=True, slots=True)
class Subzone:
    """A named group of pins."""

    name: str
    gpios: tuple[int, ...]
    safe: bool


class Setup:
    """The tables of one node; configuration, zone and subzone messages change them.

    ``pending`` are configurations that were accepted and are not applied yet.
    """

    def __init__(self, spec: NodeSpec, kaiser_id: str) -> None:
        self.zone = spec.zone
        self.master_zone = ""
        self.zone_name = ""
        self.kaiser = kaiser_id
        self.log_level = "INFO"
        self.sensors = list(spec.sensors)
        self.actuators = list(spec.actuators)
        self.rules: list[Rule] = []
        self.subzones: dict[str, Subzone] = {}
        self.generations: dict[str, int] = {}
        self.token = spec.id if spec.generation == "seed" else None
        self.broadcast_token: str | None = None
        self.pending: list[bytes] = []
        # A wire does not move when the pin it hangs on is configured anew.
        self._parts = {actuator.gpio: actuator.part for actuator in spec.actuators}

    @property
    def bare(self) -> bool:
        """Whether nothing is configured at all."""
        return not self.sensors and not self.actuators

    def forget_place(self) -> None:
        """What a factory reset takes: the zone, all that belongs to it, and who was in charge."""
        self.zone = self.master_zone = self.zone_name = ""
        self.kaiser = "god"
        self.subzones.clear()

    def part(self, gpio: int) -> str:
        """What an actuator on this pin moves; empty when nothing hangs there."""
        return self._parts.get(gpio, "")

    def subzone(self, gpio: int, configured: str) -> str:
        """The subzone a pin belongs to: as assigned, or else as configured."""
        return next((name for name, subzone in self.subzones.items() if gpio in subzone.gpios), configured)

    def owners(self) -> dict[int, str]:
        """Who owns which pin."""
        owners: dict[int, str] = {}
        for sensor in self.sensors:
            owners |= sensor_claims(sensor.gpio, sensor.type)
        for actuator in self.actuators:
            owners |= actuator_claims(actuator.gpio, actuator.type, actuator.aux)
        return owners

    def put_sensor(self, new: SensorSpec) -> None:
        """Add a sensor, or replace the one of the same identity."""
        self.sensors = _put(self.sensors, new, lambda sensor: sensor.identity)

    def put_actuator(self, new: ActuatorSpec) -> None:
        """Add an actuator, or replace the one on the same pin."""
        self.actuators = _put(self.actuators, new, lambda actuator: actuator.gpio)


def _put(entries: list[_Entry], new: _Entry, key: Callable[[_Entry], object]) -> list[_Entry]:
    if all(key(entry) != key(new) for entry in entries):
        return [*entries, new]
    return [new if key(entry) == key(new) else entry for entry in entries]
