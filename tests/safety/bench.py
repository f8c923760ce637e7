"""An actuator, a node and a view for the tests of safety."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from godkaiser.model.history import NEVER_ON, OnHistory
from godkaiser.model.ids import ActuatorId, NodeId, SeriesId
from godkaiser.model.instant import Instant, parse_instant
from godkaiser.model.intent import Intent, Origin
from godkaiser.model.quantity import Freshness, Quality
from godkaiser.model.reading import Reading
from godkaiser.model.site import ActuatorSpec
from godkaiser.model.view import NodeView, Rival, Taken

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
    past: OnHistory = NEVER_ON
    others: tuple[Rival, ...] = ()
    pin: str | None = None
    hold: Taken | None = None
    workshop: Taken | None = None
    reading: Reading | None = None
    fresh: Freshness = Freshness.NEVER
    timezone: str = "UTC"
    journal_problem: str = ""

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

    def history(self, actuator: ActuatorId) -> OnHistory:
        return self.past

    def rivals(self, actuator: ActuatorId) -> tuple[Rival, ...]:
        return self.others

    def pin_problem(self, actuator: ActuatorId) -> str | None:
        return self.pin

    def held(self, actuator: ActuatorId) -> Taken | None:
        return self.hold

    def service(self, actuator: ActuatorId) -> Taken | None:
        return self.workshop

    def latest(self, series: SeriesId, least: Quality | None = None) -> Reading | None:
        return self.reading

    def freshness(self, series: SeriesId, now: Instant, least: Quality | None = None) -> Freshness:
        return self.fresh

    def name_of(self, thing: str) -> str:
        return thing
