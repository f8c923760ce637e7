"""Faults of a signal through the engine: each is named, stored, and no rule acts on it."""

from typing import Any

import pytest

from godkaiser.model import event as ev
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import SECOND
from godkaiser.model.quantity import Freshness, Quality
from godkaiser.model.site import SensorSpec, Site
from tests.engine.bench import (
    AIR,
    CLIMATE,
    COOL,
    FAN,
    GOD,
    HEATER,
    IRRIGATE,
    PUMP,
    SITE,
    SOIL,
    WATER,
    Desk,
    Reading,
    moves,
    stored,
)

GOOD, UNCALIBRATED, SUSPECT, ERROR = Quality
ROOT = SeriesId.of(CLIMATE, 4, "ds18b20", "28FF641E8D3C0C79")
PH = SeriesId.of(WATER, 32, "ph")


def take(desk: Desk, series: SeriesId, value: float, **fields: Any) -> Reading:
    (reading,) = stored(Reading, desk.read(series, value, **fields))
    return reading


def raw(desk: Desk, series: SeriesId, count: float, **fields: Any) -> Reading:
    return take(desk, series, count, raw_mode=True, **fields)


def usual(desk: Desk, series: SeriesId, counts: list[float], every: float = 30) -> None:
    """Readings nobody would doubt."""
    for count in counts:
        desk.wait(every)
        for node in (CLIMATE, WATER):
            desk.beat(node)
        assert raw(desk, series, count).quality is GOOD


def site(**fields: Any) -> Site:
    """The bench's site, with more said of the soil probe."""
    air, soil = SITE.sensors
    return SITE.model_copy(update={"sensors": (air, SensorSpec.model_validate(soil.model_dump() | fields))})


def away(desk: Desk, seconds: float = 60) -> None:
    """The water node is gone and comes back."""
    desk.handle(ev.Will(desk.now, GOD, WATER, retained=False))
    desk.wait(seconds)
    desk.beat(WATER)
    desk.wait(2)


# ── faults ─────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("series", "count", "fields", "reason"),
    [
        (SOIL, 4095.0, {}, "raw value at the rail of the ADC"),
        (SOIL, 0.0, {}, "raw value at the rail of the ADC"),
        (ROOT, 1360.0, {}, "85 °C is the power-on value"),
        (ROOT, 85.0, {"raw_mode": False}, "85 °C is the power-on value"),
        (AIR, 27445.0, {"ts": -121}, "121 s old"),
        (AIR, 27445.0, {"ts": 31}, "31 s ahead of our clock"),
    ],
)
def test_faults_of_a_single_reading(
    series: SeriesId, count: float, fields: dict[str, int], reason: str
) -> None:
    desk = Desk(COOL, IRRIGATE).ready()
    given = fields | {"ts": desk.now // SECOND + fields.get("ts", 0)}
    reading = take(desk, series, count, **{"raw_mode": True} | given)
    assert (reading.quality, reading.reason, reading.usable) == (SUSPECT, reason, False)
    assert reading.value is not None
    assert moves(desk.log) == []


def test_a_spike_is_stored_and_no_rule_sees_it() -> None:
    desk = Desk(COOL).ready()
    usual(desk, AIR, [25600 + n % 5 for n in range(20)])
    desk.wait(30)
    reading = raw(desk, AIR, 40000)
    assert (reading.quality, reading.usable) == (SUSPECT, False)
    assert reading.value == pytest.approx(-45 + 175 * 40000 / 65535)
    assert reading.reason.startswith("spike: ")
    assert moves(desk.log) == []
    kept = desk.state.latest(AIR)
    assert kept is not None
    assert kept.value is not None
    assert kept.value < 24


def test_a_real_step_is_acted_upon_with_the_fifth_value() -> None:
    desk = Desk(COOL).ready()
    usual(desk, AIR, [25600 + n % 5 for n in range(20)])
    found = []
    for count in (28000, 28010, 28020, 28010, 28000):
        desk.wait(30)
        found.append((raw(desk, AIR, count).quality, bool(moves(desk.log))))
    assert found == [(SUSPECT, False)] * 4 + [(GOOD, True)]
    assert moves(desk.log)[0].actuator == FAN


def test_what_is_measured_rarely_may_have_gone_further() -> None:
    """Half a kelvin a minute, once in five minutes; then a single value that jumps."""
    air = SITE.sensors[0].model_copy(update={"interval_s": 300, "stale_after_s": 900.0})
    desk = Desk(site=SITE.model_copy(update={"sensors": (air, *SITE.sensors[1:])})).ready()
    for n in range(40):
        desk.live(300)
        take(desk, AIR, 22 + 0.05 * (n % 2))
    for n in range(1, 16):
        desk.live(300)
        assert take(desk, AIR, 22 + 2.5 * n).quality is GOOD
    found = []
    for value in (70.0, 60.0):
        desk.live(300)
        found.append(take(desk, AIR, value).quality)
    assert found == [SUSPECT, GOOD]


def test_a_flat_line_goes_stale_for_rules() -> None:
    desk = Desk(COOL).ready()
    usual(desk, AIR, [27445] * 120)
    desk.live(30)
    reading = raw(desk, AIR, 27445)
    assert (reading.quality, reading.reason) == (SUSPECT, "flat line: the same raw value for 60 min")
    for _ in range(6):
        desk.live(30)
        raw(desk, AIR, 27445)
    assert desk.state.freshness(AIR, desk.now) is Freshness.STALE
    desk.live(30)
    assert raw(desk, AIR, 27446).quality is GOOD


def test_what_the_node_converted_may_stand_still() -> None:
    desk = Desk().ready()
    for _ in range(130):
        desk.live(30)
        assert take(desk, AIR, 21.5).quality is GOOD


def test_an_unsigned_negative_of_an_old_node() -> None:
    desk = Desk()
    desk.link()
    desk.beat(CLIMATE, boot="")
    reading = raw(desk, ROOT, 4294967256)
    assert (reading.value, reading.raw, reading.quality) == (-2.5, 4294967256, GOOD)


def test_dry_soil_is_a_good_reading() -> None:
    desk = Desk().ready()
    usual(desk, SOIL, [2720 + n % 3 for n in range(40)])
    latest = desk.state.latest(SOIL)
    assert latest is not None
    assert latest.value == pytest.approx(5.0, abs=0.2)


def test_the_site_may_say_otherwise() -> None:
    desk = Desk(site=site(spike_mad=0, flat_after_s=600)).ready()
    usual(desk, SOIL, [2000 + n % 2 for n in range(20)])
    assert raw(desk, SOIL, 1300).quality is GOOD
    found = []
    for _ in range(22):
        desk.live(30)
        found.append(raw(desk, SOIL, 1300).quality)
    assert found.index(SUSPECT) == 600 / 30 - 1


# ── warm-up ────────────────────────────────────────────────────────────────────────────────────────────
def test_a_probe_that_says_0_after_a_reconnect_does_not_start_the_pump() -> None:
    desk = Desk(IRRIGATE).ready()
    assert raw(desk, SOIL, 2000).usable
    away(desk)
    for number in (1, 2, 3):
        reading = raw(desk, SOIL, 2790)
        assert (reading.quality, reading.reason) == (SUSPECT, f"warming up {number} of 3")
        assert reading.value == pytest.approx(0.625)
        desk.live(30)
    assert [move for move in moves(desk.log) if move.value] == []
    assert raw(desk, SOIL, 2000).quality is GOOD
    desk.live(30)
    assert moves(desk.read(SOIL, 2500, raw_mode=True))[0].actuator == PUMP


def test_every_way_to_start_anew_counts() -> None:
    desk = Desk().ready()
    raw(desk, SOIL, 2000)
    desk.beat(WATER, boot="b2")
    assert raw(desk, SOIL, 2001).reason == "warming up 1 of 3"
    desk.beat(WATER, boot="b2")
    assert raw(desk, SOIL, 2002).reason == "warming up 2 of 3"
    away(desk)
    assert raw(desk, SOIL, 2003).reason == "warming up 1 of 3"


@pytest.mark.parametrize(("uptime", "reason"), [(59, "warming up 1 of 3"), (60, "")])
def test_a_node_heard_for_the_first_time_is_warm_when_it_has_been_running(uptime: int, reason: str) -> None:
    desk = Desk()
    desk.link()
    desk.beat(WATER, uptime=uptime)
    assert raw(desk, SOIL, 2000).reason == reason


def test_digital_chips_need_none_and_the_site_may_say_otherwise() -> None:
    desk = Desk().ready()
    desk.beat(CLIMATE, boot="b2")
    assert raw(desk, AIR, 27445).quality is GOOD
    longer, never = Desk(site=site(warm_up=5)).ready(), Desk(site=site(warm_up=0)).ready()
    for one in (longer, never):
        one.beat(WATER, boot="b2")
    assert raw(longer, SOIL, 2000).reason == "warming up 1 of 5"
    assert raw(never, SOIL, 2000).quality is GOOD


def test_late_readings_and_errors_while_warming_up() -> None:
    desk = Desk().ready()
    desk.beat(WATER, boot="b2")
    assert raw(desk, SOIL, 2000, ts=desk.now // SECOND - 600).reason == "600 s old"
    assert raw(desk, SOIL, 2000, quality="error").quality is ERROR
    assert raw(desk, SOIL, 2001).reason == "warming up 2 of 3"


def test_a_reading_that_comes_too_late_to_be_judged_is_not_used() -> None:
    desk = Desk().ready()
    desk.beat(WATER, boot="b2")
    raw(desk, SOIL, 2000)
    raw(desk, SOIL, 2790, ts=desk.now // SECOND - 20)
    assert desk.state.latest(SOIL) is None


# ── filters ────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(("kind", "values"), [("median", [50.0, 50.0, 50.0]), ("ema", [50.0, 50.5, 50.4])])
def test_a_filter_changes_the_value_and_keeps_the_raw_count(kind: str, values: list[float]) -> None:
    desk = Desk(site=site(filter=kind)).ready()
    found = [raw(desk, SOIL, 2000)]
    for count in (1960, 2000):
        desk.live(30)
        found.append(raw(desk, SOIL, count))
    if kind == "median":
        assert [reading.value for reading in found] == [50.0, 51.25, 50.0]
    else:
        assert [reading.value for reading in found] == pytest.approx(values)
    assert [reading.raw for reading in found] == [2000, 1960, 2000]


def test_only_usable_readings_enter_a_filter() -> None:
    desk = Desk(site=site(filter="ema")).ready()
    assert raw(desk, SOIL, 2000).value == 50.0
    assert raw(desk, SOIL, 4095).value == pytest.approx(-80.9375)
    assert raw(desk, SOIL, 2000, quality="poor").value == 50.0
    assert raw(desk, SOIL, 2000).value == 50.0


# ── minimum quality ────────────────────────────────────────────────────────────────────────────────────
def demanding(least: str | None, series: SeriesId = PH) -> dict[str, Any]:
    condition = {
        "type": "sensor", "esp_id": series.node, "gpio": series.gpio, "sensor_type": series.sensor_type,
        "operator": ">", "value": 1, **({} if least is None else {"min_quality": least}),
    }  # fmt: skip
    return COOL | {"conditions": [condition]}


@pytest.mark.parametrize(
    ("least", "acts"), [(None, False), ("good", False), ("uncalibrated", True), ("suspect", True)]
)
def test_an_uncalibrated_probe_serves_those_who_ask_for_it(least: str | None, acts: bool) -> None:
    desk = Desk(demanding(least)).ready()
    assert bool(moves(desk.read(PH, 2000, raw_mode=True))) is acts


@pytest.mark.parametrize(
    ("least", "acts"), [(None, False), ("good", False), ("uncalibrated", False), ("suspect", True)]
)
def test_a_suspect_reading_serves_those_who_ask_for_it(least: str | None, acts: bool) -> None:
    desk = Desk(demanding(least, AIR)).ready()
    assert bool(moves(desk.read(AIR, 20, quality="poor"))) is acts


def test_what_is_out_of_time_or_warming_up_serves_nobody() -> None:
    desk = Desk(demanding("suspect", SOIL)).ready()
    raw(desk, SOIL, 2000, ts=desk.now // SECOND - 300)
    desk.beat(WATER, boot="b2")
    raw(desk, SOIL, 2000)
    assert moves(desk.log) == []


def test_who_asks_for_good_readings_goes_without_when_they_are_too_old() -> None:
    desk = Desk(demanding("good", AIR)).ready()
    desk.obey(desk.read(AIR, 20))
    assert desk.state.actuators[FAN].reported == 0.8
    for _ in range(7):
        desk.obey(desk.live(30))
        desk.obey(desk.read(AIR, 20, quality="poor"))
    assert desk.state.actuators[FAN].reported == 0.0


def test_who_asks_for_suspect_readings_goes_without_when_they_stop() -> None:
    desk = Desk(demanding("suspect", AIR)).ready()
    desk.obey(desk.read(AIR, 20, quality="poor"))
    desk.obey(desk.live(170))
    assert desk.state.actuators[FAN].reported == 0.8
    desk.obey(desk.live(20))
    assert desk.state.actuators[FAN].reported == 0.0


# ── what the review found ──────────────────────────────────────────────────────────────────────────────
def test_a_ramp_is_believed_after_five_and_nothing_acts_on_the_value_from_before() -> None:
    heat = COOL | {
        "name": "Heat",
        "conditions": [
            {"type": "hysteresis", "esp_id": CLIMATE, "gpio": 0, "sensor_type": "sht31_temp",
             "activate_below": 26, "deactivate_above": 28}
        ],
        "actions": [{"type": "actuator_command", "esp_id": CLIMATE, "gpio": 26, "command": "ON"}],
    }  # fmt: skip
    desk = Desk(heat).ready()
    for n in range(40):
        desk.obey(desk.read(AIR, 25.0 + 0.01 * (n % 3)))
        desk.obey(desk.wait(30) + desk.beat(CLIMATE))
    started: list[float] = []
    believed = []
    for n in range(1, 12):
        warm = 25.0 + 4.0 * n
        said = desk.read(AIR, warm)
        desk.obey(said)
        more = desk.wait(30) + desk.beat(CLIMATE)
        desk.obey(more)
        if n >= 2:
            started += [
                move.value for move in moves(said + more) if move.actuator == HEATER and move.value > 0
            ]
        believed.append(stored(Reading, said)[0].usable)
    assert started == [], "it is long too warm"
    assert believed == [False] * 4 + [True] * 7


def test_before_the_heartbeat_a_probe_is_not_believed() -> None:
    desk = Desk(IRRIGATE).ready()
    desk.obey(desk.read(SOIL, 60.0))
    desk.handle(ev.Will(desk.now, GOD, WATER, retained=False))
    desk.wait(30)
    said = desk.read(SOIL, 0.0)
    (reading,) = stored(Reading, said)
    assert (reading.quality, reading.usable) == (Quality.SUSPECT, False)
    said += desk.beat(WATER, boot="b2", uptime=5) + desk.wait(10)
    assert [move for move in moves(said) if move.value > 0] == []


def test_what_is_delivered_twice_is_judged_once() -> None:
    desk = Desk().ready()
    for n in range(20):
        desk.read(AIR, 25.0 + 0.01 * (n % 3))
        desk.wait(30)
    at = desk.now // SECOND
    report = ev.SensorReport(
        desk.now, GOD, CLIMATE, 0, "sht31_temp", 60.0, at, False, "good", None, "", True, "0x44", 77, ""
    )  # fmt: skip
    for _ in range(6):
        (reading,) = stored(Reading, desk.handle(report))
        assert (reading.quality, reading.usable) == (Quality.SUSPECT, False)
