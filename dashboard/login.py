"""Signing in and out."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from math import ceil
from urllib.parse import urlencode

from tornado.web import HTTPError, RequestHandler

from godkaiser import AddressBlockedError, AuthenticationFailedError, CodeNeededError, ThrottledError

from .feed import TROUBLE
from .gate import harden, inside, signed_in, words_of, write_cookie
from .guard import Guard
from .shell import away_page, login_page, nowhere_page
from .view import moment

_LONGEST_NAME, _LONGEST_PASSWORD, _LONGEST_CODE = 200, 1000, 20


_WHY = ("ended", "out")  # signed out here, or by somebody or something else


class OwnHandler(RequestHandler):
    """Base of our own handlers: the same headers, no sign-in yet."""

    guard: Guard

    def initialize(self, guard: Guard) -> None:
        """Called by Tornado with what the route carries."""
        self.guard = guard

    async def prepare(self) -> None:
        """Before every answer."""
        harden(self, self.guard)

    @property
    def wants_data(self) -> bool:
        """Does a script ask (else a plain form)?"""
        return "application/json" in self.request.headers.get("Accept", "")


class NowhereHandler(OwnHandler):
    """An address without a page. Says the same to strangers and to whoever is signed in."""

    async def prepare(self) -> None:
        """Whatever was asked, and however."""
        await super().prepare()
        self.set_status(404)
        self.finish(nowhere_page(words_of(self), asked_language(self)))

    def check_xsrf_cookie(self) -> None:
        """There is nothing here that a form could do."""


def asked_language(handler: RequestHandler) -> str:
    """As it must be said again in the next address, with its question mark."""
    language = handler.get_query_argument("lang", None)
    return f"?{urlencode({'lang': language})}" if language else ""


class LoginHandler(OwnHandler):
    """The sign-in form. Plain HTML: it works on any phone and loads nothing from elsewhere."""

    async def get(self) -> None:
        """Show the form, unless somebody is signed in already."""
        try:
            ticket = await signed_in(self, self.guard)
        except HTTPError:
            self._form("login.away", status=503)
            return
        if ticket is not None:
            self.redirect(inside(self.get_query_argument("next", None)))
        else:
            self._form(next((f"login.{why}" for why in _WHY if self.get_query_argument(why, None)), None))

    async def post(self) -> None:
        """Try name and password; the controller counts the tries."""
        name = self.get_body_argument("name", "")[:_LONGEST_NAME]
        password = self.get_body_argument("password", "", strip=False)[:_LONGEST_PASSWORD]
        code = self.get_body_argument("code", "")[:_LONGEST_CODE]
        if not name or not password:
            self._form("login.empty", name, status=401)
            return
        address = self.guard.address_of(self.request)
        try:
            told = await self.guard.call("login", name=name, password=password, address=address, code=code)
        except ThrottledError as error:
            self._later(name, error)
        except CodeNeededError:
            self._form("login.code_needed", name, status=401, asks_code=True)
        except AuthenticationFailedError:
            self._form("login.wrong_code" if code else "login.wrong", name, status=401, asks_code=bool(code))
        except TROUBLE:
            self._form("login.away", name, status=503)
        else:
            await self._end_before()
            self._remember(told["token"], told["expires"])
            self.redirect(inside(self.get_body_argument("next", None)), status=303)

    def _later(self, name: str, error: ThrottledError) -> None:
        """How long to wait, and who can help whoever is kept out. Nothing about accounts: all are told the same."""
        seconds = max(1, ceil(error.retry_after))
        self.set_header("Retry-After", str(seconds))
        if isinstance(error, AddressBlockedError):
            self._form("login.kept_out", name, status=429, left=words_of(self).span(seconds))
        else:
            self._form("login.throttled", name, status=429, seconds=seconds)

    async def _end_before(self) -> None:
        """The sign-in this browser had until now: nobody could sign it out any more."""
        with contextlib.suppress(*TROUBLE):  # that it stands a while longer keeps nobody out
            before = await self.guard.ticket(self.get_cookie(self.guard.cookie))
            if before is not None:
                origin = self.guard.address_of(self.request)
                await self.guard.call("logout", token=before.token, origin=origin)
                self.guard.end(before.session)

    def check_xsrf_cookie(self) -> None:
        """A form that is too old is shown again instead of a bare 403."""
        try:
            super().check_xsrf_cookie()
        except HTTPError:
            harden(self, self.guard)
            self._form("login.expired", status=403)

    def _remember(self, token: str, expires: str) -> None:
        end = moment(expires)
        seconds = int((end - datetime.now(UTC)).total_seconds()) if end else 0
        write_cookie(self, self.guard, token, max(seconds, 0))

    def _form(
        self,
        problem: str | None,
        name: str = "",
        *,
        status: int = 200,
        asks_code: bool = False,
        **said: object,
    ) -> None:
        words = words_of(self)
        self.set_status(status)
        self.finish(
            login_page(
                words,
                xsrf=self.xsrf_token.decode(),
                action=self._action(),
                next_page=inside(self.get_argument("next", None)),
                name=name,
                asks_code=asks_code,
                problem=words(problem, **said) if problem else "",
            )
        )

    def _action(self) -> str:
        return "/login" + asked_language(self)


class LogoutHandler(OwnHandler):
    """Signing out, here or everywhere: the tokens are void, and every page of this sign-in closes at once.

    Pages of other sign-ins close when `Guard.watch` comes by.
    """

    async def post(self) -> None:
        """Only by a form with its secret, so no other site can sign anybody out."""
        ticket = None
        try:
            ticket = await signed_in(self, self.guard)
            if ticket is not None:
                everywhere = bool(self.get_body_argument("everywhere", ""))
                origin = self.guard.address_of(self.request)
                await self.guard.call("logout", token=ticket.token, origin=origin, all_devices=everywhere)
        except (HTTPError, *TROUBLE):
            # Not ended where it counts: saying "signed out" would be a lie while the token still opens doors.
            self.set_status(503)
            self.finish(away_page(words_of(self)))
            return
        if ticket is not None:
            self.guard.end(ticket.session)
        write_cookie(self, self.guard, "", 0)
        self.redirect("/login?ended=1", status=303)
