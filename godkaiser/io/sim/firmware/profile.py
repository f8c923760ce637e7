"""Which firmware on which board: what differs between them in the direction server to device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .pins import PINS, Board, Pins

Generation = Literal["2026", "seed"]


@dataclass(frozen=True, slots=True)
class Firmware:
    """A build. All sizes are bytes; ``None`` means that this build has no such limit."""

    generation: Generation = "2026"
    board: Board = "esp32_dev"

    @property
    def seed(self) -> bool:
        """Whether this is the older generation."""
        return self.generation == "seed"

    @property
    def payload_limit(self) -> int | None:
        """Longest payload of a build on the ESP-IDF client."""
        return 8191 if self.packet_limit is None else None

    @property
    def packet_limit(self) -> int | None:
        """Largest whole MQTT packet of a build on PubSubClient."""
        if self.board == "xiao_esp32c3":
            return 1024
        return 2048 if self.seed else None

    @property
    def config_bytes(self) -> int | None:
        """Longest configuration that fits into the queue."""
        return None if self.seed else 4351

    @property
    def config_pool(self) -> int:
        """Parser pool of a configuration; the older generation parses once for sensors, once for actuators."""
        return 4096 if self.seed else 7680

    @property
    def most_rules(self) -> int:
        """How many offline rules are kept."""
        return 0 if self.seed else 8

    @property
    def most_sensors(self) -> int:
        """How many sensors are kept."""
        return self.pins.most_sensors

    @property
    def most_actuators(self) -> int:
        """How many actuators are kept."""
        return self.pins.most_actuators

    @property
    def pins(self) -> Pins:
        """What the pins of the board can do."""
        return PINS[self.board]
