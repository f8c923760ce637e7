"""At most one wish wins, whatever the order they come in."""

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from godkaiser.rules.arbitrate import PERSON, Wish, settle
from tests.rules.bench import FAN, NOW

WISHES = st.lists(
    st.builds(
        Wish,
        st.just(FAN),
        st.sampled_from(["a", "b", "c", "d"]),
        st.sampled_from([PERSON, 1, 50, 100]),
        st.sampled_from([0.0, 0.3, 0.5, 1.0]),
        st.integers(NOW, NOW + 3),
    ),
    max_size=6,
    unique_by=lambda wish: wish.who,
)


def wish(who: str, rank: int, value: float, since: int = NOW) -> Wish:
    return Wish(FAN, who, rank, value, since)


@given(WISHES, st.sampled_from([0.0, 0.5, 1.0]), st.integers())
def test_the_order_of_wishes_does_not_matter(wishes: list[Wish], safe: float, seed: int) -> None:
    shuffled = wishes[:]
    random.Random(seed).shuffle(shuffled)
    assert settle(wishes, safe) == settle(shuffled, safe)


@given(WISHES, st.sampled_from([0.0, 0.5, 1.0]))
def test_one_wins_and_the_others_are_named(wishes: list[Wish], safe: float) -> None:
    settlement = settle(wishes, safe)
    won = [] if settlement.winner is None else [settlement.winner]
    assert sorted([*won, *settlement.superseded], key=repr) == sorted(wishes, key=repr)
    assert len(won) == bool(wishes)
    if won:
        assert won[0].rank == min(w.rank for w in wishes)


@given(WISHES)
def test_a_person_outranks_every_rule(wishes: list[Wish]) -> None:
    rules = [replace(w, rank=max(w.rank, 1)) for w in wishes]
    person = wish("ann", PERSON, 1.0, NOW + 99)
    assert settle([*rules, person], 0.0).winner is person


def test_among_rules_the_lower_number_wins() -> None:
    strong, weak = wish("z", 10, 1.0, NOW + 5), wish("a", 50, 0.0)
    assert settle([weak, strong], 0.0).winner is strong


def test_among_equals_the_one_closer_to_safe_then_the_older_then_the_name() -> None:
    assert settle([wish("a", 50, 1.0), wish("b", 50, 0.3)], 0.0).winner == wish("b", 50, 0.3)
    assert settle([wish("a", 50, 1.0), wish("b", 50, 0.3)], 1.0).winner == wish("a", 50, 1.0)
    assert settle([wish("a", 50, 0.3, NOW + 1), wish("b", 50, 0.3)], 0.0).winner == wish("b", 50, 0.3)
    assert settle([wish("b", 50, 0.3), wish("a", 50, 0.3)], 0.0).winner == wish("a", 50, 0.3)


def test_nobody_wants_anything() -> None:
    assert settle([], 0.0).winner is None
    assert settle([], 0.0).superseded == ()
