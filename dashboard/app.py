"""The dashboard process: one server, one line to the controller, and pages for whoever signs in.

Panel's own `serve` is not used: it adds a route that imports modules by name for anybody who asks, and takes
Ctrl-C for itself. The server is put together here from the same pieces, without either.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import panel as pn
from bokeh.settings import settings as bokeh_settings
from panel.io.application import build_applications
from panel.io.server import Server
from tornado.ioloop import IOLoop

import godkaiser
from godkaiser import PortInUseError

from . import actions, login, trail
from .addresses import EVERYWHERE, free_port, own_addresses
from .feed import Controller, Feed, OpenDesk
from .gate import Gate, ticket_of
from .guard import Guard
from .pages.account import Account
from .pages.accounts import Accounts
from .pages.actuators import Actuators
from .pages.alarms import Alarms
from .pages.audit import Audit
from .pages.history import History
from .pages.missing import Missing
from .pages.nodes import Nodes
from .pages.overview import Overview
from .pages.rules import Rules
from .proxies import read_proxies
from .session import LOOK_MS, Page, Session, Ticker
from .shell import AROUND, RIGHTS, ROUTES, frame, head
from .unlogged import keep_typing_unlogged
from .words import Words, pick_language

PAGES: Final[dict[str, Callable[[Session], Page]]] = {
    "overview": Overview,
    "history": History,
    "actuators": Actuators,
    "rules": Rules,
    "nodes": Nodes,
    "alarms": Alarms,
    "accounts": Accounts,
    "audit": Audit,
    "account": Account,
}
# Building a page takes a tenth of a second, a phone on a bad day may take twenty until its socket comes.
UNUSED_MS: Final = 30_000
# The longest form is a sign-in of a few hundred bytes.
BODY_MOST: Final = 64 * 1024
LIMITS: Final[dict[str, Any]] = {
    "max_body_size": BODY_MOST,
    "max_buffer_size": 2 * BODY_MOST,  # of one connection: what was read, and not yet looked at
    "max_header_size": BODY_MOST // 2,
    "body_timeout": 10.0,  # seconds
    "idle_connection_timeout": 300.0,
}


@dataclass(frozen=True, slots=True)
class Options:
    """Where to serve and whom to ask.

    `origins` are further addresses of the pages, with scheme; `proxies` those of proxies that are believed who asks.
    """

    data: Path | None = None
    host: str = "127.0.0.1"
    port: int = 5006
    origins: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    certificate: Path | None = None
    key: Path | None = None


class Dashboard:
    """The running server: its address, and a way to stop it."""

    def __init__(self, options: Options, open_desk: OpenDesk | None = None) -> None:
        self.options = options
        self.feed = Feed(open_desk or partial(_open_desk, options.data))
        self.port = _port(options)
        self.guard = Guard(
            self.feed.call,
            origins=frozenset(self._origins()),
            cookie=f"godkaiser_{self.port}",
            secure=self._secure(),
            proxies=read_proxies(options.proxies),
        )
        self.limits = dict(LIMITS)
        self._server: Server | None = None

    @property
    def address(self) -> str:
        """Where a browser on this machine finds it."""
        host = "127.0.0.1" if self.options.host in EVERYWHERE else self.options.host
        return f"{self._scheme()}://{host}:{self.port}"

    async def run(self, ready: Callable[[Dashboard], None] | None = None) -> None:
        """Serve until cancelled. `ready` is called once the port is open."""
        self._server = self._listen()
        self._server.start()
        helpers = [asyncio.create_task(self.feed.run()), asyncio.create_task(self.guard.watch())]
        if ready is not None:
            ready(self)
        try:
            await asyncio.gather(*helpers)
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            self._server.stop()

    def _listen(self) -> Server:
        # An environment variable of Bokeh's could open the sockets for other sites: it does not count here.
        bokeh_settings.allowed_ws_origin.set_value([])
        bokeh_settings.resources.set_value("server")
        keep_typing_unlogged()
        routes = {href: partial(_page, self, name) for name, href in ROUTES}
        applications = build_applications({href: _function(build) for href, build in routes.items()})
        return Server(
            applications,
            io_loop=IOLoop.current(),
            address=self.options.host,
            port=self.port,
            allow_websocket_origin=[origin.split("://")[1] for origin in self.guard.origins],
            auth_provider=Gate(self.guard),
            extra_patterns=self._own_routes(),
            default_handler_class=login.NowhereHandler,
            default_handler_args={"guard": self.guard},
            sign_sessions=True,
            secret_key=secrets.token_bytes(32),
            generate_session_ids=True,
            include_headers=[],
            include_cookies=[],
            http_server_kwargs=self.limits,
            use_index=False,
            redirect_root=False,
            xsrf_cookies=True,
            xsrf_cookie_name=f"godkaiser_xsrf_{self.port}",
            xsrf_cookie_kwargs={"httponly": True, "samesite": "Strict", "secure": self.guard.secure},
            unused_session_lifetime_milliseconds=UNUSED_MS,
            session_token_expiration=UNUSED_MS // 1000 * 2,
            ssl_certfile=_text(self.options.certificate),
            ssl_keyfile=_text(self.options.key),
        )

    def _own_routes(self) -> list[Any]:
        own = {"guard": self.guard}
        return [
            (r"/login", login.LoginHandler, own),
            (r"/logout", login.LogoutHandler, own),
            (r"/stop", actions.StopHandler, own),
            (r"/clear", actions.ClearHandler, own),
            (r"/alive", actions.AliveHandler, own),
            (r"/audit\.csv", trail.FileHandler, own),
            (actions.PUBLIC, actions.AssetHandler, own | {"path": str(actions.HERE)}),
        ]

    def _origins(self) -> Iterable[str]:
        host = self.options.host
        names = ["127.0.0.1", "localhost"] if host in EVERYWHERE | {"127.0.0.1", "localhost"} else [host]
        if host in EVERYWHERE:
            names += own_addresses()
        yield from (f"{self._scheme()}://{name}:{self.port}".lower() for name in names)
        yield from (origin.rstrip("/").lower() for origin in self.options.origins)

    def _scheme(self) -> str:
        return "https" if self.options.certificate else "http"

    def _secure(self) -> bool:
        """Is TLS in use, here or at a proxy before us? Then the cookie never travels in the clear."""
        return bool(self.options.certificate) or any(o.startswith("https://") for o in self.options.origins)


async def serve(
    options: Options,
    open_desk: OpenDesk | None = None,
    ready: Callable[[Dashboard], None] | None = None,
) -> None:
    """Serve the dashboard until cancelled. `open_desk` makes the line to the controller of `options.data`."""
    await Dashboard(options, open_desk).run(ready)


def _page(dashboard: Dashboard, name: str) -> pn.Template:
    """Build one page for one reader, who has passed the gate."""
    doc: Any = pn.state.curdoc
    context = doc.session_context
    request = context.request
    ticket = ticket_of(request)
    dashboard.guard.own(context.id, ticket)
    doc.on_session_destroyed(lambda ended: dashboard.guard.disown(ended.id))
    doc.config.notify_connection_status = False  # page.js says it, in the reader's language
    lang = _argument(request, "lang")
    words = Words(pick_language(lang, request.gk_accepted))
    query = f"&lang={words.language}" if lang else ""
    wanted = _argument(request, "sensor") or _argument(request, "node")
    session = Session(dashboard.feed, ticket, words, doc, query, wanted, request.gk_address)
    doc.on_session_destroyed(lambda _: session.close())
    return _assemble(session, name, request, lang or "")


def _assemble(session: Session, name: str, request: Any, lang: str) -> pn.Template:
    page = _admitted(session, name)
    top = partial(head, session.words, session.ticket)
    first = top(*session.look())
    session.pulse.head = first
    template = pn.Template(AROUND)
    template.add_panel("content", page.content())
    template.add_panel("pulse", session.pulse)
    here = dict(ROUTES)[name]
    template.add_variable(
        "shell",
        frame(
            session.words,
            session.ticket,
            xsrf=request.gk_xsrf,
            here=here,
            uri=request.uri,
            lang=lang,
            head=first,
        ),
    )
    template.add_variable("page_title", f"{session.words('nav.' + name)} · {session.words('brand')}")
    ticker = Ticker(session, page, top)

    def begin() -> None:
        session.doc.add_periodic_callback(ticker.look, LOOK_MS)

    pn.state.onload(begin)  # not before: what is patched while the page still loads gets lost
    return template


def _admitted(session: Session, name: str) -> Page:
    """The page, or for who may not see it one that says so."""
    right = RIGHTS.get(dict(ROUTES)[name], "")
    return PAGES[name](session) if session.ticket.may(right) or not right else Missing(session, name, right)


def _port(options: Options) -> int:
    """Looked at before, because Tornado leaves a socket behind when it finds the port taken."""
    try:
        return free_port(options.host, options.port)
    except OSError as error:
        raise PortInUseError(host=options.host, port=options.port, option="--port") from error


def _function(build: Callable[[], pn.Template]) -> Callable[[], pn.Template]:
    """Panel calls plain functions only."""

    def page() -> pn.Template:
        return build()

    return page


def _argument(request: Any, name: str) -> str | None:
    values = request.arguments.get(name) or [b""]
    return values[0].decode("utf-8", "replace") or None


async def _open_desk(data: Path | None) -> Controller:
    desk: Controller = await godkaiser.Desk.open(data)
    return desk


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
