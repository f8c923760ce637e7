"""The one line to the controller: one consumer of changes per process, folded into the view pages share.

Pages read :attr:`Feed.view` whenever they like. When the controller goes away, this keeps asking for it; the
view says *gone* meanwhile, and a fresh snapshot follows as soon as it is back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final, Protocol

from godkaiser import ControllerGoneError, GodkaiserError

from .view import NOTICES_SHOWN, View, answered, fold, last_words, lost, reminded

PROBE_S: Final = 2.0
ANSWER_S: Final = 4.0
RETRY_S: Final = 1.0
EVER: Final = "1970-01-01T00:00:00Z"
TROUBLE: Final = (GodkaiserError, OSError)


class Controller(Protocol):
    """What the dashboard needs of `godkaiser.Desk`."""

    async def call(self, method: str, **params: Any) -> Any:
        """Ask for something; raises the controller's typed errors."""

    def changes(self) -> AsyncIterator[Mapping[str, Any]]:
        """A snapshot first, then every change."""

    async def close(self) -> None:
        """Let go of the line."""


OpenDesk = Callable[[], Awaitable[Controller]]


class Feed:
    """The line to the controller and what came over it."""

    def __init__(self, open_desk: OpenDesk, clock: Callable[[], float] = time.monotonic) -> None:
        self._open = open_desk
        self._clock = clock
        self._desk: Controller | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.view = View()

    def at(self) -> float:
        """The monotonic clock the view's site time is carried forward with."""
        return self._clock()

    async def call(self, method: str, **params: Any) -> Any:
        """Ask the controller. Raises ControllerGoneError when there is no line to it."""
        if self._desk is None:
            raise ControllerGoneError(problem="there is no connection to it")
        return await self._desk.call(method, **params)

    async def run(self) -> None:
        """Keep the line open until cancelled. What asks the controller from a thread comes to this loop."""
        self.loop = asyncio.get_running_loop()
        while True:
            with suppress(*TROUBLE):
                await self._follow()
            self._lost()
            await asyncio.sleep(RETRY_S)

    async def _follow(self) -> None:
        self._desk = desk = await self._open()
        told = asyncio.Event()
        told.set()
        beside = asyncio.create_task(self._probe(desk)), asyncio.create_task(self._read(desk, told))
        try:
            async for change in desk.changes():
                before, self.view = self.view, fold(self.view, change, self.at())
                if last_words(self.view) != last_words(before):
                    told.set()
        finally:
            for task in beside:
                task.cancel()
            self._desk = None
            with suppress(*TROUBLE):
                await desk.close()

    async def _probe(self, desk: Controller) -> None:
        """Notice a silent controller, and fetch what is not told as a change."""
        while True:
            try:
                async with asyncio.timeout(ANSWER_S):
                    snapshot = await desk.call("snapshot")
                self.view = answered(self.view, snapshot, self.at())
            except TROUBLE:
                self._lost()
            await asyncio.sleep(PROBE_S)

    async def _read(self, desk: Controller, told: asyncio.Event) -> None:
        """What rules told people: at first, and when one has told something, of which a change has only the last."""
        while True:
            await told.wait()
            told.clear()
            try:
                async with asyncio.timeout(ANSWER_S):
                    found = await desk.call("notices", since=EVER, limit=NOTICES_SHOWN)
                self.view = reminded(self.view, found)
            except TROUBLE:
                told.set()
            await asyncio.sleep(RETRY_S)

    def _lost(self) -> None:
        self.view = lost(self.view, self.at())
