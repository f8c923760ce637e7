"""How a connection comes about: the session an owner holds, from its beginning to its end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from godkaiser.handles.line import Line
from godkaiser.handles.owner import Owner, Progress, Session
from godkaiser.io.desk import Desk, find_folder
from godkaiser.kaiser.target import OnThisMachine, Simulated, read_target
from godkaiser.model.instant import HOUR, Instant

if TYPE_CHECKING:
    from godkaiser.io.clerk import Clerk


def make_line(target: str | os.PathLike[str] | None, token: str | None) -> Line:
    """A line to a target, not started yet. Raises `InvalidValueError`."""
    return Line(make_owner(target), token)


def make_reader(database_url: str) -> Line:
    """A line to a database alone, not started yet."""
    scheme, _, rest = database_url.partition("://")
    return Line(Owner(lambda progress: _reading(database_url), f"{scheme}://{rest.rpartition('@')[2]}"))


def _reading(database_url: str) -> AbstractAsyncContextManager[Session]:
    # Brings the database along, which a client of a running controller does not pay for.
    from godkaiser.kaiser.stored import reading  # noqa: PLC0415

    return reading(database_url)


def make_owner(target: str | os.PathLike[str] | None) -> Owner:
    """Whose session it will be."""
    match read_target(target):
        case OnThisMachine(folder=folder):
            name = "the controller on this machine" if folder is None else f"the controller in {folder}"
            return Owner(lambda progress: _local(folder), name)
        case Simulated() as wanted:
            return Owner(
                lambda progress: _simulation(wanted, progress), f"sim://greenhouse?seed={wanted.seed}"
            )


@asynccontextmanager
async def _local(folder: Path | None) -> AsyncIterator[Session]:
    """A client of the controller in a folder. Once found, it stays with that one."""
    desk = await Desk.open(find_folder(folder))
    try:
        yield desk
    finally:
        await desk.close()


class OwnDesk:
    """A desk without a socket: the controller runs in the same loop."""

    def __init__(self, clerk: Clerk) -> None:
        self._clerk = clerk

    async def call(self, method: str, **params: Any) -> Any:
        """Ask it."""
        return await self._clerk.call(method, params)

    def changes(self) -> AsyncIterator[dict[str, Any]]:
        """Watch it."""
        return self._clerk.watch()


@asynccontextmanager
async def _simulation(wanted: Simulated, progress: Progress) -> AsyncIterator[Session]:
    """A greenhouse, a broker and a controller in this thread; `history` in lock-step, then at a pace."""
    # Brings the database along, which a client of a running controller does not pay for.
    from godkaiser.kaiser.simulation import simulation, temporary_folder  # noqa: PLC0415

    with temporary_folder() as folder:
        async with simulation(
            Path(folder), wanted.seed, speed=wanted.speed, lock_step=True, desk=False
        ) as world:
            began = world.clock.now()
            progress.total = wanted.history / HOUR

            def advanced(now: Instant) -> None:
                progress.done = (now - began) / HOUR

            await world.pacer.run_until(began + wanted.history, advanced)
            world.pacer.let_go()
            async with asyncio.TaskGroup() as group:
                pacing = group.create_task(world.pacer.run_paced(wanted.speed))
                works = group.create_task(_until_one_ends(world.controller.tasks))
                yield OwnDesk(world.controller.clerk)
                await world.controller.make_safe()  # while the clock still runs, as retries need it
                pacing.cancel()
                works.cancel()


async def _until_one_ends(tasks: list[asyncio.Task[None]]) -> None:
    """The controller's tasks never end by themselves: raise what one died of."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
