"""Hashing of passwords in threads of its own, so many at a time and so many waiting.

It is slow on purpose. Left to the threads everybody shares, a flood of sign-ins from many addresses, which no
throttle by address or account stops, would hold up whatever else waits there, and its queue would grow for ever.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from godkaiser.errors import SignInBusyError

WAITING_MOST: Final = 20
THREADS: Final = max(1, (os.cpu_count() or 2) // 2)  # the rest is for the greenhouse
Found = TypeVar("Found")


class Hashing:
    """Of one controller."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "hashing")
        self._under_way = 0

    async def run(self, work: Callable[..., Found], *given: object) -> Found:
        """Wait for its turn, and do it. Raises `SignInBusyError`."""
        if self._under_way >= THREADS + WAITING_MOST:
            raise SignInBusyError
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *given)
        finally:
            self._under_way -= 1
