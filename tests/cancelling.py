"""To cancel a task at the n-th place where it waits: the same place on a quick and on a slow machine."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


@types.coroutine
def _driven(coroutine: Coroutine[Any, Any, T], at: range, waits: list[int]) -> Generator[Any, Any, T]:
    step: Callable[[], Any] = _sends(coroutine)
    while True:
        try:
            future = step()
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        waits[0] += 1
        if waits[0] in at and (task := asyncio.current_task()) is not None:
            task.cancel()
        try:
            yield future
        except BaseException as error:  # noqa: BLE001 - handed on to the coroutine
            step = _throws(coroutine, error)
        else:
            step = _sends(coroutine)


def _sends(coroutine: Coroutine[Any, Any, Any]) -> Callable[[], Any]:
    return lambda: coroutine.send(None)


def _throws(coroutine: Coroutine[Any, Any, Any], error: BaseException) -> Callable[[], Any]:
    return lambda: coroutine.throw(error)


async def cancelled_at(
    coroutine: Coroutine[Any, Any, T], place: int, times: int = 1
) -> tuple[asyncio.Task[T], bool]:
    """The task at its end, with its traceback, and whether it waited so often. Cancelled `times` times in a row."""
    waits = [0]

    async def driven() -> T:
        return await _driven(coroutine, range(place, place + times), waits)

    task = asyncio.create_task(driven())
    await asyncio.wait({task})
    return task, waits[0] >= place
