"""Is a signal to be believed? Spikes and flat lines, judged by what the series said before. Pure.

Nothing of the plant is judged: dry soil is a good 5 %, a dark room a good 0 lx.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from statistics import median
from typing import Final

from godkaiser.model.instant import HOUR, MINUTE, Duration, Instant, describe_duration
from godkaiser.model.quantity import Quality

REMEMBERED: Final = 31
SPIKE_MAD: Final = 8.0
ENOUGH: Final = 11  # values before there is an opinion on what is usual
BELIEVED_AFTER: Final = 5
FLAT_AFTER: Final[Duration] = HOUR
TRUSTED: Final = (Quality.GOOD, Quality.UNCALIBRATED)
FLAT_READINGS: Final = 10  # two equal readings an hour apart are no flat line


@dataclass(frozen=True, slots=True)
class Signal:
    """What is remembered of a series: values that were believed, doubted ones in a row, since when raw stands."""

    believed: tuple[float, ...] = ()
    doubted: tuple[float, ...] = ()
    raw: float | None = None
    since: Instant = 0
    alike: int = 0
    believed_at: Instant = 0
    at: Instant | None = None


@dataclass(frozen=True, slots=True)
class Criteria:
    """By what a series is judged: `floor` is the least deviation of its signal, `fastest` its change in a minute.

    `spike_mad` and `flat_after`: 0 is off.
    After a silence longer than `gap` anything may have happened: the memory starts anew.
    """

    floor: float = 0.0
    spike_mad: float = SPIKE_MAD
    flat_after: Duration = FLAT_AFTER
    gap: Duration = HOUR
    fastest: float = 0.0

    def least(self, passed: Duration) -> float:
        """What it may have changed by after this time, whatever it did before."""
        return max(self.spike_mad * self.floor, self.fastest * passed / MINUTE)


NOTHING_KNOWN: Final = Signal()


def judge(
    memory: Signal, raw: float, value: float, at: Instant, criteria: Criteria
) -> tuple[Signal, Quality, str]:
    """What to remember, and whether the signal is good or suspect, with the reason.

    A spike is further from each of the last 31 values than `spike_mad` times their median absolute deviation,
    which counts as the floor at least, and than what the time since allows.
    Five doubted values in a row that agree with each other, or lie all on one
    side of what was believed, are real: a step, or a ramp.
    """
    if memory.at is None or at - memory.at > criteria.gap:
        memory = NOTHING_KNOWN
    memory = _seen(memory, raw, at)
    if flat(memory, at, criteria):
        reason = f"flat line: the same raw value for {describe_duration(at - memory.since)}"
        return memory, Quality.SUSPECT, reason
    limit = _jumped(memory.believed, value, criteria, criteria.least(at - memory.believed_at))
    if limit is None:
        believed = (*memory.believed, value)[-REMEMBERED:]
        good = Signal(believed, (), memory.raw, memory.since, memory.alike, at, at)
        return good, Quality.GOOD, ""
    return _doubt(memory, value, limit, at)


def _seen(memory: Signal, raw: float, at: Instant) -> Signal:
    """Written out, as it is done for every reading and `replace` costs three times as much."""
    since, alike = (memory.since, memory.alike + 1) if raw == memory.raw else (at, 1)
    return Signal(memory.believed, memory.doubted, raw, since, alike, memory.believed_at, at)


def recalled(past: Iterable[tuple[float, float | None, Instant, Quality]], gap: Duration) -> Signal:
    """The memory that stored readings leave, oldest first: raw count, value, time, quality."""
    memory = NOTHING_KNOWN
    for raw, value, at, quality in past:
        memory = _seen(NOTHING_KNOWN if memory.at is None or at - memory.at > gap else memory, raw, at)
        if value is not None and quality in TRUSTED:
            memory = replace(memory, believed=(*memory.believed, value)[-REMEMBERED:], believed_at=at)
    return memory


def flat(memory: Signal, at: Instant, criteria: Criteria) -> bool:
    """Has the raw value stood still for too long?"""
    lasted = at - memory.since >= criteria.flat_after
    return criteria.flat_after > 0 and lasted and memory.alike >= FLAT_READINGS


def _jumped(believed: tuple[float, ...], value: float, criteria: Criteria, least: float) -> float | None:
    """The limit it jumped over; None: it did not, or there is no opinion.

    From all of them: a steady climb leaves their median behind, and what was there before may come again.
    """
    if criteria.spike_mad <= 0 or len(believed) < ENOUGH or abs(value - believed[-1]) <= least:
        return None
    middle = median(believed)
    # The MAD of a quiet signal is 0, and its least step is no spike.
    limit = max(criteria.spike_mad * median(abs(known - middle) for known in believed), least)
    jumped = 0 < limit < min(abs(value - known) for known in believed)
    return limit if jumped else None


def _doubt(memory: Signal, value: float, limit: float, at: Instant) -> tuple[Signal, Quality, str]:
    row, known = (*memory.doubted, value), memory.believed[-1]
    one_side = all((doubted > known) == (value > known) for doubted in row)
    if max(row) - min(row) > limit and not one_side:
        row = (value,)
    if len(row) >= BELIEVED_AFTER:
        return replace(memory, believed=row, believed_at=at, doubted=()), Quality.GOOD, ""
    away = abs(value - memory.believed[-1])
    reason = f"spike: {away:.4g} away from the value before, up to {limit:.4g} is believed"
    return replace(memory, doubted=row), Quality.SUSPECT, reason
