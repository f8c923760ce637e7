"""Asked of the past, a rule answers by what was stored then, and not by what is so now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from godkaiser.engine.effect import Decision, RuleTrace
from godkaiser.errors import InvalidValueError, UnknownRuleError
from godkaiser.handles.whynot import WhyNot
from godkaiser.model.instant import HOUR, MINUTE, SECOND, parse_instant, to_iso
from tests.kaiser.house import NODE, TEXT, House, file, house

CLOCKED = '[{type: time_window, start_time: "06:00", end_time: "22:00"}]'
DRY = f'[{{type: sensor, esp_id: {NODE}, gpio: 34, sensor_type: moisture, operator: "<", value: 35}}]'


async def test_the_past_is_told_by_what_was_stored(tmp_path: Path) -> None:
    assert CLOCKED in TEXT
    async with house(tmp_path, file(TEXT.replace(CLOCKED, DRY))) as made:
        start = made.clock.now()
        await made.beat()
        await made.soil(2640)  # 10 %
        dry = made.clock.now()
        for _ in range(8):
            made.pass_time(60)
            await made.beat()
            await made.soil(2640)
        await made.soil(1360)  # 90 %
        now = await made.call("rules.why", rule="cool")
        assert now["decided"] is None
        assert "It would become true with soil below 35 % (now 90 %)." in now["text"]

        then = await made.call("rules.why", rule=" Cool ", at=to_iso(dry + 5 * MINUTE))
        assert (then["truth"], then["acting"], then["outcome"]) == ("true", True, "not carried out")
        assert (then["decided"]["at"], then["decided"]["age_s"]) == (to_iso(dry), 300.0)
        assert then["text"].startswith(
            f"By what is stored of {to_iso(dry)}, 5 min before: rule “Cool” was true: "
        )
        assert "soil is below 35 %: 10 % ✔" in then["text"]
        assert "What it wanted was not carried out by then: " in then["text"]
        later = await made.call("rules.why", rule="cool", at=to_iso(made.clock.now()))
        assert (later["truth"], later["acting"], later["outcome"]) == ("false", False, None)
        assert " It wanted nothing." in later["text"]
        assert then["flips"] == []

        never = await made.call("rules.why", rule="Cool", at=to_iso(start - HOUR))
        assert (never["truth"], never["acting"], never["decided"]) == (None, None, None)
        assert (
            never["text"] == f"Nothing is stored of what rule “Cool” concluded until {to_iso(start - HOUR)}."
        )
        with pytest.raises(InvalidValueError, match="future"):
            await made.call("rules.why", rule="cool", at="2099-01-01T00:00:00Z")
        with pytest.raises(UnknownRuleError):
            await made.call("rules.why", rule="nobody's")


TOLD = ("truth", "acting", "outcome", "condition", "blockers")


async def lived(made: House) -> list[tuple[str, dict[str, Any]]]:
    """What the rule answered live after everything that happened, by when it was asked."""
    said = []

    async def ask() -> None:
        live = await made.call("rules.why", rule="cool")
        assert live["looked"] is None
        said.append((live["at"], live))
        made.pass_time(10)

    await made.beat()
    made.pass_time(10)
    for raw in (1360, 2640, 1360, 2640):  # 90 % and 10 %: the second time its cooldown lasts
        await made.soil(raw)
        await ask()
    await made.leave()
    await ask()
    return said


async def test_of_the_past_it_answers_what_it_answered_then_also_after_a_restart(tmp_path: Path) -> None:
    site = file(TEXT.replace(CLOCKED, DRY))
    async with house(tmp_path, site) as made:
        said = await lived(made)
        truths = [(live["truth"], live["acting"]) for _, live in said]
        assert truths == [
            ("false", False),
            ("true", True),
            ("false", False),
            ("true", False),
            ("unknown", False),
        ]
        codes = [[blocker["code"] for blocker in live["blockers"]] for _, live in said]
        assert codes[2:] == [
            ["rule_cooldown", "rule_hold"],
            ["rule_cooldown", "rule_hold"],
            ["rule_cooldown", "node_offline", "rule_hold"],
        ]
        await same(made, said)
        clock = made.clock
    async with house(tmp_path, None, clock=clock) as made:
        await same(made, said)
        held_back = await made.call("rules.why", rule="cool", at=said[3][0])
        assert " ✔. It did not act. In the way: its cooldown lasts since " in held_back["text"]


async def same(made: House, said: list[tuple[str, dict[str, Any]]]) -> None:
    for at, live in said:
        past = await made.call("rules.why", rule="cool", at=at)
        assert {name: past[name] for name in TOLD} == {name: live[name] for name in TOLD}
        assert (past["looked"]["at"], past["looked"]["age_s"], past["looked"]["cut"]) == (at, 0.0, 0)
        later = await made.call("rules.why", rule="cool", at=to_iso(parse_instant(at, 0) + 7 * SECOND))
        assert later["text"].startswith(
            f"By what is stored of {at}, 7 s before: rule “Cool” was {live['truth']}: "
        )
        assert later["looked"]["age_s"] == 7.0
        answer = WhyNot.of(later)
        assert answer.looked is not None
        assert [obstacle.code for obstacle in answer.obstacles] == [b["code"] for b in live["blockers"]]
        assert all(f"In the way: {obstacle.text}" in answer.text for obstacle in answer.obstacles)


async def test_between_two_samples_it_says_how_old_it_is(tmp_path: Path) -> None:
    async with house(tmp_path, file(TEXT.replace(CLOCKED, DRY))) as made:
        await made.beat()
        await made.soil(1360)
        begin = made.clock.now()
        for minute in range(1, 21):
            made.pass_time(60)
            await made.beat()
            await made.soil(1360 + 16 * minute)
        for minutes, age, kind, percent in (
            (14, 14, "decision", 90.0),
            (15, 0, "sample", 75.0),
            (19, 4, "sample", 75.0),
        ):
            past = await made.call("rules.why", rule="cool", at=to_iso(begin + minutes * MINUTE))
            assert (past["looked"]["age_s"], past["looked"]["kind"]) == (60.0 * age, kind)
            assert past["condition"]["reading"]["value"] == percent
            assert past["decided"]["at"] == to_iso(begin)
            assert "% ✘. It wanted nothing." in past["text"]


async def test_where_no_trace_is_kept_the_decision_answers(tmp_path: Path) -> None:
    async with house(tmp_path, file(TEXT.replace(CLOCKED, DRY))) as made:
        now, store = made.clock.now(), made.controller.store
        early, late = now - 3 * HOUR, now - HOUR
        trace = RuleTrace("cool", early - MINUTE, "sample", "true", False, None, [], 1, "odd")
        await store.append([trace, Decision("cool", early, "false", False, "soil is wet", 1)])
        past = await made.call("rules.why", rule="cool", at=to_iso(early + MINUTE))
        assert (past["looked"], past["condition"], past["truth"]) == (None, None, "false")
        assert past["text"].endswith("60 s before: rule “Cool” was false: soil is wet. It wanted nothing.")
        past = await made.call("rules.why", rule="cool", at=to_iso(early - 1))
        assert past["text"].endswith(" was true (odd): nothing was evaluated. It did not act.")
        assert (past["decided"], past["condition"]) == (None, None)

        parts = [{"text": "x" * 300, "parts": []} for _ in range(90)]
        await store.append(
            [RuleTrace("cool", late, "sample", "false", False, {"text": "all", "parts": parts}, [], 1)]
        )
        past = await made.call("rules.why", rule="cool", at=to_iso(late))
        missing = 90 - len(past["condition"]["parts"])
        assert past["looked"]["cut"] == past["condition"]["cut"] == missing > 0
        assert f"It was too long to be kept whole: {missing} parts of it or more are missing." in past["text"]
