"""Delays, counting, shelves that end, clearing by itself; and the same under everything that may happen."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from godkaiser.alarms import alarm as a
from godkaiser.alarms.alarm import SHELF_MOST, Alarm, State, Step
from godkaiser.alarms.kind import KINDS, Kind, Priority
from godkaiser.alarms.watch import Sign, Watch
from godkaiser.model.instant import DAY, HOUR, MINUTE, SECOND, Instant

T0 = 1_800_000_000 * SECOND
SILENT, LOST = KINDS["node_silent"], KINDS["lease_lost"]
KEY = "node_silent:n"


def silent(holds: bool | None, priority: Priority | None = None) -> Sign:
    return Sign(SILENT, "n", holds, "text", priority)


def standing(watch: Watch) -> list[State]:
    return [alarm.state for alarm in watch.standing.values()]


def test_a_condition_must_hold_for_its_delay() -> None:
    watch = Watch()
    assert watch.see(silent(True), T0) is None
    assert watch.due(KEY) == T0 + SILENT.delay_on
    assert watch.see(silent(True), T0 + SILENT.delay_on - 1) is None
    alarm = watch.see(silent(True), T0 + SILENT.delay_on)
    assert alarm is not None
    assert (alarm.state, alarm.since, watch.due(KEY)) == (State.UNACK, T0 + SILENT.delay_on, None)
    assert watch.see(silent(True), T0 + DAY) is None


@pytest.mark.parametrize("gap", [False, None])
def test_the_delay_begins_anew_after_a_gap_or_when_nobody_knows(gap: bool | None) -> None:
    watch = Watch()
    watch.see(silent(True), T0)
    watch.see(silent(gap), T0 + 1)
    assert watch.due(KEY) is None
    assert watch.see(silent(True), T0 + SILENT.delay_on) is None


def test_what_nobody_knows_changes_no_standing_alarm() -> None:
    watch = Watch()
    watch.see(replace(silent(True), delay=0), T0)
    assert watch.see(silent(None), T0 + DAY) is None
    assert standing(watch) == [State.UNACK]


def test_it_returns_after_its_delay_off() -> None:
    kind, watch = KINDS["actuator_stuck"], Watch()
    watch.see(Sign(kind, "x", True, delay=0), T0)
    assert watch.see(Sign(kind, "x", False), T0 + 1) is None
    assert watch.see(Sign(kind, "x", False), T0 + 1 + kind.delay_off) is not None
    assert standing(watch) == [State.RTNUN]


def test_a_standing_alarm_becomes_more_urgent_but_never_less() -> None:
    watch = Watch()
    watch.see(replace(silent(True), delay=0), T0)
    more = watch.see(silent(True, Priority.CRITICAL), T0 + 1)
    assert more is not None
    assert (more.priority, more.count) == (Priority.CRITICAL, 1)
    assert watch.see(silent(True), T0 + 2) is None
    assert watch.standing[KEY].priority is Priority.CRITICAL


def test_one_that_returned_clears_by_itself_when_its_kind_says_so() -> None:
    watch = Watch()
    watch.see(replace(silent(True), delay=0), T0)
    watch.see(silent(False), T0 + 1)
    assert SILENT.auto_clear is not None
    clears = T0 + 1 + SILENT.auto_clear
    assert watch.due(KEY) == clears
    assert watch.tick(KEY, clears - 1) is None
    assert watch.tick(KEY, clears) is not None
    assert watch.standing == {}
    assert watch.tick(KEY, clears) is None


def test_what_happens_again_counts_up() -> None:
    watch, sign = Watch(), Sign(LOST, "x", holds=True, text="text")
    for number in (1, 2, 3):
        alarm = watch.happened(sign, T0 + number)
        assert (alarm.state, alarm.count, alarm.since) == (State.RTNUN, number, T0 + 1)
    watch.keep(a.acked(watch.standing[alarm.key], "ann", T0 + 4))
    assert watch.standing == {}


def test_a_shelf_ends_by_itself() -> None:
    watch = Watch()
    watch.see(replace(silent(True), delay=0), T0)
    watch.keep(a.shelved(watch.standing[KEY], T0 + HOUR, "ann", "", T0))
    assert watch.due(KEY) == T0 + HOUR
    watch.tick(KEY, T0 + HOUR)
    assert standing(watch) == [State.UNACK]


def test_a_clock_that_was_set_back_prolongs_nothing() -> None:
    watch, future = Watch(), T0 + 30 * DAY
    shelved = a.shelved(Alarm(SILENT, "n"), future + HOUR, "ann", "", future)
    watch.adopt(shelved, T0)
    assert watch.due(KEY) == T0 + SHELF_MOST
    gone = a.returned(a.raised(Alarm(SILENT, "m"), "text", Priority.HIGH, future), future)
    watch.adopt(gone, T0)
    assert watch.due("node_silent:m") == T0 + (SILENT.auto_clear or 0)


def test_the_first_to_be_seen_come_first() -> None:
    watch = Watch()
    for source, priority in (("low", Priority.LOW), ("now", Priority.CRITICAL), ("seen", Priority.CRITICAL)):
        watch.see(Sign(SILENT, source, True, "text", priority, 0), T0)
    watch.keep(a.acked(watch.standing["node_silent:seen"], "ann", T0))
    watch.keep(a.removed(Alarm(SILENT, "gone"), "ann", ""))
    assert [alarm.source for alarm in watch.ranked()] == ["now", "low", "seen", "gone"]
    assert watch.unseen == 2


# ── whatever happens ───────────────────────────────────────────────────────────────────────────────────
@dataclass
class Truth:
    """What the machine knows of one condition without asking the watch."""

    kind: Kind
    holds: bool = False
    since: Instant = T0
    latched: bool = False

    @property
    def settled(self) -> int:
        return self.kind.delay_on if self.holds else self.kind.delay_off


class Life(RuleBasedStateMachine):
    """Conditions come and go, people answer, time passes; the watch is asked whenever it wants to be."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.watch = T0, Watch()
        self.truths = {code: Truth(kind) for code, kind in KINDS.items() if not kind.momentary}

    def alarm(self, code: str) -> Alarm:
        return self.watch.get(KINDS[code], "x")

    def see(self, code: str) -> None:
        truth, before = self.truths[code], self.alarm(code)
        self.watch.see(Sign(truth.kind, "x", truth.holds, "text"), self.now)
        after = self.alarm(code)
        if after.holds and not before.holds:
            truth.latched = truth.kind.latching
        assert after.count <= before.count + 1

    def to(self, end: Instant) -> None:
        """Time passes as the engine lets it: asked at every instant the watch has named."""
        while True:
            dues = [(at, code) for code in self.truths if (at := self.watch.due(f"{code}:x")) is not None]
            if not dues or min(dues)[0] > end:
                break
            at, code = min(dues)
            assert at >= self.now
            self.now = at
            self.watch.tick(f"{code}:x", at)
            self.see(code)
            due = self.watch.due(f"{code}:x")
            assert due is None or due > at, "it would be asked for ever"
        self.now = end

    @rule(seconds=st.sampled_from([0, 1, 9, 10, 30, 61, 3600, 90_000]))
    def pass_time(self, seconds: int) -> None:
        self.to(self.now + seconds * SECOND)

    @rule(code=st.sampled_from([code for code, kind in KINDS.items() if not kind.momentary]))
    def turn(self, code: str) -> None:
        truth = self.truths[code]
        truth.holds, truth.since = not truth.holds, self.now
        self.see(code)

    @rule(
        code=st.sampled_from([code for code, kind in KINDS.items() if not kind.momentary]),
        step=st.sampled_from([Step.ACK, Step.RESET, Step.SHELVE, Step.UNSHELVE, Step.REMOVE, Step.RESTORE]),
        span=st.sampled_from([MINUTE, HOUR, 3 * DAY]),
    )
    def answer(self, code: str, step: Step, span: int) -> None:
        alarm = self.alarm(code)
        if not alarm.allows(step):
            return
        done = {
            Step.ACK: lambda: a.acked(alarm, "ann", self.now),
            Step.RESET: lambda: a.reset(alarm),
            Step.SHELVE: lambda: a.shelved(alarm, self.now + span, "ann", "", self.now),
            Step.UNSHELVE: lambda: a.unshelved(alarm, self.now),
            Step.REMOVE: lambda: a.removed(alarm, "ann", ""),
            Step.RESTORE: lambda: a.restored(alarm, self.now),
        }[step]()
        self.watch.keep(done)
        assert done.holds == alarm.holds, "an answer never ends a condition"
        if step is Step.RESET:
            self.truths[code].latched = False

    @precondition(lambda self: self.watch.standing)
    @rule()
    def restart(self) -> None:
        fresh = Watch()
        for alarm in self.watch.standing.values():
            fresh.adopt(alarm, self.now)
        self.watch = fresh
        for code, truth in self.truths.items():
            truth.since = self.now if self.alarm(code).holds != truth.holds else truth.since
            self.see(code)

    @invariant()
    def what_holds_long_enough_is_an_alarm(self) -> None:
        for code, truth in self.truths.items():
            alarm = self.alarm(code)
            if self.now - truth.since >= truth.settled:
                assert alarm.holds == truth.holds
            if alarm.holds:
                assert alarm.state in (State.UNACK, State.ACKED, State.SHLVD, State.OOSRV)
            else:
                assert alarm.state not in (State.UNACK, State.ACKED)

    @invariant()
    def a_shelf_has_an_end(self) -> None:
        for alarm in self.watch.standing.values():
            if alarm.state is State.SHLVD:
                assert alarm.shelved_until is not None
                assert self.now < alarm.shelved_until <= self.now + SHELF_MOST

    @invariant()
    def a_latched_one_ends_by_a_reset_alone(self) -> None:
        for code, truth in self.truths.items():
            if truth.latched:
                assert self.alarm(code).latched
                assert self.alarm(code).state is not State.NORM


def test_whatever_happens() -> None:
    run_state_machine_as_test(
        Life, settings=settings(max_examples=200, stateful_step_count=40, deadline=None)
    )


def test_the_words_of_a_standing_alarm_stay_unless_its_kind_is_retold() -> None:
    watch, retold = Watch(), KINDS["address_blocked"]
    for kind, said in ((SILENT, "text"), (retold, "more")):
        watch.see(Sign(kind, "x", True, "text", delay=0), T0)
        changed = watch.see(Sign(kind, "x", True, "more", Priority.LOW), T0 + 1)
        assert (changed is None) == (kind is SILENT)
        alarm = watch.standing[f"{kind.code}:x"]
        assert (alarm.text, alarm.count, alarm.priority) == (said, 1, kind.priority)
