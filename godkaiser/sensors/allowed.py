"""What a type takes as its calibration: one check, for what a site file declares and for what a fit has made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from godkaiser.errors import CalibrationError
from godkaiser.model.calibration import Calibration
from godkaiser.sensors.conversion import ADC_MAX, ADC_VOLTS
from godkaiser.sensors.types import SensorType

FLAT: Final = 1e-6  # unit per V: no probe is that dull
COARSEST: Final = 0.1  # of the range, by one count: no probe is that sharp
STEEPEST: Final = 1e6  # of a plain value
FACTOR_LEAST, FACTOR_MOST = 1.0, 100_000.0  # pulses per litre
LARGEST: Final = max(ADC_MAX.values())
WRITTEN_BY_US: Final = ("version", "by", "made_at")
OF_PH: Final = ("temperature_c", "gain", "slope_mv_per_ph", "slope_percent")
Fault = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """What is looked at."""

    row: SensorType
    made: Calibration
    adc: str | None


def check_calibration(row: SensorType, made: Calibration, adc: str | None) -> None:
    """Raise `CalibrationError`, which names field and remedy, unless a sensor of type `row` can use it.

    `adc`: what the sensor is read by; None where nobody says so.
    """
    for check in _CHECKS:
        for field, problem, way in check(Case(row, made, adc)):
            raise CalibrationError(field=field, problem=problem, way=way)


def _written(case: Case) -> Iterator[Fault]:
    """Numbers and times are the controller's."""
    made, way = case.made, "Leave it out: the controller writes it."
    if made.undone_at is not None:
        yield "undone_at", "is not for site files", f"{way} `godkaiser sensors undo` takes one back."
    for field in WRITTEN_BY_US:
        if not made.fitted and getattr(made, field):
            yield field, "belongs to what was fitted", way
    if made.method == "none" and made.model_fields_set - {"method", *WRITTEN_BY_US}:
        yield "method", "none says that there is no calibration, and others say which", "Write one of both."


def _method(case: Case) -> Iterator[Fault]:
    row, made = case.row, case.made
    if made.method == "none":
        return
    if not row.methods:
        yield "method", f"{row.name} takes no calibration", "Leave it out."
    elif made.fitted and made.method not in row.methods:
        found = ", ".join(m for m in row.methods if m != "factor") or "none"
        yield "method", f"{made.method!r} is none of {row.name}", f"It can be fitted by: {found}."
    elif made.fitted and not made.points:
        way = "Fit it with `godkaiser sensors calibrate`, or leave `method` out and declare its numbers."
        yield "points", f"method {made.method} needs the points it was made from", way
    elif len(made.residuals) > len(made.points):
        yield "residuals", "there are more than points", "Leave it out: the fit writes it."


def _numbers(case: Case) -> Iterator[Fault]:
    """What does nothing is refused, too: whoever wrote it believes that it does."""
    row, made = case.row, case.made
    if made.method == "none" or not row.methods:
        return
    way = _way(row)
    shapes = row.shapes(raw_mode=True)
    shapes += row.shapes(raw_mode=False) if made.method == "offset" else ()
    if made.shape not in shapes:
        field = {"ends": "dry", "line": "slope", "offset": "offset"}[made.shape]
        yield field, f"does nothing for {'counts of ' if row.probe else ''}{row.name}", way
    if made.shape == "ends":
        extra = {"slope": made.slope is not None, "offset": made.offset != 0.0}
        yield from ((field, "does nothing beside dry and wet", way) for field, said in extra.items() if said)
    if "factor" in row.methods and made.offset != 0.0:
        yield "offset", f"does nothing for {row.name}", way
    for field in OF_PH if "ph" not in row.methods else ():
        if getattr(made, field) is not None:
            yield field, f"does nothing for {row.name}", "Leave it out: it is of pH."


def _way(row: SensorType) -> str:
    """What its calibration states."""
    return f"State {_STATED[row.methods[0]]}." + (
        " An offset of what its node has converted is fitted: `godkaiser sensors calibrate --converted`."
        if row.probe and "offset" in row.methods
        else ""
    )


_STATED: Final = {
    "ph": "slope and offset in volts",
    "ec": "slope and offset in volts",
    "moisture": "dry and wet",
    "linear": "slope and offset, or one of both",
    "factor": "slope, in pulses per litre",
    "offset": "offset alone",
}


def _counts(case: Case) -> Iterator[Fault]:
    """Counts are those of the ADC; one and the same."""
    row, made, adc = case.row, case.made, case.adc
    if row.bus == "analog" and adc is not None and made.adc not in (None, adc):
        way = "Calibrate it anew by the ADC it has, or state the `adc` it was calibrated with."
        yield "adc", f"it was made with {made.adc}, the sensor is read by {adc}", way
    known = adc or made.adc
    top = LARGEST if known is None else ADC_MAX[known]
    way = f"Counts of its ADC lie within 0..{top:g}."
    for field, count in (("dry", made.dry), ("wet", made.wet)):
        if count is not None and not 0 <= count <= top:
            yield field, f"{count:g} is no count", way
    if made.dry is not None and made.wet is not None and abs(made.dry - made.wet) < 1:
        yield "wet", "is the same count as dry", "Measure once in dry and once in wet soil."
    for number, point in enumerate(made.points if made.method in ("ph", "ec", "moisture") else ()):
        if not 0 <= point.raw <= top:
            yield f"points[{number}].raw", f"{point.raw:g} is no count", way


def _sizes(case: Case) -> Iterator[Fault]:
    row, made = case.row, case.made
    span = row.high - row.low
    if made.shape == "offset" and abs(made.offset) > span:
        way = f"The whole range is {row.low:g}..{row.high:g} {row.unit}."
        yield "offset", f"{made.offset:g} is beyond it", way
    if made.shape != "line" or made.slope is None:
        return
    if "factor" in row.methods:
        if not FACTOR_LEAST <= made.slope <= FACTOR_MOST:
            way = f"Pulses per litre, {FACTOR_LEAST:g}..{FACTOR_MOST:g}; the YF-S201 has 450."
            yield "slope", f"{made.slope:g} is no number of pulses", way
    elif row.probe:
        yield from _line(row, made.slope, made.offset, case.adc or made.adc or "esp32")
    elif not 1 / STEEPEST <= abs(made.slope) <= STEEPEST or abs(made.offset) > 100 * span:
        yield "slope", f"{made.slope:g} and offset {made.offset:g} are of no scale", "Check both numbers."


def _line(row: SensorType, slope: float, offset: float, adc: str) -> Iterator[Fault]:
    """Some voltage of its ADC has to give a value that can be."""
    way = "Value = slope · volts + offset: check both, and the `adc`."
    volts, step = ADC_VOLTS[adc], ADC_VOLTS[adc] / ADC_MAX[adc]
    if not FLAT <= abs(slope) <= COARSEST * (row.high - row.low) / step:
        yield "slope", f"{slope:g} {row.unit} per V is that of no probe", way
        return
    ends = sorted((offset, slope * volts + offset))
    if ends[1] < row.low or ends[0] > row.high:
        text = f"0..{volts:g} V would be {ends[0]:g}..{ends[1]:g} {row.unit}, never {row.low:g}..{row.high:g}"
        yield "offset", text, way


_CHECKS: Final[tuple[Callable[[Case], Iterator[Fault]], ...]] = (
    _written,
    _method,
    _numbers,
    _counts,
    _sizes,
)
