"""The servers of tests/services.py really serve."""

import asyncio
import signal
import struct
import subprocess
from pathlib import Path

import aiomqtt
import asyncpg
import pytest
from playwright.async_api import async_playwright

from scripts.services import is_snap
from tests.services import CHROMIUM_FLAGS, Mosquitto, Postgres


async def test_mosquitto_carries_a_message(mosquitto_shared: Mosquitto) -> None:
    async with aiomqtt.Client(mosquitto_shared.host, mosquitto_shared.port) as client:
        await client.subscribe("greeting/#", qos=1)
        await client.publish("greeting/first", b"hello", qos=1)
        async with asyncio.timeout(60):
            message = await anext(aiter(client.messages))
    assert (str(message.topic), message.payload) == ("greeting/first", b"hello")


async def test_mosquitto_keeps_a_session_over_a_restart(mosquitto: Mosquitto) -> None:
    def subscriber() -> aiomqtt.Client:
        return aiomqtt.Client(mosquitto.host, mosquitto.port, identifier="keeper", clean_session=False)

    async with subscriber() as client:
        await client.subscribe("kept", qos=1)
    async with aiomqtt.Client(mosquitto.host, mosquitto.port) as client:
        await client.publish("kept", b"still here", qos=1)
    mosquitto.stop()
    mosquitto.start()
    async with subscriber() as client, asyncio.timeout(60):
        message = await anext(aiter(client.messages))
    assert message.payload == b"still here"


async def test_a_killed_mosquitto_is_gone_until_started_again(mosquitto: Mosquitto) -> None:
    mosquitto.kill()
    assert mosquitto.process is not None
    assert mosquitto.process.returncode == -signal.SIGKILL
    with pytest.raises(aiomqtt.MqttError):
        async with aiomqtt.Client(mosquitto.host, mosquitto.port, timeout=2):
            pass
    mosquitto.start()
    async with aiomqtt.Client(mosquitto.host, mosquitto.port) as client:
        await client.publish("back", b"", qos=1)


def test_mosquitto_and_postgres_never_share_a_port(mosquitto: Mosquitto, postgres: Postgres) -> None:
    assert mosquitto.port != postgres.port
    assert mosquitto.host == postgres.host == "127.0.0.1"


async def test_postgres_answers(postgres: Postgres) -> None:
    connection = await asyncpg.connect(postgres.url)
    try:
        assert await connection.fetchval("SELECT 1") == 1
        assert await connection.fetchval("SHOW listen_addresses") == "127.0.0.1"
    finally:
        await connection.close()


async def test_fresh_databases_are_empty_and_separate(postgres: Postgres) -> None:
    first, second = await postgres.fresh(), await postgres.fresh()
    assert first != second
    connection = await asyncpg.connect(first)
    try:
        await connection.execute("CREATE TABLE only_here (x int)")
    finally:
        await connection.close()
    connection = await asyncpg.connect(second)
    try:
        assert await connection.fetchval("SELECT to_regclass('only_here')") is None
    finally:
        await connection.close()


async def test_postgres_wants_its_password(postgres: Postgres) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(postgres.url.replace(postgres.password, "guess"))


def test_chromium_tells_its_version(chromium_path: Path) -> None:
    told = subprocess.run([chromium_path, "--version"], capture_output=True, text=True, check=True).stdout
    assert "Chrom" in told


async def test_chromium_draws_a_page(chromium_path: Path, tmp_path: Path) -> None:
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            tmp_path / "profile",
            executable_path=chromium_path,
            args=CHROMIUM_FLAGS,
            viewport={"width": 320, "height": 200},
        )
        try:
            page = await context.new_page()
            await page.goto("data:text/html,<title>leaf</title><h1>green</h1>")
            assert await page.title() == "leaf"
            picture = await page.screenshot()
        finally:
            await context.close()
    assert picture.startswith(b"\x89PNG")
    assert struct.unpack(">II", picture[16:24]) == (320, 200)


def test_a_script_that_points_to_a_snap_is_told_from_a_browser(tmp_path: Path) -> None:
    stub = tmp_path / "chromium-browser"
    stub.write_text('#!/bin/sh\nif ! [ -x /snap/bin/chromium ]; then echo "requires the chromium snap"; fi\n')
    wrapper = tmp_path / "chromium"
    wrapper.write_text("#!/bin/sh\nexec /usr/lib/chromium/chromium $CHROMIUM_FLAGS\n")
    assert is_snap(stub)
    assert not is_snap(wrapper)
