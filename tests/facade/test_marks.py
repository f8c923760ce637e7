"""A curve whose board or calibration was changed says so."""

from __future__ import annotations

from array import array

from godkaiser import blocking
from godkaiser.frames import Stretch, one_frame, wide_frame

MARK = {"at": "2026-05-01T12:00:00Z", "text": "board A was replaced by B"}
STRETCH = Stretch("a", "air", "°C", 300.0, array("q", [0]), array("d", [1.0]), ["good"], (MARK,))


def test_marks_stand_with_the_column() -> None:
    plain = Stretch("b", "damp", "%", 300.0, array("q", [0]), array("d", [2.0]), ["good"])
    assert one_frame(STRETCH).attrs["marks"] == {"value": [MARK]}
    assert wide_frame([STRETCH, plain]).attrs["marks"] == {"air": [MARK], "damp": []}


def test_a_farm_tells_them(plain: blocking.Farm) -> None:
    assert plain.history("bench air", since="-1h").attrs["marks"] == {"value": []}
