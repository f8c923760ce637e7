"""The acceptance check of a sensor type, which every plug-in has to pass before it is taken."""

from __future__ import annotations

import math
import re
from typing import Final

from godkaiser.model.calibration import Calibration
from godkaiser.model.quantity import Quality
from godkaiser.sensors.types import Converted, SensorType, judged
from godkaiser.sensors.units import UNITS

NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
_ODD: Final = (math.nan, math.inf, -math.inf, 1e308, -1e308, 2.0**63, -(2.0**31), 0.0, -1.0, 5e-324)
_CALIBRATIONS: Final = (None, Calibration(offset=-0.5), Calibration(slope=2.0, offset=1.0))


def check_sensor_type(row: SensorType) -> None:
    """Raise `AssertionError`, which says what is wrong, unless `row` is a sensor type as it should be.

    Its name and aliases are canonical, its unit is of the table, bounds are ordered and finite, freshness above 0 s;
    `typical` gives a finite value within the bounds; what a node has converted passes as it is; no raw count whatever
    raises or gives a value that is not finite; and the same count always gives the same value.
    """
    _demand(isinstance(row, SensorType), f"{row!r:.60} is no SensorType")
    _check_words(row)
    _check_numbers(row)
    _check_typical(row)
    _check_passing(row)
    _check_odd(row)


def _check_words(row: SensorType) -> None:
    for name in (row.name, *row.aliases):
        good = NAME.fullmatch(str(name)) is not None
        _demand(
            good, f"name {name!r}: lower-case letters, digits and _ are wanted, a letter first, 32 at most"
        )
    _demand(bool(str(row.label).strip()), "label is empty: say what it measures")
    _demand(row.unit in UNITS, f"unit {row.unit!r} is not one of {', '.join(sorted(UNITS - {''}))}, or none")
    _demand(row.bus in ("analog", "i2c", "onewire"), f"bus {row.bus!r} is not one of analog, i2c, onewire")
    _demand(row.mode in ("continuous", "on_demand"), f"mode {row.mode!r} is none for a type")
    _demand(not row.derived, "derived types are not for plug-ins: no formula would make them")


def _check_numbers(row: SensorType) -> None:
    bounds = (row.low, row.high)
    _demand(all(_is_finite(bound) for bound in bounds), f"bounds {row.low!r}..{row.high!r} are not finite")
    _demand(row.low < row.high, f"bounds {row.low:g}..{row.high:g} are not in order")
    _demand(_is_finite(row.stale_s), f"freshness {row.stale_s!r} is no number of seconds")
    _demand(row.stale_s > 0, f"freshness {row.stale_s:g} s is not above 0")
    accuracy = row.accuracy is None or (_is_finite(row.accuracy) and row.accuracy > 0)
    _demand(accuracy, f"accuracy {row.accuracy!r} is not above 0")
    for name, number in (("restless", row.restless), ("fastest", row.fastest)):
        _demand(_is_finite(number) and number >= 0, f"{name} {number!r} is no number from 0 on")


def _check_typical(row: SensorType) -> None:
    _demand(row.typical is not None, "typical is missing: state a raw count that it may well send")
    raw = row.typical or 0.0
    found = _judged(row, raw, raw_mode=True)
    value = math.nan if found.value is None else found.value
    _demand(found.value is not None, f"typical {raw:g} gives no value: {found.reason}")
    _demand(row.low <= value <= row.high, f"typical {raw:g} gives {value:g}: out of bounds")


def _check_passing(row: SensorType) -> None:
    for value in (row.low, (row.low + row.high) / 2, row.high):
        found = _judged(row, value, raw_mode=False)
        passed = found.value is not None and math.isclose(found.value, value, abs_tol=1e-9)
        _demand(passed, f"what the node has converted does not pass: {value:g} became {found.value}")


def _check_odd(row: SensorType) -> None:
    for raw in (*_ODD, row.typical or 0.0):
        for raw_mode in (True, False):
            for calibration in _CALIBRATIONS:
                one, other = (_judged(row, raw, raw_mode, calibration) for _ in range(2))
                _demand(one == other, f"raw {raw!r} gave {one.value!r}, then {other.value!r}: it is not pure")


def _judged(row: SensorType, raw: float, raw_mode: bool, calibration: Calibration | None = None) -> Converted:
    """As ingest would, except that nothing is caught."""
    what = f"raw {raw!r}" + ("" if raw_mode else " (converted by the node)")
    try:
        found = judged(row, raw, raw_mode=raw_mode, calibration=calibration)
    except (ArithmeticError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise AssertionError(f"{what} raises {type(error).__name__}: {error}") from error
    _demand(isinstance(found, Converted), f"{what} gives {found!r:.60}, which is no Converted")
    _demand(isinstance(found.quality, Quality), f"{what} has the quality {found.quality!r}")
    _demand(found.value is None or _is_finite(found.value), f"{what} gives {found.value!r}")
    _demand(found.value is not None or bool(found.reason), f"{what} gives neither a value nor a reason")
    return found


def _demand(holds: bool, problem: str) -> None:
    """Also where Python leaves `assert` out."""
    if not holds:
        raise AssertionError(problem)


def _is_finite(number: object) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)
