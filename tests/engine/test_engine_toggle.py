"""TOGGLE: settled once, from what the node reports when the rule begins; unknown is not off."""

from __future__ import annotations

from typing import Any

import pytest

from godkaiser.engine import picture
from godkaiser.engine.effect import Decision, Journal
from godkaiser.engine.whynot import why_not
from godkaiser.io.fates import with_outcomes
from godkaiser.model import event as ev
from godkaiser.model.ids import RuleId
from godkaiser.model.outcome import Fate, Outcome
from godkaiser.rules.explain import sentence
from tests.engine.bench import AIR, CLIMATE, FAN, GOD, HEATER, Desk, moves, only, rule, stored
from tests.engine.test_engine_course import HOT, Greenhouse, steps, turn

ID = RuleId.known("steps")


def made(*actions: dict[str, Any], **more: Any) -> Any:
    return rule({"name": "Steps", "conditions": HOT, "actions": list(actions), "cooldown_seconds": 0} | more)


def at_work(fan: float | None, *actions: dict[str, Any], **more: Any) -> Greenhouse:
    desk = Greenhouse(made(*(actions or (turn(FAN, "toggle"),)), **more))
    desk.ready()
    if fan is not None:
        desk.follow(desk.report(FAN, fan))
    return desk


def became(desk: Desk) -> list[str | None]:
    rows = [
        {"rule": d.rule, "at": d.at, "active": d.active, "note": d.note, "cause": d.cause}
        for d in stored(Decision, desk.log)
    ]
    outcomes = [
        {
            "who": o.who,
            "at": o.at,
            "cause": o.cause,
            "actuator": o.actuator,
            "fate": o.fate,
            "message": o.message,
        }
        for o in stored(Outcome, desk.log)
    ]
    return [row["outcome"] for row in with_outcomes(rows, outcomes)]


@pytest.mark.parametrize(("reported", "wanted"), [(0.0, 1.0), (1.0, 0.0), (0.01, 0.0)])
def test_it_is_settled_once_to_the_opposite_of_what_is_reported(reported: float, wanted: float) -> None:
    desk = at_work(reported)
    desk.say(29)
    desk.go(300)
    assert desk.sent == [(25, wanted)]
    assert desk.outcome["outcome"] == "carried out"
    assert {move.verb for move in moves(desk.log)} <= {"ON", "OFF", "PWM"}


def test_when_the_rule_ends_it_goes_back_to_safe_and_begins_anew_the_next_time() -> None:
    desk = at_work(0.0)
    for air in (29, 20, 29, 20):
        desk.say(air)
        desk.go(150, air)
    assert desk.sent == [(25, 1.0), (25, 0.0), (25, 1.0), (25, 0.0)]
    assert ("toggle", ID) not in desk.journal


def test_what_somebody_switched_meanwhile_does_not_change_what_was_settled() -> None:
    desk = at_work(0.0)
    desk.say(29)
    desk.follow(desk.ask(FAN, 0.0, hold=60_000_000))
    desk.go(180)
    assert desk.sent == [(25, 1.0), (25, 0.0), (25, 1.0)], "on again when the hold is over, not toggled anew"


def test_unknown_is_not_off_and_it_says_so() -> None:
    desk = at_work(None)
    desk.say(29)
    assert desk.sent == []
    assert desk.outcome["outcome"] == "not carried out"
    assert desk.outcome["reason"] == "fan is not toggled: nobody knows what it is at"
    assert became(desk)[-1] == "not carried out"
    (refused,) = stored(Outcome, desk.log)
    assert (refused.fate, refused.value) == (Fate.REFUSED, 0.0)
    told = why_not(desk.state, desk.state.rules[ID], desk.now)
    assert [b["code"] for b in told["blockers"]] == ["toggle_unknown"]
    assert "fan is not toggled" in told["text"]


def test_what_was_unknown_is_toggled_as_soon_as_it_is_reported() -> None:
    desk = at_work(None)
    desk.say(29)
    desk.follow(desk.report(FAN, 0.0))
    assert desk.sent == [(25, 1.0)]
    assert desk.outcome["outcome"] == "carried out"
    assert became(desk)[-1] == "carried out"


def test_what_is_known_of_two_is_carried_out_and_the_other_counts() -> None:
    desk = at_work(0.0, turn(FAN, "TOGGLE"), turn(HEATER, "TOGGLE"))
    desk.say(29)
    assert desk.sent == [(25, 1.0)]
    assert desk.outcome["outcome"] == "not carried out"
    desk.follow(desk.report(HEATER, 0.0))
    assert desk.sent == [(25, 1.0), (26, 1.0)]
    assert desk.outcome["outcome"] == "carried out"


def test_a_report_from_before_its_node_was_away_says_nothing() -> None:
    desk = at_work(0.0)
    desk.wait(1)
    desk.handle(ev.Will(desk.now, GOD, CLIMATE, False))
    told = why_not(desk.state, desk.state.rules[ID], desk.now)
    assert "node ESP_A1B2C3 is offline" in told["text"]
    desk.follow(desk.beat(CLIMATE))
    desk.follow(desk.wait(4))
    desk.say(29)
    assert desk.sent == []
    desk.follow(desk.report(FAN, 1.0))
    assert desk.sent == [(25, 0.0)]


def test_what_it_reported_before_it_was_sent_elsewhere_says_nothing() -> None:
    desk = at_work(0.0)
    desk.wait(1)
    desk.ask(FAN, 1.0)  # on its way
    desk.wait(1)
    assert [b["code"] for b in why_not(desk.state, desk.state.rules[ID], desk.now)["blockers"]] == [
        "toggle_unknown"
    ]


@pytest.mark.parametrize("unknown_first", [False, True])
def test_a_restart_does_not_toggle_it_back(unknown_first: bool) -> None:
    desk = at_work(0.0)
    desk.say(29)
    assert desk.journal["toggle", ID] == {FAN: 1.0}
    desk.restart()
    desk.link()
    for node in (CLIMATE, HEATER.node):
        desk.follow(desk.beat(node))
    desk.follow(desk.report(FAN, 1.0))
    if not unknown_first:
        desk.say(29)
    desk.go(60)
    assert [value for _, value in desk.sent] == [1.0] or set(desk.sent) == {(25, 1.0)}
    desk.go(60, 20)
    assert desk.sent[-1] == (25, 0.0)
    assert ("toggle", ID) not in desk.journal


def test_a_rule_that_is_gone_takes_what_was_settled_with_it() -> None:
    desk = at_work(0.0)
    desk.say(29)
    desk.rules = ()
    desk.restart()
    assert desk.state.settled == {}


def test_a_pulse_that_is_over_was_one_start() -> None:
    desk = at_work(0.0, turn(FAN, "TOGGLE", duration_seconds=30), cooldown_seconds=60)
    desk.say(29)
    desk.go(200)
    assert desk.sent[:4] == [(25, 1.0), (25, 0.0), (25, 1.0), (25, 0.0)]


def test_a_stop_ends_it_and_it_settles_anew() -> None:
    desk = at_work(1.0)
    desk.say(29)
    assert desk.sent[-1:] == [(25, 0.0)]
    desk.stop()
    assert desk.state.settled == {}


def test_in_a_sequence_each_step_settles_for_itself() -> None:
    desk = at_work(0.0, steps(turn(FAN, "TOGGLE", delay_after_seconds=20), turn(FAN, "Toggle")))
    desk.say(29)
    assert desk.sent == [(25, 1.0)]
    desk.go(90)
    assert desk.sent == [(25, 1.0), (25, 0.0)]
    assert desk.outcome["outcome"] == "carried out"


def test_a_step_that_is_tried_again_is_not_toggled_back() -> None:
    desk = at_work(0.0, steps(turn(FAN, "TOGGLE", timeout_seconds=15, retry=2)))
    desk.deaf = frozenset({FAN})
    desk.say(29)
    desk.go(50)
    assert {value for _, value in desk.sent if value} == {1.0}
    assert "not confirmed" in desk.outcome["reason"]


def test_a_step_waits_for_what_is_unknown_and_then_fails() -> None:
    desk = at_work(None, steps(turn(FAN, "TOGGLE", timeout_seconds=20)))
    desk.say(29)
    desk.go(40)
    assert desk.sent == []
    assert "fan is not toggled" in desk.outcome["reason"]


def test_a_step_is_toggled_as_soon_as_it_is_known_what_it_is_at() -> None:
    desk = at_work(None, steps(turn(FAN, "TOGGLE", timeout_seconds=60)))
    desk.say(29)
    desk.follow(desk.report(FAN, 0.0))
    assert desk.sent == [(25, 1.0)]
    assert desk.outcome["outcome"] == "carried out"


def test_beside_a_delay_what_is_unknown_is_left_out_and_said() -> None:
    desk = at_work(None, turn(FAN, "TOGGLE"), {"type": "delay", "seconds": 5}, turn(HEATER))
    desk.say(29)
    desk.go(30)
    assert desk.sent == [(26, 1.0)]
    assert desk.outcome["reason"] == "step 1: fan is not toggled: nobody knows what it is at"


def test_beside_a_delay_it_is_toggled() -> None:
    desk = at_work(1.0, {"type": "delay", "seconds": 5}, turn(FAN, "TOGGLE"))
    desk.say(29)
    desk.go(30)
    assert desk.sent == [(25, 0.0)]
    assert desk.outcome["outcome"] == "carried out"


def test_an_interrupted_sequence_settles_anew() -> None:
    desk = at_work(0.0, steps(turn(FAN, "TOGGLE", delay_after_seconds=600)))
    desk.say(29)
    assert desk.journal["toggle", ID] == {"0": 1.0}
    desk.restart()
    desk.follow(desk.wait(1))
    assert ("toggle", ID) not in desk.journal


def test_it_says_what_it_does() -> None:
    told = sentence(made(turn(FAN, "TOGGLE", duration=60)), str, lambda _: "")
    assert told.endswith("toggle ESP_A1B2C3/25 (to the opposite of what it is at then) for at most 1 min.")
    desk = at_work(None)
    desk.say(29)
    assert "fan is not toggled" in str(picture.one(desk.state, "rule", ID, desk.now)["last_outcome"])  # type: ignore[index]


def test_a_rule_hold_is_asked_for_what_it_would_be_now() -> None:
    desk = Greenhouse(
        made(turn(FAN, "TOGGLE")),
        rule({"name": "Other", "conditions": HOT | {"value": 40}, "actions": [turn(FAN)]}),
    )
    desk.ready()
    desk.follow(desk.report(FAN, 0.0))
    desk.say(41)
    desk.go(30, 20)
    desk.say(29)
    waits = picture.one(desk.state, "actuator", FAN, desk.now)["rule_hold"]  # type: ignore[index]
    assert waits["waits"] == ID
    desk.go(300)
    assert desk.sent[-1] == (25, 1.0)


def test_a_toggle_without_an_actuator_is_refused_as_any_other() -> None:
    desk = Desk(made({"type": "actuator", "esp_id": "ESP_ABCDEF", "gpio": 14, "command": "TOGGLE"}))
    desk.ready()
    desk.read(AIR, 29)
    assert not moves(desk.log)
    assert desk.state.rules[ID].deeds[-1].carried_out is False
    assert only(Journal, desk.log)
