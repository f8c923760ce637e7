"""What actuators did, as frames: units, kinds of columns, nothing made up; awaited and plain."""

from __future__ import annotations

from typing import Any

import pytest

import godkaiser
from godkaiser import InvalidValueError, UnknownActuatorError, blocking
from godkaiser.handles.statistics import account, statistics_frame
from tests.facade.fake import NOW, Fake

ROW: dict[str, Any] = {
    "since": "2026-05-01T00:00:00Z", "until": NOW, "unknown_s": 60.0, "on_s": 120.0, "starts": 2, "duty": 0.25,
    "longest_s": 90.0, "level_s": 60.0, "litres": None, "energy_wh": 4.5,
}  # fmt: skip
NOTHING = ROW | dict.fromkeys(("on_s", "starts", "duty", "longest_s", "level_s", "energy_wh"))
LIMITS = {"on_left_s": None, "starts_left": 58, "locked_until": NOW}
FAN = {"actuator": "ESP_A1B2C3/25", "name": "fan", "timed_by": "node", "limits": LIMITS, "rows": [ROW]}
PUMP = FAN | {"actuator": "ESP_A1B2C3/14", "name": "pump", "timed_by": None, "rows": [NOTHING]}


def test_one_row_per_actuator_with_units() -> None:
    frame = statistics_frame([FAN, PUMP | {"limits": LIMITS | {"locked_until": None}}], None)
    assert list(frame.index) == ["ESP_A1B2C3/25", "ESP_A1B2C3/14"]
    assert frame["on_s"].iloc[0] == 120.0
    assert frame.iloc[1][["on_s", "starts", "duty", "litres", "locked_until", "timed_by"]].isna().all()
    assert str(frame["starts"].dtype) == "Int64"
    assert str(frame["locked_until"].dt.tz) == "UTC"
    assert (frame.attrs["units"]["litres"], frame.attrs["units"]["energy_wh"]) == ("L", "Wh")
    assert set(frame.attrs["units"]) <= set(frame.columns)
    assert frame.attrs["names"] == {"ESP_A1B2C3/25": "fan", "ESP_A1B2C3/14": "pump"}


def test_buckets_are_by_time() -> None:
    later = ROW | {"since": NOW, "on_s": 0.0}
    frame = statistics_frame(
        [FAN | {"rows": [ROW, later]}, PUMP | {"rows": [NOTHING, NOTHING | {"since": NOW}]}], 1
    )
    assert list(frame["name"]) == ["fan", "pump", "fan", "pump"]
    assert (frame.index.name, str(frame.index.dtype.tz)) == ("time", "UTC")  # type: ignore[union-attr]
    assert frame["on_s"].sum() == 120.0
    assert "on_left_s" not in frame


@pytest.mark.parametrize("every", [None, 1])
def test_no_actuator_is_an_empty_frame(every: int | None) -> None:
    frame = statistics_frame([], every)
    assert len(frame) == 0
    assert "on_s" in frame


async def test_it_is_asked_for_with_the_token_and_in_seconds() -> None:
    fake = Fake()
    fake.answers = {"actuators.statistics": [FAN]}
    line = fake.line(token="t")
    line.owner.start()
    line.owner.opened.result(10)
    assert await line.awaited(account, line, ["a"], {"since": "-1h"}, 60_000_000) == [FAN]
    asked = {"since": "-1h", "actuators": ["a"], "every": 60.0, "token": "t"}
    assert fake.asked[-1] == ("actuators.statistics", asked)
    line.owner.leave()
    line.owner.join()


async def test_a_greenhouse_that_lives(farm: godkaiser.Farm, plain: blocking.Farm) -> None:
    whole = await farm.statistics(since="-1h")
    assert set(whole.index) == {actuator.id for actuator in farm.actuators}
    assert (whole["unknown_s"] <= 3600.0).all()
    first = farm.actuators[0]
    for chosen in (first.id, first.name, [first], first):
        assert list((await farm.statistics(chosen, since="-1h")).index) == [first.id]
    days = plain.statistics(since="-2h", every="1h")
    assert set(days["actuator"]) == set(whole.index)
    with pytest.raises(UnknownActuatorError):
        plain.statistics("nobody")
    with pytest.raises(InvalidValueError):
        plain.statistics(every=0)
