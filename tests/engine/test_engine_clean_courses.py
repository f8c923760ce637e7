"""Ten plausible days of every built-in type raise no flag: what a plant, a room and a grower do is no fault."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest

from godkaiser.engine.signal import Judged, weigh
from godkaiser.engine.state import NodeState, SensorState
from godkaiser.io.sim.greenhouse import CLIMATE as CLIMATE_NODE
from godkaiser.io.sim.greenhouse import FLOWERING, IRRIGATION
from godkaiser.model.instant import SECOND
from godkaiser.model.quantity import Quality
from godkaiser.model.site import SensorSpec
from godkaiser.sensors.types import TYPES, convert
from tests.engine.bench import CLIMATE, GOD, START

HOUR_S, DAY_S, COARSE_S = 3600, 86_400, 300


def sun(second: float) -> float:
    """0 at night, 1 at noon."""
    return max(0.0, math.sin((second / DAY_S - 0.25) * math.tau))


def swing(second: float, days: float = 1.0) -> float:
    """−1..1, once in so many days."""
    return math.sin((second / DAY_S / days - 0.3) * math.tau)


def pulse(second: float, every_h: float, minutes: float) -> bool:
    """On for some minutes, every so many hours."""
    return second % (every_h * HOUR_S) < minutes * 60


def soaked(second: float) -> float:
    """Watered every eight hours within ten minutes, used up until the next time, 0..1."""
    since = second % (8 * HOUR_S)
    return min(since / 600, 1.0) * (1 - since / (8 * HOUR_S))


def enriched(second: float) -> float:
    """CO₂ comes and goes with the light, in half an hour, 0..1."""
    hour = second / HOUR_S % 24
    return 1 - math.exp(-(hour - 6) * 2) if 6 <= hour < 18 else math.exp(-((hour - 18) % 24) * 2)


Course = Callable[[float, Random], float]


def air(second: float, rng: Random) -> float:
    """Heated at night in cycles, warmed by the sun."""
    heater = abs(second % 2400 / 1200 - 1) * 1.2 if sun(second) == 0 else 0.0
    return 20 + 6 * sun(second) + heater + rng.gauss(0, 0.03)


def damp(second: float, rng: Random) -> float:
    return 70 - 18 * sun(second) + 6 * (1 - abs(second % 3600 / 1800 - 1)) + rng.gauss(0, 0.15)


def gas(second: float, rng: Random) -> float:
    return round(430 + 500 * enriched(second) + rng.gauss(0, 8))


def lux(second: float, rng: Random) -> float:
    cloud = 0.4 if pulse(second, 0.7, 12) else 1.0
    return round(40_000 * sun(second) * cloud + 2700 * (4 <= second / HOUR_S % 24 < 20))


@dataclass(frozen=True)
class Kind:
    """How often a type is measured where nothing else is said, and its raw counts."""

    every: int
    course: Course
    raw_mode: bool = True
    calibration: dict[str, float] | None = None


def rounded(course: Course, digits: int) -> Course:
    return lambda second, rng: round(course(second, rng), digits)


def volts(value: Callable[[float], float], slope: float, offset: float) -> Course:
    return lambda second, rng: round((value(second) - offset) / slope / 3.3 * 4095 + rng.gauss(0, 1.2))


PH, EC = {"slope": 10.636364, "offset": -11.428571}, {"slope": 9486.336, "offset": -10054.0}
PRESSURE = Kind(60, lambda s, rng: round(1005 + 9 * swing(s, 3.7) + rng.gauss(0, 0.06), 2), raw_mode=False)
TEMPERATURE = Kind(30, rounded(air, 2), raw_mode=False)
KINDS: dict[str, Kind] = {
    "ds18b20": Kind(30, lambda s, rng: round(16 * (19 + 2 * swing(s) + rng.gauss(0, 0.03)))),
    "sht31_temp": Kind(30, lambda s, rng: round((air(s, rng) + 45) / 175 * 65535)),
    "sht31_humidity": Kind(30, lambda s, rng: round(damp(s, rng) / 100 * 65535)),
    "bmp280_pressure": PRESSURE,
    "bme280_pressure": PRESSURE,
    "bmp280_temp": TEMPERATURE,
    "bme280_temp": TEMPERATURE,
    "bme280_humidity": Kind(30, rounded(damp, 1), raw_mode=False),
    "ph": Kind(300, volts(lambda s: 6.0 + 0.25 * swing(s, 2), **PH), calibration=PH),
    "ec": Kind(300, volts(lambda s: 1750 + 250 * swing(s, 1.5), **EC), calibration=EC),
    "moisture": Kind(
        60,
        lambda s, rng: round(2800 - 16 * (38 + 20 * soaked(s)) + rng.gauss(0, 2.5)),
        calibration={"dry": 2800, "wet": 1200},
    ),
    "mhz19_co2": Kind(30, gas),
    "scd30_co2": Kind(30, gas),
    "co2": Kind(30, gas),
    "light": Kind(60, lux),
    "ppfd": Kind(60, lambda s, rng: round(lux(s, rng) * 0.0185, 1)),
    "flow": Kind(10, lambda s, rng: rng.choice((14, 15, 16)) if pulse(s, 2, 6) else 0),
    "level": Kind(30, lambda s, _: round(90 - 60 * (s % (3 * DAY_S)) / (3 * DAY_S))),
    "switch": Kind(30, lambda s, _: float(pulse(s, 5, 40))),
}


def test_every_built_in_type_has_a_course() -> None:
    assert set(KINDS) == {row.name for row in TYPES.values() if not row.derived}
    assert {s.type for node in (CLIMATE_NODE, IRRIGATION, FLOWERING) for s in node.sensors} <= set(KINDS)


def flags(name: str, kind: Kind, days: int) -> Counter[tuple[Quality, str]]:
    """What readings are worth, judged as the engine judges them."""
    row, every, rng = TYPES[name], kind.every, Random(f"{name} {kind.every}")
    stated: dict[str, Any] = {"node": CLIMATE, "gpio": 32, "type": name, "interval_s": every}
    spec = SensorSpec.model_validate(stated | {"calibration": kind.calibration})
    sensor = SensorState(spec.series, spec, row, stale_after=round(max(row.stale_s, 3 * every) * SECOND))
    node = NodeState(CLIMATE, GOD, "approved", online=True)
    found: Counter[tuple[Quality, str]] = Counter()
    for second in range(0, days * DAY_S, every):
        raw = kind.course(second, rng)
        made = convert(row, raw, raw_mode=kind.raw_mode, calibration=spec.calibration)
        judged = Judged(made.value, made.quality, made.reason)
        at = START + second * SECOND
        judged = weigh(sensor, node, (raw, kind.raw_mode), at, judged)
        found[judged.quality, judged.reason] += 1
    return found


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("days", [1, 10])
def test_no_flag_on_clean_days_of_any_type(name: str, days: int) -> None:
    """A day as it is usually measured, and ten of five minutes from one reading to the next."""
    kind = KINDS[name] if days == 1 else replace(KINDS[name], every=COARSE_S)
    assert flags(name, kind, days) == {(Quality.GOOD, ""): days * DAY_S // kind.every}


FAR = {
    "ds18b20": 900, "sht31_temp": 45_000, "sht31_humidity": 100, "bmp280_pressure": 900, "bme280_pressure": 900,
    "bmp280_temp": 70, "bme280_temp": 70, "bme280_humidity": 1, "ph": 2500, "ec": 2900, "moisture": 1300,
    "mhz19_co2": 5000, "scd30_co2": 5000, "co2": 5000,
}  # fmt: skip


@pytest.mark.parametrize("name", [row.name for row in TYPES.values() if not row.derived and not row.steps])
@pytest.mark.parametrize("every", [None, COARSE_S])
def test_one_wrong_value_in_such_a_day_is_found(name: str, every: int | None) -> None:
    """The courses are no blind spot: the same day with one count far away has one spike."""
    kind = KINDS[name]
    clean, noon = kind.course, DAY_S // 2
    faulty = replace(
        kind, every=every or kind.every, course=lambda s, rng: FAR[name] if s == noon else clean(s, rng)
    )
    found = flags(name, faulty, 1)
    assert found.pop((Quality.GOOD, "")) == DAY_S // faulty.every - 1
    ((quality, reason),) = found
    assert (quality, reason.split(":")[0], found.total()) == (Quality.SUSPECT, "spike", 1)
