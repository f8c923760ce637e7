"""From a report to a reading: time gates, quality, identity."""

from typing import Any

import pytest

from godkaiser.engine import picture
from godkaiser.engine.effect import Placed
from godkaiser.model import event as ev
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import DAY, SECOND
from godkaiser.model.quantity import Quality
from godkaiser.model.site import Site
from tests.engine.bench import AIR, CLIMATE, COOL, FAN, SITE, SOIL, START, WATER, Desk, Reading, moves, stored

GOOD, UNCALIBRATED, SUSPECT, ERROR = Quality
PH = SeriesId.of(WATER, 32, "ph")


def take(desk: Desk, value: float = 20.0, series: SeriesId = AIR, **fields: Any) -> Reading:
    (reading,) = stored(Reading, desk.read(series, value, **fields))
    return reading


NOW_S = START // SECOND + 2


@pytest.mark.parametrize(
    ("late", "quality", "usable"),
    [
        (0, GOOD, True), (-30, GOOD, True), (-31, SUSPECT, False), (31, GOOD, True), (120, GOOD, True),
        (121, SUSPECT, False), (DAY // SECOND + 1, SUSPECT, False),
    ],
)  # fmt: skip
def test_time_gates(late: int, quality: Quality, usable: bool) -> None:
    reading = take(Desk().ready(), ts=NOW_S - late)
    assert (reading.quality, reading.usable) == (quality, usable)
    assert reading.value == 20.0
    assert reading.measured_at == (NOW_S - late) * SECOND
    assert not reading.server_timed


@pytest.mark.parametrize(
    "fields",
    [{"ts": 0}, {"ts": -5}, {"ts": 1_577_836_799}, {"ts": 12_345}, {"ts": NOW_S, "time_valid": False}],
)
def test_a_node_without_a_clock_gets_our_time_and_a_mark(fields: dict[str, Any]) -> None:
    desk = Desk().ready()
    reading = take(desk, **fields)
    assert (reading.measured_at, reading.server_timed, reading.usable) == (desk.now, True, True)


def test_milliseconds_are_understood() -> None:
    assert take(Desk().ready(), ts=NOW_S * 1000 - 500).measured_at == NOW_S * SECOND - SECOND // 2


def test_a_clock_that_ran_ahead_does_not_silence_what_comes_after() -> None:
    desk = Desk(COOL).ready()
    take(desk, 20.0, ts=NOW_S + 7200)
    desk.wait(30)
    assert moves(desk.read(AIR, 29.0)) != []
    assert picture.sensor_picture(desk.state, desk.state.sensors[AIR], desk.now)["value"] == 29.0


def test_a_late_reading_is_stored_but_is_not_the_newest() -> None:
    desk = Desk(COOL).ready()
    take(desk, 20.0)
    assert moves(desk.read(AIR, 29.0, ts=NOW_S - 60)) == []
    assert picture.sensor_picture(desk.state, desk.state.sensors[AIR], desk.now)["value"] == 20.0
    assert len(stored(Reading, desk.log)) == 2


@pytest.mark.parametrize(
    ("word", "quality", "value", "note"),
    [
        ("good", GOOD, 20.0, ""),
        ("fair", GOOD, 20.0, ""),
        ("unknown", GOOD, 20.0, "the node says unknown"),
        ("excellent", GOOD, 20.0, "the node says excellent"),
        ("poor", SUSPECT, 20.0, "the node says poor"),
        ("suspect", SUSPECT, 20.0, "the node says suspect"),
        ("error", ERROR, None, "the node says error"),
    ],
)
def test_the_nodes_word(word: str, quality: Quality, value: float | None, note: str) -> None:
    reading = take(Desk().ready(), quality=word)
    assert (reading.quality, reading.value, reading.reason) == (quality, value, note)
    assert reading.usable is (quality is GOOD)


def test_a_dark_room_is_a_good_zero() -> None:
    light = SeriesId.of(CLIMATE, 35, "light")
    reading = take(Desk().ready(), 0.0, light, quality="suspect")
    assert (reading.value, reading.quality, reading.usable) == (0.0, GOOD, True)
    assert take(Desk().ready(), 4095.0, light, quality="suspect").quality is SUSPECT


def test_out_of_range_has_no_value_and_leaves_the_rule_with_what_it_knew() -> None:
    desk = Desk(COOL).ready()
    desk.obey(desk.read(AIR, 29))
    reading = take(desk, 300.0)
    assert (reading.value, reading.quality, reading.usable) == (None, ERROR, False)
    assert desk.state.actuators[FAN].wished == 0.8
    shown = picture.sensor_picture(desk.state, desk.state.sensors[AIR], desk.now)
    assert (shown["value"], shown["quality"], shown["raw"]) == (None, "error", 300.0)


def test_calibration_and_its_lack() -> None:
    desk = Desk().ready()
    assert take(desk, 2000.0, SOIL, raw_mode=True).value == 50.0
    bare = take(desk, 2150.0, PH, raw_mode=True)
    assert (bare.quality, bare.usable) == (UNCALIBRATED, False)
    soil = take(desk, 2350.0, SeriesId.of(WATER, 36, "moisture"), raw_mode=True)
    assert (soil.quality, soil.usable) == (UNCALIBRATED, True)
    assert soil.value == pytest.approx(50.0)


def test_a_reading_knows_where_it_was_measured() -> None:
    desk = Desk().ready()
    reading = take(desk, seq=41)
    assert (reading.zone, reading.boot, reading.seq, reading.unit) == ("bench", 1, 41, "°C")
    again = take(desk)
    assert again.seq == take(desk).seq
    assert again.seq != take(desk, 21.0).seq


def test_an_unknown_sensor_type_is_counted_and_shown() -> None:
    desk = Desk().ready()
    assert stored(Reading, desk.read(AIR, 20, sensor_type="brix")) == []
    assert desk.state.counters["malformed"] == 1
    assert desk.state.malformed_by_code["unknown_sensor_type"] == 1
    (shown,) = picture.malformed_picture(desk.state)
    assert "'brix'" in shown["why"]
    assert shown["topic"] == f"kaiser/god/esp/{CLIMATE}/sensor/0/data"


def test_a_declared_alias_is_the_same_sensor() -> None:
    desk = Desk().ready()
    take(desk)
    assert desk.state.name_of(AIR) == "bench air"


def test_malformed_messages_are_counted_and_the_newest_kept() -> None:
    desk = Desk()
    for number in range(25):
        desk.handle(ev.Malformed(desk.now, f"t{number}", "x", "bad_json", "why"))
    shown = picture.malformed_picture(desk.state)
    assert [row["topic"] for row in shown] == [f"t{n}" for n in range(24, 4, -1)]
    assert picture.counters_picture(desk.state)["malformed_by_code"] == {"bad_json": 25}


def test_a_rule_without_an_address_means_the_only_sensor_on_the_pin() -> None:
    desk = Desk(COOL).ready()
    assert moves(desk.read(AIR, 29)) != []
    other = Desk(COOL).ready()
    take(other, 20.0)
    second = SeriesId.of(CLIMATE, 0, "sht31_temp", "0x45")
    assert moves(other.read(second, 29)) == []
    assert other.state.bound(SeriesId.of(CLIMATE, 0, "sht31_temp")) is None


def test_zero_is_a_value() -> None:
    frost = {**COOL["conditions"][0], "type": "sensor", "operator": "<", "value": 1}
    for key in ("activate_above", "deactivate_below"):
        del frost[key]
    desk = Desk({**COOL, "conditions": [frost]}).ready()
    assert moves(desk.read(AIR, 0.0)) != []


@pytest.mark.parametrize("own", [True, False])
def test_a_reading_keeps_the_zone_it_was_taken_in_however_late_it_comes(own: bool) -> None:
    """The sensor gets a zone of its own, or its node moves; then everything is as before."""
    desk = Desk().ready()
    desk.read(AIR, 20)
    there = SITE.model_dump(mode="json", exclude_unset=True)
    (there["sensors"] if own else there["nodes"])[0]["zone"] = "house"
    moves_at = []
    for site in (Site.model_validate(there), SITE):
        desk.live(300)
        desk.handle(ev.SiteChanged(desk.now, site, (), "ann"))
        moves_at.append(desk.now // SECOND)
    desk.live(60)
    found = []
    for at in (moves_at[0] - 1, moves_at[0], moves_at[1] - 1, moves_at[1], desk.now // SECOND):
        (reading,) = stored(Reading, desk.read(AIR, 20, ts=at))
        found.append(reading.zone)
    assert found == ["bench", "house", "house", "bench", "bench"]
    back = None if own else "bench"
    assert [placed.zone for placed in stored(Placed, desk.log)] == [back, "house", back]
