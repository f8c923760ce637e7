"""What a site file says of probes, beyond their wiring: their calibration against what people fitted, their water."""

from __future__ import annotations

from collections.abc import Iterator

from godkaiser.engine.calibration import in_force, said, same_later, stated, waiting
from godkaiser.engine.state import State
from godkaiser.errors import CalibrationError
from godkaiser.model.board import OWN_ADC
from godkaiser.model.calibration import Calibration, read_later
from godkaiser.model.difference import Difference
from godkaiser.model.instant import Instant
from godkaiser.model.site import SensorSpec, Site
from godkaiser.sensors.allowed import check_calibration
from godkaiser.sensors.catalogue import BUILT_IN, Catalogue
from godkaiser.sensors.wired import wired_problem

COMPENSATED = ("ph", "ec")
Path = tuple[str | int, ...]


def settled(site: Site, state: State, now: Instant) -> tuple[Site, list[Difference]]:
    """The site with the calibrations that applying it would leave, and what of the file's would stay out.

    A file does not take away what was fitted, unless it says `none` or one that was never there.
    """
    found = [_settled(spec, state, now) for spec in site.sensors]
    sensors = tuple(spec for spec, _ in found)
    return site.model_copy(update={"sensors": sensors}), [one for _, stays in found for one in stays]


def _settled(spec: SensorSpec, state: State, now: Instant) -> tuple[SensorSpec, list[Difference]]:
    told, told_later = stated(spec, now)
    stays: list[Difference] = []
    if told is None and spec.calibration is not None:
        here = state.sensor_specs.get(spec.series)  # it is one of later: what counts until then stays
        counts = None if here is None else here.calibration
    else:
        counts, stays = _counts(spec, told, state, now)
    later, gone = _later(spec, told, told_later, state, now)
    return spec.model_copy(update={"calibration": counts, "calibrations_later": later}), [*stays, *gone]


def _counts(
    spec: SensorSpec, told: Calibration | None, state: State, now: Instant
) -> tuple[Calibration | None, list[Difference]]:
    """What will count at once, and what the file says in vain."""
    versions = state.calibrations.get(spec.series, [])
    here = state.sensor_specs.get(spec.series)
    current = in_force(versions, now) or (None if here is None else here.calibration)
    if told is not None and told.method == "none":
        return None, []
    if current is not None and told is not None and told.adds_nothing_to(current):
        return current.shown(), []
    fitted = current is not None and current.fitted
    if told is None:
        return (current if fitted else None), []
    known = any(told.adds_nothing_to(version) for version in versions)
    if known and (fitted or told.fitted):
        return None if current is None else current.shown(), [_stays(spec, told, current)]
    return told, []


def _later(
    spec: SensorSpec, told: Calibration | None, told_later: list[Calibration], state: State, now: Instant
) -> tuple[tuple[Calibration, ...], list[Difference]]:
    """What will count in its time: what the file says, and what was fitted besides; not what was undone."""
    versions = state.calibrations.get(spec.series, [])
    standing = waiting(versions, now)
    known = {one: [v for v in versions if same_later(one, v)] for one in told_later}
    found = [
        next((v.shown(waiting=True) for v in known[one] if v in standing), one)
        for one in told_later
        if not known[one] or any(v in standing for v in known[one])
    ]
    if told is None or told.method != "none":
        found += [v for v in standing if v.fitted and not any(same_later(one, v) for one in told_later)]
    gone = [one for one in told_later if known[one] and not any(v in standing for v in known[one])]
    current = in_force(versions, now)
    return read_later(tuple(found)), [_stays(spec, one, current) for one in gone]


def _stays(spec: SensorSpec, stated: Calibration, current: Calibration | None) -> Difference:
    old, new = (
        None if c is None else c.model_dump(mode="json", exclude_defaults=True) for c in (current, stated)
    )
    way = (
        f"`godkaiser sensors undo {spec.series}` takes that back"
        if current is not None
        else "calibrate it anew"
    )
    text = f"sensor {spec.series}: calibration {stated} is an earlier one; {said(current)} stays; {way}"
    return Difference(f"sensors.{spec.series}.calibration", old, new, text, applied=False)


def calibration_faults(site: Site, catalogue: Catalogue = BUILT_IN) -> Iterator[tuple[Path, str]]:
    """Place and what is wrong of each calibration that its sensor cannot use."""
    for number, spec in enumerate(site.sensors):
        told: list[tuple[Path, Calibration | None]] = [(("calibration",), spec.calibration)]
        told += [(("calibrations_later", place), one) for place, one in enumerate(spec.calibrations_later)]
        for path, one in told:
            if one is not None and (found := _unusable(spec, one, catalogue)):
                yield ("sensors", number, *path, found[0]), found[1]


def _unusable(spec: SensorSpec, calibration: Calibration, catalogue: Catalogue) -> tuple[str, str] | None:
    adc = spec.adc or (None if calibration.adc else OWN_ADC)
    try:
        check_calibration(catalogue.types[spec.type], calibration, adc)
    except CalibrationError as error:
        return error.field, f"{error.problem}. {error.way}"
    return None


def wired_faults(site: Site) -> Iterator[tuple[Path, str]]:
    """Place and what is wrong of what is said of contacts and pulses, and of when a calibration is old."""
    for number, spec in enumerate(site.sensors):
        if found := wired_problem(spec):
            yield ("sensors", number, found[0]), found[1]


def pace_faults(site: Site, catalogue: Catalogue = BUILT_IN) -> Iterator[tuple[Path, str]]:
    """Place and what is wrong of each sensor whose every reading would be stale before the next one comes."""
    for number, spec in enumerate(site.sensors):
        row = catalogue.types[spec.type]
        interval, stale = spec.interval_s or row.interval_s, spec.stale_after_s or row.stale_s
        if (spec.mode or row.mode) == "continuous" and interval >= stale:
            field, way = "interval_s", f"state stale_after_s above {interval}, or a shorter interval_s"
            if spec.interval_s is None:
                field, way = "stale_after_s", f"state interval_s below {stale:g}, or a longer stale_after_s"
            problem = f"it is sent every {interval} s and stale after {stale:g} s: {way}"
            yield ("sensors", number, field), problem


# ── water ──────────────────────────────────────────────────────────────────────────────────────────────
def water_faults(site: Site, catalogue: Catalogue = BUILT_IN) -> Iterator[tuple[int, str]]:
    """Number and what is wrong of each sensor whose water temperature cannot be had as it says."""
    for number, spec in enumerate(site.sensors):
        if spec.temperature_from is not None and (problem := _water_problem(site, spec, catalogue)):
            yield number, problem


def _water_problem(site: Site, spec: SensorSpec, catalogue: Catalogue) -> str:
    named = spec.temperature_from
    if spec.type not in COMPENSATED:
        return f"only {' and '.join(COMPENSATED)} are compensated by a temperature"
    found = [other for other in site.sensors if named in (other.series, other.name)]
    if len(found) != 1:
        return (
            f"{named!r} fits {len(found)} sensors of the site" if found else f"there is no sensor {named!r}"
        )
    unit = catalogue.types[found[0].type].unit
    return "" if unit == "°C" else f"{named!r} measures {unit or 'no temperature'}, not °C"
