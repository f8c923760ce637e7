"""The embedded broker as a process of ours: what it writes, what it says when it cannot start, that it comes back."""

from __future__ import annotations

import socket
from pathlib import Path

import aiomqtt
import pytest

from godkaiser.io.broker import BrokerFailedError, PrivateBroker
from tests.services import LOOPBACK


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PrivateBroker:
    monkeypatch.setenv("GODKAISER_BROKER", "embedded")
    return PrivateBroker(tmp_path, 0)


async def test_its_log_does_not_grow_with_every_message(private: PrivateBroker, tmp_path: Path) -> None:
    await private.start()
    try:
        async with aiomqtt.Client(LOOPBACK, private.port) as client:
            for _ in range(20):
                await client.publish("a/b", b"1", qos=1)
    finally:
        await private.stop()
    assert (tmp_path / "broker.log").read_bytes() == b""


async def test_why_it_did_not_start_is_in_its_log(private: PrivateBroker, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind((LOOPBACK, private.port))
        with pytest.raises(BrokerFailedError):
            await private.start()
    assert str(private.port) in (tmp_path / "broker.log").read_text()


async def test_it_comes_back_on_its_port(private: PrivateBroker) -> None:
    port = private.port
    for _ in range(2):
        await private.start()
        async with aiomqtt.Client(LOOPBACK, port) as client:
            await client.publish("a/b", b"1", qos=1)
        await private.stop()
    with pytest.raises(aiomqtt.MqttError):
        await aiomqtt.Client(LOOPBACK, port).__aenter__()
