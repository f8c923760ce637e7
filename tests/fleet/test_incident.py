"""The night of the incident through the whole program: journal, database, desk, a broker between, time virtual.

Local zone Europe/Berlin, the thermometer's node every 30 s, the heater's node away from 00:12 to 05:45.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from math import isnan
from pathlib import Path
from typing import Any, Final

import pytest
from godkaiser_dashboard.curve import columns, gaps, longest_step, points

from godkaiser.io.sim.farm import Farm
from godkaiser.io.sim.greenhouse import Greenhouse
from godkaiser.io.sim.node import VirtualNode
from godkaiser.io.sim.plant import Plant
from godkaiser.io.sim.spec import ActuatorSpec, NodeSpec, Publish, SensorSpec
from godkaiser.kaiser.controller import Options
from godkaiser.model.instant import MINUTE, SECOND, parse_instant, to_iso
from godkaiser.model.site import Site
from tests.fleet.brokers import Broker, InProcess, Real
from tests.fleet.shell import ShellFleet
from tests.services import Mosquitto

A, B, HEATER, GPIO = "ESP_A00001", "ESP_B00002", "ESP_B00002/26", 26
ROM = "28FF641E8D3C0C79"
BEGIN = parse_instant("2026-04-30T22:30:00+02:00", 0)
OFF_AT = parse_instant("2026-05-01T00:12:03+02:00", 0)
BACK_AT = parse_instant("2026-05-01T05:45:00+02:00", 0)
END = parse_instant("2026-05-01T06:30:00+02:00", 0)
SILENT: Final = f"node_silent:{B}"
SITE = Site.model_validate(
    {
        "timezone": "Europe/Berlin",
        "nodes": [{"id": A, "name": "thermometer", "approved": True}, {"id": B, "approved": True}],
        "sensors": [
            {"node": A, "gpio": 4, "type": "ds18b20", "address": ROM, "name": "room air"},
            {"node": B, "gpio": 4, "type": "ds18b20", "address": ROM, "name": "heater surface"},
        ],
        "actuators": [{"node": B, "gpio": GPIO, "type": "relay", "kind": "heater", "name": "heater",
                       "max_on_s": 28800}],
        "rules": [
            {"name": "Heat at night",
             "conditions": [
                 {"type": "hysteresis", "esp_id": A, "gpio": 4, "sensor_type": "ds18b20", "address": ROM,
                  "activate_below": 22.0, "deactivate_above": 22.5},
                 {"type": "time_window", "start_time": "00:00", "end_time": "06:00",
                  "timezone": "Europe/Berlin"}],
             "actions": [{"type": "actuator", "esp_id": B, "gpio": GPIO, "command": "ON"}],
             "cooldown_seconds": 60},
        ],
    }
)  # fmt: skip
PARTS = {
    A: NodeSpec(A, "esp32_dev", "", sensors=(SensorSpec(4, "ds18b20", 30, rom=ROM),)),
    B: NodeSpec(
        B,
        "esp32_dev",
        "",
        sensors=(SensorSpec(4, "ds18b20", 30, rom=ROM),),
        actuators=(ActuatorSpec(GPIO, "relay", "heater", max_runtime=28_800_000),),
    ),
}


class Room:
    """Half a minute passes with every look at the thermometer: 0.06 K warmer with heat, else towards 15 °C."""

    def __init__(self) -> None:
        self.air, self.heat = 23.2, 0.0

    def offers(self, quantity: str) -> bool:
        return quantity == "ds18b20"

    def sense(self, zone: str, quantity: str) -> float:
        self.air += 0.06 * self.heat - 0.00072 * (self.air - 15.0)
        return self.air

    def drive(self, zone: str, part: str, level: float) -> None:
        self.heat = level


class Surface(Room):
    """What node B measures itself; of no consequence, but there is a gap in it."""

    def __init__(self, room: Room) -> None:
        super().__init__()
        self.room = room

    def sense(self, zone: str, quantity: str) -> float:
        return self.room.air + 20.0 * self.room.heat

    def drive(self, zone: str, part: str, level: float) -> None:
        self.room.drive(zone, part, level)


class Switched(VirtualNode):
    """Writes down every change of its heater, and what it is told besides commands."""

    def __init__(self, *args: Any, **more: Any) -> None:
        self.switches: list[tuple[int, float]] = []
        self.told: list[tuple[int, str]] = []
        super().__init__(*args, **more)

    def receive(self, topic: str, payload: bytes, now: int) -> list[Publish]:
        before = self.level(GPIO)
        said = super().receive(topic, payload, now)
        if self.level(GPIO) != before:
            self.switches.append((now, self.level(GPIO)))
        self.told.append((now, topic))
        return said


class Night(ShellFleet):
    """Two nodes and the whole controller."""

    def __init__(self, data: Path, broker: Broker) -> None:
        super().__init__(data, broker)
        self.room = Room()
        self.heater = Switched(PARTS[B], Surface(self.room), seed=2, boot=BEGIN)
        self.nodes = {A: VirtualNode(PARTS[A], self.room, seed=1, boot=BEGIN), B: self.heater}  # type: ignore[dict-item]
        greenhouse = Greenhouse(Plant(1, BEGIN), tuple(self.nodes.values()))
        self._farm = Farm(greenhouse, self._connect, lambda: self.now, self._wait_outside)
        self._farm.hold = True
        self._ahead = BEGIN

    def _options(self) -> Options:
        return replace(super()._options(), site=SITE)

    async def until(self, at: int) -> None:
        await self.live((at - self.now) / SECOND)

    async def leave(self) -> None:
        await self._cut(B)

    async def back(self) -> None:
        await self._let_in(B)

    async def ask(self, method: str, **params: Any) -> Any:
        return await self._controller.clerk.call(method, params)


@pytest.fixture(params=["in-process", "mosquitto"])
async def night(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Night]:
    broker: Broker = InProcess()
    if request.param == "mosquitto":
        real: Mosquitto = request.getfixturevalue("mosquitto")
        broker = Real(real)
    world = Night(tmp_path / "data", broker)
    try:
        await world.begin()
        yield world
    finally:
        await world.end()


async def alarms(night: Night) -> list[tuple[int, str, str]]:
    rows = await night.ask("alarms.history", since=to_iso(BEGIN))
    return [(parse_instant(row["at"], 0), row["key"], row["step"]) for row in rows]


async def test_the_whole_night(night: Night) -> None:
    await night.until(OFF_AT)
    await night.leave()
    (rule,) = (await night.ask("snapshot"))["rules"]
    assert rule["state"] == "degraded"
    assert rule["degraded"] == f"cannot act: node {B} is offline since 00:12:03 on 2026-05-01"
    await night.until(OFF_AT + MINUTE)
    (raised,) = await alarms(night)
    assert (raised[1:], raised[0] - OFF_AT <= MINUTE) == ((SILENT, "raised"), True)

    await night.until(BACK_AT)
    assert night.room.air < 20.5
    told = await night.ask("why", actuator=HEATER)
    assert f"node {B} is offline since 00:12:03 on 2026-05-01, so nothing was sent" in told["text"]
    assert "0 of 1 decisions since then carried out" in told["text"]
    decisions = await night.ask("decisions", since=to_iso(OFF_AT))
    wanting = [row for row in decisions if row["active"]]
    assert [row["outcome"] for row in wanting] == ["not carried out"], "one decision in 660 evaluations"
    assert "offline" in wanting[0]["outcome_reason"]

    mark = len(night.heater.told)
    await night.back()
    heard = night.now
    await night.until(heard + 10 * SECOND)
    assert night.room.heat == 1.0
    ons = [at for at, level in night.heater.switches if at >= heard and level]
    assert [at - heard <= 10 * SECOND for at in ons] == [True]
    topics = [topic for _, topic in night.heater.told[mark:]]
    assert [topic for topic in topics if "config" in topic or "zone" in topic] == [], "nothing has drifted"
    (rule,) = (await night.ask("snapshot"))["rules"]
    assert (rule["state"], rule["degraded"], rule["carried_out"], rule["not_carried_out"]) == (
        "active",
        None,
        1,
        0,
    )

    await night.until(END)
    assert [(key, step) for _, key, step in await alarms(night)] == [
        (SILENT, "raised"), (SILENT, "returned"), (SILENT, "cleared"),
    ]  # fmt: skip
    assert night.room.heat == 0.0
    await _the_gap_is_a_gap(night)


async def _the_gap_is_a_gap(night: Night) -> None:
    """Of what node B measured: no value stands for the time it was away."""
    buckets = await night.ask(
        "history.buckets", series=f"{B}/4/ds18b20@{ROM}", every="10min",
        span={"since": to_iso(BEGIN), "until": to_iso(END)},
    )  # fmt: skip
    begins = [parse_instant(at, 0) for at in buckets["begins"]]
    away = [
        value for at, value in zip(begins, buckets["values"], strict=True)
        if OFF_AT + 10 * MINUTE <= at < BACK_AT - 10 * MINUTE
    ]  # fmt: skip
    assert len(away) > 25
    assert all(value is None or isnan(value) for value in away)
    told = await night.ask("history", series=f"{B}/4/ds18b20@{ROM}", since=to_iso(BEGIN), until=to_iso(END))
    drawn = points(told)
    assert gaps(drawn, longest_step(drawn, 180.0)) == 1
    at = [p.at * 1000 for p in drawn]
    assert not any(OFF_AT + MINUTE < when < BACK_AT for when in at)
    line = columns(drawn, longest_step(drawn, 180.0))
    breaks = [t for t, value in zip(line["t"], line["value"], strict=True) if isnan(value)]
    assert [OFF_AT < t * 1000 < BACK_AT for t in breaks] == [True], "the page breaks its line there, once"
    there = [value for at, value in zip(begins, buckets["values"], strict=True) if at < OFF_AT - 10 * MINUTE]
    assert all(value is not None for value in there)
