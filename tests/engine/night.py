"""A night in a room: one node with the thermometer, one with the heater, and physics simple enough to foresee.

The log is generated: readings every 30 s, heartbeats every minute, the heater's node away from 00:12 to 05:45.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from godkaiser.engine.effect import AlarmChange, Effect, Send
from godkaiser.engine.state import RuleState
from godkaiser.model import event as ev
from godkaiser.model.command import Move
from godkaiser.model.ids import ActuatorId, NodeId, SeriesId
from godkaiser.model.instant import MINUTE, SECOND, Instant, parse_instant
from godkaiser.model.site import Site
from tests.engine.bench import GOD, Desk, only, rule, stored

A, B = NodeId.parse("ESP_A00001"), NodeId.parse("ESP_B00002")
AIR, HEATER = SeriesId.of(A, 4, "ds18b20", "28FF641E8D3C0C79"), ActuatorId.of(B, 26)
EVERY: Final = 30 * SECOND


def local(clock: str, day: str = "2026-01-15") -> Instant:
    """By the clock of the site; in January it is an hour ahead."""
    return parse_instant(f"{day}T{clock}+01:00", 0)


OFF_AT, BACK_AT = local("00:12:03"), local("05:45:00")


def site(max_on_s: float = 28800) -> Site:
    return Site.model_validate(
        {
            "timezone": "Europe/Berlin",
            "nodes": [
                {"id": A, "name": "thermometer", "approved": True},
                {"id": B, "approved": True},
            ],
            "sensors": [
                {"node": A, "gpio": 4, "type": "ds18b20", "address": AIR.address, "name": "room air"}
            ],
            "actuators": [
                {"node": B, "gpio": 26, "type": "relay", "kind": "heater", "name": "heater",
                 "max_on_s": max_on_s},
            ],
        }
    )  # fmt: skip


def heating(name: str = "Heat at night", start: str = "00:00", end: str = "06:00", **changes: Any) -> Any:
    below, above = changes.pop("below", 22.0), changes.pop("above", 22.5)
    return rule(
        {
            "name": name,
            "conditions": [
                {"type": "hysteresis", "esp_id": A, "gpio": 4, "sensor_type": "ds18b20",
                 "address": AIR.address, "activate_below": below, "deactivate_above": above},
                {"type": "time_window", "start_time": start, "end_time": end, "timezone": "Europe/Berlin"},
            ],
            "actions": [{"type": "actuator", "esp_id": B, "gpio": 26, "command": "ON"}],
            "cooldown_seconds": 60,
        },
        **changes,
    )  # fmt: skip


class Night(Desk):
    """`heat` is what the heater really does; while its node is away it is off."""

    def __init__(self, *rules: Any, max_on_s: float = 28800, begin: Instant, air: float) -> None:
        super().__init__(*rules, site=site(max_on_s))
        self.now, self.air, self.heat, self.there = begin, air, 0.0, True
        self.switched: list[tuple[Instant, float]] = []
        self.readings = 0
        self.link()
        self.beat(A)
        self.back()

    def handle(self, event: ev.Event) -> list[Effect]:
        """The node carries out what it hears, and says so."""
        effects = super().handle(event)
        for send in only(Send, effects) if self.there else ():
            if isinstance(move := send.command.order, Move):
                self._switch(move.value)
                effects += self.ack(HEATER, send.command.id)
                effects += self.report(HEATER, self.heat)
        return effects

    def _switch(self, value: float) -> None:
        if value != self.heat:
            self.heat = value
            self.switched.append((self.now, value))

    def leave(self) -> list[Effect]:
        """Its connection ends, it goes to its own safe state, and the broker says its will."""
        self.there = False
        self._switch(0.0)
        return self.handle(ev.Will(self.now, GOD, B, retained=False))

    def back(self) -> list[Effect]:
        """It connects, is acknowledged, and says what it does."""
        self.there = True
        said = self.beat(B)
        self.now += SECOND
        return said + self.report(HEATER, self.heat)

    def until(self, end: Instant, at: Iterable[tuple[Instant, Callable[[], Any]]] = ()) -> None:
        """Let the night pass; at named times something happens besides."""
        todo = sorted(at, key=lambda one: one[0])
        beat = self.now
        while self.now < end:
            upto = min(self.now + EVERY, end)
            while todo and todo[0][0] <= upto:
                when, what = todo.pop(0)
                self.wait(max(0, when - self.now) / SECOND)
                what()
            self.wait(max(0, upto - self.now) / SECOND)
            self._breathe()
            self.read(AIR, round(self.air, 2))
            self.readings += 1
            if self.now - beat >= MINUTE:
                beat = self.now
                self.beat(A)
                if self.there:
                    self.beat(B)

    def _breathe(self) -> None:
        """In half a minute: 0.06 K warmer while it heats, else slowly towards the 15 °C outside."""
        self.air += 0.06 * self.heat - 0.00072 * (self.air - 15.0)

    @property
    def only_rule(self) -> RuleState:
        return next(iter(self.state.rules.values()))

    def alarms(self) -> list[tuple[Instant, str, str]]:
        return [(change.at, change.key, change.step) for change in stored(AlarmChange, self.log)]
