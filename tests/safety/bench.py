"""An actuator, a node and a view for the tests of safety."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from godkaiser.model.ids import ActuatorId, NodeId
from godkaiser.model.instant import Instant, parse_instant
from godkaiser.model.intent import Intent, Origin
from godkaiser.model.site import ActuatorSpec
from godkaiser.model.view import NodeView

NODE = NodeId.parse("ESP_A1B2C3")
FAN = ActuatorId.of(NODE, 25)
NOW = parse_instant("2026-05-01T00:00:00Z", 0)
READY = NodeView(NODE, approved=True, online=True, modern=True)


def spec_of(**fields: Any) -> ActuatorSpec:
    return ActuatorSpec.model_validate({"node": NODE, "gpio": 25, "type": "pwm", **fields})


def wants(value: float, **fields: Any) -> Intent:
    given: dict[str, Any] = {"origin": Origin.PERSON, "who": "ann", **fields}
    return Intent("i1-1-1", FAN, value, **given)


@dataclass
class View:
    """Everything is fine unless told otherwise."""

    of: ActuatorSpec | None = None
    at: NodeView | None = READY
    stop: str | None = None
    up: bool = True
    since: Instant | None = None
    restless: tuple[ActuatorId, ...] = ()

    def stopped(self, actuator: ActuatorId) -> str | None:
        return self.stop

    @property
    def link_up(self) -> bool:
        return self.up

    def spec(self, actuator: ActuatorId) -> ActuatorSpec | None:
        return self.of

    def node(self, node: NodeId) -> NodeView | None:
        return self.at

    def on_since(self, actuator: ActuatorId) -> Instant | None:
        return self.since

    def node_stopped(self, node: NodeId) -> str | None:
        return self.stop

    def away(self, node: NodeId) -> tuple[ActuatorId, ...]:
        return self.restless
