"""Rules with steps: delays, sequences, waits and notices, and that nothing is left on when they end early."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from godkaiser.engine import picture
from godkaiser.engine.effect import Decision, Effect, Journal, RuleNotice
from godkaiser.io.fates import with_outcomes
from godkaiser.model import event as ev
from godkaiser.model.ids import RuleId
from godkaiser.model.instant import MINUTE, SECOND, to_iso
from godkaiser.model.outcome import Outcome
from godkaiser.model.scope import Scope
from tests.engine.bench import (
    AIR,
    CLIMATE,
    FAN,
    GOD,
    HEATER,
    PUMP,
    SOIL,
    WATER,
    Desk,
    moves,
    only,
    rule,
    stored,
)  # fmt: skip

HOT = {
    "type": "sensor",
    "esp_id": CLIMATE,
    "gpio": 0,
    "sensor_type": "sht31_temp",
    "operator": ">",
    "value": 28,
}
WET = {"type": "sensor", "esp_id": WATER, "gpio": 34, "sensor_type": "moisture", "operator": ">", "value": 60}
KEEP = {"policy": "keep"}
ID = RuleId.known("steps")


def turn(actuator: Any, command: str = "ON", **more: Any) -> dict[str, Any]:
    return {"type": "actuator", "esp_id": actuator.node, "gpio": actuator.gpio, "command": command, **more}


def steps(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": "sequence", "steps": list(parts)}


def made(*actions: dict[str, Any], **more: Any) -> Any:
    return rule({"name": "Steps", "conditions": HOT, "actions": list(actions), "cooldown_seconds": 0} | more)


class Greenhouse(Desk):
    """Nodes that carry out what they are told, but for those in `deaf`."""

    deaf: frozenset[Any] = frozenset()

    def follow(self, effects: list[Effect]) -> None:
        while effects:
            heard = [e for e in effects if getattr(getattr(e, "command", None), "order", None) is not None]
            heard = [e for e in heard if getattr(e.command.order, "actuator", None) not in self.deaf]  # type: ignore[union-attr]
            effects = self.obey(heard)

    def say(self, value: float, series: Any = AIR) -> None:
        if series == SOIL:
            self.follow(self.read(SOIL, round(2800 - 16 * value), raw_mode=True))
        else:
            self.follow(self.read(series, value))

    def go(self, seconds: float, air: float | None = 29.0) -> None:
        """Time passes second by second where something is due; readings and beats every half minute."""
        until = self.now + round(seconds * SECOND)
        while self.now < until:
            due = self.engine.next_wakeup
            step = until if due is None else min(until, max(due, self.now + SECOND))
            self.follow(self.wait((min(step, self.now + 30 * SECOND) - self.now) / SECOND))
            self.follow(self.beat(CLIMATE))
            self.follow(self.beat(WATER))
            if air is not None:
                self.say(air)

    @property
    def sent(self) -> list[tuple[int, float]]:
        return [(move.actuator.gpio, move.value) for move in moves(self.log)]

    @property
    def course(self) -> Any:
        return picture.one(self.state, "rule", ID, self.now)["steps"]  # type: ignore[index]

    @property
    def outcome(self) -> Any:
        return picture.one(self.state, "rule", ID, self.now)["last_outcome"]  # type: ignore[index]


def begun(*actions: dict[str, Any], **more: Any) -> Greenhouse:
    desk = Greenhouse(made(*actions, **more))
    desk.ready()
    desk.say(29)
    return desk


# ── delays ─────────────────────────────────────────────────────────────────────────────────────────────
def test_a_delay_postpones_what_follows_and_nothing_else() -> None:
    desk = begun(turn(FAN), {"type": "delay", "seconds": 60}, turn(HEATER))
    assert desk.sent == [(25, 1.0)]
    assert desk.course == {"step": 2, "of": 3, "done": False, "until": to_iso(desk.now + MINUTE)}
    assert desk.engine.next_wakeup is not None
    begin = desk.now
    desk.go(59)
    assert desk.sent == [(25, 1.0)]
    desk.go(1)
    assert desk.sent == [(25, 1.0), (26, 1.0)]
    assert desk.now == begin + MINUTE
    assert desk.outcome["outcome"] == "carried out"
    assert desk.course["done"] is True


def test_a_rule_that_is_no_longer_true_ends_it_and_everything_goes_safe() -> None:
    desk = begun(turn(FAN), {"type": "delay", "seconds": 60}, turn(HEATER))
    desk.go(20)
    desk.say(20)
    assert desk.sent == [(25, 1.0), (25, 0.0)]
    assert desk.course is None
    desk.go(300, air=20)
    assert desk.sent == [(25, 1.0), (25, 0.0)]
    assert desk.outcome == {"decided": desk.outcome["decided"], "outcome": "not carried out",
                            "reason": "ended before the node confirmed it"}  # fmt: skip
    assert ("course", "steps") not in desk.journal


def test_an_unknown_reading_ends_it_unless_the_rule_keeps() -> None:
    wait = {"type": "delay", "seconds": 600}
    for keep, sent in ((False, [(25, 1.0), (25, 0.0)]), (True, [(25, 1.0), (26, 1.0)])):
        more = {"when_unknown": KEEP} if keep else {}
        desk = begun(turn(FAN), wait, turn(HEATER), **more)
        desk.go(700, air=None)
        assert desk.sent == sent


def test_it_does_not_begin_anew_while_it_is_at_it() -> None:
    desk = begun(turn(FAN), {"type": "delay", "seconds": 300}, turn(HEATER))
    desk.go(280)
    assert desk.sent == [(25, 1.0)]
    assert len(desk.state.rules[ID].starts) == 1


# ── sequences ──────────────────────────────────────────────────────────────────────────────────────────
def test_a_step_is_done_when_its_node_has_confirmed_it() -> None:
    desk = Greenhouse(made(steps(turn(FAN, delay_after_seconds=5), turn(HEATER))))
    desk.deaf = frozenset({FAN})
    desk.ready()
    desk.say(29)
    assert desk.sent == [(25, 1.0)]
    desk.now += SECOND
    command = next(iter(desk.state.pending))
    desk.ack(FAN, command)
    assert desk.course["step"] == 1, "acknowledged is not yet confirmed"
    desk.follow(desk.report(FAN, 1.0))
    assert desk.sent == [(25, 1.0)]
    desk.go(5)
    assert desk.sent == [(25, 1.0), (26, 1.0)]


def test_what_is_not_confirmed_is_tried_again_and_then_everything_goes_safe() -> None:
    desk = Greenhouse(
        made(steps(turn(FAN), turn(HEATER, timeout_seconds=20, retry=2), turn(PUMP, duration=5)))
    )
    desk.deaf = frozenset({HEATER})
    desk.ready()
    desk.say(29)
    desk.go(61)
    assert [value for gpio, value in desk.sent if gpio == 26].count(1.0) == 3
    assert (25, 0.0) in desk.sent
    assert (14, 1.0) not in desk.sent
    assert desk.outcome["outcome"] == "not carried out"
    assert "step 2: ESP_A1B2C3/26 was not confirmed within 20 s, sent 3 times" in desk.outcome["reason"]
    notes = [decision.note for decision in stored(Decision, desk.log)]
    assert any(note.startswith("step 2:") for note in notes)
    assert desk.state.rules[ID].ready_at >= desk.now + 50 * SECOND, "not at once again"


@pytest.mark.parametrize(
    ("patience", "retry", "words"), [(3, 5, "sent 2 times"), (3, 0, "sent once"), (30, 1, "sent 2 times")]
)
def test_what_is_told_is_how_often_it_was_sent(patience: int, retry: int, words: str) -> None:
    desk = Greenhouse(made(steps(turn(FAN), turn(HEATER, timeout_seconds=patience, retry=retry))))
    desk.deaf = frozenset({HEATER})
    desk.ready()
    desk.say(29)
    desk.go(patience * (retry + 1) + 1)
    times = [value for gpio, value in desk.sent if gpio == 26].count(1.0)
    assert f"not confirmed within {patience} s, {words}" in desk.outcome["reason"]
    assert words == {1: "sent once"}.get(times, f"sent {times} times")


def test_what_was_never_sent_is_told_so() -> None:
    desk = Greenhouse(made(steps(turn(FAN), turn(PUMP, timeout_seconds=5))))
    desk.ready()
    desk.handle(ev.Will(desk.now, GOD, WATER, retained=False, ts=desk.now // SECOND))
    desk.say(29)
    desk.go(6)
    assert "not confirmed within 5 s, never sent" in desk.outcome["reason"]


def test_a_step_may_fail_where_it_goes_on() -> None:
    desk = Greenhouse(made(steps(turn(HEATER, timeout_seconds=5, on_failure="continue"), turn(FAN))))
    desk.deaf = frozenset({HEATER})
    desk.ready()
    desk.say(29)
    desk.go(6)
    assert desk.sent[:2] == [(26, 1.0), (26, 0.0)], "nobody knows what it does: back to safe"
    assert desk.sent[2] == (25, 1.0)
    assert desk.outcome["outcome"] == "not carried out"
    assert desk.outcome["reason"].startswith("step 1:")


def test_on_and_off_of_one_actuator_wait_for_its_node_without_any_pause() -> None:
    desk = Greenhouse(made(steps(turn(FAN), turn(FAN, "OFF"))))
    desk.deaf = frozenset({FAN})
    desk.ready()
    desk.say(29)
    desk.go(5)
    assert desk.sent == [(25, 1.0)], "not before the node has said that it is on"
    desk.deaf = frozenset()
    desk.ack(FAN, next(iter(desk.state.pending)))
    desk.follow(desk.report(FAN, 1.0))
    assert desk.sent[-1] == (25, 0.0)


def test_steps_for_one_actuator_replace_each_other() -> None:
    desk = begun(steps(turn(FAN, "PWM", value=0.4, delay_after_seconds=10), turn(FAN, "PWM", value=1.0)))
    desk.go(11)
    assert desk.sent == [(25, 0.4), (25, 1.0)]
    desk.say(20)
    assert desk.sent == [(25, 0.4), (25, 1.0), (25, 0.0)]


@pytest.mark.parametrize(("word", "after"), [("abort", []), ("continue", [(26, 1.0)])])
def test_a_wait_for_a_condition_and_its_time_out(word: str, after: Any) -> None:
    wait = {"type": "wait_until", "condition": WET, "timeout_seconds": 120, "on_timeout": word}
    desk = begun(steps(turn(FAN), wait, turn(HEATER)))
    desk.say(50, SOIL)
    desk.go(119)
    assert desk.sent == [(25, 1.0)]
    desk.go(1)
    assert [one for one in desk.sent if one[0] == 26] == after
    assert ((25, 0.0) in desk.sent) is (word == "abort")
    assert "is above 60" in desk.outcome["reason"]
    assert "120 s" in desk.outcome["reason"]


def test_a_wait_ends_with_the_reading_that_ends_it() -> None:
    wait = {"type": "wait_until", "condition": {**WET, "for_seconds": 20}, "timeout_seconds": 120}
    desk = begun(steps(turn(FAN), wait, turn(HEATER)))
    desk.say(70, SOIL)
    desk.go(10)
    assert (26, 1.0) not in desk.sent
    desk.follow(desk.wait(10))
    assert (26, 1.0) in desk.sent, "time alone ends it"
    assert desk.outcome["outcome"] == "carried out"


def test_a_pulse_within_a_sequence_ends_by_itself_and_the_sequence_goes_on() -> None:
    desk = begun(
        steps(turn(FAN, duration=5, delay_after_seconds=20), turn(HEATER, duration=10)), cooldown_seconds=90
    )
    desk.go(60)
    assert desk.sent == [(25, 1.0), (25, 0.0), (26, 1.0), (26, 0.0)]
    assert desk.course is None, "all its turns have had their time"
    desk.go(50)
    assert desk.sent.count((25, 1.0)) == 1
    desk.go(60)
    assert desk.sent.count((25, 1.0)) == 2, "still true after the cooldown: it begins anew"


def test_the_maximum_on_time_ends_it() -> None:
    desk = begun(turn(HEATER), turn(FAN), {"type": "delay", "seconds": 3000}, turn(PUMP, duration=5))
    desk.go(620)
    assert desk.sent[:4] == [(26, 1.0), (25, 1.0), (26, 0.0), (25, 0.0)]
    assert (14, 1.0) not in desk.sent


# ── stops, people, restarts ────────────────────────────────────────────────────────────────────────────
def test_a_stop_ends_it() -> None:
    desk = begun(turn(FAN), {"type": "delay", "seconds": 60}, turn(HEATER))
    desk.stop()
    desk.go(120)
    assert (26, 1.0) not in desk.sent
    assert desk.course is None


def test_a_stop_of_one_node_takes_its_actuator_away() -> None:
    desk = begun(turn(FAN), turn(PUMP, duration=100), {"type": "delay", "seconds": 60}, turn(HEATER))
    desk.follow(desk.handle(ev.StopAsked(desk.now, "ann", "leak", Scope.parse("node:ESP_D4E5F6"))))
    desk.go(10)
    assert (25, 0.0) in desk.sent
    assert (26, 1.0) not in desk.sent
    assert "was taken from it" in desk.outcome["reason"]


def test_a_rule_that_is_removed_ends_it() -> None:
    desk = begun(turn(FAN), {"type": "delay", "seconds": 60}, turn(HEATER))
    desk.follow(desk.handle(ev.RulesChanged(desk.now, (), (), "ann")))
    desk.go(120)
    assert desk.sent == [(25, 1.0), (25, 0.0)]
    assert ("course", "steps") not in desk.journal


def test_after_a_restart_it_ends_safely_and_says_so() -> None:
    desk = begun(turn(FAN), {"type": "delay", "seconds": 3600}, turn(HEATER))
    desk.go(600)
    assert desk.journal["course", "steps"]["actuators"] == [FAN, HEATER]
    desk.restart()
    desk.log.clear()
    desk.link()
    assert [d.note for d in stored(Decision, desk.log)] == ["a restart ended its steps"]
    assert desk.sent == [(25, 0.0)], "sent at once, the node may listen"
    desk.go(4000, air=20)
    assert {value for _, value in desk.sent} == {0.0}
    assert ("course", "steps") not in desk.journal
    assert desk.state.actuators[FAN].safe


def test_a_clock_that_jumps_moves_a_delay_along() -> None:
    desk = begun(turn(FAN), {"type": "delay", "seconds": 600}, turn(HEATER), when_unknown=KEEP)
    desk.now += 10 * MINUTE
    desk.handle(ev.ClockJumped(desk.now, 10 * MINUTE))
    assert desk.course["until"] == to_iso(desk.now + 600 * SECOND)


def test_twenty_at_once_and_no_more() -> None:
    many = [made(turn(FAN), {"type": "delay", "seconds": 30}, name=f"Steps {n}") for n in range(21)]
    desk = Greenhouse(*many)
    desk.ready()
    desk.say(29)
    assert len(desk.state.courses) == 20
    desk.go(45)
    assert all(desk.state.rules[one.id].course is not None for one in many[:20])


# ── what is told ───────────────────────────────────────────────────────────────────────────────────────
TELL = {
    "type": "notification", "channel": "websocket", "target": "ann",
    "message_template": "{rule_name}/{rule_id}: {sensor_value} on {esp_id} {gpio} {sensor_type} at {timestamp}",
}  # fmt: skip


def test_a_notice_is_filled_in_kept_and_shown() -> None:
    desk = begun(TELL)
    at = to_iso(desk.now)
    text = f"Steps/steps: 29 on ESP_A1B2C3 0 sht31_temp at {at}"
    (notice,) = stored(RuleNotice, desk.log)
    assert notice == RuleNotice(desk.now, ID, "websocket", "ann", text, desk.engine.seq)
    shown: Any = picture.one(desk.state, "rule", ID, desk.now)
    assert shown["notice"] == {
        "at": at,
        "channel": "websocket",
        "target": "ann",
        "text": text,
        "sent": True,
    }
    assert desk.outcome["outcome"] == "carried out"
    desk.go(600)
    assert len(stored(RuleNotice, desk.log)) == 1, "once, while it stays true"


def test_what_nothing_sends_is_kept_and_says_so() -> None:
    desk = begun(
        TELL | {"channel": "email", "message_template": "{sensor_value} {weather} {} {0} {rule_name"}
    )
    (notice,) = stored(RuleNotice, desk.log)
    assert (notice.channel, notice.target, notice.sent) == ("email", "ann", False)
    assert notice.text == "29 {weather} {} {0} {rule_name", "what is no word of ours stays as it is written"
    shown: Any = picture.one(desk.state, "rule", ID, desk.now)
    assert (shown["notice"]["channel"], shown["notice"]["sent"]) == ("email", False)


def test_what_is_not_known_is_called_so_and_nothing_to_say_is_the_name() -> None:
    desk = Greenhouse(
        made(TELL, conditions={"type": "node_online", "esp_id": WATER}),
        made(
            {**TELL, "message_template": ""}, name="Plain", conditions={"logic": "NOT", "conditions": [HOT]}
        ),
    )
    desk.ready()
    desk.say(20)
    texts = sorted(notice.text for notice in stored(RuleNotice, desk.log))
    assert texts[0] == "Plain"
    assert texts[1].startswith("Steps/steps: unknown on unknown unknown unknown at 2026")


def test_a_reading_of_what_does_not_hold_is_better_than_none() -> None:
    desk = Greenhouse(
        made(TELL, conditions={"logic": "NOT", "conditions": [{"logic": "AND", "conditions": [HOT, WET]}]})
    )
    desk.ready()
    desk.say(20)
    assert [n.text.partition(": ")[2][:5] for n in stored(RuleNotice, desk.log)] == ["20 on"]


@pytest.mark.parametrize(("cooldown", "most"), [(0, 11), (300, 3)])
def test_not_too_often_and_counted(cooldown: float, most: int) -> None:
    desk = begun(TELL, cooldown_seconds=cooldown)
    for _ in range(30):
        desk.go(10, air=20)
        desk.go(10, air=29)
    told, left_out = len(stored(RuleNotice, desk.log)), desk.state.counters["notices_left_out"]
    assert 2 <= told <= most
    assert desk.state.counters["notices"] == told
    assert told + left_out == len(desk.state.rules[ID].starts) or left_out == 0


def test_a_stop_does_not_end_what_only_tells() -> None:
    desk = begun(TELL)
    desk.stop()
    assert desk.state.rules[ID].active


def test_stored_decisions_tell_what_became_of_steps() -> None:
    """As `farm.decisions()` puts them together: a first step that was confirmed is no success."""
    desk = Greenhouse(
        made(steps(turn(FAN, duration=200), turn(HEATER, timeout_seconds=20))), made(TELL, name="Tell")
    )
    desk.deaf = frozenset({HEATER})
    desk.ready()
    desk.say(29)
    assert told(desk, "steps") == [("waiting", "")]
    assert told(desk, "tell") == [("carried out", "")]
    desk.go(21)
    ((word, reason),) = told(desk, "steps")
    assert word == "not carried out"
    assert reason.startswith("step 2: ESP_A1B2C3/26 was not confirmed within 20 s")


def test_stored_decisions_of_steps_that_went_on_and_of_those_that_ended() -> None:
    going = made(steps(turn(HEATER, timeout_seconds=5, on_failure="continue"), turn(FAN)))
    desk = Greenhouse(going, made(turn(PUMP, duration=100), {"type": "delay", "seconds": 60}, name="Ended"))
    desk.deaf = frozenset({HEATER})
    desk.ready()
    desk.say(29)
    desk.go(10)
    desk.say(20)
    ((word, reason),) = told(desk, "steps")
    assert (word, reason[:7]) == ("not carried out", "step 1:")
    assert told(desk, "ended") == [("not carried out", "ended before the node confirmed it")]


def told(desk: Desk, name: str) -> list[tuple[str, str]]:
    decisions = [asdict(one) for one in stored(Decision, desk.log) if one.rule == name]
    outcomes = [asdict(one) | {"fate": one.fate.value} for one in stored(Outcome, desk.log)]
    rows = with_outcomes(decisions, outcomes)
    return [(row["outcome"], row["outcome_reason"]) for row in rows if row["note"] == "its steps begin"]


def test_every_line_of_the_journal_is_taken_back() -> None:
    desk = begun(turn(FAN), {"type": "delay", "seconds": 10})
    desk.go(11)
    lines = [entry.data for entry in only(Journal, desk.log) if entry.kind == "course"]
    assert lines[0] is not None
    assert lines[-1] is None
