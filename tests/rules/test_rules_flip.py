"""What is named as the nearest flip flips the condition, and with the last bit of it left out it does not."""

from __future__ import annotations

from hypothesis import event, given, settings

from godkaiser.rules.flip import nearest
from tests.rules.worlds import Case, cases, short_of


@given(cases())
@settings(max_examples=100)
def test_exactly_what_is_named_flips_and_a_little_less_does_not(case: Case) -> None:
    held = case.true()
    found = nearest(case.condition, case.memory, case.world, case.world.now)
    assert found.becomes is not held
    event(f"{'true' if held else 'not true'}: {len(found.flips)} flips")
    for flip in found.flips:
        assert case.after(flip.steps, flip) is not held, "does not flip"
        for less in short_of(flip):
            assert case.after(less, flip) is held, "flips already with less"
