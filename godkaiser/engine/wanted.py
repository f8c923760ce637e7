"""What a node should be, from what the site declares. Nothing is invented: what nobody declared is left alone."""

from __future__ import annotations

import hashlib
from typing import Final

from godkaiser.engine.state import NodeState, State
from godkaiser.model.board import NO_PIN
from godkaiser.model.ids import NodeId
from godkaiser.model.nodeconfig import ActuatorItem, Hardware, NodeConfig, SensorItem
from godkaiser.model.site import ActuatorSpec, Mode, SensorSpec, address_text

# Reaching its own limit latches a pin on the node: our timer must come first, also after a slow way there.
RUNTIME_MARGIN_MS: Final = 60_000
SMALLEST: Final = Hardware()


def hardware_of(node: NodeState) -> Hardware:
    """Its generation as heard and its board as declared; unknown counts as the smaller."""
    return Hardware(node.modern, node.board or SMALLEST.board)


def wanted_config(state: State, node: NodeId) -> NodeConfig:
    """Declared sensors and actuators of a node. An actuator without a bound on its on-time is left out."""
    sensors = [
        sensor_item(spec, state.mode_of(spec), state.interval_of(spec))
        for spec in state.sensor_specs.values()
        if spec.node == node
    ]
    specs = [a.spec for a in state.actuators.values() if a.id.node == node and a.spec.declared_by == "site"]
    actuators = [actuator_item(spec, spec.longest_on_s) for spec in specs if spec.longest_on_s is not None]
    return NodeConfig(tuple(sensors), tuple(actuators))


def offline_proof(state: State, node_id: NodeId) -> bool | None:
    """Can the node switch nothing by rules of its own while it is stopped? None while no stop covers it.

    Old firmware has no such rules. A node of which we do not know which firmware it runs is not proof, nor is one
    that only its actuators name.
    """
    if not any(
        s.covers(a, state.zone_of(a))
        for s in state.stops.values()
        for a in state.actuators
        if a.node == node_id
    ):
        return None
    node = state.nodes.get(node_id)
    if node is None:
        return False
    if not node.modern and node.online is not None:
        return True
    return node.confirmed.rules == []


def sensor_item(spec: SensorSpec, mode: Mode, interval_s: int) -> SensorItem:
    """As the node is told: its own conversion off, an I²C address as a number."""
    address = address_text(spec.address)
    i2c = int(address, 16) if address.startswith("0x") else None
    return SensorItem(
        gpio=spec.gpio,
        sensor_type=spec.type,
        sensor_name=spec.name,
        subzone_id=spec.subzone or "",
        operating_mode=mode,
        measurement_interval_seconds=interval_s,
        onewire_address="" if i2c is not None else address,
        i2c_address=i2c,
    )


def actuator_item(spec: ActuatorSpec, longest_s: float) -> ActuatorItem:
    """Left alone it goes to its safe value."""
    return ActuatorItem(
        gpio=spec.gpio,
        actuator_type=spec.type,
        actuator_name=spec.name,
        aux_gpio=NO_PIN if spec.aux_gpio is None else spec.aux_gpio,
        subzone_id=spec.subzone or "",
        critical=spec.critical,
        inverted_logic=spec.inverted,
        default_state=spec.safe_value > 0,
        default_pwm=round(spec.safe_value * 255) if spec.type == "pwm" else 0,
        max_runtime_ms=round(longest_s * 1000) + RUNTIME_MARGIN_MS,
    )


def fingerprint(thing: object) -> str:
    """Equal for equal configurations, over restarts and machines."""
    return hashlib.sha256(repr(thing).encode()).hexdigest()[:16]


def subzones_of(state: State, node: NodeId) -> dict[str, tuple[int, ...]]:
    """Subzone → pins, from everything that names one. I²C has no pin of its own."""
    pins: dict[str, set[int]] = {}
    for spec in state.sensor_specs.values():
        if spec.node == node and spec.subzone:
            pins.setdefault(spec.subzone, set()).update({spec.gpio} - {0})
    for actuator in state.actuators.values():
        if actuator.id.node == node and actuator.spec.subzone:
            pins.setdefault(actuator.spec.subzone, set()).add(actuator.spec.gpio)
    return {subzone: tuple(sorted(gpios)) for subzone, gpios in sorted(pins.items())}
