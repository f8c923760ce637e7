"""No false alarms about honest nodes: repeats, rare measurements, sensors far apart, sensors side by side."""

from __future__ import annotations

import math
from typing import Any

import pytest

from godkaiser.engine.state import sensor_name
from godkaiser.model import event as ev
from godkaiser.model.ids import KaiserId, NodeId, SeriesId
from godkaiser.model.instant import DAY, HOUR, SECOND
from godkaiser.model.quantity import Quality
from godkaiser.model.reading import Reading
from godkaiser.model.site import Site
from godkaiser.sensors.types import TYPES, convert
from tests.engine.bench import CLIMATE, SITE, SOIL, WATER, Desk, stored

FIRST, SECOND_ONE = (SeriesId.of(CLIMATE, 0, "sht31_temp", address) for address in ("0x44", "0x45"))
HUMID = SeriesId.of(CLIMATE, 0, "sht31_humidity", "0x44")
PH = SeriesId.of(WATER, 32, "ph")
ELSEWHERE = SeriesId.of(WATER, 0, "sht31_temp", "0x44")
PROBE = {"node": WATER, "gpio": 32, "type": "ph", "calibration": {"slope": 10.636364, "offset": -11.428571}}


def desk(**parts: Any) -> Desk:
    return Desk(site=Site.model_validate(SITE.model_dump() | parts)).ready()


def only_one(readings: list[Reading], series: SeriesId) -> Reading:
    (found,) = [reading for reading in readings if reading.series == series]
    return found


def test_a_value_heard_twice_is_still_an_input() -> None:
    here = desk(derived=[{"name": "dryness", "kind": "air_vpd", "of": [FIRST, HUMID]}])
    here.read(FIRST, 25.0)
    here.read(FIRST, 25.0)
    here.read(HUMID, 60.0)
    assert here.state.latest(SeriesId.of(CLIMATE, 0, "vpd", "0x44")) is not None


@pytest.mark.parametrize(("other", "good"), [(SECOND_ONE, False), (ELSEWHERE, True)])
def test_only_sensors_side_by_side_must_agree_by_themselves(other: SeriesId, good: bool) -> None:
    here = desk(derived=[{"name": "middle", "kind": "mean", "of": [FIRST, other]}])
    here.read(FIRST, 20.0)
    made = only_one(stored(Reading, here.read(other, 22.0)), SeriesId.of(CLIMATE, 0, "mean", "0x44"))
    assert (made.value, made.quality is Quality.GOOD) == (21.0, good)


def test_exactly_at_the_limit_they_agree() -> None:
    here = desk(derived=[{"name": "middle", "kind": "mean", "of": [FIRST, SECOND_ONE]}])
    here.read(FIRST, 20.1)
    made = only_one(stored(Reading, here.read(SECOND_ONE, 21.0)), SeriesId.of(CLIMATE, 0, "mean", "0x44"))
    assert made.quality is Quality.GOOD


def test_the_less_accurate_of_two_kinds_decides_how_far_apart_they_may_be() -> None:
    soil = SeriesId.of(CLIMATE, 4, "ds18b20", "28FF641E8D3C0C79")  # 0.5 °C where the other has 0.3
    here = desk(derived=[{"name": "middle", "kind": "mean", "of": [FIRST, soil]}])
    here.read(FIRST, 20.0)
    made = only_one(stored(Reading, here.read(soil, 21.2)), SeriesId.of(CLIMATE, 0, "mean", "0x44"))
    assert made.quality is Quality.GOOD


@pytest.mark.parametrize(("uptime", "quality"), [(40_000, Quality.GOOD), (20, Quality.SUSPECT)])
def test_a_probe_asked_once_a_day_is_believed_though_its_node_lost_the_network_at_night(
    uptime: int, quality: Quality
) -> None:
    here = desk(sensors=[PROBE])
    here.handle(ev.Will(here.now, KaiserId.parse("god"), WATER, retained=False))
    here.wait(300)
    here.beat(WATER, uptime=uptime)
    here.wait(5)
    (reading,) = stored(Reading, here.read(PH, 2100.0, raw_mode=True))
    assert reading.quality is quality


def test_a_fault_of_its_own_is_told_before_the_missing_heartbeat() -> None:
    here = Desk()
    here.link()
    (reading,) = stored(Reading, here.read(SOIL, 4095.0, raw_mode=True))
    assert reading.reason.startswith("raw value at the rail of the ADC; ")
    assert reading.reason.endswith("before its node's heartbeat")


def test_two_on_one_pin_are_told_apart_by_name() -> None:
    here = desk()
    here.read(FIRST, 20.0)
    here.read(SECOND_ONE, 20.0)
    names = {sensor_name(here.state.sensors[series]) for series in (FIRST, SECOND_ONE)}
    assert len(names) == 2


def test_a_sensor_that_gets_its_address_keeps_the_zone_of_before() -> None:
    def site(**more: Any) -> Site:
        sensor = {"node": CLIMATE, "gpio": 0, "type": "sht31_temp", "zone": "a"} | more
        zones = [{"id": "a"}, {"id": "bench"}]
        nodes = [{"id": CLIMATE, "approved": True, "zone": "bench"}]
        return Site.model_validate({"zones": zones, "nodes": nodes, "sensors": [sensor]})

    here = Desk(site=site()).ready(NodeId.parse(CLIMATE))
    here.read(FIRST, 20.0)
    here.wait(60)
    here.beat(CLIMATE)
    here.handle(ev.SiteChanged(here.now, site(address=68), (), "ann", ()))
    here.wait(30)
    (late,) = stored(Reading, here.read(FIRST, 20.0, ts=here.now // SECOND - 60, seq=9))
    assert late.zone == "a"


@pytest.mark.parametrize("kind", [row.name for row in TYPES.values() if not row.derived])
@pytest.mark.parametrize("raw", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("raw_mode", [True, False])
def test_what_is_no_number_never_becomes_one(kind: str, raw: float, raw_mode: bool) -> None:
    made = convert(kind, raw, raw_mode=raw_mode)
    assert (made.value, made.quality) == (None, Quality.ERROR)


def test_light_of_a_real_nodes_night_is_measured_darkness() -> None:
    light = SeriesId.of(WATER, 35, "ppfd")
    here = desk(derived=[{"name": "sum", "kind": "dli", "of": [light]}])
    for minute in range(DAY // (60 * SECOND) + 30):
        here.wait(60)
        here.beat(WATER, uptime=1000 + 60 * minute)
        shines = 6 <= minute * 60 * SECOND / HOUR % 24 < 18
        said = stored(
            Reading,
            here.read(
                light, 500.0 if shines else 0.0, raw_mode=True, quality="good" if shines else "suspect"
            ),
        )
    made = only_one(said, SeriesId.of(WATER, 35, "dli"))
    assert made.quality is Quality.GOOD
    assert made.value == pytest.approx(500 * 12 * 3600 / 1e6, rel=0.01)
