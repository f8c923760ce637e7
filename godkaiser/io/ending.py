"""The end of tasks, also when a cancellation gets lost.

On Python 3.11 `asyncio.wait_for`, which libraries use, returns a result that came in the same moment instead of
ending. So a task that goes on is cancelled again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

AGAIN: Final = 10.0  # longer than any orderly end of ours takes


def heed_cancellation() -> None:
    """After a call into such a library: end, if we were told to while it had its answer already."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def ended(tasks: Sequence[asyncio.Task[Any]], again: float = AGAIN) -> list[Any]:
    """Cancel tasks and wait for their end, asking again every `again` seconds: what they returned or raised."""
    going = set(tasks)
    while going:
        for task in going:
            task.cancel()
        _, going = await asyncio.wait(going, timeout=again)
    return await asyncio.gather(*tasks, return_exceptions=True)
