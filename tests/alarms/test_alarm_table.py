"""The state table: every row leads where it says, everything else is forbidden."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from godkaiser.alarms import alarm as a
from godkaiser.alarms.alarm import SHELF_MOST, TABLE, Alarm, State, Step
from godkaiser.alarms.kept import alarm_of, data_of
from godkaiser.alarms.kind import KINDS, Kind, Priority
from godkaiser.model.instant import HOUR, SECOND

T0 = 1_800_000_000 * SECOND
PLAIN, LATCHING = KINDS["actuator_stuck"], KINDS["node_latched"]


def raised(kind: Kind = PLAIN) -> Alarm:
    return a.raised(Alarm(kind, "x"), "text", kind.priority, T0)


STANDING: dict[State, Alarm] = {
    State.NORM: Alarm(PLAIN, "x"),
    State.UNACK: raised(),
    State.ACKED: a.acked(raised(), "ann", T0),
    State.RTNUN: a.returned(raised(), T0),
    State.LATUN: a.returned(raised(LATCHING), T0),
    State.LATCH: a.acked(a.returned(raised(LATCHING), T0), "ann", T0),
    State.SHLVD: a.shelved(raised(), T0 + HOUR, "ann", "repair", T0),
    State.OOSRV: a.removed(raised(), "ann", "dismantled"),
}
DO: dict[Step, Callable[[Alarm], Alarm]] = {
    Step.RAISE: lambda alarm: a.raised(replace(alarm, holds=False), "again", Priority.HIGH, T0 + 1),
    Step.RETURN: lambda alarm: a.returned(replace(alarm, kind=PLAIN), T0 + 1),
    Step.LATCH: lambda alarm: a.returned(replace(alarm, kind=LATCHING), T0 + 1),
    Step.CLEAR: a.cleared,
    Step.ACK: lambda alarm: a.acked(alarm, "bob", T0 + 1),
    Step.RESET: a.reset,
    Step.SHELVE: lambda alarm: a.shelved(alarm, T0 + HOUR, "bob", "why", T0),
    Step.UNSHELVE: lambda alarm: a.unshelved(replace(alarm, holds=False), T0 + 1),
    Step.REMOVE: lambda alarm: a.removed(alarm, "bob", "why"),
    Step.RESTORE: lambda alarm: a.restored(replace(alarm, holds=False), T0 + 1),
}
FORBIDDEN = [(state, step) for state in State for step in Step if (state, step) not in TABLE]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0].value}-{row[1].value}")
def test_every_row_leads_where_it_says(row: tuple[State, Step]) -> None:
    alarm = STANDING[row[0]]
    assert (alarm.state, alarm.allows(row[1])) == (row[0], True)
    assert DO[row[1]](alarm).state is TABLE[row]


@pytest.mark.parametrize(("state", "step"), FORBIDDEN, ids=lambda part: part.value)
def test_everything_else_is_forbidden(state: State, step: Step) -> None:
    alarm = STANDING[state]
    assert not alarm.allows(step)
    with pytest.raises(KeyError):
        DO[step](alarm)


def test_the_drawing_names_every_state_and_step() -> None:
    drawing = str(a.__doc__)
    assert all(state.value in drawing for state in State)
    assert all(f"--{step.value}-" in drawing for step in Step)


def test_only_what_nobody_has_seen_waits_for_a_person() -> None:
    assert {state for state in State if state.unseen} == {State.UNACK, State.RTNUN, State.LATUN}
    assert {state for state in State if state.suppressed} == {State.SHLVD, State.OOSRV}


def test_raised_again_it_counts_up_and_keeps_its_beginning() -> None:
    again = a.raised(a.returned(raised(), T0 + 1), "again", Priority.CRITICAL, T0 + 2)
    assert (again.count, again.since, again.text, again.priority) == (2, T0, "again", Priority.CRITICAL)
    assert a.raised(again, "more", Priority.CRITICAL, T0 + 3).count == 3


def test_normal_again_it_has_forgotten_everything() -> None:
    assert a.returned(a.acked(raised(), "ann", T0), T0 + 1) == Alarm(PLAIN, "x", priority=PLAIN.priority)


def test_a_shelf_ends_within_a_day_whatever_was_asked_for() -> None:
    shelved = a.shelved(raised(), T0 + 100 * SHELF_MOST, "ann", "", T0)
    assert shelved.shelved_until == T0 + SHELF_MOST
    assert a.shelved(shelved, T0 + HOUR, "bob", "", T0).shelved_until == T0 + HOUR


@pytest.mark.parametrize(("aside", "back"), [(State.SHLVD, a.unshelved), (State.OOSRV, a.restored)])
def test_what_still_holds_shows_again_unseen(aside: State, back: Callable[[Alarm, int], Alarm]) -> None:
    again = back(STANDING[aside], T0 + HOUR)
    assert (again.state, again.count, again.since, again.holds) == (State.UNACK, 1, T0, True)
    assert (again.shelved_until, again.suppressed_by, again.reason) == (None, "", "")


def test_what_was_latched_is_latched_when_it_comes_back() -> None:
    shelved = a.shelved(STANDING[State.LATCH], T0 + HOUR, "ann", "", T0)
    again = a.unshelved(shelved, T0 + HOUR)
    assert (again.state, again.latched) == (State.LATUN, True)
    assert a.reset(a.acked(again, "ann", T0 + HOUR)).state is State.NORM


def test_what_begins_under_a_shelf_shows_after_it() -> None:
    shelved = a.shelved(STANDING[State.NORM], T0 + HOUR, "ann", "", T0)
    begun = a.raised(shelved, "text", Priority.HIGH, T0 + 5)
    assert begun.state is State.SHLVD
    assert a.unshelved(begun, T0 + HOUR).since == T0 + 5
    assert a.unshelved(a.returned(begun, T0 + 6), T0 + HOUR).state is State.NORM


@pytest.mark.parametrize("state", [state for state in State if state is not State.NORM])
def test_an_alarm_is_kept_and_read_again(state: State) -> None:
    alarm = STANDING[state]
    assert alarm_of(alarm.key, data_of(alarm)) == alarm


def test_a_kind_of_another_version_is_left_out() -> None:
    data: dict[str, Any] = data_of(raised())
    assert alarm_of("flood:house", data) is None


def test_every_kind_says_what_is_wrong_and_what_to_do() -> None:
    for code, kind in KINDS.items():
        assert (kind.code, "{name}" in kind.sentence, bool(kind.remedy)) == (code, True, True)
        assert Priority.of(kind.priority.word) is kind.priority
    assert any(kind.latching for kind in KINDS.values())
