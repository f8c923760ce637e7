"""Calibrating from Python and from the command line: what is asked for, and what comes back."""

from __future__ import annotations

import math
from array import array
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

import godkaiser
from godkaiser import CalibrationError, InvalidValueError, blocking
from godkaiser.cli.sensors import read_point
from godkaiser.frames import Stretch, one_frame, wide_frame
from godkaiser.handles import calibrate
from godkaiser.model.calibration import Calibration, Point
from tests.facade.fake import NOW, Fake

SHOT: dict[str, Any] = {"version": 2, "method": "moisture", "dry": 2800.0, "wet": 1200.0, "valid_from": NOW}
SOIL: list[Any] = [{"raw": 2800, "role": "dry"}, Point(raw=1200, role="wet")]
PLAIN = [{"raw": 2800.0, "role": "dry"}, {"raw": 1200.0, "role": "wet"}]


async def test_what_is_asked_for_and_what_comes_back() -> None:
    fake = Fake()
    fake.answers = {
        "sensors.calibrate": SHOT,
        "sensors.calibrations": [SHOT, SHOT | {"version": 3, "undone_at": NOW}],
        "sensors.undo": {"undone": SHOT, "calibration": None},
    }
    line = fake.line(token="t")
    line.owner.start()
    line.owner.opened.result(10)
    how = calibrate.fitting(None, -1.6, True)
    made = await line.awaited(calibrate.calibrate, line, "soil", SOIL, how, None, False)
    assert made == Calibration.model_validate(SHOT)
    asked = {"sensor": "soil", "points": PLAIN, "how": {"gain": -1.6, "raw_mode": True}, "dry_run": False}
    assert fake.asked[-1] == ("sensors.calibrate", asked | {"token": "t"})
    await line.awaited(calibrate.calibrate, line, "soil", SOIL, {}, datetime.fromisoformat(NOW), True)
    assert fake.asked[-1][1]["valid_from"] == NOW
    several = await line.awaited(calibrate.calibrations, line, "soil")
    assert [(one.version, one.undone_at is None) for one in several] == [(2, True), (3, False)]
    assert await line.awaited(calibrate.undo, line, "soil") is None
    before = len(fake.asked)
    with pytest.raises(CalibrationError, match="finite"):
        await line.awaited(calibrate.calibrate, line, "soil", [{"raw": math.nan}], {}, None, False)
    assert len(fake.asked) == before, "a mistake is told before anybody is asked"
    line.owner.leave()
    line.owner.join()


async def test_a_greenhouse_tells_what_a_fit_would_be(farm: godkaiser.Farm, plain: blocking.Farm) -> None:
    made = await farm.sensor("bench soil").calibrate(SOIL, dry_run=True)
    assert (made.version, made.dry, made.points[1].role) == (0, 2800, "wet")
    assert plain.sensor("bench soil").calibrate(SOIL, dry_run=True) == made
    for version in plain.sensor("bench soil").calibrations():
        assert version.version >= 1
    with pytest.raises(CalibrationError, match="'ph' is none"):
        await farm.sensor("bench soil").calibrate(SOIL, method="ph", dry_run=True)
    with pytest.raises(InvalidValueError, match="in the past"):
        plain.sensor("bench soil").calibrate(SOIL, valid_from="-1h")
    with pytest.raises(CalibrationError, match="cannot be fitted"):
        godkaiser.calibration.fit("switch", [{"raw": 1, "value": 1}])


# ── frames ─────────────────────────────────────────────────────────────────────────────────────────────
def test_a_frame_says_which_version_made_each_value() -> None:
    times, values = array("q", [0, 1, 2]), array("d", [1.0, 2.0, 3.0])
    stretch = Stretch("a", "soil", "%", 300.0, times, values, ["good"] * 3, (), (0, 1, 2), (SHOT,))
    frame = one_frame(stretch)
    assert list(frame["calibration"]) == [0, 1, 2]
    assert str(frame["calibration"].dtype) == "int64"
    assert frame.attrs["calibrations"] == {"value": [SHOT]}
    assert wide_frame([stretch]).attrs["calibrations"] == {"soil": [SHOT]}
    assert "calibration" not in one_frame(stretch, 60_000_000)
    summed = replace(stretch, coverage=array("d", [0.25, 0.5, 1.0]))
    assert list(one_frame(summed)["coverage"]) == [0.25, 0.5, 1.0]
    assert "coverage" not in frame
    assert "calibration" not in one_frame(Stretch("a", "soil", "%", 300.0, times, values, ["good"] * 3))


# ── the command line ───────────────────────────────────────────────────────────────────────────────────
def test_a_point_on_the_command_line() -> None:
    assert read_point(0, "raw=2800, role=dry") == {"raw": 2800.0, "role": "dry"}
    point = {"raw": 2150.0, "value": 7.0, "temperature_c": 24.5}
    assert read_point(0, "value=7,raw=2150,temperature_c=24.5") == point


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        ("raw", "point 2", "'raw'"),
        ("raw=1,raw=2", "point 2", "at most once"),
        ("raw=1,ph=7", "point 2", "'ph=7'"),
        ("raw=nan", "point 2.raw", "no finite number"),
        ("raw=1e999", "point 2.raw", "no finite number"),
        ("raw=much", "point 2.raw", "'much'"),
    ],
)
def test_a_point_that_is_none(text: str, field: str, words: str) -> None:
    with pytest.raises(CalibrationError) as caught:
        read_point(1, text)
    assert caught.value.field == field
    assert words in f"{caught.value} {caught.value.remedy}"
