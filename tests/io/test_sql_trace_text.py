"""A trace is kept whole as long as it is no longer than it may be, and what had to be left out is said."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from godkaiser.engine.effect import RuleTrace
from godkaiser.io.sql.trace_text import MOST, from_text, to_text
from godkaiser.model.site import Site
from tests.engine.bench import AIR, COOL, IRRIGATE, SITE, SOIL, Desk, stored
from tests.examples import examples

TEXT = st.text(max_size=30)
NUMBER = st.none() | st.floats(allow_nan=False, allow_infinity=False)
READING = st.none() | st.fixed_dictionaries({"series": TEXT, "value": NUMBER, "age_s": st.floats(0, 1e9)})
LEAF: dict[str, st.SearchStrategy[Any]] = {
    "condition": TEXT, "text": TEXT, "truth": TEXT, "value": NUMBER, "note": TEXT, "reading": READING,
}  # fmt: skip
TREE = st.recursive(
    st.fixed_dictionaries(LEAF | {"parts": st.just([])}),
    lambda parts: st.fixed_dictionaries(LEAF | {"parts": st.lists(parts, max_size=4)}),
    max_leaves=8,
)
BLOCKER = st.fixed_dictionaries({"code": TEXT, "text": TEXT, "since": st.none() | TEXT})


@given(st.none() | TREE, st.lists(BLOCKER, max_size=3))
@examples(60, deadline=None)
def test_what_fits_comes_back_as_it_was(tree: Any, blockers: list[Any]) -> None:
    assert from_text(to_text(tree, blockers)) == (tree, blockers, 0)


def leaf(text: str, *parts: Any) -> dict[str, Any]:
    return {
        "condition": "Threshold", "text": text, "truth": "true", "value": None, "note": "", "reading": None,
        "parts": list(parts),
    }  # fmt: skip


def blocker(text: str) -> dict[str, Any]:
    return {"code": "disabled", "text": text, "lifts": "Switch it on.", "since": None}


@given(
    st.lists(st.integers(0, 6000), max_size=12),
    st.lists(st.integers(0, 6000), max_size=12),
    st.sampled_from("a°🌱\n"),
)
@examples(60, deadline=None)
def test_what_does_not_is_cut_from_the_end_and_says_so(
    parts: list[int], blocked: list[int], letter: str
) -> None:
    inner = leaf("x", *(leaf(letter * size) for size in parts))
    text = to_text(leaf("all", inner, leaf("last")), [blocker(letter * size) for size in blocked])
    assert len(text.encode()) <= MOST
    condition, blockers, missing = from_text(text)
    assert condition is not None
    kept = [part["text"] for each in condition["parts"] for part in (each, *each["parts"])]
    everything = ["x", *(letter * size for size in parts), "last"]
    gone = len(everything) - len(kept) + len(blocked) - len(blockers)
    assert gone >= missing >= (gone > 0)
    for found, whole in zip(kept, everything, strict=False):
        assert found == whole or (found[:-1] == whole[:399] and found[-1] == "…" and len(found) == 400)


def test_very_many_parts_leave_the_first_ones_and_the_blockers() -> None:
    tree = leaf("all", *(leaf(f"part {number}") for number in range(5000)))
    condition, blockers, missing = from_text(to_text(tree, [blocker("it is off")]))
    assert condition is not None
    assert blockers == [blocker("it is off")]
    assert len(condition["parts"]) + missing == 5000
    assert [part["text"] for part in condition["parts"][:2]] == ["part 0", "part 1"]
    assert len(to_text(tree, []).encode()) > MOST - 100, "no more is cut than must be"


def test_a_rule_of_fifty_parts_fits() -> None:
    """With names as long as people give them."""
    name = "air above the second bench, left hand side"
    sensors = [sensor.model_dump() | {"name": name} for sensor in SITE.sensors]
    site = Site.model_validate(SITE.model_dump() | {"sensors": sensors})
    one, other = COOL["conditions"][0], IRRIGATE["conditions"][0]
    pairs = [one | {"activate_above": 28 + n / 10} for n in range(3)]
    pairs += [other | {"activate_below": 30 + n / 10} for n in range(2)]
    sides = [{"type": "compound", "logic": "OR", "conditions": pairs} for _ in range(10)]
    desk = Desk(COOL | {"conditions": sides, "logic_operator": "OR"}, site=site).ready()
    desk.read(SOIL, 1900.25, raw_mode=True)
    desk.wait(1.234567)
    desk.read(AIR, 11.9287)
    trace = stored(RuleTrace, desk.log)[-1]
    assert trace.condition is not None
    assert [len(part["parts"]) for part in trace.condition["parts"]] == [5] * 10
    assert trace.blockers == []
    text = to_text(trace.condition, trace.blockers)
    assert from_text(text) == (trace.condition, trace.blockers, 0)
    assert MOST / 2 < len(text.encode()) < MOST
