"""What became of decisions, and what a rule cannot work for: each cause told once, by whom it concerns."""

from __future__ import annotations

from typing import Any

import pytest

from godkaiser.alarms.alarm import State
from godkaiser.alarms.kind import Priority
from godkaiser.engine import deed, picture
from godkaiser.engine.deed import HELD
from godkaiser.engine.effect import AlarmChange, Decision
from godkaiser.engine.ruling import rule_picture
from godkaiser.engine.state import Moment, RuleState
from godkaiser.io.fates import with_outcomes
from godkaiser.io.sql.rows import decision_row, outcome_row
from godkaiser.model import event as ev
from godkaiser.model.ids import ActuatorId
from godkaiser.model.instant import SECOND
from godkaiser.model.outcome import Fate, Outcome
from godkaiser.model.scope import Scope
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
    Send,
    moves,
    only,
    rule,
    stored,
)

BOTH = rule(COOL, actions=[COOL["actions"][0], {**COOL["actions"][0], "gpio": 26, "command": "ON"}])


def of(desk: Desk, number: int = 0) -> RuleState:
    return tuple(desk.state.rules.values())[number]


def last(desk: Desk, number: int = 0) -> tuple[str, str]:
    one = of(desk, number).deeds[-1]
    return one.word, one.reason


def counts(desk: Desk, number: int = 0) -> tuple[int, int]:
    shown = rule_picture(desk.state, of(desk, number), desk.now)
    return shown["carried_out"], shown["not_carried_out"]


def frame(desk: Desk) -> list[tuple[str, str | None]]:
    """As the database tells it later: the outcome of every decision that wanted something."""
    decisions = [decision_row(row) for row in stored(Decision, desk.log)]
    rows = with_outcomes(decisions, [outcome_row(row) for row in stored(Outcome, desk.log)])
    return [(row["rule"], row["outcome"]) for row in rows if row["active"]]


def steps(desk: Desk) -> list[tuple[str, str]]:
    return [(change.key, change.step) for change in stored(AlarmChange, desk.log)]


def command(desk: Desk) -> str:
    return only(Send, desk.log)[-1].command.id


# ── what became of a decision ──────────────────────────────────────────────────────────────────────────
def test_sent_is_not_carried_out_and_neither_is_acknowledged() -> None:
    desk = Desk(COOL).ready()
    desk.read(AIR, 29)
    assert (last(desk), counts(desk), frame(desk)) == (
        ("waiting", ""),
        (0, 0),
        [(of(desk).rule.id, "waiting")],
    )
    desk.ack(FAN, command(desk))
    assert (last(desk), counts(desk)) == (("waiting", ""), (0, 0))
    desk.report(FAN, 0.8)
    assert (last(desk), counts(desk)) == (("carried out", ""), (1, 0))
    for _ in range(50):
        desk.read(AIR, 29)
    assert counts(desk) == (1, 0), "evaluated again is not decided again"
    assert frame(desk) == [(of(desk).rule.id, "carried out")]


def test_a_node_that_says_no_and_later_yes() -> None:
    desk = Desk(COOL).ready()
    desk.read(AIR, 29)
    desk.ack(FAN, command(desk), success=False, message="relay jammed")
    assert (last(desk), counts(desk)) == (("not carried out", "relay jammed"), (0, 1))
    assert frame(desk) == [(of(desk).rule.id, "not carried out")]
    for _ in range(3):
        desk.wait(21)
        desk.beat()
        desk.obey(desk.read(AIR, 29))
        desk.obey([e for e in desk.log if isinstance(e, Send) and e.command.id in desk.state.pending])
    assert (last(desk), counts(desk)) == (("carried out", ""), (1, 0))
    assert frame(desk) == [(of(desk).rule.id, "carried out")]


def test_no_answer_is_no_success() -> None:
    desk = Desk(COOL).ready()
    desk.read(AIR, 29)
    desk.wait(11)
    assert (last(desk), counts(desk)) == (("not carried out", "no answer in 10 s"), (0, 1))


def test_what_ended_before_its_node_confirmed_it_was_not_carried_out() -> None:
    desk = Desk(COOL).ready()
    desk.read(AIR, 29)
    desk.read(AIR, 24)
    word, reason = last(desk)
    assert (word, reason) == ("not carried out", "a newer command replaced it")
    assert (counts(desk), frame(desk)) == ((0, 1), [(of(desk).rule.id, "not carried out")])


def test_only_what_it_wants_is_confirmed_to_it() -> None:
    on = {**COOL["actions"][0], "command": "ON"}
    desk = Desk(COOL | {"actions": [on, on | {"gpio": HEATER.gpio}]}).ready()
    desk.read(AIR, 29)

    def say(actuator: ActuatorId, value: float, fate: Fate = Fate.CONFIRMED) -> tuple[str, str]:
        who = f"rule:{of(desk).rule.id}"
        told = Outcome("i-late", actuator, value, fate, desk.now, who, "rule", "so it is")
        deed.on_outcome(Moment(desk.state, desk.now, 99), told)
        return last(desk)

    assert say(FAN, 1.0) == ("waiting", "")
    assert say(FAN, 0.0) == ("waiting", ""), "it is no longer as it is wanted"
    assert say(HEATER, 0.0) == ("waiting", "")
    assert say(HEATER, 1.0) == ("waiting", ""), "the fan was at 0.0 last"
    for fate in (Fate.FAILED, Fate.SUPERSEDED):
        assert say(FAN, 0.0, fate) == ("waiting", ""), "that it is not off is no failure"
    assert not of(desk).deeds[-1].outranked
    assert (say(FAN, 1.0), counts(desk)) == (("carried out", ""), (1, 0))


def test_both_actuators_must_have_confirmed() -> None:
    desk = Desk(BOTH).ready()
    effects = desk.read(AIR, 29)
    fan, heater = only(Send, effects)
    desk.obey([fan])
    assert (last(desk), frame(desk)) == (("waiting", ""), [(of(desk).rule.id, "waiting")])
    desk.ack(HEATER, heater.command.id, success=False, message="no")
    assert (last(desk), frame(desk)) == (("not carried out", "no"), [(of(desk).rule.id, "not carried out")])


def test_the_one_that_loses_is_told_so_and_counts_when_it_gets_its_way() -> None:
    desk = Desk(COOL | {"priority": 10}, COOL | {"name": "Cool more", "actions": [
        {**COOL["actions"][0], "value": 1.0}], "priority": 20}).ready()  # fmt: skip
    desk.obey(desk.read(AIR, 29))
    assert (last(desk, 0)[0], last(desk, 1)) == (
        "carried out",
        ("not carried out", f"{of(desk).rule.id} has priority"),
    )
    assert [outcome for _, outcome in frame(desk)] == ["carried out", "not carried out"]


def test_what_is_so_already_needs_no_command_and_counts_by_the_nodes_report() -> None:
    desk = Desk(COOL | {"priority": 20}, COOL | {"name": "Also", "priority": 10, "conditions": [
        {**COOL["conditions"][0], "activate_above": 30, "deactivate_below": 25}]}).ready()  # fmt: skip
    desk.obey(desk.read(AIR, 29))
    before = len(moves(desk.log))
    desk.obey(desk.read(AIR, 31))
    assert len(moves(desk.log)) == before
    assert last(desk, 1) == ("carried out", "")
    assert [outcome for _, outcome in frame(desk)] == ["carried out", "carried out"]


def test_two_that_want_the_same_share_the_nodes_word() -> None:
    desk = Desk(COOL, COOL | {"name": "Also"}).ready()
    desk.obey(desk.read(AIR, 29))
    assert [counts(desk, 0), counts(desk, 1)] in ([(1, 0), (1, 0)], [(1, 0), (0, 1)])
    assert [word for word, _ in (last(desk, 0), last(desk, 1))] == [outcome for _, outcome in frame(desk)]


def test_an_actuator_that_a_stop_holds_keeps_the_decision_from_being_carried_out() -> None:
    vent = {"type": "actuator", "esp_id": WATER, "gpio": 27, "command": "PWM", "value": 0.9}
    desk = Desk(rule(COOL, actions=[COOL["actions"][0], vent])).ready()
    desk.handle(ev.StopAsked(desk.now, "ann", "leak", Scope("node", WATER)))
    desk.obey(desk.read(AIR, 29))
    assert last(desk) == ("not carried out", HELD)
    assert frame(desk) == [(of(desk).rule.id, "not carried out")]


def test_decisions_of_an_earlier_run_keep_their_outcomes() -> None:
    """Causes count anew with every start."""
    desk = Desk(COOL).ready()
    desk.obey(desk.read(AIR, 29))
    desk.restart()
    desk.ready()
    desk.read(AIR, 29)
    desk.wait(11)
    assert [outcome for _, outcome in frame(desk)] == ["carried out", "not carried out"]


# ── degraded ───────────────────────────────────────────────────────────────────────────────────────────
def away(desk: Desk, node: Any = CLIMATE) -> None:
    desk.handle(ev.Will(desk.now, GOD, node, retained=False))


def test_one_node_away_is_one_alarm_for_twenty_rules() -> None:
    desk = Desk(*(COOL | {"name": f"Cool {n}"} for n in range(20))).ready()
    desk.read(AIR, 24)
    away(desk)
    assert all("is offline since 00:00:02 on 2026-05-01" in r.degraded for r in desk.state.rules.values())
    desk.live(400, WATER)
    assert steps(desk) == [(f"node_silent:{CLIMATE}", "raised")]
    alarm = desk.state.alarms.watch.standing[f"node_silent:{CLIMATE}"]
    assert "“Cool 4” and 15 more." in alarm.text
    assert len(picture.snapshot(desk.state, desk.now, 0)["alarms"]["standing"][0]["rules"]) == 20


@pytest.mark.parametrize("idle", [True, False])
def test_a_rule_without_its_actuator_raises_its_own_alarm_which_goes_by_itself(idle: bool) -> None:
    desk = Desk(rule(COOL, actions=[{**COOL["actions"][0], "gpio": 33}])).ready()
    desk.read(AIR, 20 if idle else 29)
    assert of(desk).degraded == f"cannot act: there is no actuator {CLIMATE}/33"
    desk.wait(31)
    key = f"rule_cannot_act:{of(desk).rule.id}"
    alarm = desk.state.alarms.watch.standing[key]
    assert alarm.priority is (Priority.LOW if idle else Priority.HIGH)
    assert alarm.text == f"Rule Cool the bench cannot act. There is no actuator {CLIMATE}/33."
    desk.read(AIR, 29)
    assert desk.state.alarms.watch.standing[key].priority is Priority.HIGH
    desk.handle(ev.RulesChanged(desk.now, (), (), "ann"))
    desk.live(6)
    assert desk.state.alarms.watch.standing[key].state is State.RTNUN
    desk.live(601)
    assert key not in desk.state.alarms.watch.standing
    told = [step for of_key, step in steps(desk) if of_key == key]
    assert (told[0], told[-2:]) == ("raised", ["returned", "cleared"])


def test_a_node_that_is_not_approved() -> None:
    site = SITE.model_copy(
        update={"nodes": [n.model_copy(update={"approved": n.id != WATER}) for n in SITE.nodes]}
    )
    desk = Desk(COOL | {"actions": IRRIGATE["actions"]}, site=site).ready()
    desk.read(AIR, 29)
    assert of(desk).degraded == f"cannot act: node {WATER} is not approved"
    desk.live(60)
    assert steps(desk) == [(f"rule_cannot_act:{of(desk).rule.id}", "raised")]


def test_a_sensor_that_falls_silent_while_its_node_lives() -> None:
    desk = Desk(COOL).ready()
    desk.read(AIR, 24)
    desk.live(400)
    key = f"rule_cannot_decide:{of(desk).rule.id}"
    assert "last reading is stale" in of(desk).degraded
    assert steps(desk) == [(key, "raised")], "and not once per look"
    since = of(desk).degraded_at
    raised = stored(AlarmChange, desk.log)[0].at
    assert since is not None
    assert raised - since <= 60 * SECOND
    assert rule_picture(desk.state, of(desk), desk.now)["alarm"] == key
    for _ in range(13):
        desk.read(AIR, 24)
        desk.live(60)
    assert steps(desk) == [(key, "raised"), (key, "returned"), (key, "cleared")]
    assert of(desk).degraded == ""


def test_a_node_without_power_is_told_of_as_that_and_not_as_a_silent_sensor() -> None:
    """Its sensor is stale first; whose fault it is shows a little later."""
    site = SITE.model_copy(
        update={"sensors": [s.model_copy(update={"stale_after_s": 60.0}) for s in SITE.sensors]}
    )
    desk = Desk(COOL, site=site).ready()
    desk.read(AIR, 24)
    desk.live(600, WATER)
    assert steps(desk) == [(f"node_silent:{CLIMATE}", "raised")]


def test_a_stop_degrades_rules_and_raises_nothing_of_theirs() -> None:
    desk = Desk(COOL).ready()
    desk.report(FAN, 0.0)
    desk.read(AIR, 29)
    desk.stop()
    assert of(desk).degraded.startswith("cannot act: ")
    desk.live(120)
    assert not any(key.startswith("rule_") for key, _ in steps(desk))


def test_without_a_broker_every_rule_is_degraded_at_once() -> None:
    desk = Desk(COOL, IRRIGATE).ready()
    desk.link(up=False)
    texts = {r.degraded for r in desk.state.rules.values()}
    assert texts == {"cannot act: the broker cannot be reached since 00:00:02 on 2026-05-01"}
    desk.link()
    assert "broker" not in of(desk).degraded


def test_a_rule_that_is_switched_off_lacks_nothing() -> None:
    desk = Desk(COOL | {"enabled": False}).ready()
    away(desk)
    desk.live(120, WATER)
    shown = rule_picture(desk.state, of(desk), desk.now)
    assert (shown["state"], shown["degraded"], shown["alarm"]) == ("off", None, None)


def test_latched_by_its_node_is_told_by_that_alarm() -> None:
    desk = Desk(COOL).ready()
    desk.read(AIR, 24)
    desk.report(FAN, 0.0, emergency="active")
    assert of(desk).degraded == f"cannot act: fan is latched off by its node {CLIMATE}"
    desk.live(120)
    assert [key for key, step in steps(desk) if step == "raised"] == [f"node_latched:{FAN}"]


def test_why_without_anything_wrong_says_nothing_of_rules() -> None:
    desk = Desk(COOL).ready()
    desk.obey(desk.read(AIR, 29))
    assert "Rule" not in picture.why(desk.state, FAN, desk.now)["text"]


# ── a probe that says 0 % when its node is back ────────────────────────────────────────────────────────
@pytest.mark.parametrize("lost", ["will", "reboot", "silence"])
def test_a_soil_probe_that_reports_nothing_but_zero_at_first_starts_no_pump(lost: str) -> None:
    desk = Desk(IRRIGATE).ready()
    for _ in range(6):
        desk.wait(30)
        desk.beat(WATER)
        desk.read(SOIL, 1800, raw_mode=True)  # wet enough
    assert moves(desk.log) == []
    boot = "b1"
    if lost == "will":
        away(desk, WATER)
    elif lost == "silence":
        desk.wait(200)
    else:
        boot = "b2"
    desk.wait(20)
    if lost != "reboot":  # where its end was noticed, not even before its heartbeat
        desk.read(SOIL, 2800, raw_mode=True)
    desk.beat(WATER, boot, 5)
    for _ in range(3):
        desk.wait(2)
        desk.read(SOIL, 2800, raw_mode=True)  # 0 %
        desk.beat(WATER, boot, 10)
    for _ in range(4):
        desk.wait(30)
        desk.beat(WATER, boot, 60)
        desk.read(SOIL, 1800, raw_mode=True)
    assert [move for move in moves(desk.log) if move.actuator == PUMP and move.value > 0] == []
    assert of(desk).truth.value == "false", "and it has settled: it is judged by readings again"
    assert Fate.SENT not in [outcome.fate for outcome in stored(Outcome, desk.log)]
