"""A restart is no way past a cooldown: what the stored decisions say of a rule's starts is what it knew of them."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.engine.effect import Decision
from godkaiser.engine.started import Starts, reach
from godkaiser.engine.state import RuleState
from godkaiser.model import event as ev
from godkaiser.model.instant import HOUR, MINUTE, SECOND, Instant
from tests.engine.bench import AIR, CLIMATE, COOL, FAN, GOD, START, Desk, fresh, moves, rule, stored
from tests.engine.test_engine_course import Greenhouse, made, steps
from tests.examples import examples

POLICIES = [{"policy": "safe"}, {"policy": "hold", "seconds": 90}, {"policy": "keep"}]
STEPS = [
    {"type": "actuator", "esp_id": CLIMATE, "gpio": 25, "command": "PWM", "value": 0.8, "timeout_seconds": 5},
    {
        "type": "actuator",
        "esp_id": CLIMATE,
        "gpio": 25,
        "command": "PWM",
        "value": 0.5,
        "duration_seconds": 9,
    },
]


def the_rule(desk: Desk) -> RuleState:
    (one,) = desk.state.rules.values()
    return one


def recalled(desk: Desk) -> RuleState:
    """As a new process has it."""
    state = fresh(2, desk.rules)
    starts = Starts(state, desk.now)
    for told in stored(Decision, desk.log):
        starts.take(told)
    starts.done()
    (one,) = state.rules.values()
    return one


def lately(one: RuleState, now: Instant) -> list[Instant]:
    return [start for start in one.starts if start > now - HOUR]


def live(desk: Desk, dice: random.Random) -> None:
    """Hot or not, heard or not, obeyed or not."""
    match dice.randrange(7):
        case 0 | 1 | 2:
            desk.obey(desk.read(AIR, dice.choice([20.0, 26.0, 31.0])))
        case 3:
            desk.handle(ev.Will(desk.now, GOD, CLIMATE, retained=False, ts=desk.now // SECOND))
        case 4:
            desk.beat()
        case 5:
            desk.obey(desk.live(dice.choice([5, 61, 300])))
        case _:
            desk.wait(dice.choice([1, 20, 200]))


@examples(60)
@given(
    seed=st.integers(0, 1 << 30),
    pulse=st.sampled_from([None, 40]),
    policy=st.sampled_from(POLICIES),
    cooldown=st.sampled_from([0, 60, 900]),
)
def test_what_is_recalled_is_what_it_knew(
    seed: int, pulse: int | None, policy: dict[str, Any], cooldown: int
) -> None:
    turn = COOL["actions"][0] | ({} if pulse is None else {"duration_seconds": pulse})
    desk = Desk(COOL | {"actions": [turn], "when_unknown": policy, "cooldown_seconds": cooldown}).ready()
    dice = random.Random(seed)
    for _ in range(40):
        live(desk, dice)
        knew, knows = the_rule(desk), recalled(desk)
        assert knows.memory.started == knew.memory.started
        assert lately(knows, desk.now) == lately(knew, desk.now)
        if knew.active and pulse is not None:
            assert knew.memory.started is not None
            assert knows.ready_at == knew.memory.started + (pulse + cooldown) * SECOND
        else:
            assert knows.ready_at == knew.ready_at


@pytest.mark.parametrize(("obeys", "cooldown", "pause"), [(True, 20, 20), (False, 20, 60), (False, 90, 90)])
def test_the_pause_after_steps_is_recalled(obeys: bool, cooldown: int, pause: int) -> None:
    """Those that failed are not tried again for a minute at least."""
    desk = Greenhouse(made(steps(*STEPS), cooldown_seconds=cooldown))
    desk.deaf = frozenset() if obeys else frozenset({FAN})
    desk.ready()
    desk.say(31)
    desk.go(18, air=31)
    (ended,) = [told for told in stored(Decision, desk.log) if told.note and not told.active]
    assert the_rule(desk).ready_at == recalled(desk).ready_at == ended.at + pause * SECOND


def test_a_start_after_a_crash_is_one_although_the_one_before_has_no_end() -> None:
    desk = Desk(COOL | {"when_unknown": {"policy": "keep"}})
    (name,) = (one.id for one in desk.rules)
    told = [(START, "true", 9), (START + MINUTE, "unknown", 12), (START + 2 * MINUTE, "true", 5)]
    desk.log = []
    starts = Starts(desk.state, START + HOUR // 2)
    for at, truth, cause in told:
        starts.take(Decision(name, at, truth, active=True, trace="", cause=cause))
    assert list(the_rule(desk).starts) == [START, START + 2 * MINUTE]


@pytest.mark.parametrize("note", ["disabled", "removed"])
def test_who_switches_a_rule_off_begins_no_pause(note: str) -> None:
    desk = Desk(COOL)
    starts = Starts(desk.state, START + HOUR)
    for at, active, why in ((START, True, ""), (START + 10 * SECOND, False, note)):
        starts.take(Decision(desk.rules[0].id, at, "true", active, "", 1, why))
    starts.take(Decision("of-a-rule-that-is-gone", START, "true", active=True, trace="", cause=1))
    starts.done()
    assert the_rule(desk).ready_at == START + 60 * SECOND


def test_a_clock_that_was_set_back_makes_a_start_one_of_now() -> None:
    desk = Desk(COOL)
    starts = Starts(desk.state, START)
    starts.take(Decision(desk.rules[0].id, START + HOUR, "true", active=True, trace="", cause=1))
    starts.done()
    assert the_rule(desk).memory.started == START
    assert the_rule(desk).ready_at == START + 60 * SECOND


@pytest.mark.parametrize(
    ("changes", "far"),
    [
        ({"cooldown_seconds": 0}, MINUTE),
        ({"cooldown_seconds": 7200}, 2 * HOUR),
        ({"cooldown_seconds": 0, "max_executions_per_hour": 2}, HOUR),
        ({"conditions": [*COOL["conditions"], {"type": "cooldown", "seconds": 9000}]}, 9000 * SECOND),
        ({"actions": [COOL["actions"][0] | {"duration_seconds": 600}]}, 660 * SECOND),
    ],
)
def test_no_more_is_read_than_may_count(changes: dict[str, Any], far: int) -> None:
    assert reach(fresh(1, [rule(COOL | changes)])) == far
    assert reach(fresh()) == 0


# ── while it runs on ───────────────────────────────────────────────────────────────────────────────────
def test_a_changed_document_is_no_way_past_the_cooldown() -> None:
    desk = Desk(COOL | {"cooldown_seconds": 900}).ready()
    desk.obey(desk.read(AIR, 31))
    desk.obey(desk.live(10))
    changed = rule(COOL | {"cooldown_seconds": 300, "description": "changed"})
    desk.obey(desk.handle(ev.RulesChanged(desk.now, (changed,), (), "ann")))
    began = the_rule(desk).memory.started
    assert began is not None
    while desk.now < began + 280 * SECOND:
        desk.obey([*desk.read(AIR, 31), *desk.live(10)])
    before = len(the_rule(desk).starts)
    desk.obey([*desk.read(AIR, 31), *desk.live(30)])
    assert (before, len(the_rule(desk).starts)) == (1, 2)


def test_time_that_did_not_pass_is_no_rest() -> None:
    rested = {"type": "cooldown", "seconds": 600}
    desk = Desk(COOL | {"conditions": [*COOL["conditions"], rested], "cooldown_seconds": 0}).ready()
    desk.obey(desk.read(AIR, 31))
    desk.obey(desk.read(AIR, 20))
    desk.now += 2 * HOUR
    desk.handle(ev.ClockJumped(desk.now, 2 * HOUR))
    desk.beat()
    assert not moves(desk.read(AIR, 31))


# ── what a crash left running ──────────────────────────────────────────────────────────────────────────
def crashed(**changes: Any) -> Desk:
    """It runs, by its node's word, and nobody knows the rule's wish any more."""
    desk = Desk(COOL | {"cooldown_seconds": 900} | changes).ready()
    desk.obey(desk.read(AIR, 31))
    told = stored(Decision, desk.log)
    desk.live(10)
    desk.restart()
    starts = Starts(desk.state, desk.now)
    for one in told:
        starts.take(one)
    starts.done()
    desk.log = []
    desk.ready()
    desk.report(FAN, 0.8)
    return desk


def test_a_run_is_ended_as_soon_as_its_rule_is_false() -> None:
    desk = crashed()
    desk.read(AIR, 31)
    assert not moves(desk.log), "it runs, and its rule is true"
    assert [move.value for move in moves(desk.read(AIR, 20))] == [0.0]


def test_a_run_whose_rule_is_unknown_has_its_time() -> None:
    desk = crashed()
    desk.live(60)
    assert not moves(desk.log)


def test_after_a_run_its_rule_rests_from_the_end() -> None:
    desk = crashed(actions=[COOL["actions"][0] | {"duration_seconds": 600}])
    began = the_rule(desk).memory.started
    assert began is not None
    while desk.now < began + 1480 * SECOND:
        desk.obey([*desk.read(AIR, 31), *desk.live(10)])
    assert [move.value for move in moves(desk.log)] == [0.0]
    desk.obey([*desk.read(AIR, 31), *desk.live(40)])
    assert [move.value for move in moves(desk.log)] == [0.0, 0.8]


def test_a_run_of_a_person_leaves_rules_alone() -> None:
    desk = Desk(COOL).ready()
    desk.obey(desk.ask(FAN, 0.8, duration=30 * SECOND))
    desk.restart()
    desk.ready()
    desk.report(FAN, 0.8)
    assert [move.value for move in moves(desk.live(40))] == [0.0]
    assert the_rule(desk).ready_at == 0
