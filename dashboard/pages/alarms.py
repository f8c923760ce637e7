"""The alarms page: every alarm with what to do about it, and the buttons for those who may."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any, Final

import panel as pn

from ..alarms import alarm_card, standing
from ..deck import Deck
from ..feed import TROUBLE
from ..parts import say, widget_style
from ..rights import Rights
from ..session import SURFACE, Session, grid, html, stack, write
from ..view import Thing, View

SHELF_S: Final = (900, 3600, 28_800, 86_400)
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
    """One card per alarm."""

    def __init__(self, session: Session) -> None:
        self._session, self._said = session, html()
        self._rights = Rights(session, "acknowledge_alarms", "alarm")
        self._deck = Deck(grid([], least="22rem", gap="1rem"), self._card)

    def content(self) -> pn.viewable.Viewable:
        """What stands below the top bar."""
        self.update(*self._session.look())
        return stack(self._said, self._deck.layout)

    def update(self, view: View, now: datetime) -> None:
        """Redraw what has become different."""
        found = {str(alarm["key"]): alarm for alarm in standing(view)}
        words = self._session.words
        self._deck.show(
            list(found), say(words("alarm.none"), "good") if view.known else say(words("well.never"))
        )
        if not view.gone:
            self._rights.look(found)
        for key, card in self._deck.cards.items():
            card.update(found[key], view, now)

    def _card(self, key: str) -> Card:
        return Card(self._session, key, self._said, self._rights)


class Card:
    """One alarm and its buttons; what becomes of a click is told in `said`."""

    def __init__(self, session: Session, key: str, said: pn.pane.HTML, rights: Rights) -> None:
        self._session, self._key, self._said, self._rights = session, key, said, rights
        self._shown, self._hint = html(), html()
        spans = {session.words.span(s): s for s in SHELF_S}
        self._span = pn.widgets.Select(
            label=session.words("alarm.span"), options=spans, value=3600, **_look()
        )
        self._buttons = {word: self._button(word) for word in ("ack", "reset", "unshelve", "shelve")}
        *first, shelve = self._buttons.values()
        self.layout = stack(self._shown, *first, self._span, shelve, self._hint, **SURFACE)

    def update(self, alarm: Thing, view: View, now: datetime) -> None:
        """Redraw what has become different; nothing can be answered while the controller is away."""
        words = self._session.words
        write(self._shown, alarm_card(words, alarm, view, now))
        answers = ANSWERS.get(str(alarm.get("state")), ())
        offered, (may, why) = self._rights.anywhere, self._rights.of(self._key)
        hint = why if offered else words("alarm.viewer")
        write(self._hint, say(hint, "plain") if answers and not may and hint else "")
        for word, button in self._buttons.items():
            _show(button, offered and word in answers, view.gone or not may)
        _show(self._span, offered and "shelve" in answers, view.gone or not may)

    def _button(self, word: str) -> pn.widgets.Button:
        color = "primary" if word in ("ack", "reset") else "default"
        button = pn.widgets.Button(label=self._session.words(f"alarm.do.{word}"), color=color, **_look())
        button.on_click(lambda _: self._session.start(self._answer(word)))
        return button

    async def _answer(self, word: str) -> None:
        words = self._session.words
        more = {"duration": self._span.value} if word == "shelve" else {}
        try:
            told = await self._session.act(f"alarms.{word}", key=self._key, **more)
            text = say(words(f"alarm.done.{word}", name=told.get("name")), "good")
        except TROUBLE as error:
            text = say(words("shell.failed", problem=str(error)), "bad")
        self._session.show(partial(write, self._said, text))


def _show(widget: Any, visible: bool, disabled: bool) -> None:
    if (widget.visible, widget.disabled) != (visible, disabled):
        widget.param.update(visible=visible, disabled=disabled)


def _look() -> dict[str, Any]:
    return {"sizing_mode": "stretch_width", "margin": 0, "stylesheets": [widget_style()], "visible": False}
