"""By which ADC a probe is read is declared: by the site, its calibration or its node's board, and never guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from godkaiser.errors import CalibrationError, DocumentError
from godkaiser.kaiser.site import parse_site
from godkaiser.model.quantity import Quality
from godkaiser.sensors.types import TYPES
from godkaiser.sensors.wired import converted
from tests.kaiser.house import NODE, House, file, house

PH = f"{NODE}/35/ph"
POINTS = [{"raw": 16000, "value": 7}, {"raw": 12000, "value": 4}]
SENSOR = f"sensors: [{{node: {NODE}, gpio: 35, type: ph, name: tank}}]\n"


def text(node: str = "", sensor: str = SENSOR) -> str:
    return f"nodes: [{{id: {NODE}, approved: true{node}}}]\n{sensor}"


async def shot(made: House, raw: int = 2150) -> dict[str, Any]:
    body = {"esp_id": NODE, "gpio": 35, "sensor_type": "ph", "raw": raw, "raw_mode": True}
    made.pass_time(5)
    await made.hear("sensor/35/data", body | {"quality": "good", "time_valid": True})
    (found,) = (await made.call("snapshot"))["sensors"]
    return dict(found)


@pytest.mark.parametrize(
    ("site", "adc"),
    [
        (text(), {"name": "esp32", "by": "board"}),
        (text(sensor="sensors: []\n"), {"name": "esp32", "by": "board"}),
        (
            text(sensor=SENSOR.replace("type: ph", "type: ph, adc: ads1115")),
            {"name": "ads1115", "by": "site"},
        ),
        (
            text(", board: null", SENSOR.replace("name:", "calibration: {slope: 7, adc: ads1115}, name:")),
            {"name": "ads1115", "by": "calibration"},
        ),
        (text(", board: null", "sensors: []\n"), {"name": None, "by": None}),
    ],
)
async def test_who_says_so_is_shown(tmp_path: Path, site: str, adc: dict[str, str | None]) -> None:
    async with house(tmp_path, file(site)) as made:
        await made.beat()
        found = await shot(made)
        assert found["adc"] == adc
        assert ("ADC is not declared" in (found["reason"] or "")) == (adc["name"] is None)


def test_counts_of_nobody_knows_what_are_uncalibrated_at_best() -> None:
    row, made = TYPES["moisture"], {"calibration": None, "water": None}
    found = converted(row, 2000, raw_mode=True, adc=None, **made)
    assert (found.quality, found.reason) == (
        Quality.UNCALIBRATED,
        "not calibrated; its ADC is not declared, taken as esp32",
    )
    assert converted(row, 20, raw_mode=False, adc=None, **made).quality is Quality.GOOD
    assert converted(TYPES["sht31_temp"], 27445, raw_mode=True, adc=None, **made).quality is Quality.GOOD
    assert converted(row, 0, raw_mode=True, adc=None, **made).quality is Quality.SUSPECT


def test_a_site_file_is_asked_for_it() -> None:
    with pytest.raises(DocumentError, match="nobody says by which ADC") as caught:
        parse_site(text(", board: null"), "x")
    assert "state esp32 (the board's own) or ads1115, or the `board`" in caught.value.problem
    assert caught.value.path == "sensors.0.adc (line 2 of x)"
    assert (
        parse_site(text(", board: xiao_esp32c3", SENSOR.replace("gpio: 35", "gpio: 2")), "x").sensors[0].adc
        is None
    )


async def test_also_for_a_node_that_only_the_registry_knows(tmp_path: Path) -> None:
    async with house(tmp_path, file(text(", board: null", "sensors: []\n"))) as made:
        with pytest.raises(DocumentError, match="nobody says by which ADC"):
            await made.call("site.apply", text=SENSOR)
        stated = SENSOR.replace("type: ph", "type: ph, adc: ads1115")
        assert (await made.call("site.apply", text=stated))["applied"]
        answer = await made.call("sensors.calibrate", sensor="tank", points=POINTS)
        assert answer["adc"] == "ads1115"


async def test_a_fit_takes_that_of_the_board_and_no_other(tmp_path: Path) -> None:
    async with house(tmp_path, file(text())) as made:
        with pytest.raises(CalibrationError, match="is not within the ADC"):
            await made.call("sensors.calibrate", sensor="tank", points=POINTS)
        with pytest.raises(CalibrationError, match="is not the declared one"):
            await made.call("sensors.calibrate", sensor="tank", points=POINTS, how={"adc": "ads1115"})
