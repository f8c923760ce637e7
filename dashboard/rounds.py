"""What a page asks the controller now and then, beside what it is told anyway."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from .session import Session
from .view import View


class Rounds:
    """Asks every `every_s` seconds while the controller is there, and `soon` when something was changed here."""

    def __init__(
        self, session: Session, every_s: float, ask: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        self._session, self._every_s, self._ask = session, every_s, ask
        self._asked_at: float | None = None

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
        self._session.start(self._ask())
