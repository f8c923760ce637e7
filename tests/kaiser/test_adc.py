"""By which ADC a probe is read: as the site or its calibration says, else the board's own, as the wire means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from godkaiser.errors import CalibrationError
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
        (text(", board: null", "sensors: []\n"), {"name": "esp32", "by": "wire"}),
    ],
)
async def test_who_says_so_is_shown(tmp_path: Path, site: str, adc: dict[str, str | None]) -> None:
    async with house(tmp_path, file(site)) as made:
        await made.beat()
        found = await shot(made)
        assert found["adc"] == adc


async def test_a_fit_takes_that_of_the_board_and_no_other(tmp_path: Path) -> None:
    async with house(tmp_path, file(text())) as made:
        with pytest.raises(CalibrationError, match="is not within the ADC"):
            await made.call("sensors.calibrate", sensor="tank", points=POINTS)
        with pytest.raises(CalibrationError, match="is not the declared one"):
            await made.call("sensors.calibrate", sensor="tank", points=POINTS, how={"adc": "ads1115"})


async def test_a_node_let_in_by_command_keeps_its_calibrated_probes(tmp_path: Path) -> None:
    """Whatever its board is, what is analog in its firmware is read by the chip's own ADC."""
    probes = (
        f"sensors:\n  - {{node: {NODE}, gpio: 35, type: ph, name: tank, "
        "calibration: {slope: 10.636364, offset: -11.428571}}\n"
        f"  - {{node: {NODE}, gpio: 34, type: moisture, name: soil, calibration: {{dry: 2800, wet: 1200}}}}\n"
    )
    async with house(tmp_path, file(probes)) as one:
        await one.beat(sensors=2)
        await one.call("nodes.approve", node=NODE)
        for _ in range(5):
            one.pass_time(30)
            await one.beat(sensors=2)
            for gpio, kind in ((35, "ph"), (34, "moisture")):
                body = {"esp_id": NODE, "gpio": gpio, "sensor_type": kind, "raw": 2000, "raw_mode": True}
                await one.hear(f"sensor/{gpio}/data", body | {"quality": "good", "time_valid": True})
        sensors = (await one.call("snapshot"))["sensors"]
        assert [(sensor["quality"], sensor["reason"]) for sensor in sensors] == [("good", None)] * 2
        await one.call("site.apply", text=probes)
        exported = (await one.call("site.export"))["text"]
        await one.call("site.apply", text=exported)
        assert (await one.call("site.export"))["text"] == exported
        points = [{"raw": 2150, "value": 7}, {"raw": 1800, "value": 4}]
        assert (await one.call("sensors.calibrate", sensor="tank", points=points))["adc"] == "esp32"
