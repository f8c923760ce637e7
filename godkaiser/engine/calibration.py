"""Calibrations of declared sensors: each a numbered version, of which the newest whose time has come counts.

What a site file declares becomes a version like what was fitted. A version never changes, except that it may be
undone: then it counts for no new reading, and stored readings keep its number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final

from godkaiser.engine.effect import Audit, CalibrationRecord, Store
from godkaiser.engine.note import note
from godkaiser.engine.state import Moment, SensorState, State
from godkaiser.model.calibration import NONE, Calibration
from godkaiser.model.event import CalibrationMade, CalibrationUndone
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import DAY, SECOND, Instant, from_datetime, to_iso
from godkaiser.model.quantity import Freshness
from godkaiser.model.site import SensorSpec
from godkaiser.sensors.compensation import Water
from godkaiser.sensors.filter import EMPTY
from godkaiser.sensors.quality import NOTHING_KNOWN

IN_TIME: Final = 30 * SECOND  # a node's clock may be that far behind ours
BY_SITE: Final = "site"


# ── which one ──────────────────────────────────────────────────────────────────────────────────────────
def in_force(versions: Iterable[Calibration], at: Instant) -> Calibration | None:
    """The latest by `valid_from` whose time had come then and that was not undone; of one time the newest version.

    One that says `none` is none.
    """
    standing = [one for one in versions if one.undone_at is None and (one.since is None or one.since <= at)]
    found = max(standing, key=_order, default=None)
    return None if found is None or found.method == "none" else found


def waiting(versions: Iterable[Calibration], at: Instant) -> list[Calibration]:
    """Those whose time is to come, in its order."""
    found = (one for one in versions if one.undone_at is None and one.since is not None and one.since > at)
    return sorted(found, key=_order)


def _order(version: Calibration) -> tuple[float, int]:
    return -math.inf if version.since is None else version.since, version.version


def stated(spec: SensorSpec, at: Instant) -> tuple[Calibration | None, list[Calibration]]:
    """What a site says of then, and what of later. None: nothing; one that says `none` is said."""
    told = [one for one in (spec.calibration, *spec.calibrations_later) if one is not None]
    now = [one for one in told if one.since is None or one.since <= at]
    return max(now, key=_order, default=None), waiting(told, at)


def counting(moment: Moment, sensor: SensorState, measured: Instant) -> Calibration | None:
    """For a reading of then. One that comes in time counts as of now, as node clocks have whole seconds."""
    if sensor.spec is None:
        return None
    series = sensor.spec.series
    _enroll(moment, sensor.spec)
    versions = moment.state.calibrations.get(series, ())
    if moment.now - measured > IN_TIME:
        return in_force(versions, measured)
    found = in_force(versions, moment.now)
    before, sensor.counted = sensor.counted, number(found)
    if before not in (None, sensor.counted):
        sensor.signal, sensor.smoothed = NOTHING_KNOWN, EMPTY  # another scale: the step is none of the signal
    return found


def number(calibration: Calibration | None) -> int:
    """Its version; 0 where there is none."""
    return 0 if calibration is None else calibration.version


def water_of(moment: Moment, sensor: SensorState, measured: Instant) -> Water | None:
    """What its value is to be compensated by; None when it is not to be."""
    spec = sensor.spec
    if spec is None or spec.temperature_from is None:
        return None
    return Water(_temperature(moment, spec.temperature_from, measured), spec.ec_alpha)


def _temperature(moment: Moment, named: str, measured: Instant) -> float | None:
    """The newest usable reading of that sensor, unless it is stale now or was then."""
    state = moment.state
    series = next((s for s, spec in state.sensor_specs.items() if named in (s, spec.name)), None)
    sensor = None if series is None else state.bound(series)
    if sensor is None or sensor.usable is None:
        return None
    fresh = state.age_class(sensor, sensor.usable, moment.now) in (Freshness.FRESH, Freshness.LATE)
    together = abs(measured - sensor.usable.measured_at) < sensor.stale_after
    return sensor.usable.value if fresh and together else None


# ── changes ────────────────────────────────────────────────────────────────────────────────────────────
def on_made(moment: Moment, event: CalibrationMade) -> None:
    """A person fitted one. It counts from now or later on; the past stays as it was."""
    spec = moment.state.sensor_specs.get(event.series)
    if spec is not None:
        _enroll(moment, spec)
        before = in_force(moment.state.calibrations.get(spec.series, ()), moment.now)
        made = _add(moment, spec.series, event.calibration, event.by, moment.now)
        _mark(
            moment,
            event.by,
            spec.series,
            f"calibration changed: {said(before)} → {said(made)}{_later(moment, made)}",
        )


def on_undone(moment: Moment, event: CalibrationUndone) -> None:
    """The newest version goes, its time come or not; whichever is left of that time counts for new readings."""
    spec = moment.state.sensor_specs.get(event.series)
    if spec is None:
        return
    _enroll(moment, spec)
    versions = moment.state.calibrations.get(spec.series, [])
    place = next((n for n in reversed(range(len(versions))) if versions[n].undone_at is None), None)
    if place is None:
        return
    gone = versions[place] = versions[place].undone(moment.now)
    moment.emit(Store(CalibrationRecord(spec.series, gone)))
    back = in_force(versions, moment.now)
    _show(moment.state, spec.series, moment.now)
    _mark(moment, event.by, spec.series, f"calibration undone: {said(gone)} → {said(back)}")


def declare(moment: Moment, spec: SensorSpec, before: SensorSpec | None, by: str) -> None:
    """The site says what counts from now on: the same as before, another, or none; and what will."""
    if before is not None:
        _enroll(moment, before)
    now, later = stated(spec, moment.now)
    if now is not None or spec.calibration is None:  # else it is one of later: what counts until then stays
        _declare_now(moment, spec, now, by)
    _declare_later(moment, spec.series, later, none=now is not None and now.method == "none")
    _show(moment.state, spec.series, moment.now)


def _declare_now(moment: Moment, spec: SensorSpec, told: Calibration | None, by: str) -> None:
    versions = moment.state.calibrations.get(spec.series, ())
    old, new = in_force(versions, moment.now), _some(told)
    if new is old is None or (new is not None and old is not None and new.adds_nothing_to(old)):
        return
    first = not versions and not _heard(moment.state, spec.series)
    made = _add(moment, spec.series, new or NONE, by, None if first else moment.now)
    if not first:
        _mark(moment, by, spec.series, f"calibration changed: {said(old)} → {said(made)}")


def _declare_later(moment: Moment, series: SeriesId, told: list[Calibration], *, none: bool) -> None:
    """What a person has fitted for later stays, unless there shall be none."""
    versions = moment.state.calibrations.get(series, [])
    for one in told:
        if not any(same_later(one, version) for version in versions):
            made = _add(moment, series, one, BY_SITE, None)
            text = f"calibration changes: {said(made)}{_later(moment, made)}"
            _mark(moment, BY_SITE, series, text)
    versions = moment.state.calibrations.get(series, [])
    for place, version in enumerate(versions):
        waits = version in waiting([version], moment.now)
        if waits and (none or not version.fitted) and not any(same_later(one, version) for one in told):
            versions[place] = version.undone(moment.now)
            moment.emit(Store(CalibrationRecord(series, versions[place])))
            _mark(moment, BY_SITE, series, f"calibration withdrawn: {said(version)}{_later(moment, version)}")


def same_later(one: Calibration, other: Calibration) -> bool:
    """Does it make the same value from the same time on?"""
    return one.since == other.since and one.adds_nothing_to(other)


def on_due(moment: Moment, series: SeriesId) -> None:
    """The time of one that waited has come."""
    state = moment.state
    spec = state.sensor_specs.get(series)
    if spec is None:
        return
    before, now = spec.calibration, in_force(state.calibrations.get(series, ()), moment.now)
    _show(state, series, moment.now)
    if now is not None:
        _mark(moment, now.by, series, f"calibration changed: {said(before)} → {said(now)}, as was planned")


def restore(state: State, series: SeriesId, versions: list[Calibration], now: Instant) -> None:
    """What earlier runs kept. What the kept site says beyond it gets its number when it is used."""
    state.calibrations[series] = versions
    spec = state.sensor_specs.get(series)
    told = () if spec is None else (spec.calibration, *spec.calibrations_later)
    if all(one is None or _known(one, versions) for one in told):
        _show(state, series, now)


def _enroll(moment: Moment, spec: SensorSpec) -> None:
    """A declared one that has no number yet gets it: the first counts from the beginning."""
    for told in (spec.calibration, *spec.calibrations_later):
        one, versions = _some(told), moment.state.calibrations.get(spec.series, [])
        if one is not None and not _known(one, versions):
            _add(moment, spec.series, one, BY_SITE, moment.now if versions and one.since is None else None)


def _some(calibration: Calibration | None) -> Calibration | None:
    return None if calibration is None or calibration.method == "none" else calibration


def _known(calibration: Calibration, versions: Iterable[Calibration]) -> bool:
    return any(calibration.adds_nothing_to(version) for version in versions)


def _add(
    moment: Moment, series: SeriesId, calibration: Calibration, by: str, earliest: Instant | None
) -> Calibration:
    versions = moment.state.calibrations.setdefault(series, [])
    told = calibration.since
    since = told if earliest is None or (told is not None and told > earliest) else earliest
    next_one = 1 + max((version.version for version in versions), default=0)
    made = calibration.numbered(next_one, by, moment.now, since)
    versions.append(made)
    moment.emit(Store(CalibrationRecord(series, made)))
    _show(moment.state, series, moment.now)
    return made


def _show(state: State, series: SeriesId, now: Instant) -> None:
    """The spec, and with it an exported site, says what counts and what will: as declared, or as it was fitted."""
    spec = state.sensor_specs.get(series)
    if spec is None:
        return
    versions = state.calibrations.get(series, ())
    current, later = in_force(versions, now), waiting(versions, now)
    shown = {
        "calibration": None if current is None else current.shown(),
        "calibrations_later": tuple(one.shown(waiting=True) for one in later),
    }
    state.sensor_specs[series] = spec.model_copy(update=shown)
    if later and later[0].since is not None:
        state.due.set(("calibration", series), later[0].since)
    else:
        state.due.drop(("calibration", series))
    _arm_age(state, spec, now)
    for sensor in _sensors(state, series):
        state.describe(sensor)


def _sensors(state: State, series: SeriesId) -> list[SensorState]:
    """Those that the spec describes."""
    bare = SeriesId.of(series.node, series.gpio, series.sensor_type)
    heard = (series, *(state.bindings.get(bare, ()) if series == bare else ()))
    return [state.sensors[one] for one in heard if one in state.sensors]


def _heard(state: State, series: SeriesId) -> bool:
    return bool(_sensors(state, series))


def _mark(moment: Moment, by: str, series: SeriesId, text: str) -> None:
    """In the audit, and on the curve of each series that it concerns."""
    for target in [sensor.id for sensor in _sensors(moment.state, series)] or [series]:
        moment.emit(Store(Audit(moment.now, by, "sensor.recalibrated", target, text)))
        moment.tell("sensor", target)


# ── age ────────────────────────────────────────────────────────────────────────────────────────────────
def due_at(state: State, spec: SensorSpec, now: Instant) -> Instant | None:
    """When the calibration in force wants to be made anew, past or to come; None: never, or there is none."""
    days = state.catalogue.types[spec.type].recalibrate_d
    days = days if spec.recalibrate_after_d is None else spec.recalibrate_after_d
    made = _made_at(state, spec, now)
    return None if made is None or not days else made + round(days * DAY)


def _made_at(state: State, spec: SensorSpec, now: Instant) -> Instant | None:
    found = in_force(state.calibrations.get(spec.series, ()), now)
    return None if found is None or found.made_at is None else from_datetime(found.made_at)


def age_picture(state: State, sensor: SensorState, now: Instant) -> dict[str, Any] | None:
    """How old its calibration is, for people; what was only declared is that old at least. No quality."""
    spec = sensor.spec
    made = None if spec is None else _made_at(state, spec, now)
    if spec is None or made is None:
        return None
    due, days = due_at(state, spec, now), max(0, (now - made) // DAY)
    over = due is not None and due <= now
    fitted = spec.calibration is not None and spec.calibration.fitted
    text = f"calibration {'' if fitted else 'at least '}{days} day{'' if days == 1 else 's'} old"
    since = f", due since {to_iso(due)[:10]}" if over and due is not None else ""
    shown = None if due is None else to_iso(due)
    return {"days": days, "due_at": shown, "due": over, "text": text + since}


def on_old(moment: Moment, series: SeriesId) -> None:
    """It is due from now on: one note; the values stay what they are."""
    state = moment.state
    spec = state.sensor_specs.get(series)
    due = None if spec is None else due_at(state, spec, moment.now)
    if spec is None or due is None or due > moment.now:
        return
    name = spec.name or series
    note(
        moment,
        series.node,
        "calibration",
        f"{name}: its calibration is old, make it anew (sensors calibrate)",
    )
    for sensor in _sensors(state, series):
        moment.tell("sensor", sensor.id)


def _arm_age(state: State, spec: SensorSpec, now: Instant) -> None:
    due = due_at(state, spec, now)
    if due is not None and due > now:
        state.due.set(("recalibrate", spec.series), due)
    else:
        state.due.drop(("recalibrate", spec.series))


def versions_of(state: State, sensor: SensorState) -> tuple[Calibration, ...]:
    """All there ever were, also while nobody declares the sensor."""
    bare = SeriesId.of(sensor.id.node, sensor.id.gpio, sensor.id.sensor_type)
    declared = sensor.id if sensor.spec is None else sensor.spec.series
    return tuple(state.calibrations.get(declared, ()) or state.calibrations.get(bare, ()))


def calibration_picture(calibration: Calibration) -> dict[str, Any]:
    """For clients: everything it says."""
    return calibration.model_dump(mode="json", exclude_defaults=True) | {
        "version": calibration.version,
        "method": calibration.method,
    }


def _later(moment: Moment, made: Calibration) -> str:
    since = made.since
    return f" from {to_iso(since)} on" if since is not None and since > moment.now else ""


def said(calibration: Calibration | None) -> str:
    """`dry 2800, wet 1200 (version 2)`, or `none`."""
    return "none" if calibration is None else str(calibration)
