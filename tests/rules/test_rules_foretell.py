"""The nearest flip of each kind of condition, in words and in numbers."""

from __future__ import annotations

import math

import pytest

from godkaiser.model.instant import DAY, HOUR, MINUTE, SECOND, Instant
from godkaiser.model.quantity import Freshness
from godkaiser.model.sun import SunWindow
from godkaiser.model.window import EVERY_DAY, TimeWindow
from godkaiser.rules.condition import (
    Condition,
    Every,
    Hysteresis,
    Offset,
    Opposite,
    Presence,
    Rested,
    Silence,
    Slope,
    Threshold,
)
from godkaiser.rules.evaluate import evaluate
from godkaiser.rules.flip import nearest
from godkaiser.rules.foretell import NOTHING, foretell
from godkaiser.rules.memory import Memory
from tests.rules.bench import AIR, NODE, NOW, SOIL, View, unit

HOT = Threshold(AIR, ">", 24.3)
COOL = Hysteresis(AIR, True, 28.0, 25.0)
NIGHT = TimeWindow(22 * 60, 6 * 60, EVERY_DAY, "UTC")


def said(condition: Condition, view: View, memory: Memory | None = None, now: Instant = NOW) -> str:
    memory = memory or Memory()
    evaluate(condition, memory, view, now)
    return foretell(nearest(condition, memory, view, now), view.name_of, unit, now)


WET = View({AIR: 23.1, SOIL: 40.0})


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (HOT, "become true with north bench air above 24.3 °C (now 23.1 °C)."),
        (Threshold(AIR, ">=", 24.3), "become true with north bench air at least 24.3 °C (now 23.1 °C)."),
        (Threshold(AIR, "<=", 20), "become true with north bench air at most 20 °C (now 23.1 °C)."),
        (Threshold(AIR, "==", 20), "become true with north bench air at exactly 20 °C (now 23.1 °C)."),
        (Opposite(HOT), "be true no longer with north bench air above 24.3 °C (now 23.1 °C)."),
        (COOL, "become true with north bench air above 28 °C (now 23.1 °C)."),
        (
            Threshold(AIR, ">", 24.3, lasting=4 * MINUTE),
            "become true with north bench air above 24.3 °C (now 23.1 °C), in 4 min (at 2026-05-01T00:04:00Z).",
        ),
        (
            Every((HOT, Threshold(SOIL, "<", 35.0))),
            "become true with north bench air above 24.3 °C (now 23.1 °C) and soil below 35 % (now 40 %).",
        ),
        (
            Every((HOT, Threshold(SOIL, "<", 39.0)), every=False),
            "become true with soil below 39 % (now 40 %).",
        ),
        (
            Offset(AIR, SOIL, ">", 20.0, 3),
            "become true with a new reading of north bench air, such as 23.1, for “",
        ),
        (NIGHT, "be true no longer in 6 h (at 2026-05-01T06:00:00Z)."),
        (
            Every((Opposite(NIGHT), HOT), every=False),
            "become true in 6 h (at 2026-05-01T06:00:00Z); or with north bench air above 24.3 °C (now 23.1 °C).",
        ),
        (SunWindow("sunrise", "sunset", 0.0, 0.0), "become true in 6 h (at 2026-05-01T05:5"),
        (
            Silence(AIR, HOUR),
            "become true in 60 min (at 2026-05-01T01:00:00Z) if nothing is read of north bench air.",
        ),
        (Offset(AIR, SOIL, ">", 20.0), "become true with soil above 43.1 % (now 40 %)."),
        (Presence(NODE), f"become true with {NODE} online."),
        (Presence(NODE, False), f"become true with {NODE} offline."),
        (Rested(HOUR), f"be true no longer: {NOTHING}."),
        (Every((HOT, Threshold(AIR, "<", 20.0))), f"become true: {NOTHING}."),
        (Every((HOT, Silence(AIR, HOUR))), "become true"),
    ],
)
def test_in_words(condition: Condition, text: str) -> None:
    assert said(condition, WET).startswith(f"It would {text}")


def test_a_missing_and_a_stale_reading() -> None:
    never = said(HOT, View())
    assert never == "It would become true with a usable reading of north bench air above 24.3 °C."
    stale = said(HOT, View({AIR: 30.0}, {AIR: Freshness.STALE}))
    assert "a usable reading of north bench air, such as 30, for" in stale


def test_what_holds_but_is_young_only_needs_time() -> None:
    hot, memory = Threshold(AIR, ">", 24.3, lasting=4 * MINUTE), Memory()
    evaluate(hot, memory, View({AIR: 26.0}), NOW - 3 * MINUTE)
    assert said(hot, View({AIR: 26.0}), memory) == "It would become true in 60 s (at 2026-05-01T00:01:00Z)."


def test_a_start_that_is_too_young_needs_rest() -> None:
    memory = Memory(started=NOW - 10 * SECOND)
    assert said(Rested(MINUTE), WET, memory) == "It would become true in 50 s (at 2026-05-01T00:00:50Z)."


def test_a_slope_says_at_which_reading_and_when() -> None:
    rising, memory = Slope(AIR, ">", 6.0, "hour", 10 * MINUTE), Memory()
    [flip] = nearest(rising, memory, View(), NOW).flips
    assert [(step.at, [h.value for h in step.readings]) for step in flip.steps] == [
        (NOW, [0.0]),
        (NOW + 5 * MINUTE, [pytest.approx(0.5)]),
    ]
    [flip] = nearest(rising, memory, View({AIR: 20.0}), NOW).flips
    [step] = flip.steps
    assert step.at == NOW + 5 * MINUTE
    assert step.readings[0].value == pytest.approx(20.5)
    evaluate(rising, memory, View({AIR: 20.0}, measured_at=NOW - 8 * MINUTE), NOW - 8 * MINUTE)
    evaluate(rising, memory, View({AIR: 20.0}, measured_at=NOW - MINUTE), NOW - MINUTE)
    [flip] = nearest(rising, memory, View({AIR: 20.0}, measured_at=NOW - MINUTE), NOW).flips
    assert flip.wait == 0


def test_what_it_cannot_measure_is_not_named() -> None:
    dry = Threshold(SOIL, ">", 120.0)
    found = nearest(dry, Memory(), WET, NOW, lambda series: (0.0, 100.0))
    assert (found.becomes, found.flips) == (True, ())


def test_distances_are_counted_in_spans_of_the_sensor() -> None:
    """2 of 40 K is nearer than 9 of 100 %, and 2.2 K of one that measures over 10 K is not."""
    either = Every((Threshold(AIR, ">=", 25.1), Threshold(SOIL, ">=", 49.0)), every=False)
    wide = nearest(either, Memory(), WET, NOW, lambda s: (0.0, 40.0 if s == AIR else 100.0))
    narrow = nearest(either, Memory(), WET, NOW, lambda s: (20.0, 30.0) if s == AIR else (0.0, 100.0))
    assert [wide.flips[0].changes[0].series, narrow.flips[0].changes[0].series] == [AIR, SOIL]


def test_the_target_is_the_very_first_value() -> None:
    [flip] = nearest(HOT, Memory(), WET, NOW).flips
    assert flip.changes[0].target == math.nextafter(24.3, 99)


def test_a_place_and_a_window_that_is_never() -> None:
    house = View({AIR: 30.0}, zone="house")
    [flip] = nearest(Threshold(AIR, ">", 24.3, zone="bench"), Memory(), house, NOW).flips
    assert flip.steps[0].readings[0].zone == "bench"
    never = Every((NIGHT, Opposite(NIGHT)))
    assert nearest(never, Memory(), WET, NOW).flips == ()
    assert nearest(never, Memory(), WET, NOW + 3 * DAY).flips == ()


def test_both_of_a_difference_are_silent() -> None:
    [flip] = nearest(Offset(AIR, SOIL, ">", 20.0), Memory(), View(), NOW).flips
    heard = {h.series: h.value for h in flip.steps[0].readings}
    assert heard[SOIL] - heard[AIR] > 20.0
    [flip] = nearest(Offset(AIR, SOIL, ">", 20.0), Memory(), View({SOIL: 40.0}), NOW).flips
    assert [change.series for change in flip.changes] == [AIR]


def test_a_silence_ends_with_any_reading() -> None:
    quiet, memory = Opposite(Silence(AIR, HOUR)), Memory(asked={(0,): NOW - 2 * HOUR})
    assert said(quiet, View(), memory) == "It would become true with a usable reading of north bench air."


def test_what_is_always_or_never_open_has_no_flip() -> None:
    midsummer = SunWindow("sunrise", "sunset", 89.0, 0.0)
    now = NOW + 50 * DAY
    assert nearest(midsummer, Memory(), WET, now).flips == ()


def test_nothing_is_both_read_and_silent() -> None:
    both = Every((Silence(AIR, HOUR), Threshold(AIR, ">", 24.3)))
    assert nearest(both, Memory(), WET, NOW).flips == ()


def test_a_node_that_goes_takes_its_readings_along() -> None:
    """So its coming back alone would not do."""
    here = Every((Presence(NODE, False), HOT))
    [*flips] = nearest(here, Memory(), View({AIR: 30.0}, nodes={NODE: True}), NOW).flips
    assert flips == []


def test_values_that_move_together_are_each_as_near_as_can_be() -> None:
    """The base has to come down anyway, so the other one need not go as far up."""
    cold = Every((Threshold(AIR, "between", 21.0, 21.5), Offset(AIR, SOIL, ">", 11.5, 3)))
    [flip] = nearest(cold, Memory(), View({AIR: 21.75, SOIL: 6.75}), NOW).flips
    assert {change.series: change.target for change in flip.changes} == {
        AIR: 21.5,
        SOIL: math.nextafter(33.0, 99),
    }


def test_a_silence_is_heard_again_while_others_wait() -> None:
    """What goes on to come breaks no silence that is asked for to end."""
    waits = Every((Rested(MINUTE), Opposite(Silence(AIR, 30 * SECOND)), Presence(NODE, False)))
    memory = Memory(started=NOW)
    [flip] = nearest(waits, memory, View({AIR: 23.1}, nodes={NODE: True}), NOW).flips or [None]
    assert flip is None, "of a node that went nothing is heard"
    [flip] = nearest(Every(waits.parts[:2]), memory, View({AIR: 23.1}), NOW).flips
    assert flip.wait == MINUTE


def test_what_has_rested_and_what_held_long_cannot_be_undone() -> None:
    """A start would, but a start is what is asked for."""
    assert nearest(Rested(MINUTE), Memory(started=NOW - HOUR), WET, NOW).flips == ()


def test_what_stays_unknown_beside_it_is_no_hindrance() -> None:
    several = Every((Offset(AIR, SOIL, ">", 20.0), HOT, Presence(NODE)), every=False)
    text = said(several, View({AIR: 23.1}))
    assert text == "It would become true with north bench air above 24.3 °C (now 23.1 °C)."


def test_one_node_that_two_parts_ask_for_is_one_change() -> None:
    """And so nearer than one node and one value."""
    here = Presence(NODE)
    twice = Every((Every((HOT, here), every=False), Every((Threshold(SOIL, ">", 99.0), here), every=False)))
    assert said(twice, WET) == f"It would become true with {NODE} online."
