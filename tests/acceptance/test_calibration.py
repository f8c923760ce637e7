"""From the fit to the page: a calibration made through the public API, a restart, readings over a real broker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.async_api import async_playwright, expect

from godkaiser import blocking
from tests.acceptance.station import NODE, Outsider, Station, ask, eventually, godkaiser, station
from tests.services import CHROMIUM_FLAGS, PATIENCE_MS, Mosquitto, free_port

SOIL = f"{NODE}/34/moisture"
SITE: dict[str, Any] = {
    "zones": [{"id": "house", "name": "House"}],
    "nodes": [{"id": NODE, "name": "first node", "zone": "house", "approved": True}],
    "sensors": [
        {"node": NODE, "gpio": 34, "type": "moisture", "name": "bench soil", "warm_up": 0,
         "calibration": {"dry": 3000, "wet": 1000}},
    ],
}  # fmt: skip
FIT = [{"raw": 2800, "role": "dry"}, {"raw": 1200, "role": "wet"}]


@pytest.fixture
def soil(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Station]:
    with station(tmp_path, mosquitto.port, SITE) as made:
        made.connected()
        yield made


def moist(outsider: Outsider, raw: int, seq: int) -> None:
    body = {"esp_id": NODE, "gpio": 34, "sensor_type": "moisture", "raw": raw, "raw_mode": True, "seq": seq}
    outsider.say("sensor/34/data", body | {"ts": int(time.time()), "quality": "good", "time_valid": True})


def history(farm: blocking.Farm, rows: int) -> Any:
    eventually(lambda: len(farm.history(SOIL, since="-1h")) == rows)
    return farm.history(SOIL, since="-1h")


def test_from_the_fit_to_the_history_and_back(soil: Station, outsider: Outsider) -> None:
    outsider.heartbeat()
    moist(outsider, 2000, 1)
    eventually(lambda: ask("sensors", data=soil.data))
    with blocking.connect(soil.data) as farm:
        made = farm.sensor("bench soil").calibrate(FIT)
        assert (made.version, made.dry, made.wet, made.method) == (2, 2800, 1200, "moisture")
    soil.stop()
    soil.start()  # with the same site file, which says what was declared before the fit
    soil.connected()
    outsider.heartbeat()
    moist(outsider, 2000, 2)
    moist(outsider, 2800, 3)
    with blocking.connect(soil.data) as farm:
        frame = history(farm, 3)
        assert list(frame["value"]) == [50.0, 50.0, 0.0]
        assert list(frame["calibration"]) == [1, 2, 2]
        (declared, fitted) = frame.attrs["calibrations"]["value"]
        assert (declared["dry"], fitted["dry"]) == (3000, 2800)
        back = farm.sensor("bench soil").undo_calibration()
        assert back is not None
        assert (back.version, back.dry) == (1, 3000)
        moist(outsider, 2800, 4)
        frame = history(farm, 4)
        assert list(frame["value"]) == [50.0, 50.0, 0.0, 10.0]
        assert list(frame["calibration"]) == [1, 2, 2, 1]
        assert [m["text"] for m in frame.attrs["marks"]["value"]] == [
            "calibration changed: dry 3000, wet 1000 → dry 2800, wet 1200 (version 2)",
            "calibration undone: dry 2800, wet 1200 (version 2) → dry 3000, wet 1000",
        ]
        assert [one.undone_at is None for one in farm.sensor("bench soil").calibrations()] == [True, False]


def test_the_commands(soil: Station, tmp_path: Path) -> None:
    points = ("--point", "raw=2800,role=dry", "--point", "raw=1200,role=wet")
    dry = godkaiser("sensors", "calibrate", "bench soil", *points, "--dry-run", data=soil.data)
    assert dry.stdout == "Would be: dry 2800, wet 1200\nNothing was changed.\n", dry.stderr
    assert ask("sensors", "calibrations", SOIL, data=soil.data) == []
    made = ask("sensors", "calibrate", SOIL, "--method", "moisture", *points, data=soil.data)
    assert (made["version"], made["points"][0]["role"]) == (2, "dry")
    exported = tmp_path / "site.yaml"
    assert godkaiser("site", "export", "--to", str(exported), data=soil.data).returncode == 0
    assert ask("site", "apply", str(exported), data=soil.data)["differences"] == []
    (tmp_path / "old.yaml").write_text(yaml.safe_dump(SITE))
    (stays,) = ask("site", "diff", str(tmp_path / "old.yaml"), data=soil.data)["differences"]
    assert stays["applied"] is False
    assert f"`godkaiser sensors undo {SOIL}` takes that back" in stays["meaning"]
    undone = godkaiser("sensors", "undo", SOIL, data=soil.data)
    assert undone.stdout == "Version 2 is undone; version 1 counts again: dry 3000, wet 1000.\n"
    shown = godkaiser("sensors", "calibrations", "bench soil", data=soil.data).stdout
    assert [line.split()[:2] for line in shown.splitlines()[1:]] == [["1", "declared"], ["2", "moisture"]]
    refused = godkaiser("sensors", "calibrate", SOIL, *points, "--adc", "ads1115", data=soil.data)
    assert refused.returncode == 2
    assert "'ads1115' is not the declared one (esp32)" in refused.stderr


async def test_on_the_page(tmp_path: Path, mosquitto: Mosquitto, chromium_path: Path) -> None:
    pages = f"http://127.0.0.1:{(port := free_port())}"
    with station(tmp_path, mosquitto.port, SITE, more=("--dashboard", "--port", str(port))) as made:
        secret = await asyncio.to_thread(_calibrated, made)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=chromium_path, args=list(CHROMIUM_FLAGS)
            )
            page = await browser.new_page()
            page.set_default_timeout(PATIENCE_MS)
            await page.goto(pages)
            await page.fill("#name", "admin")
            await page.fill("#password", secret)
            await page.click("button[type=submit]")
            await page.wait_for_selector("body[data-live=yes]")
            tile = page.get_by_role("link", name="bench soil: show history")
            await expect(tile).to_contain_text("50.0")
            await browser.close()


def _calibrated(made: Station) -> str:
    """Fitted, started again, read; the password that the first start has told."""
    assert made.process is not None
    assert made.process.stdout is not None
    secret = made.process.stdout.readline().rpartition(" ")[2].strip()
    made.connected()
    outsider = Outsider(made.port)
    outsider.heartbeat()
    with blocking.connect(made.data) as farm:
        eventually(lambda: farm.nodes[0].online)
        moist(outsider, 2800, 1)
        eventually(lambda: len(farm.sensors))
        farm.sensor("bench soil").calibrate(FIT)
    made.stop()
    made.start()
    made.connected()
    outsider.heartbeat()
    moist(outsider, 2000, 2)
    eventually(lambda: ask("sensors", data=made.data)[0]["value"] == 50.0)
    outsider.close()
    return secret
