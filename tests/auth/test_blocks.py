"""Addresses that were denied again and again are kept out, longer each time, and let in again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.auth.blocks import (
    DENIALS,
    FORGOTTEN_AFTER,
    LONGEST,
    SHORTEST,
    WITHIN,
    Block,
    Blocks,
    lasting,
)
from godkaiser.auth.origin import origin_of, place_of
from godkaiser.auth.throttle import TRIES, LoginThrottle
from godkaiser.model.instant import DAY, HOUR, MINUTE, SECOND

NOW = 1_790_000_000 * SECOND
BAD, GOOD = "198.51.100.7", "203.0.113.9"


def denied(blocks: Blocks, at: int, times: int = DENIALS, address: str = BAD) -> list[Block]:
    return [block for _ in range(times) if (block := blocks.denied(address, at)) is not None]


def test_twenty_denials_keep_out_for_a_quarter_of_an_hour_and_only_that_address() -> None:
    blocks = Blocks()
    assert denied(blocks, NOW, DENIALS - 1) == []
    assert blocks.wait(BAD, NOW) == 0
    (block,) = denied(blocks, NOW, 1)
    assert block == Block(BAD, NOW, NOW + 15 * MINUTE, 1)
    assert blocks.wait(BAD, NOW) == 15 * MINUTE
    assert blocks.wait(BAD, NOW + 15 * MINUTE - 1) == 1
    assert blocks.wait(BAD, NOW + 15 * MINUTE) == 0
    assert blocks.wait(GOOD, NOW) == 0
    assert blocks.standing(NOW) == (block,)
    assert blocks.standing(NOW + 15 * MINUTE) == ()


def test_denials_that_are_far_apart_keep_nobody_out() -> None:
    blocks = Blocks()
    for number in range(10 * DENIALS):
        assert blocks.denied(BAD, NOW + number * (WITHIN // (DENIALS - 1) + 1)) is None


def test_each_further_block_is_four_times_as_long_up_to_a_day() -> None:
    blocks, at, spans = Blocks(), NOW, list[int]()
    for _ in range(6):
        (block,) = denied(blocks, at)
        spans.append(block.until - block.since)
        at = block.until
    assert spans == [15 * MINUTE, HOUR, 4 * HOUR, 16 * HOUR, DAY, DAY]
    assert lasting(1_000_000) == LONGEST


def test_after_a_quiet_week_it_begins_anew() -> None:
    blocks = Blocks()
    (first,) = denied(blocks, NOW)
    (second,) = denied(blocks, first.until + FORGOTTEN_AFTER - 1)
    assert second.times == 2
    (third,) = denied(blocks, second.until + FORGOTTEN_AFTER)
    assert third.times == 1


def test_whoever_is_kept_out_makes_it_no_longer_by_knocking() -> None:
    blocks = Blocks()
    (block,) = denied(blocks, NOW)
    assert denied(blocks, NOW + MINUTE, 10 * DENIALS) == []
    assert blocks.wait(BAD, block.until) == 0
    assert denied(blocks, block.until, DENIALS - 1) == []


def test_who_is_let_in_begins_anew() -> None:
    blocks = Blocks()
    denied(blocks, NOW)
    assert blocks.lift(BAD, NOW + MINUTE)
    assert blocks.wait(BAD, NOW + MINUTE) == 0
    assert not blocks.lift(BAD, NOW + MINUTE)
    assert denied(blocks, NOW + MINUTE, DENIALS - 1) == []
    blocks.lift(BAD, NOW + MINUTE)
    assert denied(blocks, NOW + MINUTE, DENIALS - 1) == [], "what was denied before is forgiven, too"
    (block,) = denied(blocks, NOW + MINUTE, 1)
    assert block.times == 1
    assert not blocks.lift(BAD, block.until), "it stood no longer"


def test_what_was_remembered_stands_in_the_next_process_and_goes_on_growing() -> None:
    first = Blocks()
    (old,) = denied(first, NOW)
    (other,) = denied(first, NOW, address=GOOD)
    kept = first.remembered(old.until + HOUR)
    assert kept == (old, other)
    assert first.remembered(old.until + FORGOTTEN_AFTER) == ()
    second = Blocks()
    second.restore(kept, NOW + MINUTE)
    assert second.wait(BAD, NOW + MINUTE) == 14 * MINUTE
    (block,) = denied(second, old.until)
    assert block.times == 2


def test_a_clock_that_was_ahead_locks_nobody_out_for_ever() -> None:
    blocks = Blocks()
    blocks.restore([Block(BAD, NOW + 400 * DAY, NOW + 401 * DAY, 3)], NOW)
    assert blocks.wait(BAD, NOW) == LONGEST
    assert blocks.standing(NOW)[0].since == NOW


def test_memory_is_bounded_and_keeps_those_that_are_kept_out_longest() -> None:
    blocks = Blocks(max_entries=50)
    (longest,) = denied(blocks, NOW + MINUTE)
    for number in range(300):
        denied(blocks, NOW, 1, f"10.0.{number // 256}.{number % 256}")
        denied(blocks, NOW, DENIALS, f"10.1.{number // 256}.{number % 256}")
        assert len(blocks) <= 100
    assert longest in blocks.standing(NOW + MINUTE)
    late = NOW + FORGOTTEN_AFTER + SHORTEST + MINUTE
    denied(blocks, late, address=GOOD)
    assert [block.address for block in blocks.remembered(late)] == [GOOD], (
        "what counts no more makes room first"
    )


@given(st.lists(st.tuples(st.sampled_from((BAD, GOOD)), st.integers(0, 60 * MINUTE)), max_size=300))
def test_it_is_kept_out_exactly_as_long_as_a_block_that_was_told_of(steps: list[tuple[str, int]]) -> None:
    blocks, at, until = Blocks(), NOW, dict[str, int]()
    for address, pause in steps:
        at += pause if pause % 7 == 0 else 0
        assert blocks.wait(address, at) == max(0, until.get(address, 0) - at)
        if (block := blocks.denied(address, at)) is not None:
            assert until.get(address, 0) <= at, "one that stands is not made longer"
            assert SHORTEST <= block.until - block.since <= LONGEST
            until[address] = block.until


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (" ::FFFF:192.0.2.1 ", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::1"),
        ("local:ann", "local:ann"),
        ("X" * 500, "x" * 200),
        ("", ""),
    ],
)
def test_one_name_for_all_addresses_one_person_has(address: str, origin: str) -> None:
    assert origin_of(address) == origin


def test_one_account_at_an_address_is_a_place_of_its_own() -> None:
    assert place_of(" 192.0.2.1 ", "Vera") == "192.0.2.1 vera"
    assert (place_of("192.0.2.1", ""), place_of("", "vera")) == ("192.0.2.1", "")


def test_another_address_of_the_same_network_is_no_new_guesser() -> None:
    throttle = LoginThrottle()
    waits = [throttle.admit(f"2001:db8::{number:x}", f"user{number}", NOW) for number in range(1, TRIES + 2)]
    assert waits == [0] * TRIES + [MINUTE]
    blocks = Blocks()
    for number in range(DENIALS):
        blocks.denied(f"2001:db8::{number:x}", NOW)
    assert blocks.wait("2001:db8::ffff", NOW)
