"""The real demo in a real browser: sign in, see values change, press stop, see every actuator reported safe."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from playwright.async_api import async_playwright, expect

from tests.acceptance.station import ask, eventually
from tests.services import CHROMIUM_FLAGS, PATIENCE_MS, free_port


@dataclass
class Shown:
    """A demo with pages."""

    address: str
    password: str
    broker_port: int
    data: Path
    process: subprocess.Popen[str]


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[Shown]:
    command = [sys.executable, "-m", "godkaiser.cli.main", "demo", "--port", str(free_port()), "--seed", "3"]
    command += ["--data", str(tmp_path), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())
        port = int(facts["broker"].rpartition(":")[2])
        yield Shown(facts["addresses"][0], facts["password"], port, tmp_path, process)
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        summary = json.loads(process.stdout.read())
    assert process.returncode == 0
    assert summary["all_safe"] is True
    assert summary["readings_stored"] == summary["readings_received"]


async def test_watch_and_stop_the_greenhouse(shown: Shown, chromium_path: Path) -> None:
    await asyncio.to_thread(_fan_on, shown)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_path, args=list(CHROMIUM_FLAGS))
        page = await (await browser.new_context(viewport={"width": 390, "height": 844})).new_page()
        page.set_default_timeout(PATIENCE_MS)
        troubles: list[str] = []
        page.on("console", lambda m: troubles.append(m.text) if m.type == "error" else None)
        page.on("request", lambda r: None if r.url.startswith(shown.address) else troubles.append(r.url))
        await page.goto(shown.address)
        assert "bench air" not in await page.content()
        await page.fill("#name", "admin")
        await page.fill("#password", shown.password)
        await page.click("button[type=submit]")
        await page.wait_for_selector("body[data-live=yes]")
        await expect(page.get_by_text("bench air").first).to_be_visible()
        tile = page.get_by_role("link", name="bench air: show history")
        value = (await tile.inner_text()).split("ago")[0]
        await expect(tile).not_to_contain_text(value.splitlines()[1])
        await page.get_by_role("button", name="Emergency stop").click()
        await expect(page.get_by_text("Stop ACTIVE")).to_be_visible()
        safe = page.get_by_text("All actuators report their safe value.")
        await expect(safe).to_be_visible()
        assert [text for text in troubles if not text.startswith(("data:", "blob:"))] == []
        await browser.close()
    reported = await asyncio.to_thread(lambda: ask("nodes", data=shown.data)["actuators"])
    assert all(actuator["safe"] for actuator in reported)
    status = await asyncio.to_thread(lambda: ask("status", data=shown.data))
    assert status["stop"]["by"] == "user:admin"
    await _broker_has_no_door_but_loopback(shown)


def _fan_on(shown: Shown) -> None:
    outcome: dict[str, Any] = ask("set", "exhaust fan", "0.5", data=shown.data)
    assert outcome["state"] == "confirmed"
    eventually(
        lambda: [a for a in ask("nodes", data=shown.data)["actuators"] if a["reported"] == 0.5] or True
    )


async def _broker_has_no_door_but_loopback(shown: Shown) -> None:
    """Nothing of the demo listens beyond this machine."""
    async with aiomqtt.Client("127.0.0.1", shown.broker_port):
        pass
    table = await asyncio.to_thread(Path("/proc/net/tcp").read_text)
    ports = {shown.broker_port, int(shown.address.rpartition(":")[2])}
    rows = [row.split() for row in table.splitlines()[1:]]
    listening = [row[1].split(":") for row in rows if row[3] == "0A"]
    ours = {address for address, port in listening if int(port, 16) in ports}
    assert ours == {"0100007F"}
