"""Signing in and out, and the gate every page, socket and button passes.

The gate stands in `prepare`, which for a socket runs before the upgrade: a stranger gets an HTTP 403 and never a
socket. A page without sign-in leads to the sign-in form; everything else without sign-in is 403. Bokeh session
ids and tokens are only ever made here: one that comes in an address is refused, because a page built for it
would belong to whoever made it up.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import ceil
from typing import Any, Final
from urllib.parse import urlencode

from bokeh.server.auth_provider import AuthProvider
from bokeh.util.token import check_token_signature, get_session_id
from tornado.httputil import HTTPServerRequest
from tornado.web import HTTPError, RequestHandler
from tornado.websocket import WebSocketHandler

from godkaiser import AuthenticationFailedError, ThrottledError

from .feed import TROUBLE
from .guard import Guard, Ticket
from .shell import away_page, login_page
from .view import moment
from .words import Words, pick_language

# 'unsafe-inline' and 'unsafe-eval' are what Bokeh's own pages need; the rest keeps every page in this house.
POLICY: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' {sockets}; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
)
_MADE_UP: Final = ("bokeh-session-id", "bokeh-token")
_NEVER: Final = ("/autoload.js", "/metadata")
_LONGEST_NAME, _LONGEST_PASSWORD = 200, 1000


def harden(handler: RequestHandler, guard: Guard) -> None:
    """Headers of every answer, and the refusal of addresses that are not ours."""
    scheme = "wss" if guard.secure else "ws"
    handler.set_header("Content-Security-Policy", POLICY.format(sockets=f"{scheme}://{handler.request.host}"))
    handler.set_header("X-Content-Type-Options", "nosniff")
    handler.set_header("X-Frame-Options", "DENY")
    handler.set_header("Referrer-Policy", "same-origin")
    handler.set_header("Cross-Origin-Opener-Policy", "same-origin")
    handler.set_header("Cache-Control", "no-store")
    if not guard.at_home(handler.request):
        raise HTTPError(421, reason="This server does not answer to that name")


async def signed_in(handler: RequestHandler, guard: Guard) -> Ticket | None:
    """The sign-in behind a request, freshly verified; 503 while nobody can tell."""
    try:
        return await guard.ticket(handler.get_cookie(guard.cookie))
    except TROUBLE as error:
        raise HTTPError(503, reason="The controller does not answer") from error


def words_of(handler: RequestHandler) -> Words:
    """The language the reader asked for."""
    asked = handler.get_query_argument("lang", None)
    return Words(pick_language(asked, handler.request.headers.get("Accept-Language")))


def inside(path: str | None) -> str:
    """Where to go after signing in: only ever a page of ours."""
    local = path is not None and path.startswith("/") and path.isprintable() and "\\" not in path
    return path if path is not None and local and not path.startswith(("//", "/login", "/logout")) else "/"


class Gate(AuthProvider):
    """Bokeh asks this before every page and every socket."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        super().__init__()

    @property
    def login_url(self) -> str:
        """Where a page sends a stranger."""
        return "/login"

    @property
    def get_user(self) -> None:
        """Not this way: the check has to ask the controller."""
        return

    @property
    def get_user_async(self) -> Any:
        """The check itself."""
        return self._check

    async def _check(self, handler: RequestHandler) -> Ticket | None:
        harden(handler, self._guard)
        request = handler.request
        if request.path.endswith(_NEVER) or any(name in request.arguments for name in _MADE_UP):
            raise HTTPError(403)
        if "Bokeh-Session-Id" in request.headers:
            raise HTTPError(403)
        if isinstance(handler, WebSocketHandler):
            return await self._socket(handler)
        try:
            ticket = await signed_in(handler, self._guard)
        except HTTPError as error:
            handler.set_status(error.status_code)
            handler.set_header("Retry-After", "5")
            handler.finish(away_page(words_of(handler)))
            return None
        if ticket is None and request.method not in ("GET", "HEAD"):
            raise HTTPError(403)
        request.gk_ticket = ticket  # type: ignore[attr-defined]  # Bokeh hands the request to the page
        request.gk_xsrf = handler.xsrf_token.decode()  # type: ignore[attr-defined]
        return ticket

    async def _socket(self, handler: WebSocketHandler) -> Ticket:
        if not self._guard.from_home(handler.request):
            raise HTTPError(403, reason="Another origin")
        ticket = await signed_in(handler, self._guard)
        if ticket is None:
            raise HTTPError(403, reason="Not signed in")
        if not self._guard.owns(_page_of(handler), ticket):
            raise HTTPError(403, reason="Not your page")
        self._guard.opened(handler, ticket)
        return ticket


def _page_of(handler: WebSocketHandler) -> str:
    """The Bokeh session a socket asks for, proved by the signature of its token; empty if there is none."""
    offered = [part.strip() for part in handler.request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    app: Any = handler.application
    try:
        if len(offered) == 2 and check_token_signature(offered[1], secret_key=app.secret_key, signed=True):
            return str(get_session_id(offered[1]))
    # What Bokeh raises for a token that is no token depends on where it stops making sense.
    except (ValueError, KeyError, TypeError, IndexError):
        pass
    return ""


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
            self._form("login.ended" if self.get_query_argument("ended", None) else None)

    async def post(self) -> None:
        """Try name and password; the controller counts the tries."""
        name = self.get_body_argument("name", "")[:_LONGEST_NAME]
        password = self.get_body_argument("password", "", strip=False)[:_LONGEST_PASSWORD]
        if not name or not password:
            self._form("login.empty", name, status=401)
            return
        address = str(self.request.remote_ip)
        try:
            told = await self.guard.call("login", name=name, password=password, address=address)
        except ThrottledError as error:
            seconds = max(1, ceil(error.retry_after))
            self.set_header("Retry-After", str(seconds))
            self._form("login.throttled", name, status=429, seconds=seconds)
        except AuthenticationFailedError:
            self._form("login.wrong", name, status=401)
        except TROUBLE:
            self._form("login.away", name, status=503)
        else:
            self._remember(told["token"], told["expires"])
            self.redirect(inside(self.get_body_argument("next", None)), status=303)

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

    def _form(self, problem: str | None, name: str = "", *, status: int = 200, **said: object) -> None:
        words = words_of(self)
        self.set_status(status)
        self.finish(
            login_page(
                words,
                xsrf=self.xsrf_token.decode(),
                action=self._action(),
                next_page=inside(self.get_argument("next", None)),
                name=name,
                problem=words(problem, **said) if problem else "",
            )
        )

    def _action(self) -> str:
        language = self.get_query_argument("lang", None)
        return "/login" + (f"?{urlencode({'lang': language})}" if language else "")


class LogoutHandler(OwnHandler):
    """Signing out: the controller forgets the token, and every page of it closes at once."""

    async def post(self) -> None:
        """Only by a form with its secret, so no other site can sign anybody out."""
        ticket = None
        try:
            ticket = await signed_in(self, self.guard)
            if ticket is not None:
                await self.guard.call("logout", token=ticket.token)
        except (HTTPError, *TROUBLE):
            # Not ended where it counts: saying "signed out" would be a lie while the token still opens doors.
            self.set_status(503)
            self.finish(away_page(words_of(self)))
            return
        if ticket is not None:
            self.guard.end(ticket.session)
        write_cookie(self, self.guard, "", 0)
        self.redirect("/login?ended=1", status=303)


def write_cookie(handler: RequestHandler, guard: Guard, token: str, seconds: int) -> None:
    """The sign-in cookie: no script can read it, no other site can send it, and TLS keeps it to itself."""
    handler.set_cookie(
        guard.cookie,
        token,
        path="/",
        max_age=seconds,
        httponly=True,
        samesite="Strict",
        secure=guard.secure,
    )


def ticket_of(request: HTTPServerRequest) -> Ticket:
    """The sign-in a page is built for. Without one no page is built: this fails closed."""
    ticket = getattr(request, "gk_ticket", None)
    if not isinstance(ticket, Ticket):
        raise HTTPError(403)
    return ticket
