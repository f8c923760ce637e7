"""What a site file says of probes, beyond their wiring: their calibration against what people fitted, their water."""

from __future__ import annotations

from collections.abc import Iterator

from godkaiser.engine.calibration import newest, said
from godkaiser.engine.state import State
from godkaiser.errors import CalibrationError
from godkaiser.model.calibration import Calibration
from godkaiser.model.difference import Difference
from godkaiser.model.site import SensorSpec, Site
from godkaiser.sensors.allowed import check_calibration
from godkaiser.sensors.catalogue import BUILT_IN, Catalogue

COMPENSATED = ("ph", "ec")
Path = tuple[str | int, ...]


def settled(site: Site, state: State) -> tuple[Site, list[Difference]]:
    """The site with the calibrations that applying it would leave, and what of the file's would stay out.

    A file does not take away what was fitted, unless it says `none` or one that was never there.
    """
    found = [_settled(spec, state) for spec in site.sensors]
    sensors = tuple(spec for spec, _ in found)
    return site.model_copy(update={"sensors": sensors}), [stays for _, stays in found if stays is not None]


def _settled(spec: SensorSpec, state: State) -> tuple[SensorSpec, Difference | None]:
    versions = state.calibrations.get(spec.series, [])
    here = state.sensor_specs.get(spec.series)
    current, stated = newest(versions) or (None if here is None else here.calibration), spec.calibration
    if stated is not None and stated.method == "none":
        return _with(spec, None), None
    if current is not None and stated is not None and stated.adds_nothing_to(current):
        return _with(spec, current), None
    fitted = current is not None and current.fitted
    if stated is None:
        return (_with(spec, current) if fitted else spec), None
    known = any(stated.adds_nothing_to(version) for version in versions)
    if known and (fitted or stated.fitted):
        return _with(spec, current), _stays(spec, stated, current)
    return spec, None


def _with(spec: SensorSpec, calibration: Calibration | None) -> SensorSpec:
    shown = calibration if calibration is None or calibration.fitted else calibration.bare()
    return spec.model_copy(update={"calibration": shown})


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
        if spec.calibration is not None and (found := _unusable(spec, spec.calibration, catalogue)):
            field, problem = found
            yield ("sensors", number, "calibration", field), problem


def _unusable(spec: SensorSpec, calibration: Calibration, catalogue: Catalogue) -> tuple[str, str] | None:
    try:
        check_calibration(catalogue.types[spec.type], calibration, spec.adc)
    except CalibrationError as error:
        return error.field, f"{error.problem}. {error.way}"
    return None


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
