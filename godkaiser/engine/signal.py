"""The signal of a series: warm-up after its node was away, spikes, flat lines, and the filter. Changes the state."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from godkaiser.engine.state import NodeState, SensorState
from godkaiser.model.instant import SECOND, Duration, Instant
from godkaiser.model.quantity import Quality
from godkaiser.model.site import SensorSpec
from godkaiser.sensors.filter import smooth
from godkaiser.sensors.quality import FLAT_AFTER, SPIKE_MAD, Criteria, judge
from godkaiser.sensors.types import SensorType

CONTRADICTED: Final = 2  # doubted values in a row after which the older one says nothing any more
RARELY: Final = ("on_demand", "scheduled")
WARM_AFTER_S: Final = 90  # of its node's uptime: three readings at the usual interval
MISSED: Final = 3  # readings in a row that may be missing before a series counts as interrupted


@dataclass(frozen=True, slots=True)
class Judged:
    """A value and what its signal is worth; `settled` is false while it warms up."""

    value: float | None
    quality: Quality
    reason: str
    settled: bool = True


def weigh(
    sensor: SensorState,
    node: NodeState,
    raw: tuple[float, bool],
    at: Instant,
    found: Judged,
    pause: Duration = 0,
) -> Judged:
    """Judge a timely reading by those before it. `raw` is the count and whether the node left it as it was.

    `pause`: how long the one before it counted as fresh.
    """
    row = sensor.row
    if _warm_up(sensor, row) and node.online is not True:
        # It may just have been started: its heartbeat will say so.
        quality = max(found.quality, Quality.SUSPECT, key=_rank)
        reason = "; ".join(filter(None, (found.reason, "before its node's heartbeat")))
        return Judged(found.value, quality, reason, settled=False)
    warm_up, number = _warming(sensor, node, row)
    if found.value is None:
        return replace(found, settled=not number)
    if number:
        return Judged(found.value, Quality.SUSPECT, f"warming up {number} of {warm_up}", settled=False)
    if found.quality is Quality.SUSPECT:
        return found
    criteria = criteria_of(row, sensor.spec, max(sensor.stale_after, pause), raw_mode=raw[1])
    sensor.signal, quality, reason = judge(sensor.signal, raw[0], found.value, at, criteria)
    if quality is Quality.SUSPECT:
        return Judged(found.value, quality, reason)
    return _filtered(sensor, found, at, criteria.gap) if usable(row, found) else found


def notice_start(sensor: SensorState, node: NodeState, seq: int | None, *, clockless: bool) -> None:
    """A node that was away too shortly to be missed: its newest message itself may say that it began anew.

    Its numbers count anew with each start, and only a start takes its clock from it. Then the warm-up begins.
    """
    again = seq is not None and sensor.seq is not None and seq < sensor.seq
    again |= clockless and sensor.latest is not None and not sensor.latest.server_timed
    sensor.seq = seq
    if again:
        sensor.starts, sensor.warming = node.starts, 0


def usable(row: SensorType, found: Judged) -> bool:
    """May rules act on it?"""
    allowed = found.quality is Quality.GOOD
    allowed |= found.quality is Quality.UNCALIBRATED and row.uncalibrated_rules
    return allowed and found.value is not None


def _filtered(sensor: SensorState, found: Judged, at: Instant, gap: Duration) -> Judged:
    kind, value = (None if sensor.spec is None else sensor.spec.filter), found.value
    if kind is None or value is None:
        return found
    sensor.smoothed, value = smooth(kind, sensor.smoothed, value, at, gap)
    return replace(found, value=value)


def contradicted(sensor: SensorState) -> bool:
    """Does it say something else than what was believed last, and not only once?"""
    return len(sensor.signal.doubted) >= CONTRADICTED


def _rank(quality: Quality) -> int:
    return quality.rank


def _warm_up(sensor: SensorState, row: SensorType) -> int:
    stated = None if sensor.spec is None else sensor.spec.warm_up
    return row.warm_up if stated is None else stated


def _warming(sensor: SensorState, node: NodeState, row: SensorType) -> tuple[int, int]:
    """How many readings it warms up for, and which of them this is; 0: it has settled."""
    warm_up = _warm_up(sensor, row)
    noticed = (
        sensor.warming == 0 and sensor.starts == node.starts
    )  # what it said of its uptime is from before
    if sensor.mode in RARELY and (node.uptime or 0) >= WARM_AFTER_S and not noticed:
        sensor.starts, sensor.warming = node.starts, None  # three of its readings may be three days
    if sensor.starts != node.starts:
        sensor.starts, sensor.warming = node.starts, 0
    if sensor.warming is None or sensor.warming >= warm_up:
        sensor.warming = None
        return warm_up, 0
    sensor.warming += 1
    return warm_up, sensor.warming


def criteria_of(
    row: SensorType, spec: SensorSpec | None, stale_after: Duration, *, raw_mode: bool
) -> Criteria:
    """The type's, unless the site states its own. What a node has converted it may have rounded, too."""
    spike = 0.0 if row.steps else SPIKE_MAD
    flat = FLAT_AFTER if row.noisy and raw_mode else 0
    gap = stale_after
    if spec is not None:
        spike = spike if spec.spike_mad is None else spec.spike_mad
        flat = flat if spec.flat_after_s is None else round(spec.flat_after_s * SECOND)
        gap = max(gap, MISSED * (spec.interval_s or row.interval_s) * SECOND)
    return Criteria(max(row.accuracy or 0.0, row.restless), spike, flat, gap, row.fastest)
