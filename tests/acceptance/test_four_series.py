"""Two SHT31 on one node, at 0x44 and 0x45, stay four series through wire, store, page and notebook."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright, expect

from godkaiser import blocking
from tests.acceptance.station import NODE, Outsider, Station, ask, eventually, station
from tests.services import CHROMIUM_FLAGS, PATIENCE_MS, Mosquitto, free_port

CHIPS = {0x44: ("low", 21000, 30000), 0x45: ("high", 25000, 40000)}
SITE: dict[str, Any] = {
    "nodes": [{"id": NODE, "approved": True}],
    "sensors": [
        {"node": NODE, "gpio": 0, "type": kind, "address": address, "name": f"{name} {what}"}
        for address, (name, _, _) in CHIPS.items()
        for kind, what in (("sht31_temp", "air"), ("sht31_humidity", "damp"))
    ],
}
EXPECTED = {
    f"{NODE}/0/sht31_temp@0x44": -45 + 175 * 21000 / 65535,
    f"{NODE}/0/sht31_temp@0x45": -45 + 175 * 25000 / 65535,
    f"{NODE}/0/sht31_humidity@0x44": 100 * 30000 / 65535,
    f"{NODE}/0/sht31_humidity@0x45": 100 * 40000 / 65535,
}


def _told(made: Station) -> str:
    """Everything is said over the broker; the password that the first start has told."""
    assert made.process is not None
    assert made.process.stdout is not None
    secret = made.process.stdout.readline().rpartition(" ")[2].strip()
    made.connected()
    outsider = Outsider(made.port)
    outsider.heartbeat()
    eventually(lambda: ask("nodes", data=made.data)["nodes"][0]["online"])
    for address, (_, warm, damp) in CHIPS.items():
        for kind, raw in (("sht31_temp", warm), ("sht31_humidity", damp)):
            body = {"esp_id": NODE, "gpio": 0, "sensor_type": kind, "raw": raw, "raw_mode": True}
            more = {"seq": 1, "i2c_address": address, "ts": int(time.time()), "quality": "good"}
            outsider.say("sensor/0/data", body | more | {"time_valid": True})
    eventually(lambda: len(ask("sensors", data=made.data)) == len(EXPECTED))
    outsider.close()
    return secret


def _read(made: Station) -> dict[str, tuple[float, int]]:
    """As a notebook does: the newest value, and how many are stored."""
    with blocking.connect(made.data) as farm:
        eventually(lambda: all(len(farm.history(series, since="-1h")) for series in EXPECTED))
        wide = farm.history(list(EXPECTED), since="-1h")
        assert sorted(wide.columns) == sorted(sensor["name"] for sensor in SITE["sensors"])
        frames = {series: farm.history(series, since="-1h") for series in EXPECTED}
        return {series: (float(frame["value"].iloc[-1]), len(frame)) for series, frame in frames.items()}


async def test_four_series(tmp_path: Path, mosquitto: Mosquitto, chromium_path: Path) -> None:
    port = free_port()
    with station(tmp_path, mosquitto.port, SITE, more=("--dashboard", "--port", str(port))) as made:
        secret = await asyncio.to_thread(_told, made)
        read = await asyncio.to_thread(_read, made)
        assert {series: round(value, 6) for series, (value, _) in read.items()} == {
            series: round(value, 6) for series, value in EXPECTED.items()
        }
        assert {count for _, count in read.values()} == {1}
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=chromium_path, args=list(CHROMIUM_FLAGS)
            )
            page = await browser.new_page()
            page.set_default_timeout(PATIENCE_MS)
            await page.goto(f"http://127.0.0.1:{port}")
            await page.fill("#name", "admin")
            await page.fill("#password", secret)
            await page.click("button[type=submit]")
            await page.wait_for_selector("body[data-live=yes]")
            for sensor in SITE["sensors"]:
                series = f"{NODE}/0/{sensor['type']}@{sensor['address']:#x}"
                tile = page.get_by_role("link", name=f"{sensor['name']}: show history")
                await expect(tile).to_contain_text(f"{EXPECTED[series]:.1f}")
            await browser.close()
