"""What a page asks the controller now and then, beside what it is told anyway."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from .session import Session
from .view import View

Show = Callable[[], None]


class Rounds:
    """Asks every `every_s` seconds while the controller is there, and `soon` when something was changed here.

    `ask` gives how the answer is shown. An answer that comes after that to a later question says what was before, and
    is not shown.
    """

    def __init__(
        self, session: Session, every_s: float, ask: Callable[[], Coroutine[Any, Any, Show | None]]
    ) -> None:
        self._session, self._every_s, self._ask = session, every_s, ask
        self._asked_at: float | None = None
        self._asked = self._shown = 0

    def look(self, view: View) -> None:
        """Is it time? Only from `update`: what is patched before the page is there would get lost."""
        at = self._session.feed.at()
        if not view.gone and (self._asked_at is None or at - self._asked_at >= self._every_s):
            self._asked_at = at
            self.soon()

    def again(self) -> None:
        """With the next look, whenever it was asked last."""
        self._asked_at = None

    def soon(self) -> None:
        """Ask at once."""
        self._asked += 1
        self._session.start(self._round(self._asked))

    async def _round(self, number: int) -> None:
        show = await self._ask()
        if show is not None:
            self._session.show(partial(self._answered, number, show))

    def _answered(self, number: int, show: Show) -> None:
        if number > self._shown:
            self._shown = number
            show()
