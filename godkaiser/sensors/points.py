"""Reference measurements as people give them: read, checked, and laid ready for a fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

from pydantic import ValidationError

from godkaiser.errors import CalibrationError
from godkaiser.model.calibration import Calibration, Point
from godkaiser.sensors.allowed import FLAT
from godkaiser.sensors.compensation import WATER_HIGH, WATER_LOW
from godkaiser.sensors.conversion import ADC_MAX, volts
from godkaiser.sensors.types import SensorType

CLOSEST: Final = 0.1  # references nearer to each other than that are one
Given = Point | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Bench:
    """What a fit has before it."""

    row: SensorType
    points: tuple[Point, ...]
    adc: str
    gain: float | None
    alpha: float
    raw_mode: bool


def read_points(points: Sequence[Given]) -> tuple[Point, ...]:
    """Points as given by people. Raises `CalibrationError` naming the first field that is wrong."""
    if isinstance(points, str | Mapping | Point) or not isinstance(points, Sequence):
        way = 'Give a list, like [{"raw": 2800, "role": "dry"}].'
        raise CalibrationError(field="points", problem="is no list of points", way=way)
    read = tuple(_read(number, point) for number, point in enumerate(points))
    for number, point in enumerate(read):
        if point.temperature_c is not None and not WATER_LOW <= point.temperature_c <= WATER_HIGH:
            field, problem = (
                f"points[{number}].temperature_c",
                f"{point.temperature_c:g} °C is not that of water",
            )
            raise CalibrationError(field=field, problem=problem, way=f"{WATER_LOW:g}..{WATER_HIGH:g} °C.")
    return read


def _read(number: int, given: Given) -> Point:
    try:
        return given if isinstance(given, Point) else Point.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join([f"points[{number}]", *(str(step) for step in first["loc"])])
        problem = first["msg"].removeprefix("Value error, ")
        way = "A point has raw, value or role (dry, wet), and perhaps temperature_c: finite numbers."
        raise CalibrationError(field=field, problem=problem, way=way) from None


def count(bench: Bench, least: int, most: int, words: str) -> None:
    """The method's number of points."""
    if not least <= len(bench.points) <= most:
        problem = f"there are {len(bench.points)}"
        raise CalibrationError(field="points", problem=problem, way=f"{bench.row.name} takes {words}.")


def check_count(number: int, bench: Bench, *, at_rail: bool = False) -> None:
    """A count at the rail is no measurement: the signal may lie anywhere beyond."""
    raw, top = bench.points[number].raw, ADC_MAX[bench.adc]
    if not (0 <= raw <= top if at_rail else 0 < raw < top):
        problem = f"{raw:g} is not within the ADC ({bench.adc}, 0..{top:g})"
        way = "Measure again, check the wiring, or declare the other `adc`."
        raise CalibrationError(field=f"points[{number}].raw", problem=problem, way=way)


def distinct_volts(bench: Bench) -> list[float]:
    """The counts in volts."""
    for number in range(len(bench.points)):
        check_count(number, bench)
    check_distinct(bench)
    return [volts(point.raw, bench.adc) for point in bench.points]


def check_distinct(bench: Bench) -> None:
    """At least one count apart."""
    if any(abs(one.raw - other.raw) < 1 for one, other in combinations(bench.points, 2)):
        way = "Equal counts mean that the probe is not read, or has not settled: wait, measure again."
        raise CalibrationError(field="points.raw", problem="two points are equal", way=way)


def references(bench: Bench, low: float, high: float, *, closest: float = CLOSEST) -> list[float]:
    """In the unit of the type, each another."""
    found: list[float] = []
    unit = bench.row.unit
    for number, point in enumerate(bench.points):
        if point.value is None or not low <= point.value <= high:
            problem = "is missing" if point.value is None else f"{point.value:g} {unit} is out of range"
            way = f"State the reference in {unit}, {low:g}..{high:g}."
            raise CalibrationError(field=f"points[{number}].value", problem=problem, way=way)
        found.append(point.value)
    if any(abs(one - other) < closest for one, other in combinations(found, 2)):
        way = "Use different references; the line between two equal ones has no slope."
        raise CalibrationError(field="points.value", problem="two references are equal", way=way)
    return found


def least_squares(xs: Sequence[float], ys: Sequence[float]) -> tuple[float, float]:
    """Slope and offset of the line nearest to the points."""
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - x_mean) ** 2 for x in xs)
    slope = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True)) / spread
    if abs(slope) < FLAT:
        way = "The points lie on no line: measure them again, one buffer after the other."
        raise CalibrationError(field="points", problem="the slope would be 0", way=way)
    return slope, y_mean - slope * x_mean


def residuals(bench: Bench, made: Mapping[str, Any], references: Sequence[float]) -> dict[str, Any]:
    """What the calibration makes of its own points, minus what they are."""
    line = Calibration(slope=made["slope"], offset=made["offset"])
    made_of = bench.row.convert
    values = [made_of(point.raw, bench.raw_mode, bench.adc, line).value for point in bench.points]
    pairs = zip(values, references, strict=True)
    return {"residuals": tuple(value - reference for value, reference in pairs if value is not None)}
