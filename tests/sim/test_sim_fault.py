"""Faults strike when the plan says, and the same again for the same seed."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.errors import InvalidValueError
from godkaiser.io.sim.condition import Skew
from godkaiser.io.sim.fault import Faults, Frozen, Odds, Slow, Span, Stuck, flapping
from godkaiser.io.sim.spec import MINUTE, SECOND, Publish
from tests.sim.rig import SPEC, START, Rig, named, online, topics

TS = START // SECOND


def at(since: float, until: float = 1e9) -> Span:
    return Span(START + round(since * SECOND), START + round(until * SECOND))


def plan(**faults: Any) -> Rig:
    return online(faults=Faults(**faults))


def test_without_faults_it_is_any_node() -> None:
    plain, planned = online(), plan()
    for rig in (plain, planned):
        rig.command(14, "ON", duration=20)
        rig.run(600)
    assert planned.log == plain.log


# -- link --------------------------------------------------------------------------------------------------


def test_a_cut_takes_the_link_and_the_way_back() -> None:
    rig = plan(cuts=(at(10, 50),))
    rig.command(14, "ON")
    seen = []
    for seconds in (9, 1, 39, 1):
        rig.run(seconds)
        said = [] if rig.node.linked else rig.connect()
        seen.append((rig.node.linked, rig.node.reachable, rig.node.level(14), bool(said)))
    assert seen == [
        (True, True, 1.0, False),
        (False, False, 0.0, False),
        (False, False, 0.0, False),
        (True, True, 0.0, True),
    ]


def test_flapping() -> None:
    cuts = flapping(at(0, 100), 30 * SECOND, 10 * SECOND)
    assert cuts == (at(30, 40), at(70, 80))
    assert flapping(at(0, 75), 30 * SECOND, 10 * SECOND)[-1] == at(70, 75)
    rig = plan(cuts=cuts)
    seen = []
    for _ in range(10):
        seen.append(rig.node.linked)
        rig.run(10)
        if rig.node.reachable and not rig.node.linked:
            rig.connect()
    assert seen == [True, True, True, False, True, True, True, False, True, True]


# -- messages ----------------------------------------------------------------------------------------------


def lost_and_doubled(odds: Odds) -> list[int]:
    """How often each of many readings left the node."""
    rig = plan(outward=odds)
    numbers = [data["seq"] for data in named(rig.run(3600), "sensor/4/data")]
    return [numbers.count(number) for number in range(1, 1000) if number in numbers]


def test_messages_get_lost_on_their_way_out() -> None:
    assert sum(lost_and_doubled(Odds())) == 120
    assert 40 <= sum(lost_and_doubled(Odds(lost=0.5))) <= 80
    assert lost_and_doubled(Odds(lost=1.0)) == []


def test_messages_leave_twice() -> None:
    assert set(lost_and_doubled(Odds(doubled=1.0))) == {2}
    assert set(lost_and_doubled(Odds(doubled=0.5))) == {1, 2}


@pytest.mark.parametrize(("odds", "level", "answers"), [(Odds(lost=1), 0.0, 0), (Odds(doubled=1), 0.0, 2)])
def test_messages_come_in_twice_or_not_at_all(odds: Odds, level: float, answers: int) -> None:
    rig = online(faults=Faults(inward=odds))
    if not answers:
        assert rig.ack() == []
    said = rig.command(14, "TOGGLE")
    assert len(named(said, "actuator/14/response")) == answers
    assert rig.node.level(14) == level, "switched on and off again, or never"


def test_lost_acks_force_everything_off() -> None:
    rig = Rig(faults=Faults(inward=Odds(lost=0.9)))
    rig.connect()
    rig.run(3600)
    beats = named(rig.log, "system/heartbeat_metrics")
    assert beats[-1]["offline_enter_count"] >= 1


# -- clock -------------------------------------------------------------------------------------------------


def test_a_clock_goes_wrong() -> None:
    rig = plan(skew=Skew(offset=-90 * SECOND, ppm=100.0))
    beats = named(rig.run(36_000), "system/heartbeat")
    assert beats[0]["ts"] - TS == -90 + 60
    assert beats[-1]["ts"] - TS == -90 + 36_000 + 3
    assert beats[-1]["uptime"] == 36_000


# -- power, probes, relays ---------------------------------------------------------------------------------


def test_a_brown_out() -> None:
    rig = plan(reboots=((START + 90 * SECOND, "BROWNOUT"), (START + 30 * SECOND, "WDT")))
    rig.command(14, "ON")
    rig.run(30)
    assert not rig.node.linked
    assert rig.node.level(14) == 0.0
    rig.connect()
    rig.ack()
    rig.run(60)
    rig.connect()
    ids = {beat["boot_sequence_id"][-5:] for beat in named(rig.log, "system/heartbeat")}
    assert ids == {"b1-r1", "b2-r7", "b3-r9"}


def test_a_frozen_sensor_repeats_itself_while_the_others_go_on() -> None:
    rig = plan(frozen=(Frozen(4, "ds18b20", at(100, 400)),))
    for _ in range(20):
        rig.world.values["ds18b20"] += 0.5
        rig.run(30)
    raws = {data["ts"] - TS: data["raw"] for data in named(rig.log, "sensor/4/data")}
    assert len({raws[second] for second in range(90, 400, 30)}) == 1
    assert len({raw for second, raw in raws.items() if not 120 <= second < 400}) > 8
    assert len({data["raw"] for data in named(rig.log, "sensor/0/data")}) > 10


def test_a_stuck_relay_says_one_thing_and_does_another() -> None:
    rig = plan(stuck=(Stuck(14, at(10, 50)),))
    rig.run(10)
    said = rig.command(14, "ON")
    assert named(said, "actuator/14/status")[0]["state"] is True
    assert (rig.node.level(14), rig.world.driven["pump"]) == (0.0, 0.0)
    rig.run(40)
    assert (rig.node.level(14), rig.world.driven["pump"]) == (1.0, 1.0)


def test_a_relay_that_sticks_while_on_is_not_safe() -> None:
    rig = plan(stuck=(Stuck(14, at(10)),))
    rig.command(14, "ON")
    rig.run(10)
    rig.disconnect()
    assert rig.node.level(14) == 1.0
    assert not rig.node.safe
    rig.reboot()
    assert rig.world.driven["pump"] == 1.0


# -- a slow broker -----------------------------------------------------------------------------------------


def test_a_delay_either_way() -> None:
    rig = plan(slow=(Slow(at(30, 90), delay=2 * SECOND),))
    assert named(rig.run(31), "sensor/4/data") == []
    assert named(rig.run(1), "sensor/4/data") != []
    assert rig.command(14, "ON") == []
    rig.run(1.9)
    assert rig.node.level(14) == 0.0
    rig.run(0.1)
    assert rig.node.level(14) == 1.0
    assert named(rig.run(2), "actuator/14/response")[0]["success"] is True


def test_what_is_under_way_is_lost_with_the_link() -> None:
    rig = plan(slow=(Slow(at(0), delay=5 * SECOND),), cuts=(at(12, 14),))
    rig.run(10)
    rig.command(14, "ON")
    mark = len(rig.log)
    rig.run(6)
    rig.connect()
    assert "actuator/14/response" not in topics(rig.log[mark:])
    assert rig.node.level(14) == 0.0


def test_nor_does_it_arrive_on_the_next_link() -> None:
    rig = plan(slow=(Slow(at(10), delay=5 * SECOND),))
    rig.run(10)
    rig.command(14, "ON")
    rig.run(5)
    rig.command(26, "OFF")
    rig.disconnect()
    rig.connect()
    mark = len(rig.log)
    rig.run(4.9, ack=False)
    assert rig.log[mark:] == [], "the answer of the first command was under way"
    rig.run(10, ack=False)
    assert not named(rig.log, "actuator/26/response"), "as was the second command"


# -- the plan itself ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Span(5, 5), "until"),
        (lambda: Odds(lost=1.5), "lost"),
        (lambda: Odds(doubled=-0.1), "doubled"),
        (lambda: Odds(lost=float("nan")), "lost"),
        (lambda: Slow(at(0), drain=0.0), "drain"),
        (lambda: Slow(at(0), drain=float("nan")), "drain"),
        (lambda: Slow(at(0), delay=-1), "delay"),
        (lambda: flapping(at(0, 9), 0, 1), "up"),
        (lambda: flapping(at(0, 9), 1, 0), "down"),
        (lambda: flapping(Span(0), 1, 1), "until"),
    ],
)
def test_an_impossible_plan_is_refused_by_name(make: Callable[[], object], field: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        make()
    assert refused.value.field == field


instants = st.integers(0, 900).map(lambda seconds: START + seconds * SECOND)
spans = st.builds(lambda since, length: Span(since, since + length * SECOND), instants, st.integers(1, 300))
odds = st.builds(Odds, st.floats(0, 1), st.floats(0, 1))
plans = st.builds(
    Faults,
    cuts=st.lists(spans, max_size=3).map(tuple),
    reboots=st.lists(st.tuples(instants, st.just("BROWNOUT")), max_size=2).map(tuple),
    outward=odds,
    inward=odds,
    skew=st.builds(Skew, st.integers(-MINUTE, MINUTE), st.floats(-200, 200)),
    frozen=st.lists(st.builds(Frozen, st.just(4), st.just("ds18b20"), spans), max_size=1).map(tuple),
    stuck=st.lists(st.builds(Stuck, st.just(14), spans), max_size=1).map(tuple),
    slow=st.lists(
        st.builds(Slow, spans, st.none() | st.floats(0.1, 20), st.integers(0, 5 * SECOND)), max_size=2
    ).map(tuple),
    configuring=st.integers(0, 5 * SECOND),
)


def lived(faults: Faults, seed: int) -> list[Publish]:
    rig = Rig(SPEC, seed, faults)
    rig.connect()
    for minute in range(20):
        rig.run(45)
        if not rig.node.linked and rig.node.reachable:
            rig.connect()
        rig.command(14, "TOGGLE")
        rig.send("config", {"correlation_id": f"c{minute}", "sensors": []})
        assert rig.node.next_wakeup > rig.now
        assert 0.0 <= rig.node.level(14) <= 1.0
    return rig.log


@given(plans, st.integers(0, 3))
def test_any_plan_can_be_lived_through_and_repeats_itself(faults: Faults, seed: int) -> None:
    first = lived(faults, seed)
    assert first == lived(faults, seed)
    assert all(isinstance(json.loads(message.payload), dict) for message in first)
