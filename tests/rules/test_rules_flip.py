"""What is named as the nearest flip flips the condition, and with the last bit of it left out it does not."""

from __future__ import annotations

from hypothesis import event, given

from godkaiser.model.ids import NodeId, SeriesId
from godkaiser.model.instant import SECOND
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
from godkaiser.rules.flip import nearest
from tests.examples import examples
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
