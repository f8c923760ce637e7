"""`connect`: one object that is awaitable and an async context manager, and bridges to an owner's thread."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Generator
from types import TracebackType
from typing import Any

from godkaiser.errors import GodkaiserError
from godkaiser.handles.bar import Bar
from godkaiser.handles.farm import Farm
from godkaiser.handles.line import Line, told
from godkaiser.kaiser.opening import make_line, make_reader

DRAW_EVERY = 0.2


class Connecting:
    """A connection to be: `farm = await connect(…)`, or `async with connect(…) as farm:`."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._farm: Farm | None = None

    def __await__(self) -> Generator[Any, None, Farm]:
        return self._connected().__await__()

    async def _connected(self) -> Farm:
        if self._farm is None:
            self._farm = Farm(self._line)
            self._line.owner.start()
        await _opened(self._line)
        return self._farm

    async def __aenter__(self) -> Farm:
        return await self._connected()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._farm is not None:
            await self._farm.close()

    def __repr__(self) -> str:
        return f"<not connected yet to {self._line.name}: write `farm = await godkaiser.connect(…)`>"


async def _opened(line: Line) -> None:
    """Wait until it is ready or has ended; whoever gives up waiting ends it."""
    owner, bar = line.owner, Bar(line.owner.progress)
    opened = asyncio.wrap_future(owner.opened)
    try:
        while not opened.done():
            await asyncio.wait([opened], timeout=DRAW_EVERY)
            bar.draw()
        opened.result()
    except GodkaiserError as error:
        raise told(error) from error.__cause__
    finally:
        bar.close()
        if not opened.done():
            opened.cancel()
            owner.leave()


def connect(target: str | os.PathLike[str] | None = None, *, token: str | None = None) -> Connecting:
    """Connect to a controller, or to a greenhouse of one's own.

        farm = await godkaiser.connect()                        # the controller on this machine
        farm = await godkaiser.connect("~/greenhouse")          # the one of that data folder
        farm = await godkaiser.connect("sim://greenhouse?seed=7&history=24h&speed=60")
        async with godkaiser.connect() as farm: ...             # closes it at the end

    A simulation first runs `history` (default 24h, some ten seconds, with a progress bar), then goes on at
    `speed` simulated seconds per second (default 60). `token` is a signed-in person's session token; without
    one the controller knows you as the user of this machine.

    The connection lives in a thread of its own: it may be used from any cell or task, and goes on while a
    cell computes. Close it with `await farm.close()`; a forgotten one ends with the program.

    Raises (when awaited) `NoControllerError`, `ControllerGoneError`; at once `InvalidValueError` for a target
    that is not understood or not there yet (http, mqtt).
    """
    return Connecting(make_line(target, token))


def open(database_url: str) -> Connecting:  # noqa: A001 - as people say it: godkaiser.open(…)
    """Look at a database without controller or broker: `sqlite:///…` or `postgresql://…`.

        farm = await godkaiser.open("sqlite:////var/lib/godkaiser/godkaiser.db")
        frame = await farm.history("bench air", since="-30d", every="5min")

    A farm for looking: `sensors`, `nodes`, `history`, `decisions`, `commands`, `alarm_history`, `heartbeats`,
    `notices`, `cycles`, `statistics`. What would need a controller raises `ControllerGoneError`. Nothing in it
    is changed.

    Raises (when awaited) `DatabaseBrokenError`, `DatabaseOutdatedError`, `DatabaseNewerError`, `StoreAwayError`,
    `SettingsError` for another kind of database, `MissingExtraError`.
    """
    return Connecting(make_reader(database_url))
