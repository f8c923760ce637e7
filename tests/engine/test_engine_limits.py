"""Leases, holds, priorities, silence and presence."""

import pytest

from godkaiser.engine import picture
from godkaiser.model import event as ev
from godkaiser.model.command import Move
from godkaiser.model.instant import HOUR, MINUTE, SECOND
from godkaiser.model.outcome import Fate
from tests.engine.bench import (
    AIR,
    CLIMATE,
    COOL,
    FAN,
    GOD,
    HEATER,
    IRRIGATE,
    PUMP,
    SOIL,
    STRANGER,
    VENT,
    WATER,
    Desk,
    Outcome,
    fates,
    moves,
    rule,
    stored,
)

OFF = Move(FAN, "OFF", 0.0)


def degraded(desk: Desk) -> str:
    return next(iter(desk.state.rules.values())).degraded


# ── leases ─────────────────────────────────────────────────────────────────────────────────────────────
def test_a_lease_ends_by_itself_and_the_rule_rests() -> None:
    desk = Desk(IRRIGATE).ready()
    on = desk.read(SOIL, 20)
    assert moves(on) == [Move(PUMP, "ON", 1.0, 60)]
    desk.obey(on)
    assert moves(desk.wait(59.9)) == []
    desk.beat(WATER)
    off = desk.wait(0.2)
    assert moves(off) == [Move(PUMP, "OFF", 0.0)]
    desk.obey(off)
    assert ("lease", PUMP) not in desk.journal
    desk.read(SOIL, 20)
    assert moves(desk.live(290)) == []
    desk.read(SOIL, 20)
    assert moves(desk.live(60)) == [Move(PUMP, "ON", 1.0, 60)]


def test_a_lease_ends_although_nobody_answers() -> None:
    desk = Desk(IRRIGATE).ready()
    desk.read(SOIL, 20)
    sent = [move for move in moves(desk.live(130, WATER)) if move.verb == "OFF"]
    assert len(sent) >= 3


def test_the_maximum_holds_over_repeated_wishes() -> None:
    desk = Desk().ready()
    desk.obey(desk.ask(HEATER, 1.0))
    for _ in range(9):
        desk.live(60)
        desk.obey(desk.ask(HEATER, 1.0))
    entry = desk.journal["lease", HEATER]
    assert entry["until"] - entry["since"] == 600 * SECOND
    assert moves(desk.live(60)) == [Move(HEATER, "OFF", 0.0)]
    assert fates(desk.ask(HEATER, 1.0))[-1] is Fate.REFUSED


def test_the_node_ends_it_first_and_is_believed() -> None:
    desk = Desk(IRRIGATE).ready()
    desk.obey(desk.read(SOIL, 20))
    desk.wait(30)
    desk.report(PUMP, 0.0)
    assert ("lease", PUMP) not in desk.journal
    assert moves(desk.live(200)) == []


def test_what_somebody_else_switched_on_ends_too() -> None:
    desk = Desk().ready()
    desk.report(HEATER, 1.0)
    assert desk.journal["lease", HEATER]["until"] == desk.now + 600 * SECOND
    desk.report(HEATER, 1.0)
    assert moves(desk.live(601)) != []


def test_a_lease_outlives_the_controller() -> None:
    desk = Desk(IRRIGATE).ready()
    desk.obey(desk.read(SOIL, 20))
    desk.wait(30)
    until = desk.journal["lease", PUMP]["until"]
    desk.restart()
    desk.ready()
    desk.report(PUMP, 1.0)
    assert desk.journal["lease", PUMP]["until"] == until
    assert moves(desk.wait(26.9)) == []
    assert moves(desk.wait(0.2)) == [Move(PUMP, "OFF", 0.0)]


def test_a_lease_that_ended_while_nobody_watched_ends_at_once() -> None:
    desk = Desk(IRRIGATE).ready()
    desk.obey(desk.read(SOIL, 20))
    desk.now += HOUR
    desk.restart()
    desk.link()
    assert moves(desk.wait(1)) == []
    assert moves(desk.beat(WATER)) == [Move(PUMP, "OFF", 0.0)]


def test_a_safe_move_is_kept_until_the_node_is_back_and_repeated_until_it_is_done() -> None:
    desk = Desk().ready()
    desk.obey(desk.ask(FAN, 0.8))
    desk.link(up=False)
    assert fates(desk.ask(FAN, 0.0)) == [Fate.QUEUED]
    assert moves(desk.wait(30)) == []
    assert moves(desk.link()) == [OFF]
    assert moves(desk.wait(25)) == [OFF]
    desk.wait(6)
    desk.report(FAN, 0.0)
    assert moves(desk.wait(100)) == []


def test_an_on_is_never_kept_for_later() -> None:
    desk = Desk().ready()
    desk.link(up=False)
    assert fates(desk.ask(FAN, 0.8)) == [Fate.REFUSED]
    assert moves(desk.link()) == []


def test_a_persons_off_is_sent_even_when_it_is_off() -> None:
    desk = Desk().ready()
    desk.report(FAN, 0.0)
    assert moves(desk.ask(FAN, 0.0)) == [OFF]
    desk.wait(1)
    assert moves(desk.ask(FAN, 0.0)) == [OFF]


def test_a_safe_value_that_is_not_zero() -> None:
    desk = Desk().ready()
    away = desk.ask(VENT, 0.0)
    assert moves(away) == [Move(VENT, "OFF", 0.0)]
    assert ("lease", VENT) in desk.journal
    desk.obey(away)
    back = desk.live(901)
    assert moves(back) == [Move(VENT, "PWM", 0.3)]
    desk.ack(VENT, verb="PWM")
    desk.report(VENT, 76 / 255)
    assert ("lease", VENT) not in desk.journal


# ── holds, priorities ──────────────────────────────────────────────────────────────────────────────────
def test_a_person_holds_over_a_rule_and_then_the_rule_is_back() -> None:
    desk = Desk(COOL).ready()
    desk.obey(desk.read(AIR, 29))
    desk.obey(desk.ask(FAN, 0.0, hold=5 * MINUTE))
    desk.wait(90)
    desk.beat()
    assert moves(desk.read(AIR, 30)) == []
    desk.wait(140)
    desk.beat()
    desk.read(AIR, 30)
    assert moves(desk.wait(60)) == []
    assert moves(desk.wait(20)) == [Move(FAN, "PWM", 0.8)]


def test_the_stronger_rule_wins_and_the_other_is_recorded_once() -> None:
    strong = rule(COOL, name="Strong", priority=1, actions=[{**COOL["actions"][0], "value": 0.3}])
    desk = Desk(COOL, strong).ready()
    effects = desk.read(AIR, 29)
    assert desk.state.actuators[FAN].wished == 0.3
    losers = [o for o in stored(Outcome, effects) if "priority" in o.message]
    assert [(o.who, o.fate, o.message) for o in losers] == [
        ("cool-the-bench", Fate.SUPERSEDED, "strong has priority")
    ]
    desk.wait(5)
    assert [o for o in stored(Outcome, desk.read(AIR, 29.5)) if "priority" in o.message] == []


def test_a_removed_rule_wants_nothing_any_more() -> None:
    desk = Desk(COOL).ready()
    desk.obey(desk.read(AIR, 29))
    assert moves(desk.handle(ev.RulesChanged(desk.now, (), (), "ann"))) == [OFF]


def test_a_disabled_rule_does_nothing() -> None:
    desk = Desk(rule(COOL, enabled=False)).ready()
    assert moves(desk.read(AIR, 29)) == []
    assert degraded(desk) == ""


# ── silence ────────────────────────────────────────────────────────────────────────────────────────────
def test_a_stale_sensor_leads_to_safe() -> None:
    desk = Desk(COOL).ready()
    desk.obey(desk.read(AIR, 29))
    assert moves(desk.live(179)) == []
    assert moves(desk.live(2)) == [OFF]
    assert "cannot decide" in degraded(desk)
    assert "stale" in degraded(desk)
    sensor = picture.sensor_picture(desk.state, desk.state.sensors[AIR], desk.now)
    assert (sensor["freshness"], sensor["value"]) == ("stale", 29.0)


@pytest.mark.parametrize(
    ("policy", "off_after"), [({"policy": "hold", "seconds": 60}, 60), ({"policy": "keep"}, None)]
)
def test_the_declared_action_on_silence(policy: dict[str, object], off_after: int | None) -> None:
    clock = {"type": "time_window", "start_time": "00:00", "end_time": "24:00"}
    desk = Desk(rule(COOL, when_unknown=policy, conditions=[*COOL["conditions"], clock])).ready()
    desk.obey(desk.read(AIR, 29))
    assert moves(desk.live(181)) == []
    assert moves(desk.live(50)) == []
    # Something else makes the rule look again in between: the end of its patience stays where it was.
    desk.handle(ev.Will(desk.now, GOD, CLIMATE, retained=False))
    desk.beat()
    late = set(moves(desk.live(30)))
    assert late == (set() if off_after is None else {OFF})


def test_an_offline_node_degrades_its_rules_and_clears_by_itself() -> None:
    desk = Desk(COOL).ready()
    desk.read(AIR, 20)
    assert degraded(desk) == ""
    desk.wait(176)
    assert desk.state.nodes[CLIMATE].online
    desk.wait(3)
    assert desk.state.nodes[CLIMATE].online is False
    heard = "23:59:59 on 2026-04-30"  # there was no will: since it was heard last
    assert degraded(desk) == f"cannot act: node {CLIMATE} is offline since {heard}"
    assert picture.sensor_picture(desk.state, desk.state.sensors[AIR], desk.now)["freshness"] == "offline"
    desk.beat()
    desk.wait(2)
    desk.read(AIR, 20)
    assert degraded(desk) == ""


def test_a_will_counts_at_once_but_not_an_old_retained_one() -> None:
    desk = Desk(COOL).ready()
    desk.handle(ev.Will(desk.now, GOD, CLIMATE, retained=True))
    assert desk.state.nodes[CLIMATE].online
    desk.handle(ev.Will(desk.now, GOD, STRANGER, retained=False))
    assert STRANGER not in desk.state.nodes
    desk.handle(ev.Will(desk.now, GOD, CLIMATE, retained=False))
    assert desk.state.nodes[CLIMATE].online is False
    fresh = Desk(COOL)
    fresh.handle(ev.Will(fresh.now, GOD, CLIMATE, retained=True))
    assert fresh.state.nodes[CLIMATE].online is False


def test_reboots_are_counted_for_both_generations() -> None:
    desk = Desk()
    desk.beat(boot="b1")
    desk.beat(boot="b1", uptime=5)
    assert desk.state.nodes[CLIMATE].boot == 1
    desk.beat(boot="b2", uptime=5)
    assert desk.state.nodes[CLIMATE].boot == 2
    desk.beat(WATER, boot="", uptime=100)
    desk.beat(WATER, boot="", uptime=160)
    assert desk.state.nodes[WATER].boot == 0
    desk.beat(WATER, boot="", uptime=5)
    assert desk.state.nodes[WATER].boot == 1


def test_an_older_node_gets_no_duration() -> None:
    desk = Desk()
    desk.link()
    desk.beat(CLIMATE, boot="")
    desk.wait(3)
    assert moves(desk.ask(HEATER, 1.0)) == [Move(HEATER, "ON", 1.0, None)]


def test_a_rejected_node_is_quarantined_and_told_so() -> None:
    desk = Desk().ready()
    desk.handle(ev.NodeDecided(desk.now, CLIMATE, False, "ann"))
    desk.read(AIR, 20)
    desk.report(FAN, 0.5)
    assert desk.state.counters["quarantined"] == 2
    assert desk.state.actuators[FAN].reported is None
    assert fates(desk.ask(FAN, 0.5)) == [Fate.REFUSED]


def test_rejecting_a_node_makes_safe_what_is_on_there_and_insists() -> None:
    desk = Desk().ready()
    desk.obey(desk.ask(HEATER, 1.0))
    effects = desk.handle(ev.NodeDecided(desk.now, CLIMATE, False, "ann"))
    assert moves(effects) == [Move(HEATER, "OFF", 0.0)]
    assert Move(HEATER, "OFF", 0.0) in moves(desk.wait(21))
    desk.report(HEATER, 0.0)
    assert moves(desk.live(601)) == []
    assert desk.state.actuators[HEATER].lease is None
