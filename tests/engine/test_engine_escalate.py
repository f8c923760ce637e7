"""A decision that is not carried out: tried again, told, and something else is switched until it is or is over."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from godkaiser.engine import picture
from godkaiser.engine.effect import Audit, RuleNotice
from godkaiser.engine.whynot import why_not
from godkaiser.model import event as ev
from godkaiser.model.ids import ActuatorId, RuleId
from godkaiser.model.instant import SECOND
from godkaiser.model.scope import Scope
from tests.engine.bench import CLIMATE, FAN, GOD, HEATER, PUMP, SOIL, VENT, WATER, Desk, rule, stored
from tests.engine.test_engine_course import HOT, WET, Greenhouse, steps, turn

ID = RuleId.known("steps")
TOLD = {
    "type": "notification",
    "channel": "webhook",
    "target": "http://x.example",
    "message_template": "{rule_name}",
}
POLICY: dict[str, Any] = {
    "notify": ["email", "ann", {"channel": "Webhook", "target": "http://x.example"}],
    "retry_interval_s": 30,
    "max_retries": 3,
    "failover_actions": [turn(VENT, "PWM", value=1.0), TOLD],
}


def made(*actions: dict[str, Any], policy: dict[str, Any] | None = POLICY, **more: Any) -> Any:
    document = {
        "name": "Steps",
        "conditions": HOT,
        "actions": list(actions or (turn(FAN),)),
        "cooldown_seconds": 0,
    }
    return rule(document | {"escalation_policy": policy} | more)


class House(Greenhouse):
    """Nodes answer in time, or not at all for what is `deaf`; nothing of it stays on when nobody asks for it."""

    def others(self) -> list[tuple[int, float]]:
        return [(gpio, value) for gpio, value in self.sent if gpio != FAN.gpio]

    def escalated(self) -> Any:
        return picture.one(self.state, "rule", ID, self.now)["escalation"]  # type: ignore[index]


def deaf(*rules: Any, **more: Any) -> House:
    desk = House(*(rules or (made(**more),)))
    desk.ready()
    for actuator, known in desk.state.actuators.items():
        desk.report(actuator, known.spec.safe_value)
    desk.deaf = frozenset({FAN})
    desk.say(29)
    return desk


# ── what happens ───────────────────────────────────────────────────────────────────────────────────────
def test_it_is_tried_again_then_people_are_told_and_the_failover_stands_until_it_is_carried_out() -> None:
    desk = deaf()
    assert desk.escalated() is None, "the node has its time to answer"
    desk.go(12)
    assert desk.escalated()["text"].endswith("not tried again")
    desk.go(35)
    assert desk.escalated()["tried"] == 1
    desk.go(60)
    assert desk.escalated()["tried"] == 3
    assert len([value for gpio, value in desk.sent if gpio == 25]) == 4
    assert desk.others() == []
    desk.go(15)
    assert desk.others() == [(27, 1.0)]
    assert desk.escalated()["text"].startswith("tried 3 times more, failover since 00:0")
    told = [(n.channel, n.target, n.text) for n in stored(RuleNotice, desk.log)]
    text = "Rule “Steps” was not carried out, tried 3 times more: no answer in 10 s"
    assert told == [
        ("email", "", text), ("websocket", "ann", text), ("webhook", "http://x.example", text),
        ("webhook", "http://x.example", "Steps"),
    ]  # fmt: skip
    shown = picture.why(desk.state, VENT, desk.now)["text"]
    assert "Rule “Steps” could not do what it wants: tried 3 times more, failover since" in shown
    assert (
        "It escalates: tried 3 times more, failover since"
        in why_not(desk.state, desk.state.rules[ID], desk.now)["text"]
    )
    desk.go(120)
    assert desk.others() == [(27, 1.0)], "once"
    desk.deaf = frozenset()
    desk.go(70)
    assert desk.escalated() is None
    assert desk.others() == [(27, 1.0), (27, 0.3)], "back to what is safe for it"
    assert [a.action for a in stored(Audit, desk.log)] == ["rule.escalated", "rule.escalation_ended"]
    assert not [key for key in desk.journal if key[0] == "failover"]


def test_when_the_rule_is_no_longer_true_everything_goes_back() -> None:
    desk = deaf(policy=POLICY | {"max_retries": 0})
    desk.go(15)
    assert desk.others() == [(27, 1.0)]
    desk.go(30, 20)
    assert desk.others() == [(27, 1.0), (27, 0.3)]
    assert desk.escalated() is None


def test_a_try_that_helps_ends_it() -> None:
    desk = deaf()
    desk.go(30)
    desk.deaf = frozenset()
    desk.go(30)
    assert desk.escalated() is None
    assert desk.outcome["outcome"] == "carried out"
    assert desk.others() == []
    assert stored(RuleNotice, desk.log) == []


def test_a_node_that_is_away_is_a_failure_too() -> None:
    desk = House(made(turn(PUMP), policy=POLICY | {"failover_actions": [turn(HEATER)]}))
    desk.ready()
    desk.handle(ev.Will(desk.now, GOD, WATER, False))
    desk.say(29)
    assert desk.escalated() is not None
    for _ in range(26):
        desk.follow(desk.wait(5))
        desk.follow(desk.beat(CLIMATE))
        desk.say(29)
    assert desk.sent == [(26, 1.0)]
    desk.go(60)
    assert (14, 1.0) in desk.sent
    assert desk.sent[-1] == (26, 0.0)


def test_what_somebody_else_has_is_no_failure_nor_is_a_stop() -> None:
    stronger = rule({"name": "Off", "conditions": WET, "actions": [turn(FAN, "OFF")], "priority": 1})
    desk = House(made(policy=POLICY | {"max_retries": 0}), stronger)
    desk.ready()
    desk.say(70, SOIL)
    desk.say(29)
    desk.go(30)
    assert desk.escalated() is None
    desk = deaf(policy=POLICY | {"max_retries": 0})
    desk.go(15)
    assert desk.others() == [(27, 1.0)]
    desk.follow(desk.handle(ev.StopAsked(desk.now, "ann", "smoke", Scope("node", CLIMATE))))
    assert desk.escalated() is None
    assert desk.others()[-1] == (27, 0.3)


def test_a_stop_over_the_failover_takes_it_away_and_clearing_brings_nothing_back() -> None:
    desk = deaf(policy=POLICY | {"max_retries": 0})
    desk.go(15)
    desk.follow(desk.handle(ev.StopAsked(desk.now, "ann", "smoke", Scope("node", WATER))))
    desk.go(10)
    assert desk.escalated()["actuators"] == []
    before = desk.others()
    desk.follow(desk.handle(ev.ClearAsked(desk.now, "ann", True, Scope("node", WATER))))
    desk.go(60)
    assert (27, 1.0) not in desk.others()[len(before) :]


def test_a_stopped_failover_is_left_out_and_so_is_one_that_cannot_be_toggled() -> None:
    desk = House(
        made(policy=POLICY | {"max_retries": 0, "failover_actions": [turn(PUMP), turn(HEATER, "TOGGLE")]})
    )
    desk.ready()
    desk.handle(ev.StopAsked(desk.now, "ann", "smoke", Scope("node", WATER)))
    desk.deaf = frozenset({FAN})
    desk.say(29)
    desk.go(30)
    assert desk.escalated()["failover_since"]
    assert not {(14, 1.0), (26, 1.0)}.intersection(desk.sent)


def test_a_toggle_goes_to_the_opposite_of_what_it_is_at_then() -> None:
    desk = deaf(policy=POLICY | {"max_retries": 0, "failover_actions": [turn(HEATER, "TOGGLE")]})
    desk.go(15)
    assert desk.others() == [(26, 1.0)]


def test_a_pulse_of_the_failover_ends_by_itself() -> None:
    desk = deaf(policy=POLICY | {"max_retries": 0, "failover_actions": turn(PUMP, duration_seconds=20)})
    desk.go(100)
    assert desk.others() == [(14, 1.0), (14, 0.0)]
    assert desk.escalated()["actuators"] == []


def test_steps_that_fail_are_begun_again_before_the_failover() -> None:
    """When they may: at 240 s for the second time, as each of their switches is held."""
    desk = deaf(
        made(steps(turn(FAN, timeout_seconds=12)), policy=POLICY | {"max_retries": 5, "retry_interval_s": 60})
    )
    desk.go(70)
    assert desk.escalated()["text"].endswith("not tried again"), "its turn came, but it could not begin yet"
    desk.go(175)
    assert desk.escalated()["text"].endswith("tried once more")
    assert desk.others() == []
    desk.go(90)
    assert desk.others() == [(27, 1.0)]
    assert desk.escalated()["text"].startswith("tried once more, failover since")
    assert (
        desk.escalated()["tried"] == len([1 for gpio, value in desk.sent if (gpio, value) == (25, 1.0)]) - 1
    )
    desk.go(60, 20)
    assert desk.others() == [(27, 1.0), (27, 0.3)]


@pytest.mark.parametrize("how", ["changed", "removed", "closing"])
def test_nothing_of_it_stays_when_the_rule_is_changed_or_gone(how: str) -> None:
    desk = deaf(policy=POLICY | {"max_retries": 0})
    desk.go(15)
    if how == "closing":
        desk.follow(desk.handle(ev.Closing(desk.now)))
    else:
        kept = () if how == "removed" else (made(policy=None),)
        desk.follow(desk.handle(ev.RulesChanged(desk.now, kept, (), "ann")))
    assert desk.others()[-1] == (27, 0.3)
    assert desk.state.escalated == {}


def test_after_a_restart_it_begins_anew_and_what_it_had_switched_goes_safe_first() -> None:
    desk = deaf(policy=POLICY | {"max_retries": 0})
    desk.go(15)
    assert desk.journal["failover", ID] == {"actuators": [VENT]}
    desk.restart()
    desk.link()
    desk.follow(desk.wait(1))
    desk.follow(desk.beat(WATER))
    assert desk.others()[-1] == (27, 0.3)
    assert ("failover", ID) not in desk.journal
    desk.go(5, 20)
    assert desk.others()[-1] == (27, 0.3)


def test_a_rule_without_a_policy_does_nothing_of_that() -> None:
    desk = deaf(policy=None)
    desk.go(300)
    assert desk.escalated() is None
    assert desk.others() == []


# ── critical ───────────────────────────────────────────────────────────────────────────────────────────
def priorities(desk: Desk) -> dict[str, str]:
    return {key: alarm.priority.word for key, alarm in desk.state.alarms.watch.standing.items()}


@pytest.mark.parametrize("critical", [True, False])
def test_a_critical_rule_that_is_not_carried_out_raises_a_critical_alarm(critical: bool) -> None:
    desk = deaf(is_critical=critical, policy=None)
    desk.go(60)
    key = "rule_cannot_act:steps"
    assert priorities(desk).get(key) == ("critical" if critical else None)
    if critical:
        assert "No answer in 10 s" in desk.state.alarms.watch.standing[key].text
    desk.deaf = frozenset()
    desk.go(120)
    assert not desk.state.alarms.watch.standing.get(key) or not desk.state.alarms.watch.standing[key].holds


@pytest.mark.parametrize("critical", [True, False])
def test_a_critical_rule_that_is_degraded_is_critical(critical: bool) -> None:
    gone = {"type": "actuator", "esp_id": "ESP_ABCDEF", "gpio": 14, "command": "ON"}
    desk = Desk(made(gone, policy=None, is_critical=critical)).ready()
    desk.live(300)
    assert priorities(desk)["rule_cannot_act:steps"] == ("critical" if critical else "low")


@pytest.mark.parametrize("critical", [True, False])
def test_the_alarm_of_the_node_it_needs_is_critical_with_it(critical: bool) -> None:
    desk = Desk(made(policy=None, is_critical=critical)).ready()
    desk.report(FAN, 0.0)
    desk.report(HEATER, 0.0)
    desk.handle(ev.Will(desk.now, GOD, CLIMATE, False))
    desk.wait(70)
    assert priorities(desk)["node_silent:ESP_A1B2C3"] == ("critical" if critical else "high")


# ── whatever happens ───────────────────────────────────────────────────────────────────────────────────
LIVES = st.lists(
    st.sampled_from(
        [
            "hot",
            "cool",
            "deaf",
            "hears",
            "wait",
            "wait",
            "long",
            "stop",
            "clear",
            "away",
            "restart",
            "hold",
            "silent",
        ]
    ),
    max_size=25,
)


def live_on(desk: House, what: str) -> None:
    match what:
        case "hot" | "cool":
            desk.say(29 if what == "hot" else 20)
        case "deaf" | "hears":
            desk.deaf = frozenset({FAN}) if what == "deaf" else frozenset()
        case "wait" | "long":
            desk.go(12 if what == "wait" else 95, None)
        case "stop":
            desk.follow(desk.stop())
        case "clear":
            desk.follow(desk.clear(force=True))
        case "away":
            desk.follow(desk.handle(ev.Will(desk.now, GOD, CLIMATE, False)))
        case "hold":
            desk.follow(desk.ask(FAN, 0.0, hold=20 * SECOND))
        case "silent":
            desk.go(200, None)
        case _:
            desk.restart()
            desk.link()


@settings(max_examples=60, deadline=None)
@given(LIVES, st.integers(0, 2), st.booleans())
def test_when_the_rule_is_over_nothing_of_it_stays_on(life: list[str], retries: int, in_steps: bool) -> None:
    action = steps(turn(FAN, timeout_seconds=12)) if in_steps else turn(FAN)
    desk = House(made(action, policy=POLICY | {"max_retries": retries, "retry_interval_s": 20}))
    desk.ready()
    for actuator, known in desk.state.actuators.items():
        desk.report(actuator, known.spec.safe_value)
    mine: ActuatorId = VENT
    for what in life:
        live_on(desk, what)
        standing = desk.state.escalated.get(ID)
        if standing is None or not standing.holds:
            assert not [who for who in desk.state.wishes.get(mine, {}) if "failover" in who]
        last = desk.state.rules[ID].deeds
        if standing is not None and last:
            assert last[-1].carried_out is not True
    desk.deaf = frozenset()
    desk.follow(desk.clear(force=True))
    desk.go(240, 20)
    assert desk.state.escalated == {}
    assert desk.state.wishes.get(mine, {}) == {}
    assert not desk.state.actuators[mine].away
    assert [value for gpio, value in desk.sent if gpio == mine.gpio][-1:] in ([], [0.3])
    assert desk.state.actuators[FAN].lease is None
    assert not [key for key in desk.journal if key[0] == "failover"]
