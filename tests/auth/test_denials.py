"""A flood of the same denial is two rows a minute, and every one of it is counted."""

from __future__ import annotations

from dataclasses import replace

from godkaiser.auth.denials import Denials, Denied
from godkaiser.model.instant import MINUTE, SECOND

START = 1_800_000_000 * SECOND
ONE = Denied("user:vera", "switch", "set", "set fan")


def test_the_first_is_a_row_and_the_rest_of_its_minute_a_count() -> None:
    denials = Denials()
    assert denials.denied(ONE, START)
    assert denials.over(START + MINUTE - 1) == ()
    assert not denials.denied(ONE, START + 1)
    other = replace(ONE, detail="set pump")
    assert not denials.denied(other, START + 2)
    assert denials.over(START + MINUTE - 1) == ()
    assert denials.over(START + MINUTE) == ((other, 2),)
    assert len(denials) == 0
    assert denials.denied(ONE, START + MINUTE)
    assert denials.over(START + 2 * MINUTE) == (), "one alone has its row already"


def test_another_person_right_or_method_is_a_row_of_its_own() -> None:
    denials = Denials()
    for one in (
        ONE,
        replace(ONE, who="user:olaf"),
        replace(ONE, right="clear"),
        replace(ONE, method="measure"),
    ):
        assert denials.denied(one, START)


def test_everything_is_told_at_the_end_and_after_a_clock_that_was_set_back() -> None:
    for now in (None, START - 1):
        denials = Denials()
        denials.denied(ONE, START)
        denials.denied(ONE, START)
        assert denials.over(now) == ((ONE, 1),)
        assert len(denials) == 0


def test_memory_is_bounded_and_what_goes_is_told() -> None:
    denials = Denials(max_entries=2)
    for number in range(5):
        one = replace(ONE, who=f"user:{number}")
        denials.over(START)
        assert denials.denied(one, START)
        denials.denied(one, START)
    assert len(denials) == 3
    assert [(one.who, more) for one, more in denials.over(START)] == [("user:2", 1)]
    assert len(denials) == 2
