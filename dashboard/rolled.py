"""Long stretches as means with a band from the least to the most. Pure; what the controller says in, columns out.

A screen shows about two thousand points. A stretch with more readings than that is drawn from the shortest buckets
that fit, each of a length that whole stored roll-ups make up (below a minute: that readings do). A bucket in which
no value held is a gap, and neither the line nor the band crosses it. Bad readings, suspect ones and errors, are in
no mean: where there were any, a mark stands at the foot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import Any, Final

from .curve import MILLISECOND, Columns
from .view import EPOCH, moment

RANGES: Final[Mapping[str, int]] = {
    "1h": 3600,
    "6h": 21_600,
    "24h": 86_400,
    "7d": 604_800,
    "30d": 2_592_000,
    "1y": 31_536_000,
}
POINTS_MOST: Final = 2_000
LENGTHS_S: Final = (5, 15, 60, 300, 600, 900, 1800, 3600, 10_800, 21_600, 86_400)
Band = dict[str, list[list[float]]]
_NO_VALUE: Final = nan


@dataclass(frozen=True, slots=True)
class Piece:
    """One bucket: begin and end in ms since 1970 UTC; no mean where nothing held a value."""

    begin: float
    end: float
    mean: float | None
    least: float | None
    most: float | None
    readings: int
    bad: int

    @property
    def middle(self) -> float:
        """Where its mean is drawn."""
        return (self.begin + self.end) / 2


def length(span_s: float) -> int:
    """Seconds of the shortest buckets of which a screen can show a stretch of so many seconds."""
    return next((each for each in LENGTHS_S if span_s / each <= POINTS_MOST), LENGTHS_S[-1])


def too_many(told: Mapping[str, Any]) -> bool:
    """Were there more readings in the stretch than a screen can show?"""
    return len(told.get("times", ())) > POINTS_MOST


def pieces(told: Mapping[str, Any], length_s: float, now_ms: float) -> list[Piece]:
    """The buckets of an answer, in order of time; the last one ends no later than now."""
    names = ("begins", "values", "minimum", "maximum", "coverage", "readings", "bad")
    rows = zip(*(told.get(name, ()) for name in names), strict=False)
    return sorted(_pieces(rows, length_s * MILLISECOND, now_ms), key=lambda piece: piece.begin)


def _pieces(rows: Iterator[tuple[Any, ...]], length_ms: float, now_ms: float) -> Iterator[Piece]:
    for begins, value, least, most, coverage, readings, bad in rows:
        when = moment(begins)
        if when is None:
            continue
        begin = (when - EPOCH).total_seconds() * MILLISECOND
        end = max(min(begin + length_ms, now_ms), begin)
        mean = _number(value) if coverage else None
        low, high = (None, None) if mean is None else (_number(least), _number(most))
        yield Piece(begin, end, mean, low, high, int(readings or 0), int(bad or 0))


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and isfinite(value) else None


def lines(drawn: Sequence[Piece]) -> Columns:
    """The means, a point without a value where there is a gap, and a mark where there were bad readings.

    `alone`: a mean between two gaps, which no line shows.
    """
    made: Columns = {"t": [], "value": [], "suspect": [], "error": [], "low": [], "high": [], "alone": []}
    single = {run[0].begin for run in runs(drawn) if len(run) == 1}
    for piece in drawn:
        mean = _NO_VALUE if piece.mean is None else piece.mean
        made["t"].append(piece.middle)
        made["value"].append(mean)
        made["suspect"].append(_NO_VALUE)
        made["error"].append(0.0 if piece.bad else _NO_VALUE)
        made["low"].append(_NO_VALUE if piece.least is None else piece.least)
        made["high"].append(_NO_VALUE if piece.most is None else piece.most)
        made["alone"].append(mean if piece.begin in single else _NO_VALUE)
    return made


def band(drawn: Sequence[Piece]) -> Band:
    """One outline, along the least values and back along the most, for each stretch without a gap."""
    outlines = [_outline(run) for run in runs(drawn)]
    return {"xs": [xs for xs, _ in outlines], "ys": [ys for _, ys in outlines]}


def runs(drawn: Sequence[Piece]) -> list[list[Piece]]:
    """Stretches without a gap."""
    found: list[list[Piece]] = [[]]
    for piece in drawn:
        if piece.mean is None:
            found.append([])
        else:
            found[-1].append(piece)
    return [run for run in found if run]


def holes(drawn: Sequence[Piece]) -> int:
    """How many stretches were not measured, between others that were."""
    return max(len(runs(drawn)) - 1, 0)


def _outline(run: Sequence[Piece]) -> tuple[list[float], list[float]]:
    edges = [(piece.middle, *_limits(piece)) for piece in run]
    edges = [(run[0].begin, *_limits(run[0])), *edges, (run[-1].end, *_limits(run[-1]))]
    there, back = edges, edges[::-1]
    xs = [at for at, _, _ in there] + [at for at, _, _ in back]
    return xs, [low for _, low, _ in there] + [high for _, _, high in back]


def _limits(piece: Piece) -> tuple[float, float]:
    """What is not known of them is drawn as no wider than the mean."""
    mean = _NO_VALUE if piece.mean is None else piece.mean
    return (mean if piece.least is None else piece.least), (mean if piece.most is None else piece.most)
