"""What the reader may do with which thing, as the controller says it, and why not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

from .feed import TROUBLE
from .session import Session

ASKED_EVERY_S: Final = 10.0
AT_ONCE: Final = 500  # things in one question, as many as the controller takes


class Rights:
    """One right over things of one kind. Whoever is bound to no zone has it everywhere or nowhere."""

    def __init__(self, session: Session, right: str, kind: str) -> None:
        self._session, self._right, self._kind = session, right, kind
        self._asked: frozenset[str] = frozenset()
        self._asked_at = 0.0
        self._told: Mapping[str, Mapping[str, Any]] = {}

    @property
    def anywhere(self) -> bool:
        """At least somewhere?"""
        return self._session.ticket.may(self._right)

    def look(self, things: Iterable[str]) -> None:
        """These are on the page now: ask about them, if it is not known or a while ago."""
        if self._session.ticket.zones is None or not self.anywhere:
            return
        now, at = frozenset(things), self._session.feed.at()
        if now and (now != self._asked or at - self._asked_at >= ASKED_EVERY_S):
            self._asked, self._asked_at = now, at
            self._session.start(self._ask(sorted(now)))

    def of(self, thing: str) -> tuple[bool, str]:
        """May they, and if not there, why: empty where they may, or nowhere."""
        ticket, words = self._session.ticket, self._session.words
        if ticket.zones is None or not self.anywhere:
            return self.anywhere, ""
        told = self._told.get(thing)
        if told is None:
            return False, words("rights.asking")
        if told["may"] or told["why"] != "zones":
            return bool(told["may"]), ""
        if not told["zones"]:
            return False, words("rights.house")
        return False, words("rights.zones", zones=self._named(told["zones"]))

    def _named(self, zones: Iterable[str]) -> str:
        known = self._session.feed.view.zones
        return ", ".join(str((known.get(zone) or {}).get("name") or zone) for zone in zones)

    async def _ask(self, things: list[str]) -> None:
        told: dict[str, Mapping[str, Any]] = {}
        try:
            for begin in range(0, len(things), AT_ONCE):
                some = things[begin : begin + AT_ONCE]
                told |= await self._session.act("may", right=self._right, kind=self._kind, things=some)
        except TROUBLE:
            return  # nothing is offered that nobody has allowed; it is asked again
        self._session.show(partial(setattr, self, "_told", told))
