"""Which calibration made a value: none of what its node converted itself, nor of what is no value."""

from __future__ import annotations

from typing import Any

import pytest

from godkaiser.model import event as ev
from godkaiser.model.calibration import Calibration
from godkaiser.model.ids import SeriesId
from godkaiser.model.quantity import Quality
from godkaiser.model.reading import Reading
from godkaiser.model.site import Site
from godkaiser.sensors.calibration import fit
from godkaiser.sensors.compensation import Water
from godkaiser.sensors.types import convert
from tests.engine.bench import CLIMATE, SITE, WATER, Desk, stored

SOIL, PH, EC = (SeriesId.of(WATER, pin, kind) for pin, kind in ((34, "moisture"), (35, "ph"), (36, "ec")))
TANK, FLOW = SeriesId.of(CLIMATE, 4, "ds18b20"), SeriesId.of(WATER, 32, "flow")
HERE: dict[str, Any] = {"node": WATER, "warm_up": 0, "spike_mad": 0}
BUFFERS = [{"raw": 2150, "value": 7, "temperature_c": 25}, {"raw": 1800, "value": 4, "temperature_c": 25}]
SENSORS: list[dict[str, Any]] = [
    HERE | {"gpio": 34, "type": "moisture", "calibration": {"dry": 2800, "wet": 1200}},
    HERE | {"gpio": 35, "type": "ph", "temperature_from": "tank water"},
    HERE | {"gpio": 36, "type": "ec", "temperature_from": "tank water"},
    HERE | {"gpio": 32, "type": "flow", "calibration": {"slope": 900}},
    {"node": CLIMATE, "gpio": 4, "type": "ds18b20", "name": "tank water", "calibration": {"offset": 0.5}},
]


def desk() -> Desk:
    made = Site.model_validate({"sensors": SENSORS})
    here = Desk(site=SITE.model_copy(update={"sensors": made.sensors})).ready()
    here.handle(ev.CalibrationMade(here.now, PH, fit("ph", BUFFERS), "ann"))
    return here


def take(here: Desk, series: SeriesId, raw: float, *, raw_mode: bool, **fields: Any) -> Reading:
    here.wait(1)
    (reading,) = stored(Reading, here.read(series, raw, raw_mode=raw_mode, **fields))
    return reading


@pytest.mark.parametrize(
    ("series", "raw", "raw_mode", "value", "version"),
    [
        (SOIL, 2000, True, 50.0, 1),
        (SOIL, 44, False, 44.0, 0),
        (FLOW, 15, True, 1.0, 1),
        (FLOW, 15, False, 15.0, 0),
        (TANK, 400, True, 25.5, 1),
        (TANK, 25, False, 25.5, 1),
        (TANK, -2032, True, None, 0),
        (TANK, 2000, False, None, 0),
        (PH, 2150, True, 7.0, 1),
        (PH, 6.2, False, 6.2, 0),
        (EC, 1800, False, 1800.0, 0),
    ],
)
def test_a_value_remembers_what_made_it_and_nothing_else(
    series: SeriesId, raw: float, raw_mode: bool, value: float | None, version: int
) -> None:
    reading = take(desk(), series, raw, raw_mode=raw_mode)
    assert (reading.value and round(reading.value, 6), reading.calibration) == (value, version)


def test_what_the_nodes_word_takes_away_was_made_by_nothing() -> None:
    reading = take(desk(), SOIL, 2000, raw_mode=True, quality="error")
    assert (reading.value, reading.calibration) == (None, 0)


def test_what_the_node_converted_is_not_compensated_again() -> None:
    here = desk()
    take(here, TANK, 34.5, raw_mode=False)
    assert take(here, PH, 1800, raw_mode=True).value == pytest.approx(4.097, abs=1e-3)
    ph, ec = take(here, PH, 4.0, raw_mode=False), take(here, EC, 2000, raw_mode=False)
    assert (ph.value, ph.quality, ec.value, ec.quality) == (4.0, Quality.GOOD, 2000.0, Quality.GOOD)
    assert convert("ec", 2000, raw_mode=False, water=Water(None)).quality is Quality.GOOD


def test_counts_and_values_in_turn_do_not_make_its_past_forgotten() -> None:
    """The spike memory starts anew with another calibration, not with each value that none has made."""
    here = desk()
    here.handle(ev.CalibrationMade(here.now, SOIL, Calibration(dry=2800, wet=1200, method="moisture"), "ann"))
    take(here, SOIL, 2000, raw_mode=True)
    for number in range(4):
        take(here, SOIL, 50 + number % 2, raw_mode=False)
    assert len(here.state.sensors[SOIL].signal.believed) == 5
