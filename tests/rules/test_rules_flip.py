"""What is named as the nearest flip flips the condition, and with the last bit of it left out it does not."""

from __future__ import annotations

from hypothesis import event, given
from hypothesis import strategies as st

from godkaiser.model.ids import NodeId, SeriesId
from godkaiser.model.instant import SECOND
from godkaiser.model.truth import Truth
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
    renamed,
    series_of,
)
from godkaiser.rules.evaluate import evaluate
from godkaiser.rules.flip import nearest
from godkaiser.rules.memory import Memory
from godkaiser.rules.suppose import Ground
from tests.examples import examples
from tests.rules.bench import AIR, NOW, View
from tests.rules.worlds import Case, cases, short_of


@given(cases())
@examples(100)
def test_exactly_what_is_named_flips_and_a_little_less_does_not(case: Case) -> None:
    held = case.true()
    found = nearest(case.condition, case.memory, case.world, case.world.now)
    assert found.becomes is not held
    event(f"{'true' if held else 'not true'}: {len(found.flips)} flips")
    for flip in found.flips:
        assert case.after(flip.steps, flip) is not held, "does not flip"
        for less in short_of(flip):
            assert case.after(less, flip) is held, "flips already with less"


def test_conditions_about_other_names_are_the_same_otherwise() -> None:
    old, new = SeriesId.parse("ESP_A1B2C3/0/sht31_temp"), SeriesId.parse("ESP_A1B2C3/0/sht31_temp@0x44")
    leaves_of: list[Condition] = [
        Threshold(old, ">", 25, zone="bench"),
        Hysteresis(old, cooling=True, on_at=25, off_at=22),
        Slope(old, ">", 1.0, "minute", 60 * SECOND),
        Silence(old, 60 * SECOND),
        Offset(old, old, ">", 1.0),
        Presence(NodeId.parse("ESP_A1B2C3")),
        Rested(60 * SECOND),
    ]
    whole = Every((Opposite(Every(tuple(leaves_of), every=False)),))
    found = renamed(whole, lambda series: new if series == old else series)
    assert series_of(found) == {new}
    assert renamed(found, lambda series: old if series == new else series) == whole


@given(
    cooling=st.booleans(),
    latched=st.sampled_from([None, True, False]),
    value=st.floats(-30, 60),
    edge=st.tuples(st.floats(-20, 50), st.floats(0.01, 20)),
    lasting=st.sampled_from([0, 60 * SECOND]),
    negated=st.booleans(),
)
def test_one_reading_flips_a_hysteresis_in_every_state(
    cooling: bool, latched: bool | None, value: float, edge: tuple[float, float], lasting: int, negated: bool
) -> None:
    """Which limit matters depends on what it is now; both lie within what the sensor can measure."""
    low, high = edge[0], edge[0] + edge[1]
    on, off = (high, low) if cooling else (low, high)
    condition: Condition = Hysteresis(AIR, cooling, on, off, lasting)
    memory, path = Memory(), (0,) if negated else ()
    if latched is not None:
        memory.latched[path] = latched
    view = View({AIR: value})
    whole = Opposite(condition) if negated else condition
    held = evaluate(whole, memory, view, NOW).truth is Truth.TRUE
    found = nearest(whole, memory, view, NOW, lambda _: (-40.0, 125.0))
    assert found.flips
    for flip in found.flips:
        assert (Ground(memory, view, NOW).imagine(whole, flip.steps) is Truth.TRUE) is not held
