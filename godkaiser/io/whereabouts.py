"""In which zones something acts, for people who may act in some of them only. None: in the whole house."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from godkaiser.engine.state import State
from godkaiser.model.ids import ActuatorId, NodeId, SeriesId
from godkaiser.model.scope import Scope
from godkaiser.rules.rule import Rule

Zones = Iterable[str | None]
Where = Callable[[], Zones | None]  # asked only of somebody who is bound to zones


def whole_house() -> None:
    """What is not about single zones."""


def of_actuator(state: State, actuator: ActuatorId) -> Zones:
    """Its own zone, or its node's."""
    return [state.zone_of(actuator)]


def of_node(state: State, node: NodeId) -> Zones:
    """Its zone and those of its actuators."""
    known = state.nodes.get(node)
    own = None if known is None else known.zone
    return {own, *(state.zone_of(actuator) for actuator in state.actuators if actuator.node == node)}


def of_sensor(state: State, series: SeriesId) -> Zones:
    """Its own zone, or its node's."""
    spec, node = state.sensor_specs.get(series), state.nodes.get(series.node)
    return [(None if spec is None else spec.zone) or (None if node is None else node.zone)]


def of_rules(state: State, rules: Iterable[Rule]) -> Zones | None:
    """Those of everything they may ever switch; a rule that switches nothing belongs to the whole house."""
    switched = [rule.switches for rule in rules]
    if not switched or not all(switched):
        return None
    return {state.zone_of(actuator) for switches in switched for actuator in switches}


def of_scope(state: State, scope: Scope) -> Zones | None:
    """Those a stop covers."""
    if scope.kind == "zone":
        return [scope.name]
    return of_node(state, NodeId.known(scope.name)) if scope.kind == "node" else None


def of_alarm(state: State, key: str) -> Zones | None:
    """Those of the thing it speaks of."""
    source = key.partition(":")[2]
    if (actuator := ActuatorId.known(source)) in state.actuators:
        return of_actuator(state, actuator)
    if (node := NodeId.known(source)) in state.nodes:
        return of_node(state, node)
    found = [known.rule for known in state.rules.values() if known.rule.id == source]
    return of_rules(state, found)
