"""The rules page: what each can and does, why, switching one on and off, and trying one on the last day."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Final

import panel as pn

from ..deck import Deck
from ..feed import TROUBLE
from ..panels import notices_panel
from ..parts import say, widget_style
from ..rights import Rights
from ..ruling import rule_card, tree, trial
from ..session import SURFACE, Session, grid, html, stack, write
from ..view import Thing, View, named

ASKED_EVERY_S: Final = 0.5


class Rules:
    """One card per rule."""

    def __init__(self, session: Session) -> None:
        self._session, self._rights = session, Rights(session, "edit_rules", "rule")
        self._deck = Deck(grid([], least="22rem", gap="1rem"), self._card)
        self._told = html()

    def content(self) -> pn.viewable.Viewable:
        """What stands below the top bar."""
        self.update(*self._session.look())
        return stack(self._told, self._deck.layout, gap="1rem")

    def update(self, view: View, now: datetime) -> None:
        """Redraw what has become different."""
        rules = named(view.rules.values())
        words = self._session.words
        shown = [(str(rule["id"]), bool(rule.get("refused"))) for rule in rules]
        self._deck.show(shown, say(words("overview.rules.none") if view.known else words("well.never")))
        write(self._told, notices_panel(self._session.words, view))
        if not view.gone:
            self._rights.look(key for key, refused in shown if not refused)
        for (key, _), card in self._deck.cards.items():
            card.update(view.rules[key], view, now)

    def _card(self, key: tuple[str, bool]) -> Card | Refused:
        rule, refused = key
        return Refused(self._session) if refused else Card(self._session, rule, self._rights)


class Refused:
    """A rule that is stored and not carried out: why, and what to do. There is nothing to press."""

    def __init__(self, session: Session) -> None:
        self._session, self._shown = session, html()
        self.layout = stack(self._shown, **SURFACE)

    def update(self, rule: Thing, view: View, now: datetime) -> None:  # noqa: ARG002 - as the others
        """Redraw what has become different."""
        write(self._shown, rule_card(self._session.words, rule, now))


class Card:
    """One rule: what it is and does, its buttons, and what they brought."""

    def __init__(self, session: Session, key: str, rights: Rights) -> None:
        words = session.words
        self._rights, self._hint = rights, html()
        self._session, self._key, self._rule = session, key, dict[str, Any]()
        self._shown, self._question, self._said = html(), html(), html()
        self._why, self._tried = html(), html()
        self._open, self._asking, self._sending, self._trying = False, False, False, False
        self._switch = self._button("", self._on_switch)
        self._yes = self._button(words("rules.off.yes"), self._on_yes, color="danger", visible=False)
        self._no = self._button(words("rules.off.no"), self._on_no, visible=False)
        self._ask = self._button(words("why.button"), self._on_why)
        self._try = self._button(words("rules.try.button"), self._on_try)
        asked = (self._question, self._yes, self._no, self._said)
        self.layout = stack(
            self._shown,
            self._switch,
            self._hint,
            *asked,
            self._ask,
            self._why,
            self._try,
            self._tried,
            **SURFACE,
        )

    def update(self, rule: Thing, view: View, now: datetime) -> None:
        """Redraw what has become different; nothing can be done while the controller is away."""
        words, (may, why) = self._session.words, self._rights.of(self._key)
        hint = why if self._rights.anywhere else words("rules.viewer")
        write(self._hint, say(hint, "plain") if hint and not may else "")
        self._rule = dict(rule)
        write(self._shown, rule_card(words, rule, now))
        label = words("rules.off" if rule.get("enabled") else "rules.on")
        _set(self._switch, label=label, disabled=view.gone or not may or self._asking or self._sending)
        if self._asking and not rule.get("enabled"):
            self._answered()
        for widget in (self._yes, self._no):
            _set(widget, visible=self._asking, disabled=view.gone)
        _set(self._ask, disabled=view.gone)
        _set(self._try, disabled=view.gone or self._trying)

    def _button(self, label: str, act: Callable[[object], None], **more: Any) -> pn.widgets.Button:
        button = pn.widgets.Button(
            label=label, sizing_mode="stretch_width", margin=0, stylesheets=[widget_style()], **more
        )
        button.on_click(act)
        return button

    # ── on and off ─────────────────────────────────────────────────────────────────────────────────────
    def _on_switch(self, _: object) -> None:
        if not self._rule.get("enabled"):
            self._send("rules.enable")
        elif self._rule.get("acting"):
            self._asking = True
            write(self._said, "")
            write(self._question, say(self._session.words("rules.off.question"), "warn"))
            self._refresh()
        else:
            self._send("rules.disable")

    def _on_yes(self, _: object) -> None:
        self._answered()
        self._send("rules.disable")

    def _on_no(self, _: object) -> None:
        self._answered()
        self._refresh()

    def _answered(self) -> None:
        self._asking = False
        write(self._question, "")

    def _send(self, method: str) -> None:
        self._sending = True
        self._refresh()
        self._session.start(self._switched(method))

    async def _switched(self, method: str) -> None:
        words = self._session.words
        try:
            told = await self._session.act(method, rule=self._key)
            text = say(words("rules.done.on" if told.get("enabled") else "rules.done.off"), "good")
        except TROUBLE as error:
            text = say(words("shell.failed", problem=str(error)), "bad")
        self._session.show(partial(self._tell, text))

    def _tell(self, text: str) -> None:
        self._sending = False
        write(self._said, text)
        self._refresh()

    def _refresh(self) -> None:
        view, now = self._session.look()
        self.update(view.rules.get(self._key) or self._rule, view, now)

    # ── why ────────────────────────────────────────────────────────────────────────────────────────────
    def _on_why(self, _: object) -> None:
        self._open = not self._open
        if not self._open:
            write(self._why, "")
            return
        write(self._why, say(self._session.words("why.loading")))
        self._session.start(self._tell_why())

    async def _tell_why(self) -> None:
        words = self._session.words
        try:
            text = tree(words, await self._session.ask("rules.trace", rule=self._key))
        except TROUBLE as error:
            text = say(words("shell.failed", problem=str(error)), "bad")
        self._session.show(partial(self._explain, text))

    def _explain(self, text: str) -> None:
        if self._open:
            write(self._why, text)

    # ── trying ─────────────────────────────────────────────────────────────────────────────────────────
    def _on_try(self, _: object) -> None:
        self._trying = True
        write(self._tried, say(self._session.words("rules.try.begun")))
        self._refresh()
        self._session.start(self._tell_trial())

    async def _tell_trial(self) -> None:
        words = self._session.words
        try:
            text = trial(words, await self._trial(), self._session.look()[0])
        except TROUBLE as error:
            text = say(words("shell.failed", problem=str(error)), "bad")
        self._session.show(partial(self._show_trial, text))

    async def _trial(self) -> dict[str, Any]:
        begun = await self._session.act("rules.try", rule=self._key)
        while True:
            told = await self._session.act("rules.tried", trial=begun["trial"])
            if told["result"] is not None:
                return dict(told["result"])
            said = self._session.words("rules.try.going", percent=round(100 * told["progress"]))
            self._session.show(partial(self._show_progress, say(said)))
            await asyncio.sleep(ASKED_EVERY_S)

    def _show_progress(self, text: str) -> None:
        if self._trying:
            write(self._tried, text)

    def _show_trial(self, text: str) -> None:
        self._trying = False
        write(self._tried, text)
        self._refresh()


def _set(widget: Any, **values: Any) -> None:
    """Change a widget only where it is different."""
    changed = {name: value for name, value in values.items() if getattr(widget, name) != value}
    if changed:
        widget.param.update(**changed)
