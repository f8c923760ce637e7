"""What a rule evaluated is kept: with every decision once, else seldom, and as it would have been answered then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.engine.effect import Decision, Effect, RuleTrace
from godkaiser.engine.record import SAMPLED_AT_ONCE
from godkaiser.engine.whynot import why_not
from godkaiser.model import event as ev
from godkaiser.model.instant import MINUTE, SECOND
from tests.engine.bench import AIR, COOL, Desk, rule, stored
from tests.engine.test_engine_whynot import MINE, RIVAL, WAYS, mine, soil, switch
from tests.examples import examples

STEPS = COOL | {
    "name": "Step by step", "priority": 90,
    "actions": [{"type": "delay", "seconds": 400}, {**COOL["actions"][0], "value": 0.5, "duration_seconds": 30}],
}  # fmt: skip
QUARTER = 15 * MINUTE


class Watched(Desk):
    """After every event: is what was kept of a rule what it would answer now?"""

    def handle(self, event: ev.Event) -> list[Effect]:
        effects = super().handle(event)
        for kept in {trace.rule: trace for trace in stored(RuleTrace, effects)}.values():
            state = next((state for state in self.state.rules.values() if state.rule.id == kept.rule), None)
            if state is not None and state.rule.enabled and kept.condition is not None:
                live = why_not(self.state, state, self.now)
                found = (kept.truth, kept.acting, kept.condition, kept.blockers)
                assert found == tuple(live[name] for name in ("truth", "acting", "condition", "blockers"))
        return effects


def minutes(desk: Desk) -> None:
    for _ in range(25):
        desk.live(60)
        desk.obey(desk.read(AIR, 26 + desk.now % 3 / 10))


DEEDS: tuple[Callable[[Desk], Any], ...] = (
    *WAYS,
    minutes,
    Desk.restart,
    lambda desk: desk.obey(desk.read(AIR, 29)),
    lambda desk: desk.obey(desk.read(AIR, 24)),
    lambda desk: soil(desk, 70),
    lambda desk: switch(desk, on=True),
    lambda desk: desk.handle(ev.RulesChanged(desk.now, (rule(RIVAL),), (), "ann")),
    lambda desk: desk.live(420),
)


@given(st.lists(st.sampled_from(DEEDS), min_size=1, max_size=8))
@examples(25, deadline=None)
def test_every_decision_has_one_trace_and_repeats_are_few(deeds: list[Callable[[Desk], Any]]) -> None:
    desk = Watched(MINE, RIVAL, STEPS).ready()
    begun = 0
    for happen in deeds:
        if happen is Desk.restart:
            check(desk.log[begun:])
            begun = len(desk.log)
        happen(desk)
        desk.ready()
    check(desk.log[begun:])
    decided = [(d.rule, d.at, d.truth, d.active, d.cause, d.note) for d in stored(Decision, desk.log)]
    traces = stored(RuleTrace, desk.log)
    assert decided == [
        (t.rule, t.at, t.truth, t.acting, t.cause, t.note) for t in traces if t.kind == "decision"
    ]


def check(said: list[Effect]) -> None:
    """Of one process: a sample repeats what was kept before, and not within a quarter of an hour of it."""
    last: dict[str, RuleTrace] = {}
    for trace in stored(RuleTrace, said):
        before = last.get(trace.rule)
        if trace.kind == "sample" and before is not None:
            assert trace.at >= before.at + QUARTER
            assert (trace.truth, trace.acting) == (before.truth, before.acting)
        elif trace.kind == "truth" and before is not None:
            assert trace.truth != before.truth
        last[trace.rule] = trace


def kinds(desk: Desk) -> list[tuple[str, str]]:
    return [(trace.kind, trace.truth) for trace in stored(RuleTrace, desk.log)]


def test_while_nothing_changes_one_is_kept_every_quarter_of_an_hour() -> None:
    desk = Watched(COOL).ready()
    desk.read(AIR, 20)
    desk.log.clear()
    for _ in range(124):  # 62 min
        desk.wait(30)
        desk.beat()
        desk.read(AIR, 20)
    assert kinds(desk) == [("sample", "false")] * 4
    assert {
        trace.condition["reading"]["age_s"] for trace in stored(RuleTrace, desk.log) if trace.condition
    } == {0}


def test_a_rule_that_is_true_and_may_not_begin_says_what_keeps_it() -> None:
    """No decision is made, and still it is the question that is asked afterwards."""
    desk = Watched(COOL | {"cooldown_seconds": 1800}).ready()
    desk.obey(desk.read(AIR, 29))
    desk.obey(desk.read(AIR, 24))
    desk.log.clear()
    desk.wait(60)
    desk.beat()
    desk.read(AIR, 29)
    assert stored(Decision, desk.log) == []
    [trace] = stored(RuleTrace, desk.log)
    assert (trace.kind, trace.truth, trace.acting) == ("truth", "true", False)
    assert [blocker["code"] for blocker in trace.blockers] == ["rule_cooldown", "rule_hold"]
    assert trace.condition is not None
    assert trace.condition["reading"]["value"] == 29
    assert trace.cause == desk.engine.seq


@pytest.mark.parametrize("known", [True, False])
def test_what_a_restart_interrupted_is_kept_without_a_condition(known: bool) -> None:
    steps = STEPS | {"priority": 1}
    desk = Desk(steps).ready()
    desk.read(AIR, 29)
    assert desk.state.courses
    desk.rules = desk.rules if known else ()
    desk.log.clear()
    desk.restart()
    desk.wait(1)
    [first, *_] = stored(RuleTrace, desk.log)
    [decision, *_] = stored(Decision, desk.log)
    assert (first.kind, first.truth, first.condition, first.note) == (
        "decision",
        "unknown",
        None,
        decision.note,
    )
    assert bool(first.blockers) is known, "nothing is known of a rule that is gone"


def test_after_a_start_not_all_are_kept_in_one_event() -> None:
    """Ten thousand of them would hold up what has to be switched off."""
    desk = Desk(*(COOL | {"name": f"Rule {number}"} for number in range(2 * SAMPLED_AT_ONCE + 5)))
    desk.ready()
    desk.read(AIR, 20)
    for _ in range(14):
        desk.live(60)
        desk.read(AIR, 20)
    desk.live(60)
    counts = [len(stored(RuleTrace, desk.wait(1) + desk.read(AIR, 20))) for _ in range(4)]
    assert counts == [SAMPLED_AT_ONCE, SAMPLED_AT_ONCE, 5, 0]


def test_a_repeat_in_between_keeps_nothing() -> None:
    desk = Desk(MINE).ready()
    desk.read(AIR, 20)
    due = mine(desk).trace_due
    desk.wait(1)
    said = desk.read(AIR, 20.1)
    assert stored(RuleTrace, said) == []
    assert mine(desk).trace_due == due
    assert due > desk.now + QUARTER - 10 * SECOND
