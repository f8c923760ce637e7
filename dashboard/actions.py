"""Buttons that must work even when a page is half dead: plain POST handlers beside Bokeh's sockets.

Stop and clear do not travel over the page's socket, which may be busy, asleep or gone. A script gets JSON, a
plain form is led back to where it came from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from tornado.web import HTTPError, StaticFileHandler

from godkaiser import GodkaiserError

from .feed import TROUBLE
from .gate import harden, inside, signed_in, words_of
from .guard import Ticket
from .login import OwnHandler

HERE: Final = Path(__file__).parent
PUBLIC: Final = r"/assets/(style\.css|page\.js|icon\.svg)"


class ActionHandler(OwnHandler):
    """Somebody signed in asks for something to be done."""

    ticket: Ticket

    async def prepare(self) -> None:
        """Nothing without sign-in. The form's secret is checked by Tornado before."""
        await super().prepare()
        ticket = await signed_in(self, self.guard)
        if ticket is None:
            raise HTTPError(403)
        self.ticket = ticket

    async def _do(self, method: str, **params: Any) -> None:
        try:
            origin = self.guard.address_of(self.request)
            await self.guard.call(method, token=self.ticket.token, origin=origin, **params)
        except TROUBLE as error:
            self.set_status(error.kind.http_status if isinstance(error, GodkaiserError) else 503)
            problem = words_of(self)("shell.failed", problem=str(error))
            self.finish({"done": False, "problem": problem} if self.wants_data else problem)
        else:
            self._done()

    def _done(self) -> None:
        if self.wants_data:
            self.finish({"done": True})
        else:
            self.redirect(inside(self.get_body_argument("page", None)), status=303)


class StopHandler(ActionHandler):
    """The emergency stop: everybody who is signed in, one click, no question."""

    async def post(self) -> None:
        """Stop everything, or what `scope` names."""
        scope = self.get_body_argument("scope", "all")
        await self._do("stop", reason=words_of(self)("stop.reason"), scope=scope)


class ClearHandler(ActionHandler):
    """Clearing a stop; the controller decides who may."""

    async def post(self) -> None:
        """Clear the stop. With nodes that did not answer only if the person ticked that box."""
        scope = self.get_body_argument("scope", "all")
        await self._do("clear", force=scope in self.get_body_arguments("force"), scope=scope)


class AliveHandler(OwnHandler):
    """A page that lost its socket asks whether it is worth coming back."""

    async def get(self) -> None:
        """Says `in`, `out` (sign in again) or `away` (the controller does not answer), and nothing else."""
        try:
            state = "in" if await signed_in(self, self.guard) is not None else "out"
        except HTTPError:
            state = "away"
        self.finish({"state": state})


class AssetHandler(StaticFileHandler):
    """Style, script and icon: the same for everybody, without any data."""

    def initialize(self, guard: Any, path: str) -> None:  # type: ignore[override]
        """Called by Tornado with what the route carries."""
        super().initialize(path)
        self.guard = guard

    def prepare(self) -> None:
        """The same headers as everywhere."""
        harden(self, self.guard)

    def set_extra_headers(self, path: str) -> None:  # noqa: ARG002  # Tornado's signature
        """May be kept by the browser but must be asked about: an update counts at once."""
        self.set_header("Cache-Control", "no-cache")
