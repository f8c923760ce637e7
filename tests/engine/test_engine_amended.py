"""The words of the audit for rules: one per rule that is not as it was, of bounded length."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from godkaiser.engine.amended import TEXT_MOST, amendments
from godkaiser.model.ids import RuleId
from godkaiser.model.instant import SECOND
from godkaiser.rules.rule import Every, Rule, WhenUnknown
from tests.examples import examples

NAMES = ("hot", "dry", "wet")
rules = st.lists(
    st.builds(
        Rule,
        id=st.sampled_from(NAMES).map(RuleId.known),
        name=st.sampled_from(["Hot", "HOT"]),
        when=st.just(Every(())),
        actions=st.just(()),
        enabled=st.booleans(),
        priority=st.integers(1, 2),
        cooldown=st.sampled_from([0, 90 * SECOND]),
        hourly_limit=st.none() | st.just(6),
    ),
    unique_by=lambda rule: rule.id,
)


@examples(50)
@given(rules, rules)
def test_every_rule_that_is_not_as_it_was_is_named_once_and_no_other(
    old: list[Rule], new: list[Rule]
) -> None:
    before, after = {r.id: r for r in old}, {r.id: r for r in new}
    said = list(amendments(before, new))
    changed = {key for key in (*before, *after) if before.get(key) != after.get(key)}
    assert len(said) == len(changed)
    assert {key for key, _ in said} == changed
    for key, words in said:
        assert ("added" in words, "removed" in words) == (key not in before, key not in after)
        if key in before and key in after:
            turned = before[key].enabled is not after[key].enabled
            assert (f"switched {'on' if after[key].enabled else 'off'}" in words) is turned


def test_one_that_is_new_and_off_says_so_and_words_have_an_end() -> None:
    rule = Rule(RuleId.known("hot"), "x" * 1000, Every(()), (), enabled=False)
    ((_, whole),) = amendments({}, [replace(rule, name="Hot")])
    assert whole == "“Hot” added, switched off"
    ((_, cut),) = amendments({}, [rule])
    assert (len(cut), cut[-1]) == (TEXT_MOST, "…")
    changed = replace(rule, name="Hot", when_unknown=WhenUnknown("keep"), description="new")
    ((_, words),) = amendments({rule.id: replace(rule, name="HOT")}, [changed])
    assert words == "“Hot” changed: name HOT → Hot, when unknown, description"
    ((_, gone),) = amendments({rule.id: changed}, [])
    assert gone == "“Hot” removed"
