"""How often a sensor is measured where the site says nothing, and what would be stale before the next reading."""

from __future__ import annotations

import pytest

from godkaiser.engine.state import from_site
from godkaiser.engine.wanted import wanted_config
from godkaiser.errors import DocumentError
from godkaiser.kaiser.site import parse_site
from godkaiser.model.ids import NodeId
from godkaiser.sensors.types import TYPES

NODE = NodeId.parse("ESP_AB12CD")
USUAL = {
    "ds18b20": 30, "sht31_temp": 30, "sht31_humidity": 30, "bmp280_pressure": 60, "bme280_pressure": 60,
    "bmp280_temp": 30, "bme280_temp": 30, "bme280_humidity": 30, "moisture": 60, "mhz19_co2": 30, "scd30_co2": 30,
    "co2": 30, "light": 60, "ppfd": 60, "flow": 10, "level": 30, "switch": 30,
}  # fmt: skip


@pytest.mark.parametrize(("kind", "seconds"), USUAL.items())
def test_the_usual_interval(kind: str, seconds: int) -> None:
    pin = {"i2c": 0, "onewire": 4}.get(TYPES[kind].bus, 34)
    text = f"nodes: [{{id: {NODE}}}]\nsensors: [{{node: {NODE}, gpio: {pin}, type: {kind}}}]"
    (item,) = wanted_config(from_site(parse_site(text, "x")), NODE).sensors
    assert item.measurement_interval_seconds == seconds < TYPES[kind].stale_s
    stated = text.replace(f"type: {kind}", f"type: {kind}, interval_s: 45")
    (item,) = wanted_config(from_site(parse_site(stated, "x")), NODE).sensors
    assert item.measurement_interval_seconds == 45


@pytest.mark.parametrize(
    ("more", "field", "way"),
    [
        ("interval_s: 300", "interval_s", "stale after 300 s: state stale_after_s above 300"),
        ("interval_s: 60, stale_after_s: 60", "interval_s", "stale after 60 s"),
        (
            "stale_after_s: 50",
            "stale_after_s",
            "sent every 60 s and stale after 50 s: state interval_s below 50",
        ),
    ],
)
def test_nothing_is_stale_before_the_next_comes(more: str, field: str, way: str) -> None:
    text = f"sensors:\n  - {{node: {NODE}, gpio: 34, type: moisture, {more}}}"
    with pytest.raises(DocumentError, match=way) as caught:
        parse_site(text, "x")
    assert caught.value.path == f"sensors.0.{field} (line 2 of x)"
    assert parse_site(text.replace("moisture", "moisture, mode: on_demand"), "x").sensors
