"""The alarms page: every alarm with what to do about it, and the buttons for those who may."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Final

import panel as pn

from ..alarms import alarm_card, standing
from ..feed import TROUBLE
from ..parts import say, widget_style
from ..redrawn import Paint, Redrawn
from ..session import SURFACE, Session, grid, html, stack, write
from ..view import Thing, View

SHELF_S: Final = (900, 3600, 28_800, 86_400)
_ROW: Final = {"flex-direction": "row", "flex-wrap": "wrap", "align-items": "flex-end"}
# What a person can do with an alarm in a state: the controller's method and the button's words.
ANSWERS: Final[dict[str, tuple[str, ...]]] = {
    "UNACK": ("ack", "shelve"),
    "ACKED": ("shelve",),
    "RTNUN": ("ack", "shelve"),
    "LATUN": ("ack", "shelve"),
    "LATCH": ("reset", "shelve"),
    "SHLVD": ("unshelve",),
    "OOSRV": (),
}


class Alarms:
    """One card per alarm. Cards are made anew when alarms come, go or change their state."""

    def __init__(self, session: Session) -> None:
        self._session, self._said = session, html()
        self._redrawn = Redrawn(_shape, self._build)

    def content(self) -> pn.viewable.Viewable:
        """What stands below the top bar."""
        self.update(*self._session.look())
        return self._redrawn.body

    def update(self, view: View, now: datetime) -> None:
        """Redraw what has become different."""
        self._redrawn.update(view, now)

    def _build(self, view: View, pane: Paint) -> list[pn.viewable.Viewable]:
        words = self._session.words
        cards = [self._card(alarm, pane) for alarm in standing(view)]
        none = html(say(words("alarm.none" if view.known else "well.never"), "good" if view.known else ""))
        return [self._said, grid(cards, least="24rem", gap="1rem") if cards else none]

    def _card(self, alarm: Thing, pane: Paint) -> pn.viewable.Viewable:
        key = str(alarm["key"])
        shown = pane(partial(self._drawn, key))
        return stack(shown, *self._controls(alarm), **SURFACE)

    def _drawn(self, key: str, view: View, now: datetime) -> str:
        """Nothing when it is normal again: its card goes with the next look."""
        found = next((alarm for alarm in standing(view) if alarm["key"] == key), None)
        return "" if found is None else alarm_card(self._session.words, found, view, now)

    def _controls(self, alarm: Thing) -> list[pn.viewable.Viewable]:
        words, answers = self._session.words, ANSWERS.get(str(alarm.get("state")), ())
        if not self._session.ticket.may_switch():
            return [html(say(words("alarm.viewer"), "plain"))] if answers else []
        key, spans = str(alarm["key"]), {words.span(s): s for s in SHELF_S}
        span = pn.widgets.Select(label=words("alarm.span"), options=spans, value=3600, **_look())
        parts: list[Any] = [self._button(key, word, span) for word in answers]
        if "shelve" in answers:
            parts.insert(-1, span)
        return [stack(*parts, **_ROW)] if parts else []

    def _button(self, key: str, word: str, span: pn.widgets.Select) -> pn.widgets.Button:
        color = "primary" if word in ("ack", "reset") else "default"
        button = pn.widgets.Button(label=self._session.words(f"alarm.do.{word}"), color=color, **_look())
        more: Callable[[], dict[str, Any]] = lambda: {"duration": span.value} if word == "shelve" else {}  # noqa: E731
        button.on_click(lambda _: self._session.start(self._answer(key, word, **more())))
        return button

    async def _answer(self, key: str, word: str, **more: Any) -> None:
        words = self._session.words
        try:
            told = await self._session.act(f"alarms.{word}", key=key, **more)
            text = say(words(f"alarm.done.{word}", name=told.get("name")), "good")
        except TROUBLE as error:
            text = say(words("shell.failed", problem=str(error)), "bad")
        self._session.show(partial(write, self._said, text))


def _shape(view: View) -> object:
    return view.known, tuple((alarm["key"], alarm.get("state")) for alarm in standing(view))


def _look() -> dict[str, Any]:
    return {"margin": 0, "stylesheets": [widget_style()], "styles": {"flex": "1 1 8rem"}}
