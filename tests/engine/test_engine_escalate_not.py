"""What is no failure: a stop, a person, a pause, a node that was not heard yet, another rule of the same name."""

from __future__ import annotations

from typing import Any

import pytest

from godkaiser.model import event as ev
from godkaiser.model.ids import ActuatorId
from godkaiser.model.instant import HOUR, SECOND
from tests.engine.bench import AIR, CLIMATE, FAN, PUMP, VENT, WATER, rule
from tests.engine.test_engine_course import HOT, turn
from tests.engine.test_engine_escalate import POLICY, House, deaf, made

FULL = turn(VENT, "PWM", value=1.0)
NOW_AT_ONCE = POLICY | {"max_retries": 0}


def other_way() -> House:
    """The rule switches what does not answer at the irrigation node, and its failover the fan."""
    desk = House(made(FULL, policy={"max_retries": 0, "failover_actions": [turn(FAN)]}))
    desk.ready()
    for actuator, known in desk.state.actuators.items():
        desk.report(actuator, known.spec.safe_value)
    return desk


def on(desk: House, actuator: ActuatorId) -> bool:
    return desk.state.actuators[actuator].lease is not None


def test_the_end_of_a_stop_switches_no_failover_on() -> None:
    desk = other_way()
    desk.deaf = frozenset({VENT})
    desk.say(29)
    desk.go(15)
    assert on(desk, FAN), "before the stop it did"
    desk.follow(desk.stop())
    desk.go(10, None)
    begun = len(desk.sent)
    desk.follow(desk.clear(force=True))
    desk.go(60, None)
    assert [gpio for gpio, value in desk.sent[begun:] if value > 0 and gpio != VENT.gpio] == []
    assert not on(desk, FAN)
    desk.go(40)
    assert on(desk, FAN), "decided anew, and not carried out again"


@pytest.mark.parametrize(
    "policy", [{"failover_actions": []}, {"failover_actions": [turn(PUMP)]}, {"max_retries": 5}]
)
def test_a_rule_that_is_changed_takes_its_old_failover_with_it(policy: dict[str, Any]) -> None:
    desk = deaf(policy=NOW_AT_ONCE)
    desk.go(15)
    assert on(desk, VENT)
    desk.follow(desk.handle(ev.RulesChanged(desk.now, (made(policy=NOW_AT_ONCE | policy),), (), "ann")))
    desk.go(5)
    assert not on(desk, VENT)
    desk.go(30)
    assert on(desk, PUMP) is (policy == {"failover_actions": [turn(PUMP)]})


def test_a_persons_hold_is_no_failure() -> None:
    desk = deaf(policy={"max_retries": 1, "retry_interval_s": 30, "failover_actions": [turn(PUMP)]})
    desk.go(15)
    desk.deaf = frozenset()
    desk.follow(desk.ask(FAN, 0.0, hold=600 * SECOND))
    desk.go(300)
    assert not on(desk, PUMP)
    assert desk.escalated() is None


def test_service_is_no_failure() -> None:
    desk = deaf(policy=NOW_AT_ONCE)
    desk.say(20)
    desk.handle(ev.ServiceAsked(desk.now, FAN, desk.now + HOUR, "user:ann"))
    desk.say(29)
    desk.go(60)
    assert not on(desk, VENT)


def test_a_stronger_rule_is_no_failure() -> None:
    always = [{"type": "time_window", "start_time": "00:00", "end_time": "24:00"}]
    off = {"name": "Strong", "priority": 1, "conditions": always, "actions": [turn(FAN, "OFF")]}
    strong = rule(off)
    desk = House(made(policy=NOW_AT_ONCE), strong)
    desk.ready()
    desk.say(29)
    desk.go(300)
    assert not on(desk, VENT)


def test_a_node_that_was_not_heard_since_the_start_need_not_be_away() -> None:
    desk = other_way()
    desk.say(29)
    desk.go(5)
    assert on(desk, VENT)
    desk.restart()
    desk.link()
    desk.beat(CLIMATE)
    desk.wait(3)
    desk.read(AIR, 29)
    assert not on(desk, FAN)
    desk.beat(WATER)
    desk.follow(desk.wait(3))
    desk.go(30)
    assert not on(desk, FAN)


def test_a_pause_that_ends_by_itself_is_waited_for() -> None:
    resting = {"min_off_s": 60, "rule_hold_s": 0}
    desk = House(made(policy=NOW_AT_ONCE))
    desk.ready()
    spec = desk.state.actuators[FAN].spec.model_copy(update=resting)
    desk.state.actuators[FAN].spec = spec
    desk.say(29)
    desk.go(20)
    assert on(desk, FAN)
    desk.go(20, 20)
    desk.go(90, 29)
    assert on(desk, FAN), "the pause was over"
    assert desk.others() == []


def test_a_rule_may_have_any_name_and_a_persons_hold_stays_theirs() -> None:
    document = {"name": "Person", "conditions": HOT, "actions": [turn(FAN)], "cooldown_seconds": 0}
    desk = House(rule(document))
    desk.ready()
    desk.say(20)
    desk.follow(desk.ask(FAN, 0.5, hold=600 * SECOND))
    desk.go(20, 29)
    desk.go(60, 20)
    assert desk.state.actuators[FAN].wished == 0.5, "the rule has come and gone"


def test_the_hold_holds_for_a_rule_that_ends_and_begins_at_one_instant() -> None:
    desk = House(made(policy=None))
    desk.ready()
    desk.say(29)
    for _ in range(5):
        desk.go(10, None)
        desk.say(20)
        desk.say(29)
    assert len([value for gpio, value in desk.sent if gpio == FAN.gpio and value > 0]) == 1
