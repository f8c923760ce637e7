"""Calibrations from reference measurements, by the same conversion that readings go through.

    fit("moisture", [Point(raw=2800, role="dry"), Point(raw=1200, role="wet")])
    fit("ph", [{"raw": 2150, "value": 7, "temperature_c": 25}, {"raw": 1800, "value": 4, "temperature_c": 25}])

Pure: needs no farm. `godkaiser.calibration` is this module.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from godkaiser.errors import CalibrationError
from godkaiser.model.calibration import FITTED, SLOPE_HIGH, SLOPE_LOW, Calibration, Point
from godkaiser.sensors.allowed import check_calibration
from godkaiser.sensors.compensation import (
    EC_ALPHA,
    ec_at,
    ec_at_25,
    ec_from,
    ec_to,
    nernst,
    nernst_percent,
)
from godkaiser.sensors.conversion import ADC_MAX, apply
from godkaiser.sensors.points import (
    Bench,
    Given,
    check_count,
    count,
    distinct_volts,
    least_squares,
    read_points,
    references,
    residuals,
)
from godkaiser.sensors.types import EC_PER_VOLT, TYPES, SensorType, canonical

FACTOR_LOW, FACTOR_HIGH = 0.5, 2.0  # of EC by one point, on the slope of the uncalibrated probe
APART: Final = 2.0  # °C between buffers, from which on the fit mixes two electrode slopes


def fit(
    kind: str | SensorType,
    points: Sequence[Given],
    *,
    method: str | None = None,
    adc: str = "esp32",
    gain: float | None = None,
    alpha: float = EC_ALPHA,
    raw_mode: bool = True,
) -> Calibration:
    """A calibration for a sensor of type `kind` (any of its names, or itself), not numbered yet.

    `method` is one of those the type takes, and without it the first of them. `adc`: what the counts came from,
    `esp32` or `ads1115`. `gain`: of the pH amplifier, negative when it inverts; with it, and a temperature of each
    buffer, the electrode's slope is given in % of the theory and flagged outside 85..115. `alpha`: see `ec_at_25`.
    `raw_mode` False: the node sends values instead of counts.

    pH takes two or three points (least squares in volts), EC one (factor 0.5..2.0 on 6060 µS/cm per V) or two, soil
    moisture one `dry` and one `wet`, an offset one, `linear` one (a line through 0) or two of what the type makes of
    its counts by itself. EC references hold at 25 °C; a point with a temperature is taken
    there first.

    Raises `CalibrationError` naming the field and what helps, `UnknownSensorTypeError`, `InvalidValueError`.
    """
    row = TYPES[canonical(kind)] if isinstance(kind, str) else kind
    chosen = _method(row, method, raw_mode)
    if adc not in ADC_MAX:
        raise CalibrationError(
            field="adc", problem=f"{adc!r} is not known", way=f"One of {', '.join(ADC_MAX)}."
        )
    given = read_points(points)
    made = _FITS[chosen](Bench(row, given, adc, gain, alpha, raw_mode))
    calibration = Calibration.model_validate(
        {"method": chosen, "adc": adc if raw_mode else None, "points": given, **made}
    )
    check_calibration(row, calibration, adc if raw_mode else None)
    return calibration


def _method(row: SensorType, method: str | None, raw_mode: bool) -> str:
    if raw_mode:
        takes = [m for m in row.methods if m != "factor" and (m != "offset" or not row.probe)]
    else:
        takes = [m for m in row.methods if m in ("linear", "offset")]
    if not takes:
        way = "Its scale is stated in the site file, as `calibration: {slope: …}`, if it needs one."
        raise CalibrationError(field="method", problem=f"{row.name} cannot be fitted", way=way)
    if method is not None and method not in takes:
        how = "counts" if raw_mode else "values its node has converted"
        problem = f"{str(method)[:40]!r} is none for {how} of {row.name}"
        known = f"There are {', '.join(FITTED)}." if method not in FITTED else ""
        way = f"Use {' or '.join(map(repr, takes))}. {known}".strip()
        raise CalibrationError(field="method", problem=problem, way=way)
    return method or takes[0]


# ── the methods ────────────────────────────────────────────────────────────────────────────────────────
def _ph(bench: Bench) -> dict[str, Any]:
    """Least squares in volts over two or three buffers."""
    count(bench, 2, 3, "two or three buffers")
    xs = distinct_volts(bench)
    ys = references(bench, 0, 14)
    slope, offset = least_squares(xs, ys)
    mv_per_ph = 1000 / slope
    temperature, notes = _temperature(bench)
    percent, flags = _percent(mv_per_ph, bench.gain, temperature)
    line = {"slope": slope, "offset": offset}
    made: dict[str, Any] = line | {"temperature_c": temperature, "gain": bench.gain}
    made |= {"slope_mv_per_ph": mv_per_ph, "slope_percent": percent, "notes": (*notes, *flags)}
    return made | residuals(bench, made, ys)


def _temperature(bench: Bench) -> tuple[float | None, tuple[str, ...]]:
    """The mean of the buffers, unless one of them says nothing."""
    said = [point.temperature_c for point in bench.points if point.temperature_c is not None]
    if len(said) < len(bench.points):
        return None, ()
    apart = max(said) - min(said)
    note = f"the buffers are {apart:g} °C apart: bring them to one temperature"
    return sum(said) / len(said), (note,) if apart > APART else ()


def _percent(
    mv_per_ph: float, gain: float | None, temperature_c: float | None
) -> tuple[float | None, tuple[str, ...]]:
    if gain is None:
        return None, ()
    if not 1e-9 <= abs(gain) < 1e9:
        way = "State the amplifier's gain, negative when it inverts, or leave it out."
        raise CalibrationError(field="gain", problem=f"{gain:g} is no amplification", way=way)
    notes = []
    if mv_per_ph * gain > 0:
        notes.append(
            "the slope has the wrong sign for that gain: exchanged buffers, or an inverting amplifier"
        )
    if temperature_c is None:
        return None, (*notes, "state the temperature of the buffers for the slope in %")
    percent = nernst_percent(mv_per_ph, gain, temperature_c)
    if not SLOPE_LOW <= percent <= SLOPE_HIGH:
        notes.append(
            f"slope {percent:.3g} % of the theory: clean or replace the probe, check the buffers and the gain"
        )
    return percent, tuple(notes)


def _ec(bench: Bench) -> dict[str, Any]:
    """One standard scales the uncalibrated slope, two give a line."""
    count(bench, 1, 2, "one or two standards")
    xs = distinct_volts(bench)
    standards = references(bench, 0.001, 20000)
    ys = [_at_its_temperature(n, bench, y) for n, y in enumerate(standards)]
    slope, offset = (ys[0] / xs[0], 0.0) if len(xs) == 1 else least_squares(xs, ys)
    factor = slope / EC_PER_VOLT
    if len(xs) == 1 and not FACTOR_LOW <= factor <= FACTOR_HIGH:
        problem = f"the factor would be {factor:.3g}, outside {FACTOR_LOW:g}..{FACTOR_HIGH:g}"
        way = "Check the standard, its unit (µS/cm) and the probe, or calibrate with two standards."
        raise CalibrationError(field="points[0].value", problem=problem, way=way)
    falls = "conductivity falls with the voltage: are the standards exchanged?"
    made: dict[str, Any] = {"slope": slope, "offset": offset, "notes": (falls,) if slope < 0 else ()}
    return made | residuals(bench, made, ys)


def _at_its_temperature(number: int, bench: Bench, ec25: float) -> float:
    """What a standard, whose value holds at 25 °C, conducts as warm as it was."""
    temperature = bench.points[number].temperature_c
    return ec25 if temperature is None else ec_at(ec25, temperature, bench.alpha)


def _moisture(bench: Bench) -> dict[str, Any]:
    """Dry and wet by their role, whatever the order."""
    count(bench, 2, 2, "one dry and one wet point")
    by_role = {point.role: point.raw for point in bench.points}
    if set(by_role) != {"dry", "wet"}:
        problem = f"are {', '.join(str(point.role) for point in bench.points)}"
        raise CalibrationError(field="points.role", problem=problem, way="One is dry, the other wet.")
    if by_role["dry"] == by_role["wet"]:
        way = "Measure once in dry and once in wet soil; equal counts mean that the probe is not read."
        raise CalibrationError(field="points.raw", problem="dry and wet are equal", way=way)
    for number in range(2):
        check_count(number, bench, at_rail=True)
    rail = [point.role for point in bench.points if point.raw in (0, ADC_MAX[bench.adc])]
    notes = tuple(f"{role} lies at the rail of the ADC: readings there are suspect" for role in rail)
    return {"dry": by_role["dry"], "wet": by_role["wet"], "notes": notes}


def _linear(bench: Bench) -> dict[str, Any]:
    """One reference scales what the type makes of its counts, two give a line."""
    count(bench, 1, 2, "one or two references")
    row = bench.row
    ys = references(bench, row.low, row.high, closest=(row.high - row.low) / 1000)
    xs = [_plain(bench, number) for number in range(len(ys))]
    if len(xs) == 2 and xs[0] == xs[1]:
        way = "Equal counts mean that the sensor is not read, or has not settled: wait, measure again."
        raise CalibrationError(field="points.raw", problem="two points are equal", way=way)
    if len(xs) == 1 and (xs[0] == 0 or ys[0] == 0):
        way = (
            "Measure another reference, or two; one calibrates by `method: offset`, where the type takes it."
        )
        raise CalibrationError(field="points[0]", problem="through 0 goes every line", way=way)
    slope, offset = (ys[0] / xs[0], 0.0) if len(xs) == 1 else least_squares(xs, ys)
    made: dict[str, Any] = {"slope": slope, "offset": offset}
    return made | residuals(bench, made, ys)


def _plain(bench: Bench, number: int) -> float:
    """What the type makes of a point without a calibration."""
    plain = bench.row.convert(bench.points[number].raw, bench.raw_mode, bench.adc, None)
    if plain.value is None:
        way = "Without the chip's registers only values its node has converted (raw_mode false) can be corrected."
        raise CalibrationError(field=f"points[{number}].raw", problem=plain.reason, way=way)
    return plain.value


def _offset(bench: Bench) -> dict[str, Any]:
    """One reference: how far the plain value is away from it."""
    count(bench, 1, 1, "one reference")
    row = bench.row
    (reference,) = references(bench, row.low, row.high)
    plain = _plain(bench, 0)
    if not row.low <= plain <= row.high:
        problem = f"{plain:g} {row.unit} is itself outside {row.low:g}..{row.high:g}"
        way = "Measure again; say raw_mode false when the node sends values instead of counts, or the other way."
        raise CalibrationError(field="points[0].raw", problem=problem, way=way)
    return {"offset": reference - plain}


_FITS: Final[dict[str, Callable[[Bench], dict[str, Any]]]] = {
    "ph": _ph,
    "ec": _ec,
    "moisture": _moisture,
    "linear": _linear,
    "offset": _offset,
}


__all__ = [
    "Calibration",
    "Point",
    "apply",
    "ec_at",
    "ec_at_25",
    "ec_from",
    "ec_to",
    "fit",
    "nernst",
    "nernst_percent",
    "read_points",
]
