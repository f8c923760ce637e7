"""Asked of the past, a rule answers by what was stored then, and not by what is so now."""

from __future__ import annotations

from pathlib import Path

import pytest

from godkaiser.errors import InvalidValueError, UnknownRuleError
from godkaiser.model.instant import HOUR, MINUTE, to_iso
from tests.kaiser.house import NODE, TEXT, file, house

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
        assert later["text"].endswith("It wanted nothing.")
        assert then["flips"] == then["blockers"] == []

        never = await made.call("rules.why", rule="Cool", at=to_iso(start - HOUR))
        assert (never["truth"], never["acting"], never["decided"]) == (None, None, None)
        assert (
            never["text"] == f"Nothing is stored of what rule “Cool” concluded until {to_iso(start - HOUR)}."
        )
        with pytest.raises(InvalidValueError, match="future"):
            await made.call("rules.why", rule="cool", at="2099-01-01T00:00:00Z")
        with pytest.raises(UnknownRuleError):
            await made.call("rules.why", rule="nobody's")
