"""`kill -9` during a stop, then the same data folder: still stopped, nothing but safe values, the page says why."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright, expect

from tests.acceptance.board import Board
from tests.acceptance.station import Outsider, Station, ask, eventually
from tests.services import CHROMIUM_FLAGS, PATIENCE_MS, Mosquitto, free_port

NODE = "ESP_AB12CD"
COOL = {
    "name": "Cool the house",
    "conditions": [{"type": "time_window", "start_hour": 0, "end_hour": 24}],
    "actions": [{"type": "actuator_command", "esp_id": NODE, "gpio": 25, "command": "ON"}],
}
SITE = {
    "nodes": [{"id": NODE, "approved": True}],
    "actuators": [{"node": NODE, "gpio": 25, "type": "relay", "name": "fan", "max_on_s": 600}],
    "rules": [COOL],
}


@pytest.fixture
def house(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Station]:
    made = Station(tmp_path, mosquitto.port, SITE, more=("--dashboard", "--port", str(free_port())))
    made.start()
    made.connected()
    yield made
    made.stop()


def _first_password(house: Station) -> str:
    said = house.process.stdout.readline() if house.process and house.process.stdout else ""
    found = re.search(r"password: (\S+)", said)
    assert found is not None, said
    return found[1]


def _stopped_and_killed(house: Station, board: Board) -> None:
    eventually(lambda: board.on(25), 60)
    ask("stop", "--reason", "smell of smoke", data=house.data)
    eventually(lambda: board.on(25) is False, 10)
    house.kill()
    house.start()
    house.connected()


def _told_since(outsider: Outsider, count: int) -> set[str]:
    return {
        payload.decode().partition('"command":"')[2].partition('"')[0]
        for topic, payload in outsider.heard[count:]
        if topic.endswith("/command")
    }


async def test_the_page_says_why(house: Station, chromium_path: Path, mosquitto: Mosquitto) -> None:
    password = await asyncio.to_thread(_first_password, house)
    outsider = await asyncio.to_thread(Outsider, mosquitto.port)
    board = Board(NODE, house.port)
    try:
        await asyncio.to_thread(_stopped_and_killed, house, board)
        count = len(outsider.heard)
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=chromium_path, args=list(CHROMIUM_FLAGS)
            )
            await _why(await browser.new_page(), f"http://127.0.0.1:{house.more[-1]}", password)
            await browser.close()
        assert _told_since(outsider, count) <= {"OFF"}
        assert board.on(25) is False
        stop = (await asyncio.to_thread(house.status))["stop"]
        assert (stop["phase"], stop["reason"]) == ("ACTIVE", "smell of smoke")
    finally:
        board.unplug()
        outsider.close()


async def _why(page: Page, address: str, password: str) -> None:
    page.set_default_timeout(PATIENCE_MS)
    await page.goto(address)
    await page.fill("#name", "admin")
    await page.fill("#password", password)
    await page.click("button[type=submit]")
    await page.wait_for_selector("body[data-live=yes]")
    await expect(page.get_by_text("Stop ACTIVE")).to_be_visible()
    await expect(page.get_by_text("smell of smoke").first).to_be_visible()
