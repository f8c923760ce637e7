"""Light sums at work: what was measured of the last day is remembered per series, and summed when more comes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from godkaiser.engine.state import State
from godkaiser.model.derived import DerivedSpec
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import HOUR, SECOND, Instant
from godkaiser.sensors.derived import LightSum, Sample, dli, last_photoperiod, ppfd_from_lux, rolling_day

KEPT: Final = 26 * HOUR  # a local day has up to 25 h, and a sample before it may reach into it
CLOSEST: Final = 30 * SECOND  # of samples that are closer the newest stands for them


def lights_of(state: State) -> Iterator[SeriesId]:
    """The series whose light is summed."""
    named = {spec.inputs[0] for spec in state.derived.values() if spec.kind == "dli"}
    yield from sorted(sensor.id for series in named if (sensor := state.bound(series)) is not None)


def remember(state: State, series: SeriesId, samples: Iterable[Sample]) -> None:
    """Newer samples, oldest first, in the unit of the series."""
    kept = state.light.setdefault(series, deque())
    for at, value in samples:
        if kept and (kept[-1][0] == at or (len(kept) > 1 and at - kept[-2][0] < CLOSEST)):
            kept.pop()
        kept.append((at, value))
    while kept and kept[0][0] < kept[-1][0] - KEPT:
        kept.popleft()


def summed(state: State, spec: DerivedSpec, series: SeriesId, now: Instant) -> LightSum:
    """What came in the light period or day that began last, or in the last 24 h, until the newest sample."""
    began, ends = rolling_day(now)
    if spec.since is not None:
        began, ends = last_photoperiod(now, spec.since, spec.until, state.timezone)
    samples, ends = state.light.get(series, ()), min(now, ends)
    if began >= ends:  # when the clock is set forward a short one may not happen at all
        return LightSum(None, 0.0)
    if spec.lamp is not None:
        lamp = spec.lamp
        return dli(((at, ppfd_from_lux(value, lamp)) for at, value in samples), began, ends, spec.max_gap)
    return dli(samples, began, ends, spec.max_gap)
