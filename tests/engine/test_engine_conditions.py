"""Conditions at work: who wakes which rule, and what it does then."""

from __future__ import annotations

from typing import Any

import pytest

from godkaiser.kaiser.site import parse_site
from godkaiser.kaiser.sitediff import diff
from godkaiser.kaiser.sitefile import export_site, site_of
from godkaiser.model.event import Will
from godkaiser.model.ids import ActuatorId, SeriesId
from godkaiser.model.site import Site
from godkaiser.model.truth import Truth
from godkaiser.rules.build import build_rule
from godkaiser.rules.document import read_document
from godkaiser.rules.surroundings import Surroundings
from godkaiser.sensors.types import canonical
from tests.engine.bench import AIR, CLIMATE, COOL, FAN, GOD, SITE, SOIL, WATER, Desk, moves

T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN
ON_AIR = {"esp_id": CLIMATE, "gpio": 0, "sensor_type": "sht31_temp"}
HOT = {"type": "sensor", **ON_AIR, "operator": ">", "value": 28}
HUMIDITY = SeriesId.of(CLIMATE, 0, "sht31_humidity", "0x44")


def when(*conditions: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return COOL | {"conditions": list(conditions), "cooldown_seconds": 0} | fields


def truth(desk: Desk) -> Truth:
    (one,) = desk.state.rules.values()
    return one.truth


def sent(desk: Desk) -> list[tuple[ActuatorId, float]]:
    return [(move.actuator, move.value) for move in moves(desk.log)]


# ── nodes ──────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("online", [True, False])
def test_a_node_that_leaves_and_comes_back_wakes_its_rule_at_once(online: bool) -> None:
    desk = Desk(when({"type": "node_online", "esp_id": WATER, "online": online})).ready(CLIMATE)
    assert truth(desk) is U
    desk.beat(WATER)
    assert truth(desk) is Truth.of(online)
    desk.handle(Will(desk.now, GOD, WATER, False))
    assert truth(desk) is Truth.of(not online)
    desk.wait(1)
    desk.beat(WATER)
    assert truth(desk) is Truth.of(online)
    desk.live(180, CLIMATE)
    assert truth(desk) is Truth.of(not online)
    assert (FAN, 0.8) in sent(desk)


# ── silence ────────────────────────────────────────────────────────────────────────────────────────────
SILENT = {"type": "no_data", **ON_AIR, "seconds": 300}


def test_silence_wakes_its_rule_and_a_value_ends_it() -> None:
    desk = Desk(when(SILENT)).ready()
    for _ in range(4):
        desk.read(AIR, 20)
        desk.live(120)
        assert truth(desk) is F
    desk.live(179)
    assert truth(desk) is F
    desk.wait(1)
    assert truth(desk) is T
    assert sent(desk) == [(FAN, 0.8)]
    desk.obey(desk.log)
    desk.read(AIR, 20)
    assert truth(desk) is F
    assert sent(desk) == [(FAN, 0.8), (FAN, 0.0)]


def test_a_fault_is_no_value() -> None:
    desk = Desk(when(SILENT)).ready()
    desk.read(AIR, 20)
    desk.live(240)
    desk.read(AIR, 20, quality="error")
    desk.live(60)
    assert truth(desk) is T


def test_a_value_that_comes_twice_counts_as_heard() -> None:
    desk = Desk(when(SILENT)).ready()
    desk.read(AIR, 20)
    first = desk.now
    desk.live(240)
    desk.read(AIR, 20, ts=first // 1_000_000)
    desk.live(240)
    assert truth(desk) is F


def test_silence_needs_no_reading_after_a_stop() -> None:
    """Others wait for a reading from after the release; this one would wait for ever. A heartbeat is enough."""
    desk = Desk(when(SILENT)).ready()
    desk.read(AIR, 20)
    desk.live(400)
    desk.stop()
    desk.wait(1)
    desk.clear(force=True)
    before = len(desk.log)
    desk.live(120)
    assert (FAN, 0.8) in [(move.actuator, move.value) for move in moves(desk.log[before:])]


# ── rest ───────────────────────────────────────────────────────────────────────────────────────────────
def test_a_rest_keeps_a_rule_from_starting_and_not_from_going_on() -> None:
    desk = Desk(when(HOT, {"type": "cooldown", "seconds": 600})).ready()

    def say(value: float) -> Truth:
        desk.obey(desk.read(AIR, value))
        desk.live(30)
        return truth(desk)

    assert [say(30), say(30), say(20), say(30)] == [T, T, F, F]
    for _ in range(15):
        assert say(30) is F
    assert say(30) is T
    (one,) = desk.state.rules.values()
    assert len(one.starts) == 2
    assert one.starts[1] - one.starts[0] == 600_000_000


# ── series made of others, and places ──────────────────────────────────────────────────────────────────
def test_a_rule_on_the_vapour_pressure_deficit() -> None:
    data = SITE.model_dump() | {
        "derived": [{"name": "bench VPD", "kind": "air_vpd", "of": [AIR, HUMIDITY]}],
    }
    dry = {"type": "hysteresis", "esp_id": CLIMATE, "gpio": 0, "sensor_type": "vpd", "address": 68,
           "activate_above": 1.2, "deactivate_below": 0.8}  # fmt: skip
    desk = Desk(when(dry), site=Site.model_validate(data)).ready()
    desk.read(AIR, 25.0)
    assert truth(desk) is U
    desk.read(HUMIDITY, 60.0)
    assert truth(desk) is T
    assert sent(desk) == [(FAN, 0.8)]
    (one,) = desk.state.rules.values()
    assert one.trace is not None
    assert one.trace.reading is not None
    assert one.trace.reading.value == pytest.approx(1.2671, abs=1e-3)
    desk.obey(desk.log)
    desk.wait(30)
    desk.read(HUMIDITY, 90.0)
    assert truth(desk) is F


def test_a_sensor_that_was_carried_elsewhere_says_nothing() -> None:
    here = {"type": "sensor", **ON_AIR, "operator": ">", "value": 28, "zone_id": "bench"}
    desk = Desk(when(here)).ready()
    desk.read(AIR, 30)
    assert truth(desk) is T
    away = Desk(when(here | {"zone_id": "tent"})).ready()
    away.read(AIR, 30)
    assert truth(away) is U
    assert sent(away) == []


# ── the site's position ────────────────────────────────────────────────────────────────────────────────
PLACE = "timezone: Europe/Berlin\nlatitude: 52.52\nlongitude: 13.405\n"


def test_a_position_is_kept_told_and_compared() -> None:
    site = parse_site(PLACE, "site.yaml")
    assert site.position == (52.52, 13.405)
    desk = Desk(site=site)
    assert site_of(desk.state, {}).position == site.position
    assert parse_site(export_site(desk.state, {}), "again.yaml").position == site.position
    words = [one.meaning for one in diff(Site(timezone="Europe/Berlin"), site, {})]
    assert words == [
        "latitude not stated → 52.52; rules that go by the sun follow it",
        "longitude not stated → 13.405; rules that go by the sun follow it",
    ]
    assert diff(site, site, {}) == []


def test_half_a_position_is_refused() -> None:
    with pytest.raises(Exception, match="latitude and longitude: state both or neither"):
        parse_site("latitude: 52.52\n", "site.yaml")


def test_a_rule_by_the_sun_over_a_day() -> None:
    day = {"type": "sun", "start_event": "sunrise", "end_event": "sunset"}
    rule = build_rule(
        read_document(when(day)), timezone="UTC", canonical=canonical, around=Surroundings((52.52, 13.405))
    )
    desk = Desk(rule).ready()
    changes, before = [], truth(desk)
    for minute in range(24 * 60):
        desk.obey(desk.live(60))
        if truth(desk) is not before:
            changes.append((minute, truth(desk)))
            before = truth(desk)
    assert [one for _, one in changes] == [T, F]
    assert abs(changes[0][0] - (3 * 60 + 36)) <= 3  # 05:36 in Berlin on the first of May
    assert abs(changes[1][0] - (18 * 60 + 31)) <= 3
    assert SOIL not in desk.state.sensors
