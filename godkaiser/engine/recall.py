"""What was measured before a restart is known after it.

The memory of every signal, and the newest reading of what is not measured all the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from godkaiser.engine.calibration import in_force, number
from godkaiser.engine.ingest import AHEAD_AFTER, LATE_AFTER
from godkaiser.engine.signal import Judged, criteria_of, usable
from godkaiser.engine.state import SensorState, State
from godkaiser.model.instant import Instant
from godkaiser.model.reading import Reading
from godkaiser.sensors.quality import TRUSTED, recalled

RECALLED: Final = 256  # readings: an hour of a flat line, and more than a spike is judged by


def recall(state: State, sensor: SensorState, past: Sequence[Reading], now: Instant) -> None:
    """Take over the newest readings of a series, oldest first, as they are stored.

    What is measured all the time speaks for itself soon, and is not believed before it does.
    """
    if sensor.row.derived or not past:
        return
    newest = past[-1]
    spec = sensor.spec
    current = None if spec is None else in_force(state.calibrations.get(spec.series, ()), now)
    since = (None if current is None else current.since) or 0
    scaled = [r for r in past if r.measured_at >= since and r.calibration in (0, number(current))]
    age = max(sensor.stale_after, state.allowed_age(sensor, newest.received_at))
    criteria = criteria_of(sensor.row, sensor.spec, age, raw_mode=True)
    # With a filter these are the filtered values: near enough to tell a spike.
    sensor.signal = recalled(((r.raw, r.value, r.measured_at, r.quality) for r in scaled), criteria.gap)
    if sensor.mode in ("on_demand", "scheduled") and newest.received_at <= now:
        _believe(state, sensor, newest, now)


def _believe(state: State, sensor: SensorState, newest: Reading, now: Instant) -> None:
    sensor.latest = newest
    timely = -AHEAD_AFTER <= newest.received_at - newest.measured_at <= LATE_AFTER
    if newest.quality not in TRUSTED or not timely:
        return
    fit = usable(sensor.row, Judged(newest.value, newest.quality, newest.reason))
    sensor.latest = sensor.timely[newest.quality] = known = replace(newest, usable=fit)
    sensor.usable = known if fit else None
    stale_at = newest.received_at + state.allowed_age(sensor, newest.received_at)
    if stale_at > now:
        state.due.set(("stale" if fit else "doubtful", sensor.id), stale_at)
