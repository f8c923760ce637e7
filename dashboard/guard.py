"""Who is behind a request, and which open pages belong to whom.

Nothing here is believed twice: a cookie is verified by the controller at every request and at every socket,
and the owners of open sockets again every few seconds. A Bokeh session belongs to the sign-in that asked for
its page; a socket that comes with another sign-in is refused before the upgrade.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from tornado.httputil import HTTPServerRequest
from tornado.websocket import WebSocketHandler

from godkaiser import AuthError

from .feed import TROUBLE
from .proxies import Network, client_of
from .view import moment

CLOSED_BY_US: Final = 4001
VERIFY_EVERY_S: Final = 2.0
ANSWER_S: Final = 2.0
_LONGEST_TOKEN: Final = 4096

Call = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Ticket:
    """A verified sign-in. `session` names it; the token itself never leaves this process.

    `permissions` and `zones` (None: all of them) are what the controller says; here they only grey buttons.
    """

    token: str = field(repr=False)
    session: str
    user: str
    role: str
    expires: str
    permissions: frozenset[str] = frozenset()
    zones: frozenset[str] | None = None

    def may(self, right: str) -> bool:
        """At least somewhere?"""
        return right in self.permissions

    def may_in(self, right: str, zone: str | None) -> bool:
        """In this zone, or (None) in the whole house?"""
        return self.may(right) and (self.zones is None or zone in self.zones)


@dataclass(slots=True)
class Guard:
    """Verifies sign-ins and closes what belongs to ended ones. `origins` are the pages' own addresses."""

    call: Call
    origins: frozenset[str]
    cookie: str
    secure: bool = False
    proxies: tuple[Network, ...] = ()
    _owners: dict[str, Ticket] = field(default_factory=dict)
    # Weak, and never emptied by hand: a socket still in its upgrade is closed by the next round of `watch`.
    _sockets: WeakKeyDictionary[WebSocketHandler, Ticket] = field(default_factory=WeakKeyDictionary)

    def address_of(self, request: HTTPServerRequest) -> str:
        """Who asks, as far as that can be known: what a proxy says counts only if it is one of ours."""
        return client_of(str(request.remote_ip), request.headers.get("X-Forwarded-For", ""), self.proxies)

    async def ticket(self, token: str | None) -> Ticket | None:
        """The sign-in a token stands for, or None. Raises an unavailable error if nobody can tell."""
        if not token or len(token) > _LONGEST_TOKEN:
            return None
        try:
            async with asyncio.timeout(ANSWER_S):
                told = await self.call("verify", token=token, kind="page")
        except AuthError:
            return None
        return ticket_from(token, told)

    def at_home(self, request: HTTPServerRequest) -> bool:
        """Was this address asked by one of its own names? Else another site points its name at us."""
        return any(urlsplit(origin).netloc == request.host.lower() for origin in self.origins)

    def from_home(self, request: HTTPServerRequest) -> bool:
        """Does the page this comes from belong to us? Only an exact origin counts; a missing one does not."""
        return request.headers.get("Origin", "").lower() in self.origins

    def own(self, page: str, ticket: Ticket) -> None:
        """A Bokeh session was made for this sign-in."""
        self._owners[page] = ticket

    def disown(self, page: str) -> None:
        """The Bokeh session is gone."""
        self._owners.pop(page, None)

    def owns(self, page: str, ticket: Ticket) -> bool:
        """Was this Bokeh session made for this very sign-in?"""
        owner = self._owners.get(page)
        return owner is not None and owner.session == ticket.session

    def opened(self, socket: WebSocketHandler, ticket: Ticket) -> None:
        """A socket was let in; from now on its owner is looked after."""
        self._sockets[socket] = ticket

    def end(self, session: str) -> None:
        """A sign-in has ended: its open pages close now and cannot come back."""
        for page in [page for page, ticket in tuple(self._owners.items()) if ticket.session == session]:
            self.disown(page)
        for socket in [
            socket for socket, ticket in tuple(self._sockets.items()) if ticket.session == session
        ]:
            socket.close(CLOSED_BY_US, "Session ended")

    async def watch(self) -> None:
        """Verify the owners of everything open again and again, until cancelled."""
        while True:
            await asyncio.sleep(VERIFY_EVERY_S)
            tickets = {ticket.session: ticket for ticket in self._held()}
            await asyncio.gather(*(self._verify(ticket) for ticket in tickets.values()))

    async def _verify(self, ticket: Ticket) -> None:
        try:
            again = await self.ticket(ticket.token)
        except TROUBLE:
            again = None if _over(ticket) else ticket
        if again is None or (again.role, again.zones) != (ticket.role, ticket.zones):
            self.end(ticket.session)

    def _held(self) -> Iterable[Ticket]:
        return (*self._owners.values(), *self._sockets.values())


def ticket_from(token: str, told: Mapping[str, Any]) -> Ticket:
    """What the controller says of a token."""
    zones = None if told["zones"] is None else frozenset(told["zones"])
    who = (told["session"], told["user"], told["role"], told["expires"])
    return Ticket(token, *who, frozenset(told["permissions"]), zones)


def _over(ticket: Ticket) -> bool:
    """Has the sign-in run out by its own word?"""
    end = moment(ticket.expires)
    return end is None or end <= datetime.now(UTC)
