"""What the pins of each board can do (protocol section 15)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Board = Literal["esp32_dev", "xiao_esp32c3"]
NO_PIN: Final = 255


@dataclass(frozen=True, slots=True)
class Pins:
    """Pins of one board: ``both`` work in both directions, ``inputs`` only read, ``i2c`` is SDA and SCL."""

    both: frozenset[int]
    inputs: frozenset[int]
    i2c: tuple[int, int]
    onewire: int
    most_sensors: int
    most_actuators: int

    @property
    def known(self) -> frozenset[int]:
        """Every pin that is led out and not reserved."""
        return self.both | self.inputs

    @property
    def readable(self) -> frozenset[int]:
        """Pins a sensor may own; the I2C pins belong to the system."""
        return self.known - set(self.i2c)

    @property
    def drivable(self) -> frozenset[int]:
        """Pins an actuator may own."""
        return self.both - set(self.i2c)


PINS: Final[dict[Board, Pins]] = {
    "esp32_dev": Pins(
        both=frozenset({4, 5, *range(14, 20), 21, 22, 23, 25, 26, 27, 32, 33}),
        inputs=frozenset({34, 35, 36, 39}),
        i2c=(21, 22),
        onewire=4,
        most_sensors=20,
        most_actuators=12,
    ),
    "xiao_esp32c3": Pins(
        both=frozenset({2, *range(4, 11), 21}),
        inputs=frozenset(),
        i2c=(4, 5),
        onewire=6,
        most_sensors=10,
        most_actuators=6,
    ),
}
