"""The change feed: who watches is told what changed, coalesced; a slow watcher gets fewer, never older, pictures.

A watcher keeps only the *names* of what changed, so its memory is bounded by the number of things.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

EVERY: Final = 0.1
Change = dict[str, Any]
Draw = Callable[[str, str], dict[str, Any] | None]


class Watcher:
    """One who watches."""

    def __init__(self, draw: Draw, now: Callable[[], str]) -> None:
        self._draw, self._now = draw, now
        self._dirty: dict[tuple[str, str], None] = {}
        self._wake = asyncio.Event()

    def mark(self, kind: str, thing: str) -> None:
        """This changed."""
        self._dirty[kind, thing] = None
        self._wake.set()

    async def changes(self) -> AsyncIterator[Change]:
        """Present pictures of what changed, at most ten rounds a second, until closed."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(EVERY)
            self._wake.clear()
            dirty, self._dirty = self._dirty, {}
            now = self._now()
            for kind, thing in dirty:
                picture = self._draw(kind, thing)
                if picture is not None:
                    yield {"kind": kind, "id": thing, "data": picture, "now": now}


class Hub:
    """Hands changes to every watcher."""

    def __init__(self, draw: Draw, now: Callable[[], str]) -> None:
        self._draw, self._now = draw, now
        self._watchers: set[Watcher] = set()

    def tell(self, kind: str, thing: str) -> None:
        """Something changed."""
        for watcher in self._watchers:
            watcher.mark(kind, thing)

    async def watch(self) -> AsyncIterator[Change]:
        """A watcher's changes, beginning now."""
        watcher = Watcher(self._draw, self._now)
        self._watchers.add(watcher)
        try:
            async for change in watcher.changes():
                yield change
        finally:
            self._watchers.discard(watcher)
