"""Alarms from the engine's state: each condition, its delay, its end, a restart, and what people answer."""

from __future__ import annotations

from typing import Any

import pytest

from godkaiser.alarms.alarm import State
from godkaiser.alarms.kind import KINDS, Priority
from godkaiser.engine import picture
from godkaiser.engine.alarm import alarms_picture
from godkaiser.engine.effect import AlarmChange, Audit, Effect
from godkaiser.model import event as ev
from godkaiser.model.ids import ActuatorId, NodeId
from godkaiser.model.instant import DAY, HOUR, SECOND
from godkaiser.model.site import Site
from tests.engine.bench import (
    AIR,
    CLIMATE,
    COOL,
    FAN,
    GOD,
    HEATER,
    PUMP,
    SITE,
    STRANGER,
    WATER,
    Desk,
    Journal,
    Send,
    Tell,
    only,
    stored,
)

ZERO_SITE = Site.model_validate(
    SITE.model_dump() | {"actuators": [a.model_dump() for a in SITE.actuators if a.gpio != 27]}
)


def states(desk: Desk) -> dict[str, State]:
    return {key: alarm.state for key, alarm in desk.state.alarms.watch.standing.items()}


def steps(effects: list[Effect]) -> list[tuple[str, str]]:
    return [(change.key.partition(":")[0], change.step) for change in stored(AlarmChange, effects)]


def answer(desk: Desk, key: str, step: str, **more: Any) -> list[Effect]:
    return desk.handle(ev.AlarmAnswered(desk.now, key, step, "ann", **more))


def sent(effects: list[Effect]) -> str:
    return only(Send, effects)[-1].command.id


def lit(desk: Desk, actuator: ActuatorId = FAN, value: float = 0.5) -> Desk:
    """A person's ON that the node carried out."""
    desk.obey(desk.ask(actuator, value))
    return desk


def alert(desk: Desk, actuator: ActuatorId, what: str, gpio: int | None = None) -> list[Effect]:
    pin = actuator.gpio if gpio is None else gpio
    return desk.handle(ev.Alert(desk.now, GOD, actuator.node, pin, what, "its words"))


# ── a quiet house ──────────────────────────────────────────────────────────────────────────────────────
def test_a_healthy_day_raises_nothing() -> None:
    desk = Desk(COOL).ready()
    for number in range(60):
        desk.obey(desk.read(AIR, 29 if number % 10 < 5 else 24))
        if number == 20:
            lit(desk, HEATER, 1.0)
        desk.obey(desk.live(60))
    assert states(desk) == {}
    assert steps(desk.log) == []


# ── an unconfirmed stop ────────────────────────────────────────────────────────────────────────────────
def test_a_node_that_does_not_confirm_the_stop() -> None:
    desk = Desk(site=ZERO_SITE).ready()
    desk.stop()
    desk.handle(ev.StopAck(desk.now, GOD, CLIMATE))
    assert steps(desk.wait(9)) == []
    assert ("stop_unconfirmed", "raised") in steps(desk.wait(2))
    alarm = desk.state.alarms.watch.standing[f"stop_unconfirmed:{WATER}"]
    assert (alarm.state, alarm.priority, WATER in alarm.text) == (State.UNACK, Priority.CRITICAL, True)
    desk.stop()  # told again it gets its time again, and the alarm stands
    assert states(desk)[alarm.key] is State.UNACK
    desk.handle(ev.StopAck(desk.now, GOD, WATER))
    assert states(desk)[alarm.key] is State.RTNUN
    assert steps(answer(desk, alarm.key, "ack")) == [("stop_unconfirmed", "acknowledged")]
    assert alarm.key not in states(desk)


# ── a refused protective move ──────────────────────────────────────────────────────────────────────────
def test_a_move_to_safe_that_the_node_refuses_is_told_at_once() -> None:
    desk = lit(Desk().ready())
    off = desk.ask(FAN, 0.0)
    effects = desk.ack(FAN, sent(off), success=False, message="relay jammed")
    assert steps(effects) == [("protective_refused", "raised")]
    assert (
        "The node said no: relay jammed" in desk.state.alarms.watch.standing[f"protective_refused:{FAN}"].text
    )
    desk.wait(25)
    assert states(desk) == {f"protective_refused:{FAN}": State.UNACK}
    desk.report(FAN, 0.0)
    assert states(desk) == {f"protective_refused:{FAN}": State.RTNUN}


def test_a_move_to_safe_that_is_not_delivered_is_told_after_half_a_minute() -> None:
    desk = lit(Desk().ready())
    desk.link(up=False)
    desk.ask(FAN, 0.0)
    assert steps(desk.wait(29)) == []
    assert steps(desk.wait(2)) == [("protective_refused", "raised")]


def test_a_confirmed_move_to_safe_leaves_no_timer() -> None:
    desk = lit(Desk().ready())
    off = desk.ask(FAN, 0.0)
    key = ("alarm", f"protective_refused:{FAN}")
    assert desk.state.due.get(key) == desk.now + 30 * SECOND
    desk.obey(off)
    assert desk.state.due.get(key) is None


# ── a stuck actuator ───────────────────────────────────────────────────────────────────────────────────
def test_an_actuator_that_stays_on_although_its_node_accepted_off() -> None:
    desk = lit(Desk().ready())
    desk.ack(FAN, sent(desk.ask(FAN, 0.0)))
    desk.wait(1)
    desk.report(FAN, 0.5)
    assert steps(desk.wait(9)) == []
    assert ("actuator_stuck", "raised") in steps(desk.wait(2))
    alarm = desk.state.alarms.watch.standing[f"actuator_stuck:{FAN}"]
    assert (alarm.priority, alarm.text) == (
        Priority.CRITICAL,
        "fan does not do what the node has accepted. Accepted was 0%, it reports 50%.",
    )
    desk.report(FAN, 0.0)
    desk.wait(6)
    assert states(desk)[alarm.key] is State.RTNUN


def test_the_tries_that_follow_do_not_end_it() -> None:
    desk = lit(Desk().ready())
    desk.ack(FAN, sent(desk.ask(FAN, 0.0)))
    for _ in range(12):
        for send in only(Send, desk.wait(10)):
            desk.ack(FAN, send.command.id)
        desk.report(FAN, 0.5)
    told = [step for step in steps(desk.log) if step[0] == "actuator_stuck"]
    assert told == [("actuator_stuck", "raised")]


def test_an_actuator_that_stays_off_although_its_node_accepted_on() -> None:
    desk = Desk().ready()
    desk.report(FAN, 0.0)
    desk.wait(60)
    desk.ack(FAN, sent(desk.ask(FAN, 0.5)))
    desk.wait(1)
    desk.report(FAN, 0.0)
    assert ("actuator_stuck", "raised") in steps(desk.wait(12))
    assert desk.state.alarms.watch.standing[f"actuator_stuck:{FAN}"].priority is Priority.HIGH
    desk.wait(60)
    lit(desk)
    desk.wait(6)
    assert states(desk) == {f"actuator_stuck:{FAN}": State.RTNUN}


def test_a_level_that_drifts_away_by_itself() -> None:
    desk = lit(Desk().ready())
    desk.wait(30)
    desk.report(FAN, 0.9)
    assert steps(desk.wait(29)) == []
    assert steps(desk.wait(2)) == [("actuator_stuck", "raised")]


def test_a_level_that_is_corrected_in_time_is_no_alarm() -> None:
    desk = lit(Desk().ready())
    desk.wait(30)
    desk.report(FAN, 0.9)
    desk.obey(desk.wait(11))
    assert desk.state.actuators[FAN].reported == 0.5
    assert steps(desk.wait(60)) == []


def test_a_report_that_crossed_the_command_proves_nothing() -> None:
    desk = lit(Desk().ready())
    off = desk.ask(FAN, 0.0)
    desk.report(FAN, 0.5)
    desk.ack(FAN, sent(off))
    desk.wait(1)
    desk.report(FAN, 0.0)
    desk.wait(60)
    assert not any(kind == "actuator_stuck" for kind, _ in steps(desk.log))


# ── a silent node ──────────────────────────────────────────────────────────────────────────────────────
def gone(desk: Desk, node: NodeId = CLIMATE) -> list[Effect]:
    return desk.handle(ev.Will(desk.now, GOD, node, retained=False))


def test_a_node_that_is_away_for_a_minute() -> None:
    desk = Desk().ready()
    for actuator in (FAN, HEATER):
        desk.report(actuator, 0.0)
    gone(desk)
    assert steps(desk.wait(59)) == []
    assert steps(desk.wait(2)) == [("node_silent", "raised")]
    alarm = desk.state.alarms.watch.standing[f"node_silent:{CLIMATE}"]
    text = "climate node is not heard any more. Not since 00:00:02 on 2026-05-01."
    assert (alarm.priority, alarm.text) == (Priority.HIGH, text)
    desk.beat()
    assert states(desk)[alarm.key] is State.RTNUN
    desk.live(599)
    assert states(desk) == {alarm.key: State.RTNUN}
    assert steps(desk.live(60)) == [("node_silent", "cleared")]
    assert ("alarm", alarm.key) not in desk.journal


def test_a_node_that_vanishes_with_something_on_is_told_at_once() -> None:
    desk = lit(Desk().ready())
    assert steps(gone(desk)) == [("node_silent", "raised")]
    alarm = desk.state.alarms.watch.standing[f"node_silent:{CLIMATE}"]
    assert (alarm.priority, "away from its safe value" in alarm.text) == (Priority.CRITICAL, True)


def test_a_silence_becomes_more_urgent_when_something_is_on() -> None:
    desk = Desk().ready()
    for actuator in (FAN, HEATER):
        desk.report(actuator, 0.0)
    gone(desk)
    desk.wait(61)
    assert steps(desk.report(FAN, 0.5)) == [("node_silent", "escalated")]
    assert desk.state.alarms.watch.standing[f"node_silent:{CLIMATE}"].priority is Priority.CRITICAL


def test_a_short_absence_is_no_alarm() -> None:
    desk = Desk().ready()
    gone(desk)
    desk.wait(30)
    desk.beat()
    assert steps(desk.live(300)) == []


def test_who_does_not_take_part_is_not_missed() -> None:
    bare = Site.model_validate({"nodes": [{"id": CLIMATE, "approved": True}, {"id": WATER}]})
    desk = Desk(site=bare).ready(CLIMATE)
    gone(desk)
    desk.beat(STRANGER)
    gone(desk, STRANGER)
    assert steps(desk.wait(3600)) == []


def test_a_node_never_heard_since_the_start_gets_its_time() -> None:
    desk = Desk().ready(CLIMATE)
    assert steps(desk.live(230, CLIMATE)) == []
    assert steps(desk.live(60, CLIMATE)) == [("node_silent", "raised")]
    assert list(states(desk)) == [f"node_silent:{WATER}"]


def test_without_a_broker_nobody_knows_who_is_silent() -> None:
    desk = Desk()
    desk.link(up=False)
    assert steps(desk.wait(3600)) == []


def test_a_removed_node_is_missed_no_more() -> None:
    desk = Desk().ready()
    gone(desk)
    desk.wait(61)
    desk.handle(ev.NodeRemoved(desk.now, CLIMATE, "ann"))
    assert states(desk) == {f"node_silent:{CLIMATE}": State.RTNUN}


# ── a lost lease ───────────────────────────────────────────────────────────────────────────────────────
def test_a_lease_that_its_node_ends() -> None:
    desk = lit(Desk().ready())
    desk.wait(60)
    assert steps(desk.report(FAN, 0.0)) == [("lease_lost", "raised")]
    assert states(desk) == {f"lease_lost:{FAN}": State.RTNUN}
    lit(desk)
    desk.wait(60)
    desk.report(FAN, 0.0)
    assert desk.state.alarms.watch.standing[f"lease_lost:{FAN}"].count == 2


def test_what_the_node_says_of_it_is_counted_once() -> None:
    desk = lit(Desk().ready())
    effects = alert(desk, FAN, "safety_forced_off", 255) + desk.report(FAN, 0.0)
    assert steps(effects) == [("lease_lost", "raised")]
    assert "The node says: its words" in desk.state.alarms.watch.standing[f"lease_lost:{FAN}"].text
    assert steps(alert(desk, HEATER, "safety_forced_off")) == []


def test_a_lease_that_ends_as_it_should_is_not_lost() -> None:
    desk = lit(Desk().ready())
    desk.obey(desk.ask(FAN, 0.0))
    desk.obey(desk.ask(FAN, 0.5, duration=60 * SECOND))
    desk.wait(56)
    desk.report(FAN, 0.0)  # its own timer, a little early
    on = desk.ask(PUMP, 1.0)
    desk.ack(PUMP, sent(on), success=False, message="no")
    desk.report(HEATER, 1.0)  # its own rule
    desk.report(HEATER, 0.0)
    assert states(desk) == {}


def test_a_lease_that_ended_while_we_were_away_is_lost() -> None:
    desk = lit(Desk().ready())
    desk.restart()
    desk.link()
    desk.beat()
    desk.wait(2)
    assert steps(desk.report(FAN, 0.0)) == [("lease_lost", "raised")]


# ── a latched node ─────────────────────────────────────────────────────────────────────────────────────
def test_a_pin_its_node_latched_needs_a_reset() -> None:
    desk = lit(Desk().ready())
    key = f"node_latched:{FAN}"
    assert ("node_latched", "raised") in steps(alert(desk, FAN, "runtime_protection"))
    desk.report(FAN, 0.0, emergency="active")
    assert states(desk)[key] is State.UNACK
    desk.report(FAN, 0.0)
    assert states(desk)[key] is State.LATUN
    assert steps(answer(desk, key, "reset")) == []
    answer(desk, key, "ack")
    assert states(desk)[key] is State.LATCH
    assert steps(answer(desk, key, "reset")) == [("node_latched", "reset")]
    assert key not in states(desk)


def test_a_node_that_stopped_by_itself_is_told_after_its_delay() -> None:
    desk = Desk().ready()
    desk.report(FAN, 0.0, emergency="active")
    assert steps(desk.wait(39)) == []
    assert steps(desk.wait(2)) == [("node_latched", "raised")]


def test_during_a_stop_nodes_are_latched_as_they_should_be() -> None:
    desk = Desk(site=ZERO_SITE).ready()
    desk.stop()
    for node in (CLIMATE, WATER):
        desk.handle(ev.StopAck(desk.now, GOD, node))
    for actuator in (FAN, HEATER, PUMP):
        desk.report(actuator, 0.0, emergency="active")
    assert steps(desk.live(300)) == []


# ── restart, people, pictures ──────────────────────────────────────────────────────────────────────────
def silent(desk: Desk) -> str:
    gone(desk)
    desk.wait(61)
    return f"node_silent:{CLIMATE}"


def test_alarms_survive_the_controller_and_are_not_raised_twice() -> None:
    desk = Desk().ready()
    key = silent(desk)
    answer(desk, key, "ack")
    desk.restart()
    assert states(desk) == {key: State.ACKED}
    desk.link()
    desk.beat(WATER)
    assert steps(desk.live(600, WATER)) == []
    assert desk.state.alarms.watch.standing[key].acked_by == "ann"
    desk.beat()
    assert states(desk) == {}


@pytest.mark.parametrize("shelved", [True, False])
def test_an_alarm_of_a_thing_that_is_gone_returns(shelved: bool) -> None:
    desk = lit(Desk().ready())
    desk.ack(FAN, sent(desk.ask(FAN, 0.0)), success=False, message="no")
    key = f"protective_refused:{FAN}"
    if shelved:
        answer(desk, key, "shelve", until=desk.now + HOUR)
    desk.site = Site.model_validate({"nodes": [{"id": WATER, "approved": True}]})
    desk.restart()
    desk.link()
    assert states(desk) == {key: State.SHLVD if shelved else State.RTNUN}
    desk.wait(3601)
    assert states(desk) == ({} if shelved else {key: State.RTNUN})


def test_a_shelf_ends_also_over_a_restart() -> None:
    desk = Desk().ready()
    key = silent(desk)
    answer(desk, key, "shelve", until=desk.now + HOUR, reason="repair")
    shown = alarms_picture(desk.state)
    assert shown["unacknowledged"] == 0
    assert [shown["standing"][0][name] for name in ("state", "suppressed_by", "reason", "holds")] == [
        "SHLVD", "ann", "repair", True,
    ]  # fmt: skip
    desk.restart()
    desk.link()
    desk.beat(WATER)
    desk.live(3540, WATER)
    assert states(desk) == {key: State.SHLVD}
    assert ("node_silent", "unshelved") in steps(desk.live(120, WATER))
    assert states(desk) == {key: State.UNACK}


def test_out_of_service_it_stays_until_it_is_put_back() -> None:
    desk = Desk().ready()
    key = f"node_silent:{CLIMATE}"
    answer(desk, key, "remove", reason="not built yet")
    silent(desk)
    desk.wait(2 * DAY / SECOND)
    assert states(desk)[key] is State.OOSRV
    answer(desk, key, "restore")
    assert states(desk)[key] is State.UNACK


def test_what_people_answer_is_audited_and_told() -> None:
    desk = Desk().ready()
    key = silent(desk)
    effects = answer(desk, key, "shelve", until=desk.now + HOUR, reason="repair")
    audit = stored(Audit, effects)
    assert [(row.who, row.action, row.target) for row in audit] == [("ann", "alarm.shelve", key)]
    assert "until 2026-05-01T01:01:03Z (repair)" in audit[0].detail
    assert [tell.kind for tell in only(Tell, effects)] == ["alarms"]
    assert [(line.kind, line.key) for line in only(Journal, effects)] == [("alarm", key)]


@pytest.mark.parametrize(
    "key", ["flood:house", "node_silent:ESP_FFFFFF", "node_silent", f"node_silent:{FAN}"]
)
def test_an_answer_to_nothing_changes_nothing(key: str) -> None:
    desk = Desk().ready()
    assert answer(desk, key, "remove") == []


def test_a_closing_controller_raises_nothing() -> None:
    desk = lit(Desk().ready())
    desk.handle(ev.Closing(desk.now))
    assert steps(desk.wait(120)) == []


def test_the_snapshot_carries_them() -> None:
    desk = lit(Desk().ready())
    gone(desk)
    shot = picture.snapshot(desk.state, desk.now, 0)["alarms"]
    assert (shot["unacknowledged"], shot["standing"][0]["name"]) == (1, "climate node")
    assert shot["standing"][0]["remedy"] == KINDS["node_silent"].remedy
    assert picture.one(desk.state, "alarms", "", desk.now) == shot
