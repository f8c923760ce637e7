"""Quantities made from others: vapour pressure, light sums, differences, votes. Pure.

Where a quantity is undefined `InvalidValueError` names the field; NaN and infinity neither enter nor leave.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Final, Literal
from zoneinfo import ZoneInfo

from godkaiser.errors import InvalidValueError
from godkaiser.model.derived import MAX_GAP, SIGMAS
from godkaiser.model.instant import DAY, SECOND, Duration, Instant, from_datetime, to_datetime
from godkaiser.model.window import minute_of_day

Lamp = Literal["sunlight", "hps", "white_led"]
# µmol/(m²·s) per lux of daylight, high-pressure sodium and white LED: Apogee Instruments, "Conversion – PPFD to lux".
LAMPS: Final[dict[str, float]] = {"sunlight": 0.0185, "hps": 0.0122, "white_led": 0.0150}
COLDEST, WARMEST = -40.0, 80.0
_A, _B = 17.27, 237.3  # Tetens over water; Murray (1967), FAO Irrigation and Drainage Paper 56, eq. 11


def _within(field: str, value: float, low: float, high: float) -> float:
    """NaN is within nothing."""
    if not low <= value <= high:
        raise InvalidValueError(
            field=field, value=f"{value:g}", problem="is undefined there", allowed=f"{low:g}..{high:g}"
        )
    return value


def _temperature(celsius: float, field: str = "temperature") -> float:
    return _within(field, celsius, COLDEST, WARMEST)


def _humidity(percent: float) -> float:
    return _within("humidity", percent, 0.0, 100.0)


# ── water in the air ───────────────────────────────────────────────────────────────────────────────────
def svp(celsius: float) -> float:
    """Saturation vapour pressure in kPa at −40..80 °C: 0.6108·exp(17.27·T/(T + 237.3)) (FAO 56, eq. 11)."""
    t = _temperature(celsius)
    return 0.6108 * math.exp(_A * t / (t + _B))


def air_vpd(celsius: float, humidity: float) -> float:
    """Vapour pressure deficit of the air in kPa: SVP(T)·(1 − RH/100); 25 °C and 60 % → 1.2671."""
    return svp(celsius) * (1 - _humidity(humidity) / 100)


def leaf_vpd(celsius: float, humidity: float, leaf_offset: float) -> float:
    """Deficit between leaf and air in kPa: SVP(T + offset) − SVP(T)·RH/100; below 0 dew falls on the leaf.

    `leaf_offset`: leaf minus air temperature in K; it depends on crop and light, so there is no default.
    """
    leaf = _temperature(celsius + leaf_offset, "leaf temperature")
    return svp(leaf) - svp(celsius) * _humidity(humidity) / 100


def dew_point(celsius: float, humidity: float) -> float:
    """Temperature in °C at which the air is saturated; SVP solved for T. Undefined at 0 %. 25/60 → 16.70."""
    if _humidity(humidity) == 0.0:
        raise InvalidValueError(
            field="humidity", value="0", problem="has no dew point", allowed="above 0, up to 100"
        )
    t = _temperature(celsius)
    gamma = math.log(humidity) - math.log(100) + _A * t / (t + _B)
    return _B * gamma / (_A - gamma)


def absolute_humidity(celsius: float, humidity: float) -> float:
    """Water in the air in g/m³: 2167·e/(T + 273.15), e = SVP·RH/100 in kPa (ideal gas). 25/60 → 13.81."""
    return 2167 * svp(celsius) * _humidity(humidity) / 100 / (celsius + 273.15)


def sea_level_pressure(hectopascal: float, altitude: float) -> float:
    """Pressure in hPa reduced to sea level: p/(1 − h/44330)^5.255, h in m (ISA). 950 at 500 m → 1008.35."""
    _within("altitude", altitude, -500.0, 9000.0)
    share: float = (1 - altitude / 44330) ** 5.255
    return _within("pressure", hectopascal, 300.0, 1100.0) / share


# ── light ──────────────────────────────────────────────────────────────────────────────────────────────
def ppfd_from_lux(lux: float, lamp: Lamp | float) -> float:
    """PPFD in µmol/(m²·s): lux times the factor of the stated lamp, or a factor of your own. Never guessed."""
    factor = LAMPS.get(lamp) if isinstance(lamp, str) else lamp
    if factor is None or not 0 < factor < 1:
        raise InvalidValueError(
            field="lamp",
            value=str(lamp),
            problem="is no lamp",
            allowed=f"{', '.join(LAMPS)}, or µmol/(m²·s) per lux between 0 and 1",
        )
    return _within("illuminance", lux, 0.0, 1e6) * factor


@dataclass(frozen=True, slots=True)
class LightSum:
    """`mol` per m², None where nothing was measured; `coverage` 0..1 is the part of the time that was measured."""

    mol: float | None
    coverage: float


Sample = tuple[Instant, float]


def dli(samples: Iterable[Sample], since: Instant, until: Instant, max_gap: Duration = MAX_GAP) -> LightSum:
    """Light between two instants in mol/m² from PPFD in µmol/(m²·s): trapezoids, ∫ PPFD dt / 10⁶.

    Between samples further apart than `max_gap` nothing is known and nothing added. Samples beyond the ends
    are used up to the ends, so the sums of two halves are the sum of the whole.
    """
    if not since < until:
        raise InvalidValueError(field="until", value=str(until), problem="not after since", allowed="later")
    ordered = sorted((at, _within("PPFD", value, 0.0, 10_000.0)) for at, value in samples)
    total, covered = 0.0, 0
    for before, after in pairwise(ordered):
        if after[0] - before[0] <= max_gap:
            start, end = max(before[0], since), min(after[0], until)
            if start < end:
                mean = (_between(before, after, start) + _between(before, after, end)) / 2
                total += mean * (end - start) / SECOND / 1e6
                covered += end - start
    return LightSum(total if covered else None, covered / (until - since))


def _between(before: Sample, after: Sample, at: Instant) -> float:
    """On the straight line between two samples."""
    return before[1] + (after[1] - before[1]) * (at - before[0]) / (after[0] - before[0])


def rolling_day(now: Instant) -> tuple[Instant, Instant]:
    """The last 24 h."""
    return now - DAY, now


def photoperiod(day: date, start: int, end: int, timezone: str) -> tuple[Instant, Instant]:
    """The light period that begins on a local day at minute `start` and lasts until minute `end`, 0..1440.

    It ends on the next day where `end` is not after `start`; 0 and 1440 are the whole local day, which has 23
    or 25 hours when the clock is changed.
    """
    for field, minute in (("start", start), ("end", end)):
        _within(field, minute, 0, 1440)
    return _local(day, start, timezone), _local(day, end if end > start else end + 1440, timezone)


def last_photoperiod(now: Instant, start: str, end: str | None, timezone: str) -> tuple[Instant, Instant]:
    """The light period from local time `start` to `end` (`HH:MM`; None: `start` again) that began last."""
    began = day_began(now, start, timezone)
    day = to_datetime(began).astimezone(ZoneInfo(timezone)).date()
    return photoperiod(day, minute_of_day(start), minute_of_day(end or start), timezone)


def day_began(now: Instant, start: str, timezone: str) -> Instant:
    """When the day that begins at local time `start` (`HH:MM`) began last."""
    minute = minute_of_day(start)
    today = to_datetime(now).astimezone(ZoneInfo(timezone)).date()
    began = _local(today, minute, timezone)
    return began if began <= now else _local(today - timedelta(days=1), minute, timezone)


def _local(day: date, minute: int, timezone: str) -> Instant:
    days, rest = divmod(minute, 1440)
    clock = datetime.combine(day + timedelta(days=days), time(rest // 60, rest % 60))
    return from_datetime(clock.replace(tzinfo=ZoneInfo(timezone)))


# ── several sensors ────────────────────────────────────────────────────────────────────────────────────
def _finite(values: Sequence[float]) -> Sequence[float]:
    for value in values:
        if not math.isfinite(value):
            raise InvalidValueError(
                field="value", value=str(value), problem="is no number", allowed="finite numbers"
            )
    return values


def difference(one: float, other: float) -> float:
    """`one` − `other`."""
    _finite((one, other))
    return _finite((one - other,))[0]


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean of one value or more."""
    if not values:
        raise InvalidValueError(field="values", value="()", problem="is empty", allowed="one or more")
    middle = math.fsum(value / len(values) for value in _finite(values))
    return min(max(middle, min(values)), max(values))  # rounding must not carry it outside


def agreement(values: Sequence[float], accuracy: float) -> bool:
    """Do all lie within 3 σ of each other? σ is the stated accuracy of their type, in their unit."""
    _finite((*values, accuracy))
    return not values or max(values) - min(values) <= SIGMAS * accuracy


@dataclass(frozen=True, slots=True)
class Vote:
    """`value` of the majority, None when there is none; `dissent`: the places of those outvoted or silent."""

    value: float | None
    dissent: tuple[int, ...] = ()


def vote(values: Sequence[float | None], accuracy: float, within: float | None = None) -> Vote:
    """2 of 3: the mean of those within 3 σ of the median, where they are the majority. None: has no voice.

    `within`: instead of 3 σ, in the unit of the values.
    """
    if len(values) < 3:
        raise InvalidValueError(
            field="values", value=str(len(values)), problem="are too few to vote", allowed="3 or more"
        )
    voices = sorted(value for value in values if value is not None)
    limit = SIGMAS * accuracy if within is None else within
    _finite((*voices, limit))
    agreed = {
        place: value
        for place, value in enumerate(values)
        if value is not None and abs(value - voices[len(voices) // 2]) <= limit
    }
    if 2 * len(agreed) <= len(values):
        return Vote(None, tuple(range(len(values))))
    return Vote(mean([*agreed.values()]), tuple(i for i in range(len(values)) if i not in agreed))
