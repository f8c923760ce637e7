"""One virtual node in a test's hand."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from godkaiser.io.sim.fault import Faults
from godkaiser.io.sim.faulty import FaultyNode
from godkaiser.io.sim.node import VirtualNode
from godkaiser.io.sim.spec import SECOND, ActuatorSpec, NodeSpec, Publish, SensorSpec

START = 1_777_593_600 * SECOND  # 2026-05-01T00:00:00Z
NODE = "ESP_AB12CD"
ROOT = f"kaiser/god/esp/{NODE}/"
BROADCAST = "kaiser/broadcast/emergency"
SERVER = "kaiser/god/server/status"

SPEC = NodeSpec(
    NODE,
    "esp32_dev",
    "propagation",
    sensors=(
        SensorSpec(0, "sht31_temp", 30, i2c=0x44),
        SensorSpec(0, "sht31_humidity", 30, i2c=0x44),
        SensorSpec(4, "ds18b20", 30, rom="28FF641E8D3C0C79"),
        SensorSpec(34, "moisture", 60),
    ),
    actuators=(
        ActuatorSpec(14, "pump", "pump", max_runtime=600_000),
        ActuatorSpec(25, "pwm", "fan"),
        ActuatorSpec(26, "relay", "heater", default_state=True, max_runtime=86_400_000),
    ),
)
OLD_SPEC = replace(SPEC, generation="seed")


@dataclass
class Dummy:
    """Surroundings that stand still."""

    values: dict[str, float] = field(
        default_factory=lambda: {
            "sht31_temp": 21.5,
            "sht31_humidity": 60.0,
            "ds18b20": 18.25,
            "moisture": 45.0,
        }
    )
    driven: dict[str, float] = field(default_factory=dict)

    def offers(self, quantity: str) -> bool:
        return quantity in self.values

    def sense(self, zone: str, quantity: str) -> float:
        return self.values[quantity]

    def drive(self, zone: str, part: str, level: float) -> None:
        self.driven[part] = level


class Rig:
    """Feeds a node and reads what it says; ``seconds`` count from the start."""

    def __init__(self, spec: NodeSpec = SPEC, seed: int = 1, faults: Faults | None = None) -> None:
        self.world = Dummy()
        if faults is None:
            self.node = VirtualNode(spec, self.world, seed=seed, boot=START)
        else:
            self.node = FaultyNode(spec, self.world, faults, seed=seed, boot=START)
        self.now = START
        self.log: list[Publish] = []

    @property
    def seconds(self) -> float:
        return (self.now - START) / SECOND

    def connect(self) -> list[Publish]:
        return self._note(self.node.connected(self.now))

    def disconnect(self) -> None:
        self.node.disconnected(self.now)

    def reboot(self) -> None:
        self.node.reboot(self.now)

    def run(self, seconds: float, ack: bool = True) -> list[Publish]:
        """Let time pass, tick by tick; every heartbeat is acknowledged unless told otherwise."""
        until, mark = self.now + round(seconds * SECOND), len(self.log)
        while self.node.next_wakeup <= until:
            self.now = max(self.now, self.node.next_wakeup)
            said = self._note(self.node.tick(self.now))
            beats = named(said, "system/heartbeat")
            if ack and beats:
                self.ack(handover_epoch=beats[-1]["active_handover_epoch"] or 1)
        self.now = until
        return self.log[mark:]

    def send(self, topic: str, payload: dict[str, Any] | bytes | str) -> list[Publish]:
        raw = payload.encode() if isinstance(payload, str) else payload
        data = raw if isinstance(raw, bytes) else json.dumps(raw, separators=(",", ":")).encode()
        topic = topic if topic.startswith("kaiser/") else ROOT + topic
        return self._note(self.node.receive(topic, data, self.now))

    def ack(self, **fields: Any) -> list[Publish]:
        return self.send("system/heartbeat/ack", {"status": "online", "handover_epoch": 1} | fields)

    def command(self, gpio: int, command: str, **fields: Any) -> list[Publish]:
        return self.send(f"actuator/{gpio}/command", {"command": command} | fields)

    def _note(self, said: list[Publish]) -> list[Publish]:
        self.log += said
        return said


def online(spec: NodeSpec = SPEC, faults: Faults | None = None) -> Rig:
    """A node that is connected, approved and has reported itself."""
    rig = Rig(spec, faults=faults)
    rig.connect()
    rig.ack()
    return rig


def old() -> Rig:
    """A connected node of the older generation."""
    rig = Rig(OLD_SPEC)
    rig.connect()
    return rig


def named(said: list[Publish], suffix: str) -> list[dict[str, Any]]:
    """The payloads of one kind of message."""
    return [json.loads(message.payload) for message in said if message.topic == ROOT + suffix]


def topics(said: list[Publish]) -> list[str]:
    return [message.topic.removeprefix(ROOT) for message in said]


def outcomes(said: list[Publish]) -> list[tuple[str, str]]:
    return [(o["outcome"], o["code"]) for o in named(said, "system/intent_outcome")]
