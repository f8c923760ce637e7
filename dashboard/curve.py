"""A series as a curve to draw: gaps stay gaps. Pure; numbers in, columns out.

A gap is where a reading is missing for longer than three typical intervals and longer than the sensor's own
limit for staleness. There a point without a value is put in, so that no line is drawn across what nobody
measured. Rows with an error have no value either, and a mark at the foot of the chart instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite, nan
from statistics import median
from typing import Any, Final

from .view import EPOCH, moment

Columns = dict[str, list[float]]
MILLISECOND: Final = 1000.0
_NO_VALUE: Final = nan


@dataclass(frozen=True, slots=True)
class Point:
    """One reading: time in ms since 1970 UTC, value or None, quality."""

    at: float
    value: float | None
    quality: str


def points(told: Mapping[str, Any]) -> list[Point]:
    """The readings of a history answer, in order of time."""
    rows = zip(told.get("times", ()), told.get("values", ()), told.get("quality", ()), strict=False)
    found = (point(time, value, quality) for time, value, quality in rows)
    return sorted((p for p in found if p is not None), key=lambda p: p.at)


def point(time: object, value: object, quality: object) -> Point | None:
    """One reading from the wire; None when its time makes no sense."""
    when = moment(time)
    if when is None:
        return None
    number = float(value) if isinstance(value, (int, float)) and isfinite(value) else None
    return Point((when - EPOCH).total_seconds() * MILLISECOND, number, str(quality))


def longest_step(readings: Sequence[Point], stale_after_s: float | None) -> float:
    """Milliseconds between two readings beyond which there is a gap."""
    steps = [later.at - earlier.at for earlier, later in pairwise(readings) if later.at > earlier.at]
    typical = 3.0 * median(steps) if steps else 0.0
    return max(typical, (stale_after_s or 0.0) * MILLISECOND)


def columns(readings: Sequence[Point], longest: float, before: float | None = None) -> Columns:
    """What the chart draws. `before` is the time of the last point already there."""
    drawn: Columns = {"t": [], "value": [], "suspect": [], "error": []}
    last = before
    for reading in readings:
        if last is not None and 0 < longest < reading.at - last:
            _add(drawn, last + (reading.at - last) / 2, _NO_VALUE, _NO_VALUE, _NO_VALUE)
        _draw(drawn, reading)
        last = reading.at
    return drawn


def gaps(readings: Sequence[Point], longest: float) -> int:
    """How many stretches were not measured."""
    return sum(1 for earlier, later in pairwise(readings) if 0 < longest < later.at - earlier.at)


def _draw(drawn: Columns, reading: Point) -> None:
    if reading.value is None or reading.quality == "error":
        _add(drawn, reading.at, _NO_VALUE, _NO_VALUE, 0.0)
    else:
        suspect = reading.value if reading.quality == "suspect" else _NO_VALUE
        _add(drawn, reading.at, reading.value, suspect, _NO_VALUE)


def _add(drawn: Columns, at: float, value: float, suspect: float, error: float) -> None:
    for name, number in (("t", at), ("value", value), ("suspect", suspect), ("error", error)):
        drawn[name].append(number)
