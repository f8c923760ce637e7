"""Cycles in Python: a frame, and histories asked for by their name; awaited and plain."""

from __future__ import annotations

from typing import Any

import pytest

from godkaiser import Farm, blocking
from godkaiser.errors import InvalidValueError
from godkaiser.handles.cycles import cycles_frame

SHOT: dict[str, Any] = {
    "zone": "bench", "name": "tomato 2026", "variety": "Harzfeuer F1", "substrate": "coir", "phase": "flowering",
    "planted": "2026-03-01", "expected_harvest": "2026-07-15", "ended": None, "days": 61, "notes": [],
}  # fmt: skip


def test_cycles_are_a_frame() -> None:
    frame = cycles_frame([SHOT])
    assert list(frame.columns) == [name for name in SHOT if name != "notes"]
    assert (frame["planted"].dt.month.tolist(), frame["ended"].isna().tolist()) == ([3], [True])
    assert len(cycles_frame([])) == 0


async def test_where_nothing_is_grown_there_is_no_cycle_to_ask_for(plain: blocking.Farm, farm: Farm) -> None:
    assert len(plain.cycles()) == 0
    assert len(await farm.cycles()) == 0
    with pytest.raises(InvalidValueError, match="there is no such cycle"):
        plain.history("bench air", cycle="tomato 2026")
    with pytest.raises(InvalidValueError, match="there is no such cycle") as caught:
        await farm.history(["bench air"], cycle="tomato 2026")
    assert caught.value.remedy == "Allowed: none yet."
