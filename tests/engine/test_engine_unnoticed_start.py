"""A node that was started anew before anybody missed it: its first readings are no reason to water."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.model.quantity import Quality
from godkaiser.model.site import Site
from tests.engine.bench import SITE, SOIL, WATER, Desk, moves
from tests.examples import examples

DRY: dict[str, Any] = {
    "name": "Water",
    "conditions": [{"type": "sensor", "esp_id": WATER, "gpio": 34, "sensor_type": "moisture",
                    "operator": "<", "value": 40}],
    "actions": [{"type": "actuator", "esp_id": WATER, "gpio": 14, "command": "ON", "duration_seconds": 20}],
    "cooldown_seconds": 0,
}  # fmt: skip
WET, ZERO, PARCHED = 1700.0, 2800.0, 2600.0  # 69 %, 0 % and 12.5 %


def settled(number: int, site: Site = SITE) -> Desk:
    """It has run for a while; `number` is that of its last message."""
    desk = Desk(DRY, site=site)
    desk.link()
    desk.beat(WATER, uptime=5000)
    desk.wait(3)
    for seq in range(number - 4, number + 1):
        desk.live(30, WATER)
        desk.read(SOIL, WET, raw_mode=True, seq=seq)
    assert desk.state.sensors[SOIL].usable is not None
    return desk


def quality(desk: Desk) -> Quality:
    latest = desk.state.sensors[SOIL].latest
    assert latest is not None
    return latest.quality


@examples(60)
@given(
    last=st.integers(40, 5000),
    first=st.integers(1, 30),
    steps=st.lists(st.integers(1, 9), min_size=2, max_size=2),
    pauses=st.lists(st.integers(1, 50), min_size=3, max_size=3),
    told=st.integers(0, 3),
    clockless=st.booleans(),
)
def test_the_first_three_readings_after_it_start_no_pump(
    last: int, first: int, steps: list[int], pauses: list[int], told: int, clockless: bool
) -> None:
    """Wherever among them its heartbeat comes, and with it what was not known before."""
    desk = settled(last)
    seqs = [first, first + steps[0], first + sum(steps)]
    before = len(moves(desk.log))
    for number, (seq, pause) in enumerate(zip(seqs, pauses, strict=True)):
        desk.wait(pause)
        if number == told:
            desk.beat(WATER, boot="b2", uptime=sum(pauses))
        late: dict[str, Any] = {"ts": 0, "time_valid": False} if clockless else {}
        desk.read(SOIL, ZERO, raw_mode=True, seq=seq, **late)
        assert quality(desk) is Quality.SUSPECT
    assert moves(desk.log)[before:] == []


def test_then_it_is_believed() -> None:
    desk = settled(300)
    for seq in (7, 9, 11):
        desk.wait(20)
        assert not moves(desk.read(SOIL, PARCHED, raw_mode=True, seq=seq))
    desk.wait(20)
    assert [move.value for move in moves(desk.read(SOIL, PARCHED, raw_mode=True, seq=13))] == [1.0]


def test_numbers_that_go_on_are_no_start() -> None:
    desk = settled(300)
    desk.wait(20)
    assert [move.value for move in moves(desk.read(SOIL, PARCHED, raw_mode=True, seq=301))] == [1.0]


def test_a_message_that_comes_once_more_is_no_start() -> None:
    desk = settled(300)
    at = desk.now // 1_000_000
    desk.live(30, WATER)
    desk.read(SOIL, WET, raw_mode=True, seq=301)
    desk.read(SOIL, WET, raw_mode=True, seq=300, ts=at)
    desk.wait(20)
    assert [move.value for move in moves(desk.read(SOIL, PARCHED, raw_mode=True, seq=302))] == [1.0]


@pytest.mark.parametrize("fields", [{"ts": 0}, {"time_valid": False}])
def test_a_clock_that_is_gone_is_a_start_also_without_numbers(fields: dict[str, Any]) -> None:
    desk = settled(300)
    desk.wait(20)
    assert not moves(desk.read(SOIL, ZERO, raw_mode=True, seq=None, **fields))
    assert quality(desk) is Quality.SUSPECT


def test_a_node_that_never_had_a_clock_is_no_start_each_time() -> None:
    desk = settled(300)
    for _ in range(4):
        desk.wait(20)
        desk.read(SOIL, WET, raw_mode=True, seq=None, ts=0)
    desk.wait(20)
    said = desk.read(SOIL, PARCHED, raw_mode=True, seq=None, ts=0)
    assert [move.value for move in moves(said)] == [1.0]


def test_what_is_measured_rarely_does_not_lean_on_an_uptime_of_before() -> None:
    rare = SITE.model_dump()
    rare["sensors"] = [sensor | {"mode": "on_demand"} for sensor in rare["sensors"]]
    desk = settled(300, Site.model_validate(rare))
    desk.wait(20)
    assert not moves(desk.read(SOIL, ZERO, raw_mode=True, seq=3))
    assert quality(desk) is Quality.SUSPECT
