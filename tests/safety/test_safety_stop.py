"""The stop as a table: what is documented moves, all else is missing."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.model.ids import NodeId
from godkaiser.safety.stop import TABLE, Phase, Step, Stop, advanced, confirmed_by, stopping
from tests.safety.bench import NODE, NOW

N, A, C, R = Phase
DOCUMENTED = {
    (N, Step.STOP): A,
    (A, Step.STOP): A,
    (A, Step.CLEAR): C,
    (C, Step.CONFIRMED): R,
    (C, Step.TIMEOUT): A,
    (C, Step.STOP): A,
    (R, Step.RESUMED): N,
    (R, Step.STOP): A,
}
OTHER = NodeId.parse("ESP_D4E5F6")
BOTH = frozenset({NODE, OTHER})


@pytest.mark.parametrize(("phase", "step"), list(itertools.product(Phase, Step)))
def test_each_pair_moves_as_documented_or_is_missing(phase: Phase, step: Step) -> None:
    stop = Stop(phase, "smoke", "ann", NOW)
    if (phase, step) in DOCUMENTED:
        assert stop.allows(step)
        assert advanced(stop, step).phase is DOCUMENTED[phase, step]
    else:
        assert not stop.allows(step)
        with pytest.raises(KeyError):
            advanced(stop, step)
    assert len(TABLE) == len(DOCUMENTED)


def test_stopping_is_allowed_in_every_phase() -> None:
    for phase in Phase:
        assert Stop(phase).allows(Step.STOP)
        assert stopping(Stop(phase), "smoke", "ann", NOW, BOTH).phase is A


def test_no_way_from_active_to_normal_but_through_clearing_and_resuming() -> None:
    paths: list[tuple[Phase, ...]] = [(A,)]
    found: set[tuple[Phase, ...]] = set()
    for _ in range(4):
        paths = [
            (*p, to) for p in paths for (start, _), to in TABLE.items() if start is p[-1] and p[-1] is not N
        ]
        found |= {path for path in paths if path[-1] is N}
    shortest = min(found, key=len)
    assert shortest == (A, C, R, N)
    assert all(path[-3:] == (C, R, N) for path in found)


@given(st.lists(st.sampled_from(Step), max_size=30))
def test_normal_is_only_reached_by_clear_confirm_resume_in_a_row(steps: list[Step]) -> None:
    stop = Stop(A, "smoke", "ann", NOW)
    done: list[Step] = []
    for step in steps:
        if not stop.allows(step):
            continue
        stop = advanced(stop, step)
        done.append(step)
        if stop.phase is N:
            assert done[-3:] == [Step.CLEAR, Step.CONFIRMED, Step.RESUMED]
            return
        assert (stop.reason, stop.by, stop.since) == ("smoke", "ann", NOW)


def test_only_normal_lets_anything_energise() -> None:
    assert [Stop(phase).energising for phase in Phase] == [True, False, False, False]


def test_a_second_stop_keeps_the_first_reason_and_tells_the_nodes_again() -> None:
    first = stopping(Stop(), "smoke", "ann", NOW, BOTH)
    assert (first.reason, first.by, first.since, first.waiting) == ("smoke", "ann", NOW, BOTH)
    half = confirmed_by(first, NODE)
    assert half.waiting == {OTHER}
    again = stopping(half, "boredom", "bob", NOW + 5, BOTH)
    assert (again.reason, again.by, again.since, again.waiting) == ("smoke", "ann", NOW, BOTH)


def test_a_stop_while_clearing_or_resuming_is_the_same_stop() -> None:
    for phase in (C, R):
        stop = stopping(Stop(phase, "smoke", "ann", NOW, problem="x"), "fire", "bob", NOW + 5, BOTH)
        assert stop == Stop(A, "smoke", "ann", NOW, BOTH)


def test_normal_forgets_everything() -> None:
    assert advanced(Stop(R, "smoke", "ann", NOW), Step.RESUMED) == Stop()
    back = advanced(Stop(C, "smoke", "ann", NOW, BOTH), Step.TIMEOUT, problem="silent")
    assert (back.phase, back.waiting, back.problem) == (A, frozenset(), "silent")
