"""The demo site: three nodes in two zones of one greenhouse."""

from __future__ import annotations

from dataclasses import dataclass

from .node import VirtualNode
from .plant import Plant
from .spec import ActuatorSpec, NodeSpec, SensorSpec

HOURS = 3_600_000  # ms

CLIMATE = NodeSpec(
    id="ESP_A1B2C3",
    board="esp32_dev",
    zone="propagation",
    sensors=(
        SensorSpec(0, "sht31_temp", 30, i2c=0x44),
        SensorSpec(0, "sht31_humidity", 30, i2c=0x44),
        SensorSpec(4, "ds18b20", 30, rom="28FF641E8D3C0C79"),
    ),
    actuators=(
        ActuatorSpec(25, "pwm", "fan", max_runtime=12 * HOURS),
        ActuatorSpec(26, "relay", "heater", max_runtime=4 * HOURS),
        ActuatorSpec(27, "relay", "humidifier", max_runtime=4 * HOURS),
    ),
)
IRRIGATION = NodeSpec(
    id="ESP_D4E5F6",
    board="esp32_dev",
    zone="propagation",
    sensors=(SensorSpec(34, "moisture", 60), SensorSpec(32, "ph", 300), SensorSpec(33, "ec", 300)),
    actuators=(ActuatorSpec(14, "pump", "pump", max_runtime=600_000),),
)
FLOWERING = NodeSpec(
    id="ESP_0A1B2C",
    board="esp32_dev",
    zone="flowering",
    sensors=(
        SensorSpec(0, "sht31_temp", 30, i2c=0x45),
        SensorSpec(0, "sht31_humidity", 30, i2c=0x45),
        SensorSpec(35, "light", 60),
    ),
    # A lamp is on for most of a day: the firmware's own limit of one hour would cut it off.
    actuators=(ActuatorSpec(16, "relay", "lamp", max_runtime=24 * HOURS),),
)


@dataclass(frozen=True, slots=True)
class Greenhouse:
    """Physics and the nodes in it."""

    plant: Plant
    nodes: tuple[VirtualNode, ...]

    def all_safe(self) -> bool:
        """Whether every actuator is really at its default."""
        return all(node.safe for node in self.nodes)

    def states(self) -> dict[str, float]:
        """The real level 0..1 of every actuator, by ``node/gpio``."""
        return {f"{n.id}/{a.gpio}": n.level(a.gpio) for n in self.nodes for a in n.spec.actuators}


def build(seed: int, start: int, kaiser_id: str = "god") -> Greenhouse:
    """The demo greenhouse at ``start`` (microseconds since the epoch, UTC); the seed decides all else."""
    plant = Plant(seed, start)
    specs = (CLIMATE, IRRIGATION, FLOWERING)
    nodes = (VirtualNode(spec, plant, seed=seed, boot=start, kaiser_id=kaiser_id) for spec in specs)
    return Greenhouse(plant, tuple(nodes))
