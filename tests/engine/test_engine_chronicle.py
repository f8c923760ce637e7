"""The durable history of actuators: each change once, unknown when nobody knows, and whose command it was."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.engine.effect import ActuatorChange, Effect, Send, Watched
from godkaiser.model import event as ev
from godkaiser.model.instant import MINUTE, SECOND
from tests.engine.bench import CLIMATE, FAN, HEATER, START, WATER, Desk, only, stored


def changes(effects: list[Effect]) -> list[tuple[str, float | None]]:
    return [(change.actuator, change.value) for change in stored(ActuatorChange, effects)]


def test_a_change_is_written_down_once_with_its_command() -> None:
    desk = Desk().ready()
    assert changes(desk.report(FAN, 0.0)) == [(FAN, 0.0)]
    assert changes(desk.report(FAN, 0.0)) == []
    asked = desk.ask(FAN, 0.5)
    command = only(Send, asked)[0].command.id
    (change,) = stored(ActuatorChange, desk.obey(asked))
    assert (change.value, change.cause, change.at) == (0.5, command, desk.now)
    assert changes(desk.report(FAN, 0.5)) == []
    (own,) = stored(ActuatorChange, desk.report(FAN, 0.0))
    assert (own.value, own.cause) == (0.0, "")


def test_nobody_knows_when_the_node_is_lost_and_only_its_new_word_counts() -> None:
    desk = Desk().ready()
    desk.report(FAN, 0.5)
    desk.report(HEATER, 0.0)
    assert changes(desk.handle(ev.Will(desk.now, desk.state.kaiser, CLIMATE, False, 0))) == [
        (FAN, None),
        (HEATER, None),
    ]
    desk.wait(10)
    assert changes(desk.beat(CLIMATE)) == []
    assert changes(desk.wait(2)) == []
    assert changes(desk.report(FAN, 0.5)) == [(FAN, 0.5)]


@pytest.mark.parametrize("kind", ["silent", "rejected", "removed", "replaced"])
def test_however_a_node_goes_nobody_knows_its_actuators(kind: str) -> None:
    desk = Desk().ready()
    desk.report(FAN, 0.0)
    desk.report(HEATER, 0.0)
    said: list[Effect] = []
    if kind == "silent":
        said = desk.wait(181)
    elif kind == "rejected":
        said = desk.handle(ev.NodeDecided(desk.now, CLIMATE, False, "ann"))
    elif kind == "removed":
        said = desk.handle(ev.NodeRemoved(desk.now, CLIMATE, "ann"))
    else:
        said = desk.handle(ev.BoardReplaced(desk.now, CLIMATE, WATER, "ann"))
    assert sorted(changes(said), key=str) == [(FAN, None), (HEATER, None)]


def test_what_is_not_a_value_is_not_known() -> None:
    desk = Desk().ready()
    assert changes(desk.report(FAN, None)) == []
    desk.report(FAN, 0.5)
    desk.wait(1)
    assert changes(desk.report(FAN, None)) == [(FAN, None)]
    assert changes(desk.report(FAN, None)) == []


def test_that_somebody_looks_is_written_down_once_a_minute() -> None:
    desk = Desk().ready()
    times = []
    for _ in range(10):
        times += [watched.at for watched in stored(Watched, desk.report(FAN, 0.0))]
        desk.live(20)
    assert times
    assert all(later - earlier == MINUTE for earlier, later in itertools.pairwise(times))


@given(
    st.lists(
        st.tuples(st.sampled_from([None, 0.0, 0.5, 1.0, "lost", "beat"]), st.integers(1, 200)), max_size=25
    )
)
def test_two_lines_of_one_actuator_never_say_the_same(steps: list[tuple[float | str | None, int]]) -> None:
    desk = Desk().ready()
    for step, seconds in steps:
        if step == "lost":
            desk.handle(ev.Will(desk.now, desk.state.kaiser, CLIMATE, False, desk.now // SECOND))
        elif step == "beat":
            desk.beat(CLIMATE)
        elif not isinstance(step, str):
            desk.report(FAN, step)
        desk.wait(seconds)
    told = [change for change in stored(ActuatorChange, desk.log) if change.actuator == FAN]
    assert all(a.value != b.value and a.at <= b.at for a, b in itertools.pairwise(told))
    assert all(change.at >= START for change in told)
    last = told[-1].value if told else None
    online = desk.state.nodes[CLIMATE].online is True
    assert last in (None, desk.state.actuators[FAN].reported)
    assert last is None or online
