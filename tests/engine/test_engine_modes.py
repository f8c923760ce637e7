"""How a sensor is measured: continuous, on demand, by schedule, paused. Virtual time."""

from __future__ import annotations

from typing import Any

import pytest

from godkaiser.engine.effect import Audit, Effect
from godkaiser.engine.picture import sensor_picture
from godkaiser.engine.wanted import wanted_config
from godkaiser.model import event as ev
from godkaiser.model.command import Enquiry
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import HOUR, MINUTE, SECOND, parse_instant, to_iso
from godkaiser.model.quantity import Freshness
from godkaiser.model.request import Measure
from godkaiser.model.site import SensorSpec, Site
from tests.engine.bench import (
    AIR,
    CLIMATE,
    COOL,
    FAN,
    GOD,
    SITE,
    SOIL,
    WATER,
    Desk,
    Reading,
    Tell,
    moves,
    notices,
    only,
    replies,
    stored,
)

PH = SeriesId.of(WATER, 35, "ph")
HUMIDITY = SeriesId.of(CLIMATE, 0, "sht31_humidity", "0x44")


def site(sensors: list[dict[str, Any]] | None = None, timezone: str = "UTC", **air: Any) -> Site:
    """The bench's site, with more said of its air, and with other sensors."""
    mine = [s.model_dump(exclude_defaults=True) for s in SITE.sensors]
    mine[0] |= air
    return Site.model_validate(
        SITE.model_dump(exclude={"sensors"}) | {"timezone": timezone, "sensors": [*mine, *(sensors or ())]}
    )


def told(effects: list[Effect], series: SeriesId = AIR) -> int:
    return sum(tell.kind == "sensor" and tell.id == series for tell in only(Tell, effects))


def shown(desk: Desk, series: SeriesId = AIR) -> dict[str, Any]:
    return sensor_picture(desk.state, desk.state.sensors[series], desk.now)


def asked(effects: list[Effect]) -> list[Enquiry]:
    return [n for n in notices(effects, Enquiry) if isinstance(n.request.ask, Measure)]


def scheduled(schedule: str = "0 */6 * * *", **more: Any) -> Desk:
    """A minute and two seconds after midnight, when it was due the first time."""
    desk = Desk(COOL, site=site(mode="scheduled", schedule=schedule, **more)).ready()
    desk.live(60)
    return desk


# ── freshness ──────────────────────────────────────────────────────────────────────────────────────────
def test_one_stale_event_within_a_second_of_the_timeout() -> None:
    desk = Desk(COOL).ready()
    desk.obey(desk.read(AIR, 30))
    assert told(desk.wait(60)) == 0
    desk.beat()
    assert told(desk.wait(119)) == 0
    desk.beat()
    said = desk.wait(2)
    assert told(said) == 1
    assert [(move.actuator, move.value) for move in moves(said)] == [(FAN, 0.0)]
    assert told(desk.live(3600)) == 0
    assert shown(desk)["freshness"] == "stale"


def test_none_for_a_node_that_is_offline() -> None:
    desk = Desk(COOL).ready()
    desk.obey(desk.read(AIR, 30))
    desk.handle(ev.Will(desk.now, GOD, CLIMATE, retained=False))
    assert told(desk.wait(3600)) == 0
    assert shown(desk)["freshness"] == "offline"


def test_a_paused_one_never_ages_and_no_rule_acts_on_it() -> None:
    desk = Desk(COOL, site=site(mode="paused")).ready()
    said = desk.read(AIR, 30)
    assert len(stored(Reading, said)) == 1
    said += desk.live(3600)
    assert (told(said), moves(said)) == (1, [])  # the reading itself is shown
    assert shown(desk)["freshness"] == "paused"
    assert desk.state.freshness(AIR, desk.now) is Freshness.PAUSED
    assert not desk.state.alarms.watch.standing


def test_pausing_takes_away_what_rests_on_it_and_resuming_gives_it_back() -> None:
    desk = Desk(COOL).ready()
    desk.obey(desk.read(AIR, 30))
    assert desk.state.actuators[FAN].reported == 0.8
    said = desk.handle(ev.SiteChanged(desk.now, site(mode="paused"), desk.rules, "ann"))
    said += desk.obey(said)
    assert desk.state.actuators[FAN].reported == 0.0
    assert told(said) == 2  # that it is paused, and that its reading counts no more
    assert told(desk.live(3600)) == 0
    desk.handle(ev.SiteChanged(desk.now, site(), desk.rules, "ann"))
    assert shown(desk)["freshness"] == "stale"
    desk.obey(desk.live(60) + desk.read(AIR, 30))
    assert desk.state.actuators[FAN].reported == 0.8


def test_nothing_is_made_of_a_paused_one() -> None:
    made = {"name": "VPD", "kind": "air_vpd", "of": [AIR, HUMIDITY]}
    more = {"node": CLIMATE, "gpio": 0, "type": "sht31_humidity", "address": 68}
    for mode, count in (("continuous", 1), ("paused", 0)):
        plan = Site.model_validate(site([more], mode=mode).model_dump() | {"derived": [made]})
        desk = Desk(site=plan).ready()
        said = desk.read(HUMIDITY, 60) + desk.read(AIR, 25)
        assert sum(r.series.sensor_type == "vpd" for r in stored(Reading, said)) == count


@pytest.mark.parametrize(
    ("given", "mode"),
    [({}, "on_demand"), ({"mode": "continuous"}, "continuous"), ({"mode": "paused"}, "paused")],
)
def test_ph_and_ec_are_measured_on_demand_unless_the_site_says_otherwise(
    given: dict[str, str], mode: str
) -> None:
    probes = [
        {"node": WATER, "gpio": 35, "type": "ph"} | given,
        {"node": WATER, "gpio": 36, "type": "EC"} | given,
    ]
    desk = Desk(site=site(probes))
    wanted = {item.sensor_type: item.operating_mode for item in wanted_config(desk.state, WATER).sensors}
    assert wanted == {"moisture": "continuous", "ph": mode, "ec": mode}


def test_on_demand_is_fresh_for_a_day() -> None:
    desk = Desk(site=site([{"node": WATER, "gpio": 35, "type": "ph", "calibration": {"slope": 10}}])).ready()
    desk.read(PH, 2000, raw_mode=True)
    assert told(desk.live(24 * 3600 - 60), PH) == 0
    assert shown(desk, PH)["freshness"] == "fresh"
    assert told(desk.live(120), PH) == 1
    assert shown(desk, PH)["freshness"] == "stale"


# ── schedules ──────────────────────────────────────────────────────────────────────────────────────────
def test_each_due_time_asks_once_and_keeps_what_came_of_it() -> None:
    desk = scheduled("0 */6 * * *")
    assert asked(desk.live(6 * 3600 - 120)) == []
    said = desk.wait(60)
    (enquiry,) = asked(said)
    assert (enquiry.request.node, enquiry.request.ask) == (CLIMATE, Measure(0))
    assert stored(Reading, desk.read(AIR, 21))[0].value == 21
    said = desk.handle(
        ev.MeasureAnswer(
            desk.now, GOD, CLIMATE, 0, enquiry.request.id, True, False, "NONE", "good", "sht31_temp", None
        )
    )
    assert [a.detail for a in stored(Audit, said)] == ["answered"]
    assert desk.state.slots[AIR].end == "answered"
    assert told(said) == 1


def test_no_answer_is_kept_as_timed_out() -> None:
    desk = scheduled()
    said = desk.live(6 * 3600 + 60)
    assert [reply.end for reply in replies(said)] == ["silent"]
    audit = [a for a in stored(Audit, said) if a.action == "sensor.scheduled"]
    assert [(a.who, a.target, a.detail) for a in audit] == [("schedule", AIR, "timed out")]
    due = parse_instant("2026-05-01T06:00:00Z", 0)
    assert audit[0].at == due + 10 * SECOND
    desk.read(AIR, 21)
    last = {"due": to_iso(due), "end": "silent", "message": "timed out"}
    assert shown(desk)["schedule"] == {"cron": "0 */6 * * *", "next": "2026-05-01T12:00:00Z", "last": last}


def test_a_node_that_is_away_is_not_asked_and_that_is_kept() -> None:
    desk = scheduled()
    desk.live(5 * 3600)
    desk.handle(ev.Will(desk.now, GOD, CLIMATE, retained=False))
    said = desk.wait(3600)
    assert asked(said) == []
    assert [a.detail for a in stored(Audit, said) if a.action == "sensor.scheduled"] == [
        "the node is offline"
    ]
    assert desk.state.slots[AIR].end == "refused"


def test_two_series_of_one_pin_are_one_request() -> None:
    more = {"node": CLIMATE, "gpio": 0, "type": "sht31_humidity", "address": 68}
    more |= {"mode": "scheduled", "schedule": "0 6 * * *"}
    desk = Desk(site=site([more], mode="scheduled", schedule="0 6 * * *")).ready()
    said = desk.live(6 * 3600 + 60)
    assert len(asked(said)) == 1
    assert {series: slot.end for series, slot in desk.state.slots.items()} == {
        AIR: "silent",
        HUMIDITY: "silent",
    }


def test_more_than_a_person_may_ask_at_once() -> None:
    pins = [{"node": WATER, "gpio": pin, "type": "moisture", "mode": "scheduled", "schedule": "0 6 * * *"}
            for pin in (32, 33, 35, 36, 39, 4, 5, 12, 13, 15, 16, 17)]  # fmt: skip
    desk = Desk(site=site(pins)).ready()
    assert len(asked(desk.live(6 * 3600 + 180))) == 12


def test_a_scheduled_reading_is_fresh_until_the_next_one_should_be_there() -> None:
    desk = scheduled()
    desk.live(6 * 3600 - 30)
    desk.read(AIR, 21)
    age = 6 * 3600 + 180 - 32
    assert shown(desk)["stale_after_s"] == age
    assert told(desk.live(6 * 3600 - 40)) == 0
    assert shown(desk)["freshness"] == "fresh"
    desk.live(40)
    assert shown(desk)["freshness"] == "late"
    desk.live(age - 6 * 3600)
    assert (shown(desk)["freshness"], desk.state.slots[AIR].message) == ("stale", "timed out")


def test_by_the_clock_of_the_site() -> None:
    desk = Desk(site=site(timezone="Asia/Kolkata", mode="scheduled", schedule="0 6 * * *")).ready()
    desk.live(3600)
    assert desk.state.slots[AIR].due_at == parse_instant("2026-05-01T00:30:00Z", 0)


def test_another_schedule_counts_at_once_and_none_asks_no_more() -> None:
    desk = scheduled()
    desk.handle(ev.SiteChanged(desk.now, site(mode="scheduled", schedule="0 1 * * *"), (), "ann"))
    assert len(asked(desk.live(3600 + 60))) == 1
    desk.handle(ev.SiteChanged(desk.now, site(), (), "ann"))
    assert asked(desk.live(25 * 3600)) == []
    assert desk.state.slots == {}


def test_a_broker_that_comes_and_goes_asks_nothing_twice() -> None:
    desk = scheduled("0 * * * *")
    said = desk.live(1800)
    for up in (False, True):
        said += desk.link(up)
    said += desk.live(3 * 3600)
    assert len(asked(said)) == 3


def test_a_clock_that_is_set_forward_over_several_times_asks_once() -> None:
    desk = scheduled("0 * * * *")
    desk.now += 5 * HOUR
    said = desk.handle(ev.ClockJumped(desk.now, 5 * HOUR)) + desk.wait(1)
    assert len(asked(said)) == 1
    assert desk.state.due.get(("schedule", AIR)) == desk.now - desk.now % HOUR + HOUR


def test_the_memory_of_the_signal_lasts_from_one_time_to_the_next() -> None:
    soil = {"mode": "scheduled", "schedule": "*/30 * * * *", "filter": "median", "warm_up": 0}
    plan = [SITE.sensors[0], SensorSpec.model_validate(SITE.sensors[1].model_dump() | soil)]
    desk = Desk(site=SITE.model_copy(update={"sensors": tuple(plan)})).ready()
    values = []
    for count in (2000, 1980, 1600):
        desk.live(1800)
        (reading,) = stored(Reading, desk.read(SOIL, count, raw_mode=True))
        values.append(reading.value)
    assert values == [50.0, pytest.approx(50.625), pytest.approx(51.25)]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"mode": "scheduled"}, "mode scheduled needs a schedule"),
        ({"schedule": "0 6 * * *"}, "a schedule needs mode: scheduled"),
        ({"mode": "scheduled", "schedule": "0 25 * * *"}, "is no schedule; it has five fields"),
        ({"mode": "scheduled", "schedule": "daily"}, "a schedule has five fields"),
        ({"mode": "now"}, "Input should be 'continuous', 'on_demand', 'paused' or 'scheduled'"),
    ],
)
def test_what_cannot_be_is_refused_at_load(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        site(**given)


def test_measure_now_is_answered_or_timed_out_within_five_seconds_more() -> None:
    desk = Desk(site=site(mode="paused")).ready()
    desk.request(Measure(0, within=2 * SECOND))
    assert replies(desk.wait(6.9)) == []
    assert [reply.end for reply in replies(desk.wait(0.2))] == ["silent"]
    assert desk.now % MINUTE > 0
