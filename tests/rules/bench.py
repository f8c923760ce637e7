"""A few sensors, actuators and conditions for the tests of rules."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from godkaiser.model.check import Check, Status
from godkaiser.model.ids import ActuatorId, NodeId, RuleId, SeriesId, ZoneId
from godkaiser.model.instant import Instant, parse_instant
from godkaiser.model.quantity import Freshness, Quality
from godkaiser.model.reading import Reading
from godkaiser.model.view import NodeView

NODE = NodeId.parse("ESP_A1B2C3")
AIR = SeriesId.of(NODE, 0, "sht31_temp", "0x44")
SOIL = SeriesId.of(NODE, 34, "moisture")
FAN = ActuatorId.of(NODE, 25)
PUMP = ActuatorId.of(NODE, 14)
NOW = parse_instant("2026-05-01T00:00:00Z", 0)


def at(text: str) -> Instant:
    """ISO 8601 with a zone as an instant."""
    return parse_instant(text, 0)


def reading(series: SeriesId, value: float | None) -> Reading:
    quality = Quality.ERROR if value is None else Quality.GOOD
    return Reading(series, value, 1.0, "°C", quality, "", NOW, NOW, None, 1, 1, 1)


@dataclass
class View:
    """A view with given values; what has none was never heard of."""

    values: dict[SeriesId, float | None] = field(default_factory=dict)
    ages: dict[SeriesId, Freshness] = field(default_factory=dict)
    heard: dict[SeriesId, Instant] = field(default_factory=dict)
    nodes: dict[NodeId, bool | None] = field(default_factory=dict)
    measured_at: Instant = NOW
    zone: str | None = None

    def latest(self, series: SeriesId, least: Quality | None = None) -> Reading | None:
        if series not in self.values:
            return None
        zone = None if self.zone is None else ZoneId.parse(self.zone)
        return replace(reading(series, self.values[series]), measured_at=self.measured_at, zone=zone)

    def freshness(self, series: SeriesId, now: Instant, least: Quality | None = None) -> Freshness:
        return self.ages.get(series, Freshness.FRESH if series in self.values else Freshness.NEVER)

    def heard_at(self, series: SeriesId) -> Instant | None:
        return self.heard.get(series)

    def check(self, check: Check, asks: RuleId, now: Instant) -> Status | None:
        return None

    def node(self, node: NodeId) -> NodeView | None:
        return NodeView(node, True, self.nodes[node], True) if node in self.nodes else None

    def name_of(self, thing: str) -> str:
        return {AIR: "north bench air", FAN: "fan", SOIL: "soil", PUMP: "pump"}.get(thing, thing)  # type: ignore[call-overload, no-any-return]


def unit(series: str) -> str:
    return {"sht31_temp": "°C", "moisture": "%"}[SeriesId.parse(series).sensor_type]
