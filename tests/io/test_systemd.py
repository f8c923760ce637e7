"""What systemd is told: ready, alive only while the owner takes its turns, ending."""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from godkaiser.engine.effect import Journal
from godkaiser.io.systemd import DEFAULT_EVERY, Notifier
from godkaiser.model import event as ev
from godkaiser.testing import MemoryJournal
from tests.io.test_runner import bench


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.setblocking(False)
        yield line


async def said(ear: socket.socket) -> str:
    async with asyncio.timeout(60):
        return (await asyncio.get_running_loop().sock_recv(ear, 100)).decode()


def notifier(ear: socket.socket, **more: str) -> Notifier:
    return Notifier({"NOTIFY_SOCKET": str(ear.getsockname())} | more)


async def test_ready_alive_ending(ear: socket.socket) -> None:
    async with bench() as b, notifier(ear, WATCHDOG_USEC="100000").watching(b.runner.alive):
        assert await said(ear) == "READY=1"
        assert [await said(ear) for _ in range(3)] == ["WATCHDOG=1"] * 3
    while (words := await said(ear)) == "WATCHDOG=1":
        pass
    assert words == "STOPPING=1"


@dataclass
class Hanging(MemoryJournal):
    """A disk that does not answer, and nobody who loses patience with it."""

    until: asyncio.Event = field(default_factory=asyncio.Event)

    async def write(self, lines: Sequence[Journal]) -> None:
        await self.until.wait()


async def test_an_owner_that_hangs_is_not_alive(ear: socket.socket) -> None:
    held = asyncio.Event()
    async with bench() as b:
        b.runner.journal = Hanging(until=held)
        b.runner.post(ev.StopAsked(b.clock.now(), "me", "smoke"))
        await asyncio.sleep(0.05)
        async with notifier(ear, WATCHDOG_USEC="100000").watching(b.runner.alive):
            assert await said(ear) == "READY=1"
            await asyncio.sleep(0.3)
            with pytest.raises(BlockingIOError):
                ear.recv(100)
            held.set()
            assert await said(ear) == "WATCHDOG=1"


async def test_without_systemd_nothing_is_said() -> None:
    quiet = Notifier({})
    quiet.say("READY=1")
    assert quiet.every == DEFAULT_EVERY
    gone = Notifier({"NOTIFY_SOCKET": "/nowhere/at/all", "WATCHDOG_USEC": "nonsense"})
    gone.say("READY=1")
    assert gone.every == DEFAULT_EVERY
    assert Notifier({"WATCHDOG_USEC": "30000000"}).every == 15.0


async def test_an_abstract_socket() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind("\0godkaiser-test-notify")
        line.setblocking(False)
        Notifier({"NOTIFY_SOCKET": "@godkaiser-test-notify"}).say("READY=1")
        assert await said(line) == "READY=1"
