"""How things are to be understood: living values, old ones, reported states, and whether all is well."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from godkaiser_dashboard.faces import actuator_face, sensor_face, wellness
from godkaiser_dashboard.parts import sensor_tile
from godkaiser_dashboard.view import View, fold, lost
from godkaiser_dashboard.words import Words
from hypothesis import given
from hypothesis import strategies as st

from tests.dashboard.fake_desk import AIR, FAN, HEATER, Greenhouse

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat()


def make_sensor(**more: Any) -> dict[str, Any]:
    said = {
        "id": "n/0/t", "name": "Air", "node": "n", "value": 23.4, "quality": "good", "reason": None,
        "freshness": "fresh", "stale_after_s": 180.0, "measured_at": ago(5), "received_at": ago(5),
    }  # fmt: skip
    return said | more


def make_actuator(**more: Any) -> dict[str, Any]:
    said = {
        "id": "n/25", "name": "Fan", "node": "n", "type": "pwm", "safe_value": 0.0, "enabled": True,
        "reported": 0.0, "reported_at": ago(3), "wished": 0.0, "pending": False, "safe": True,
        "emergency": "normal", "lease_until": None, "last_command": None,
    }  # fmt: skip
    return said | more


def seen(**tables: Any) -> View:
    data = {"now": NOW.isoformat(), "link": {"state": "up"}, "stop": {"phase": "NORMAL"}} | tables
    return fold(View(), {"kind": "snapshot", "id": "", "data": data}, 0.0)


UP = seen(nodes=[{"id": "n", "name": "node", "status": "approved", "online": True}])


def test_a_living_value_is_shown() -> None:
    face = sensor_face(make_sensor(), UP, NOW)
    assert (face.value, face.state, face.tone, face.age, face.remark) == (23.4, "good", "good", 5.0, None)


def test_zero_is_a_value() -> None:
    assert sensor_face(make_sensor(value=0.0), UP, NOW).value == 0.0


@pytest.mark.parametrize(
    ("more", "state", "tone"),
    [
        ({"freshness": "stale"}, "stale", "warn"),
        ({"freshness": "offline"}, "offline", "warn"),
        ({"freshness": "never", "value": None}, "never", "warn"),
        ({"freshness": None}, "never", "warn"),
        ({"quality": "error", "value": None}, "error", "bad"),
        ({"quality": "error", "value": 9.0}, "error", "bad"),
        ({"value": None, "quality": None}, "error", "bad"),
    ],
)
def test_what_is_not_alive_has_no_figure(more: dict[str, Any], state: str, tone: str) -> None:
    face = sensor_face(make_sensor(**more), UP, NOW)
    assert face.value is None
    assert (face.state, face.tone) == (state, tone)
    assert face.remark is not None


@pytest.mark.parametrize(
    ("more", "state", "tone"),
    [
        ({"quality": "suspect"}, "suspect", "warn"),
        ({"quality": "uncalibrated"}, "uncalibrated", "note"),
        ({"freshness": "late"}, "late", "note"),
    ],
)
def test_doubtful_values_are_shown_with_the_doubt(more: dict[str, Any], state: str, tone: str) -> None:
    face = sensor_face(make_sensor(**more), UP, NOW)
    assert (face.value, face.state, face.tone) == (23.4, state, tone)


def test_an_old_value_is_remembered_as_old_only() -> None:
    face = sensor_face(make_sensor(freshness="stale", measured_at=ago(900)), UP, NOW)
    assert (face.value, face.last, face.age) == (None, 23.4, 900.0)


@given(
    st.floats(0, 10_000), st.sampled_from(["fresh", "late", "stale", "offline", "never"]), st.floats(1, 5_000)
)
def test_nothing_older_than_its_limit_is_ever_shown_as_live(age: float, word: str, limit: float) -> None:
    sensor = make_sensor(received_at=ago(age), measured_at=ago(age), freshness=word, stale_after_s=limit)
    face = sensor_face(sensor, UP, NOW)
    if age > limit + 2.1:
        assert face.value is None


def test_a_gone_controller_leaves_no_living_value() -> None:
    face = sensor_face(make_sensor(), lost(UP, 1.0), NOW)
    assert (face.value, face.last, face.state) == (None, 23.4, "gone")


@given(st.one_of(st.none(), st.floats(0, 1)), st.one_of(st.none(), st.floats(0, 1)), st.booleans())
def test_the_wished_value_never_shows_as_state(
    reported: float | None, wished: float | None, pending: bool
) -> None:
    face = actuator_face(make_actuator(reported=reported, wished=wished, pending=pending), UP, NOW)
    assert face.reported == reported
    assert face.state == ("unknown" if reported is None else "on" if reported else "off")


@pytest.mark.parametrize(
    ("more", "key", "tone"),
    [
        ({"reported": None, "reported_at": None}, "actuator.unknown", "none"),
        ({"pending": True, "wished": 0.8}, "actuator.pending", "note"),
        ({"emergency": "active"}, "actuator.emergency", "bad"),
        ({"enabled": False}, "actuator.disabled", "note"),
        ({"last_command": {"state": "failed", "value": 1.0}}, "actuator.failed", "warn"),
        ({"last_command": {"state": "rejected", "value": 1.0, "message": "no"}}, "actuator.rejected", "warn"),
        ({"last_command": {"state": "expired", "value": 1.0}}, "actuator.expired", "warn"),
    ],
)
def test_what_is_open_about_an_actuator_is_said(more: dict[str, Any], key: str, tone: str) -> None:
    face = actuator_face(make_actuator(**more), UP, NOW)
    assert [r.key for r in face.remarks] == [key]
    assert face.tone == tone


def test_a_stop_explains_the_emergency_of_its_nodes() -> None:
    stopped = seen(stop={"phase": "ACTIVE"})
    actuator = make_actuator(emergency="active", last_command={"state": "rejected", "value": 0.0})
    assert [(r.key, r.tone) for r in actuator_face(actuator, stopped, NOW).remarks] == [
        ("actuator.emergency", "note")
    ]


def test_a_failed_command_to_where_it_stands_anyway_needs_no_remark() -> None:
    last = {"state": "rejected", "value": 0.0, "message": "emergency stopped"}
    assert actuator_face(make_actuator(reported=0.0, last_command=last), UP, NOW).remarks == ()
    assert len(actuator_face(make_actuator(reported=1.0, last_command=last), UP, NOW).remarks) == 1


def test_a_confirmed_command_needs_no_remark() -> None:
    face = actuator_face(make_actuator(last_command={"state": "confirmed", "value": 0.0}), UP, NOW)
    assert (face.remarks, face.tone) == ((), "good")


def test_the_report_of_an_offline_node_is_marked_as_its_last() -> None:
    view = seen(nodes=[{"id": "n", "online": False}])
    assert [r.key for r in actuator_face(make_actuator(), view, NOW).remarks] == ["actuator.offline"]


def test_a_lease_counts_down_and_stops_at_zero() -> None:
    until = (NOW + timedelta(seconds=90)).isoformat()
    assert actuator_face(make_actuator(lease_until=until), UP, NOW).lease_s == 90.0
    assert actuator_face(make_actuator(lease_until=until), UP, NOW + timedelta(hours=1)).lease_s == 0.0


def test_a_gone_controller_makes_every_state_doubtful() -> None:
    face = actuator_face(make_actuator(reported=1.0), lost(UP, 1.0), NOW)
    assert face.tone == "none"
    assert face.remarks[0].key == "actuator.gone"


def house(**more: Any) -> View:
    greenhouse = Greenhouse()
    del greenhouse.nodes["ESP_AB12CD"]
    return fold(View(), {"kind": "snapshot", "id": "", "data": greenhouse.snapshot() | more}, 0.0)


def keys(view: View) -> list[str]:
    return [r.key for r in wellness(view, view.now(0.0)).reasons]


def test_all_is_well_and_what_runs_is_named() -> None:
    view = house()
    well = wellness(view, view.now(0.0))
    assert (well.tone, well.reasons) == ("good", ())
    assert {a["name"] for a in well.doing} == {"Fan", "Lamp"}


@pytest.mark.parametrize(
    ("more", "key", "tone"),
    [
        ({"stop": {"phase": "ACTIVE", "reason": "smoke"}}, "well.stop.ACTIVE", "bad"),
        ({"stop": {"phase": "RESUMING"}}, "well.stop.RESUMING", "bad"),
        ({"link": {"state": "down"}}, "well.link", "bad"),
        ({"counters": {"database": "It is away.", "spooled": 7}}, "well.database", "warn"),
        ({"counters": {"database": None, "spooled": 7, "unstorable": 0}}, "well.spooled", "note"),
        ({"counters": {"database": None, "spooled": 0, "unstorable": 2}}, "well.unstorable", "warn"),
        ({"nodes": [{"id": "x", "status": "approved", "online": False}]}, "well.offline", "warn"),
        ({"nodes": [{"id": "x", "status": "pending", "online": True}]}, "well.pending", "note"),
        ({"nodes": [{"id": "x", "status": "approved", "problems": ["low heap"]}]}, "well.problem", "warn"),
        ({"rules": [{"id": "r", "enabled": True, "degraded": "node offline"}]}, "well.rule", "warn"),
        ({"actuators": [make_actuator(reported=None)]}, "well.actuator.unknown", "warn"),
        ({"actuators": [make_actuator(emergency="active")]}, "well.actuator.emergency", "bad"),
        ({"sensors": [make_sensor(freshness="stale")]}, "well.sensor.stale", "warn"),
        (
            {"sensors": [make_sensor(value=None, quality="error", received_at=None)]},
            "well.sensor.error",
            "warn",
        ),
    ],
)
def test_each_trouble_is_a_reason(more: dict[str, Any], key: str, tone: str) -> None:
    view = house(**{"now": NOW.isoformat(), "sensors": [], "actuators": []} | more)
    assert keys(view) == [key]
    assert wellness(view, view.now(0.0)).tone == tone


def test_a_disabled_rule_and_an_uncalibrated_probe_are_no_trouble() -> None:
    rules = [{"id": "r", "enabled": False, "degraded": "node offline"}]
    sensors = [make_sensor(quality="uncalibrated")]
    assert keys(house(now=NOW.isoformat(), rules=rules, sensors=sensors)) == []


def test_an_offline_node_is_said_once_not_for_each_sensor() -> None:
    nodes = [{"id": "n", "name": "climate", "status": "approved", "online": False}]
    sensors = [make_sensor(freshness="offline"), make_sensor(id="n/1/h", freshness="offline")]
    assert keys(house(now=NOW.isoformat(), nodes=nodes, sensors=sensors, actuators=[])) == ["well.offline"]


def test_the_worst_comes_first() -> None:
    nodes = [{"id": "x", "status": "pending"}]
    sensors = [make_sensor(freshness="stale")]
    view = house(now=NOW.isoformat(), nodes=nodes, sensors=sensors, link={"state": "down"})
    assert keys(view) == ["well.link", "well.sensor.stale", "well.pending"]


def test_without_a_controller_there_is_one_reason_and_nothing_is_claimed_to_run() -> None:
    well = wellness(lost(house(), 1.0), NOW)
    assert ([r.key for r in well.reasons], well.doing, well.tone) == (["well.gone"], (), "bad")
    assert [r.key for r in wellness(View(), NOW).reasons] == ["well.never"]


def test_the_fake_house_has_the_things_other_tests_rely_on() -> None:
    view = house()
    assert AIR in view.sensors
    assert {FAN, HEATER} <= set(view.actuators)


# ── a tile ─────────────────────────────────────────────────────────────────────────────────────────────
def test_a_tile_says_the_sites_word_and_that_a_calibration_is_due() -> None:
    age = {"days": 41, "due_at": "2026-03-22T00:00:00Z", "due": True, "text": "calibration 41 days old"}
    sensor = make_sensor(value=100.0, unit="%", state="wet <b>", calibration_age=age)
    tile = sensor_tile(Words("en"), sensor, UP, NOW)
    assert '<div class="value">wet &lt;b&gt;</div>' in tile
    assert "calibration 41 days old, due since 2026-03-22" in tile
    plain = sensor_tile(Words("de"), make_sensor(calibration_age=age | {"due": False}), UP, NOW)
    assert "Kalibrierung" not in plain
    assert "wet" not in plain
