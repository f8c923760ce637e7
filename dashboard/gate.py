"""The gate every page, socket and button passes.

The gate stands in `prepare`, which for a socket runs before the upgrade: a stranger gets an HTTP 403 and
never a socket. A page without sign-in leads to the sign-in form; everything else without sign-in is 403.
Bokeh session ids and tokens are only ever made here: one that comes in an address is refused, because a page
built for it would belong to whoever made it up.
"""

from __future__ import annotations

from typing import Any, Final

from bokeh.server.auth_provider import AuthProvider
from bokeh.util.token import check_token_signature, get_session_id
from tornado.httputil import HTTPServerRequest
from tornado.web import HTTPError, RequestHandler
from tornado.websocket import WebSocketHandler

from .feed import TROUBLE
from .guard import Guard, Ticket
from .shell import RIGHTS, away_page
from .words import Words, pick_language

# Inline scripts, eval and blob: are what Bokeh and Panel need; the rest keeps every page in this house.
POLICY: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' {sockets}; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
)
_MADE_UP: Final = ("bokeh-session-id", "bokeh-token")
_NEVER: Final = ("/autoload.js", "/metadata")


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
        if ticket is not None and not ticket.may(RIGHTS.get(request.path, "look")):
            handler.set_status(403)  # the page says what is missing, and keeps its stop button
        # Bokeh gives its pages no headers: what they need of them is read here.
        request.gk_address = self._guard.address_of(request)  # type: ignore[attr-defined]
        request.gk_accepted = request.headers.get("Accept-Language", "")  # type: ignore[attr-defined]
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
