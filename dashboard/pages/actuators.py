"""The actuators page: what each reports and did, switching by hand, safety's opinion beforehand, why it runs."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any, Final, NamedTuple

import panel as pn

from godkaiser import CommandRefusedError

from ..account import WINDOWS, account
from ..deck import Deck
from ..feed import TROUBLE
from ..parts import actuator_card, actuator_facts, chain, findings, held, say, widget_style
from ..rounds import Rounds, Show
from ..session import SURFACE, Session, grid, html, stack, write
from ..view import Thing, View, named

DURATIONS_S: Final = (0, 30, 60, 300, 900, 3600)
COUNTED_EVERY_S: Final = 30.0


class Actuators:
    """One card per actuator."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rounds = Rounds(session, COUNTED_EVERY_S, self._fetch)
        self._deck = Deck(grid([], least="21rem", gap="1rem"), partial(Card, session))

    def content(self) -> pn.viewable.Viewable:
        """What stands below the top bar."""
        self.update(*self._session.look())
        return self._deck.layout

    def update(self, view: View, now: datetime) -> None:
        """Redraw what has become different."""
        words, before = self._session.words, list(self._deck.cards)
        self._deck.show([made(a) for a in named(view.actuators.values())], say(words("actuator.none")))
        if before != list(self._deck.cards):
            self._rounds.again()
        for key, card in self._deck.cards.items():
            card.update(view.actuators[key.id], view, now)
        if view.actuators:
            self._rounds.look(view)

    async def _fetch(self) -> Show | None:
        """What they did; without an answer the page says what it said."""
        told: dict[str, dict[str, Thing]] = {}
        try:
            for name, since in WINDOWS.items():
                for one in await self._session.ask("actuators.statistics", since=since):
                    told.setdefault(str(one["actuator"]), {})[name] = one
        except TROUBLE:
            return None
        return partial(self._show, told)

    def _show(self, told: dict[str, dict[str, Thing]]) -> None:
        for key, card in self._deck.cards.items():
            card.told = told.get(key.id, {})


class Made(NamedTuple):
    """What a card is made for; of another one its control is another one."""

    id: str
    type: str | None
    zone: str | None
    longest_s: float | None


def made(actuator: Thing) -> Made:
    """Of an actuator as the controller tells it."""
    longest = actuator.get("max_on_s")
    return Made(str(actuator["id"]), actuator.get("type"), actuator.get("zone"), longest)


class Card:
    """One actuator: state, facts, the control and the chain behind its last command."""

    def __init__(self, session: Session, about: Made) -> None:
        self._session, self._id, self._type = session, about.id, about.type
        self._state, self._facts, self._verdict, self._why = html(), html(), html(), html()
        self._account, self.told = html(), dict[str, Thing]()
        self._hold, self._released = html(), html()
        self._asked = 0
        self._open = False
        self._zone = about.zone
        reported = session.look()[0].actuators[about.id].get("reported")
        self._value = self._value_widget(reported or 0.0)
        self._duration = self._duration_widget(about.longest_s)
        self._set = self._button(self._set_name(), self._on_set, color="primary")
        self._ask = self._button(session.words("why.button"), self._on_why)
        self._release = self._button(session.words("hold.release"), self._on_release, visible=False)
        self._value.param.watch(self._on_value, "value")
        looked = (self._account, self._facts, self._ask, self._why)
        self.layout = stack(self._state, self._hold, *self._controls(), *looked, **SURFACE)

    def update(self, actuator: Thing, view: View, now: datetime) -> None:
        """Redraw what has become different; nothing can be set while the controller is away."""
        words = self._session.words
        write(self._state, actuator_card(words, actuator, view, now, "inner"))
        write(self._facts, actuator_facts(words, actuator, view, now))
        write(self._account, account(words, self.told, now))
        write(self._hold, held(words, actuator, view, now))
        if self._release.visible != bool(actuator.get("hold")):
            self._release.visible = bool(actuator.get("hold"))
        for widget in (self._set, self._value, self._duration, self._ask, self._release):
            if widget.disabled != view.gone:
                widget.disabled = view.gone

    def _controls(self) -> list[Any]:
        ticket, words = self._session.ticket, self._session.words
        if not ticket.may_in("switch", self._zone):
            return [html(say(words("set.elsewhere" if ticket.may("switch") else "set.viewer")))]
        return [self._release, self._released, self._value, self._duration, self._set, self._verdict]

    def _value_widget(self, reported: float) -> Any:
        """In percent, starting from what is reported, so that nothing changes by accident."""
        words = self._session.words
        if self._type == "pwm":
            title = f"{words('set.value')} (%)"
            start = round(reported * 20) * 5
            return pn.widgets.IntSlider(label=title, start=0, end=100, step=5, value=start, **_look())
        options = {words("level.off"): 0, words("level.on"): 100}
        value = 100 if reported else 0
        return pn.widgets.RadioButtonGroup(label=words("set.value"), options=options, value=value, **_look())

    def _duration_widget(self, longest: float | None) -> Any:
        words = self._session.words
        offered = [s for s in DURATIONS_S if not s or longest is None or s <= longest]
        options = {words.span(s) if s else words("set.duration.default"): s for s in offered}
        return pn.widgets.Select(label=words("set.duration"), options=options, value=0, **_look())

    def _button(self, name: str, act: Any, **params: Any) -> pn.widgets.Button:
        button = pn.widgets.Button(label=name, **_look(), **params)
        button.on_click(act)
        return button

    def _set_name(self) -> str:
        return self._session.words("set.button", value=self._session.words.level(self._level(), self._type))

    def _level(self) -> float:
        return float(self._value.value) / 100.0

    def _on_value(self, _: object) -> None:
        self._set.label = self._set_name()
        self._asked += 1
        self._session.start(self._check(self._asked, self._level()))

    def _on_set(self, _: object) -> None:
        self._asked += 1
        write(self._verdict, say(self._session.words("set.sending")))
        self._set.disabled = True
        self._session.start(self._send(self._asked, self._level(), self._duration.value))

    def _on_release(self, _: object) -> None:
        write(self._released, "")
        self._session.start(self._end_hold())

    async def _end_hold(self) -> None:
        words = self._session.words
        try:
            await self._session.act("actuators.release", actuator=self._id)
            text = say(words("hold.released"), "good")
        except TROUBLE as error:
            text = say(words("shell.failed", problem=str(error)), "bad")
        self._session.show(partial(write, self._released, text))

    def _on_why(self, _: object) -> None:
        self._open = not self._open
        if not self._open:
            write(self._why, "")
            return
        write(self._why, say(self._session.words("why.loading")))
        self._session.start(self._tell_why())

    async def _check(self, asked: int, value: float) -> None:
        """What would safety say? Nothing is sent."""
        words = self._session.words
        try:
            told = await self._session.ask("check", actuator=self._id, value=value)
        except TROUBLE as error:
            self._say(asked, say(words("set.failed", problem=str(error)), "bad"))
            return
        key, tone = ("set.allowed", "good") if told["allowed"] else ("set.refused", "bad")
        self._say(asked, findings(words, key, tone, told.get("findings") or ()))

    async def _send(self, asked: int, value: float, duration: int) -> None:
        words = self._session.words
        try:
            told = await self._session.act("set", actuator=self._id, value=value, duration=duration or None)
        except CommandRefusedError as error:
            self._say(asked, findings(words, "set.refused", "bad", error.findings))
        except TROUBLE as error:
            self._say(asked, say(words("set.failed", problem=str(error)), "bad"))
        else:
            self._say(asked, self._outcome(told))

    def _outcome(self, told: dict[str, Any]) -> str:
        words, state = self._session.words, str(told.get("state"))
        if state in ("confirmed", "acked"):
            return findings(words, f"set.outcome.{state}", "good", told.get("findings") or ())
        said = {"state": words.known(f"command.{state}", state), "message": told.get("message") or ""}
        return findings(words, "set.outcome.other", "warn", told.get("findings") or (), **said)

    async def _tell_why(self) -> None:
        try:
            text = chain(self._session.words, await self._session.ask("why", actuator=self._id))
        except TROUBLE as error:
            text = say(self._session.words("set.failed", problem=str(error)), "bad")
        self._session.show(partial(write, self._why, text))

    def _say(self, asked: int, text: str) -> None:
        """Show an answer, unless something newer has been asked meanwhile."""

        def show() -> None:
            if asked == self._asked:
                write(self._verdict, text)

        self._session.show(show)


def _look() -> dict[str, Any]:
    return {"sizing_mode": "stretch_width", "margin": 0, "stylesheets": [widget_style()]}
