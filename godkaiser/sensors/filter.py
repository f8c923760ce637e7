"""Smoothing: a median against single outliers, an exponential mean against noise. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Final

from godkaiser.model.filter import EMA_ALPHA, MEDIAN_OF, Filter
from godkaiser.model.instant import Duration, Instant

__all__ = ["EMA_ALPHA", "EMPTY", "MEDIAN_OF", "Smoothed", "ema", "median_of", "smooth"]


@dataclass(frozen=True, slots=True)
class Smoothed:
    """What a filter remembers: the last values of a median or the mean so far, and when that was."""

    values: tuple[float, ...] = ()
    at: Instant | None = None


EMPTY: Final = Smoothed()


def median_of(values: tuple[float, ...], value: float, count: int = MEDIAN_OF) -> tuple[float, ...]:
    """The last `count` values, `value` being the newest; their median is the filtered value."""
    return (*values, value)[-count:]


def ema(mean: float, value: float, alpha: float = EMA_ALPHA) -> float:
    """Exponential moving average, m + α·(x − m); between the mean so far and the value."""
    return min(max((1 - alpha) * mean + alpha * value, min(mean, value)), max(mean, value))


def smooth(
    kind: Filter | None, memory: Smoothed, value: float, at: Instant, gap: Duration
) -> tuple[Smoothed, float]:
    """The filtered value and what to remember. Longer than `gap` after the last value it starts anew."""
    if kind is None:
        return EMPTY, value
    known = memory.values if memory.at is not None and at - memory.at <= gap else ()
    if kind.median is not None:
        values = median_of(known, value, kind.median)
        return Smoothed(values, at), median(values)
    mean = ema(known[-1], value, kind.ema or EMA_ALPHA) if known else value
    return Smoothed((mean,), at), mean
