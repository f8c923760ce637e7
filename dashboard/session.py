"""One open page: what it shows of the shared view, and how it keeps up.

A page looks at the view four times a second and touches only what has become different: a pane whose text is
the same is left alone, so a quiet greenhouse costs nothing but its ticking ages. Whatever has to wait for the
controller runs in a task of its own, never inside the page's lock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final, Protocol

import panel as pn
import param
from bokeh.document import Document
from panel.reactive import ReactiveHTML

from .feed import Feed
from .guard import Ticket
from .parts import pane_style
from .view import View
from .words import Words

LOOK_MS: Final = 250
BEAT_S: Final = 1.0


class Pulse(ReactiveHTML):
    """The wire to page.js: the top bar's state, a beat each second, and back whether it should be dark."""

    head = param.Dict(default={})
    beat = param.Integer(default=0)
    dark = param.Boolean(default=False)

    _template: ClassVar[str] = '<span id="pulse"></span>'
    _scripts: ClassVar[dict[str, Any]] = {
        "render": """
            const scheme = window.matchMedia('(prefers-color-scheme: dark)');
            data.dark = scheme.matches;
            scheme.addEventListener('change', (event) => { data.dark = event.matches; });
            window.gkHead(data.head);
            window.gkBeat();
        """,
        "head": "window.gkHead(data.head)",
        "beat": "window.gkBeat()",
    }


class Page(Protocol):
    """The content of one page."""

    def content(self) -> pn.viewable.Viewable:
        """What stands below the top bar."""

    def update(self, view: View, now: datetime) -> None:
        """Show this view; called with the document locked."""


@dataclass(slots=True)
class Session:
    """What a page needs to know and may do: its reader, their language, and the controller in their name.

    `query` keeps a chosen language in links; `wanted` is the sensor or node a link asked for; `address` is where the
    reader comes from, for who counts wrong passwords.
    """

    feed: Feed
    ticket: Ticket
    words: Words
    doc: Document
    query: str = ""
    wanted: str | None = None
    address: str = ""
    pulse: Pulse = field(default_factory=Pulse)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def ask(self, method: str, **params: Any) -> Any:
        """Look at something; whoever has this page open may."""
        return await self.feed.call(method, **params)

    async def act(self, method: str, **params: Any) -> Any:
        """Do something in the name of the reader; the controller decides whether they may."""
        return await self.feed.call(method, token=self.ticket.token, origin=self.address, **params)

    def look(self) -> tuple[View, datetime]:
        """The view and the site time of this moment."""
        view = self.feed.view
        return view, view.now(self.feed.at())

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Let something run beside the page; it ends with the page.

        Bokeh from 3.10 on builds pages and runs their callbacks in threads, so this goes by way of the loop.
        """
        loop = self.feed.loop or asyncio.get_running_loop()
        loop.call_soon_threadsafe(self._begin, loop, work)

    def show(self, change: Callable[[], None]) -> None:
        """Change the page from a task: with the document locked. (The tasks end with the page.)"""
        self.doc.add_next_tick_callback(change)

    def close(self) -> None:
        """The page is gone."""
        if self.feed.loop is not None:
            self.feed.loop.call_soon_threadsafe(self._end)

    def _begin(self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]) -> None:
        task = loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _end(self) -> None:
        for task in self._tasks:
            task.cancel()


class Ticker:
    """Calls a page's update when the view has changed or a second has passed, whichever is first."""

    def __init__(
        self, session: Session, page: Page, head: Callable[[View, datetime], dict[str, Any]]
    ) -> None:
        self._session, self._page, self._head = session, page, head
        self._version, self._beaten = -1, 0.0

    def look(self) -> None:
        """Four times a second, with the document locked."""
        view, at = self._session.feed.view, self._session.feed.at()
        beat = at - self._beaten >= BEAT_S
        if view.version == self._version and not beat:
            return
        self._version = view.version
        now = view.now(at)
        self._page.update(view, now)
        head = self._head(view, now)
        if head != self._session.pulse.head:
            self._session.pulse.head = head
        if beat:
            self._beaten = at
            self._session.pulse.beat += 1


def html(text: str = "", **params: Any) -> pn.pane.HTML:
    """A pane for our own HTML, in our own style."""
    common = {"sizing_mode": "stretch_width", "margin": 0, "stylesheets": [pane_style()]}
    params = common | {"styles": {"align-self": "stretch"}} | params
    return pn.pane.HTML(text, visible=bool(text), **params)


def write(pane: pn.pane.HTML, text: str) -> None:
    """Change a pane only if it says something else now; one that says nothing takes no room."""
    if pane.object != text:
        pane.param.update(object=text, visible=bool(text))


def grid(objects: list[Any], least: str = "13.5rem", gap: str = "0.75rem") -> pn.Column:
    """As many equal columns as fit, one on a phone."""
    styles = {
        "display": "grid",
        "grid-template-columns": f"repeat(auto-fill, minmax(min(100%, {least}), 1fr))",
        "gap": gap,
        "width": "100%",
    }
    made = pn.Column(*objects, sizing_mode="stretch_width", margin=0, styles=styles)
    made.stylesheets = [*made.stylesheets, ".scroll-button { display: none }"]  # else it takes the first cell
    return made


def stack(*objects: Any, gap: str = "0.75rem", **styles: str) -> pn.Column:
    """One below the other."""
    styles = {"display": "flex", "flex-direction": "column", "gap": gap, "width": "100%"} | styles
    return pn.Column(*objects, sizing_mode="stretch_width", margin=0, styles=styles)


# A surface of its own for things that belong together.
SURFACE: Final = {
    "background": "var(--card)",
    "border": "1px solid var(--line)",
    "border-radius": "0.9rem",
    "box-shadow": "var(--shadow)",
    "padding": "1rem",
    "box-sizing": "border-box",
}
