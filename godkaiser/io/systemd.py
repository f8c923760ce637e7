"""Words to systemd: ready, alive, ending. Alive is said only while the owner task takes its turns.

A controller that hangs is worse than one that is gone: nobody ends what it left on. With `WatchdogSec=` systemd
kills it then and starts another, which ends everything (see the loss table in docs/explanation/safety).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final

from godkaiser.io.ending import ended

DEFAULT_EVERY: Final = 10.0


class Notifier:
    """Speaks to the socket in NOTIFY_SOCKET; says nothing where there is none."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        name = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        given = environment.get("WATCHDOG_USEC", "")
        # Twice per period, as systemd advises.
        self.every = int(given) / 2e6 if given.isdecimal() and int(given) else DEFAULT_EVERY

    def say(self, words: str) -> None:
        """One datagram. A supervisor that is gone is no reason to end."""
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.connect(self._address)
            line.send(words.encode())

    @contextlib.asynccontextmanager
    async def watching(self, alive: Callable[[float], Awaitable[bool]]) -> AsyncIterator[None]:
        """Ready now, alive while `alive(seconds)` says so, ending at the end."""
        self.say("READY=1")
        task = asyncio.create_task(self._watch(alive))
        try:
            yield
        finally:
            self.say("STOPPING=1")
            await ended([task])

    async def _watch(self, alive: Callable[[float], Awaitable[bool]]) -> None:
        while True:
            if await alive(self.every):
                self.say("WATCHDOG=1")
            await asyncio.sleep(self.every)
