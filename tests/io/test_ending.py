"""Tasks end, also those that lose a cancellation."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from godkaiser.io.desk import Desk, DeskServer
from godkaiser.io.ending import ended


async def _deaf(times: int) -> str:
    """Goes on after so many cancellations."""
    for _ in range(times):
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
    await asyncio.sleep(60)
    return "never"


async def test_a_task_that_loses_cancellations_is_asked_again() -> None:
    tasks = [asyncio.create_task(_deaf(times)) for times in (0, 1, 3)]
    await asyncio.sleep(0)
    async with asyncio.timeout(60):
        left = await ended(tasks, again=0.02)
    assert [type(result) for result in left] == [asyncio.CancelledError] * 3


async def test_results_and_errors_come_back_in_order() -> None:
    async def fine() -> int:
        return 7

    async def broken() -> None:
        raise OSError("no")

    tasks = [asyncio.create_task(fine()), asyncio.create_task(broken())]
    await asyncio.wait(tasks)
    first, second = await ended(tasks)
    assert first == 7
    assert isinstance(second, OSError)
    assert await ended([]) == []


class Restless:
    """Always has a change to tell, so that it is always in the middle of telling when the server stops."""

    async def call(self, method: str, params: dict[str, Any]) -> Any:
        return method

    async def watch(self) -> AsyncIterator[dict[str, Any]]:
        while True:
            yield {"kind": "counters", "id": "", "data": {}}


@pytest.mark.parametrize("rounds", range(8))
async def test_a_desk_that_is_telling_changes_can_be_stopped_at_any_moment(
    rounds: int, tmp_path: Path
) -> None:
    server = DeskServer(tmp_path, Restless())
    await server.start()
    desks = [await Desk.open(tmp_path) for _ in range(4)]
    feeds = [desk.changes() for desk in desks]
    for feed in feeds:
        assert (await anext(feed))["kind"] == "counters"
    for _ in range(rounds):
        await asyncio.sleep(0)
    async with asyncio.timeout(8):  # sooner than a cancellation would be repeated
        await server.stop()
    for feed, desk in zip(feeds, desks, strict=True):
        await feed.aclose()  # type: ignore[attr-defined]
        await desk.close()
