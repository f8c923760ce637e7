"""Forms inside a page: fields with their problem beside them, a button that works once at a time, a question back.

What was typed as a password is taken out of the page as soon as it was sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from html import escape
from typing import Any, Final

import panel as pn

from .feed import TROUBLE
from .parts import say, widget_style
from .session import Session, html, write
from .trouble import told

Values = dict[str, Any]
Act = Callable[[Values], Awaitable[str]]  # gives what to say, as HTML; empty for nothing
_LONGEST: Final = 1000


def look(**more: Any) -> dict[str, Any]:
    """How every widget of ours looks."""
    return {"sizing_mode": "stretch_width", "margin": 0, "stylesheets": [widget_style()]} | more


def text_field(label: str, value: str = "", **more: Any) -> pn.widgets.TextInput:
    """One line of text."""
    return pn.widgets.TextInput(label=label, value=value, **look(**more))


def password_field(label: str) -> pn.widgets.PasswordInput:
    """A line that nobody reads over a shoulder."""
    return pn.widgets.PasswordInput(label=label, **look())


def press(label: str, act: Callable[[], None], **more: Any) -> pn.widgets.Button:
    """A button."""
    button = pn.widgets.Button(label=label, **look(**more))
    button.on_click(lambda _: act())
    return button


def title(text: str) -> pn.pane.HTML:
    """A heading of a part of a page."""
    return html(f'<h2 class="zone">{escape(text)}</h2>')


class Ticks:
    """Several of a few: `options` are the controller's names with what people call them."""

    def __init__(self, label: str, options: Mapping[str, str], value: Sequence[str] = ()) -> None:
        self._label, self.head = label, html()
        self.box = pn.widgets.CheckBoxGroup(**look())
        self.parts = [self.head, self.box]
        self.offer(options)
        self.value = list(value)

    @property
    def value(self) -> list[str]:
        """What is ticked, by the controller's names."""
        return [str(one) for one in self.box.value or ()]

    @value.setter
    def value(self, ticked: Sequence[str]) -> None:
        self.box.value = list(ticked)

    def offer(self, options: Mapping[str, str]) -> None:
        """These and no others; what is ticked of them stays so."""
        names = Counter(options.values())
        offered = {
            name if names[name] == 1 else f"{name} ({option})": option for option, name in options.items()
        }
        if offered != self.box.options:
            write(self.head, f'<p class="soft">{escape(self._label)}</p>' if offered else "")
            self.box.param.update(options=offered, value=[one for one in self.value if one in options])


class Form:
    """Fields by the names the controller knows them by, and a button that sends them."""

    def __init__(
        self, session: Session, fields: Mapping[str, Any], button: str, act: Act, color: str = "primary"
    ) -> None:
        self._session, self._fields, self._act = session, fields, act
        self._problems = {name: html() for name in fields}
        self.said = html()
        self.button = press(button, self._on_send, color=color)
        rows = [part for name, field in fields.items() for part in (*_parts(field), self._problems[name])]
        self.parts = [*rows, self.button, self.said]  # flat, so that what is hidden takes no room

    def _on_send(self) -> None:
        if self.button.disabled:
            return
        self.button.disabled = True
        values = {name: field.value for name, field in self._fields.items()}
        for field in self._fields.values():
            if isinstance(field, pn.widgets.PasswordInput):
                field.value = ""
        self._session.start(self._send(values))

    async def _send(self, values: Values) -> None:
        place, text = "", ""
        try:
            if any(isinstance(value, str) and len(value) > _LONGEST for value in values.values()):
                text = say(self._session.words("form.long"), "bad")
            elif values.get("current") == "":
                place, text = "current", say(self._session.words("form.current.missing"), "bad")
            else:
                text = await self._act(values)
        except TROUBLE as error:
            place, problem = told(self._session.words, error)
            text = say(problem, "bad")
        self._session.show(partial(self._tell, place, text))

    def _tell(self, place: str, text: str) -> None:
        self.button.disabled = False
        for name, problem in self._problems.items():
            write(problem, text if name == place else "")
        write(self.said, "" if place in self._problems else text)

    def clear(self) -> None:
        """Nothing is said, nothing is typed in secret."""
        self._tell("", "")


class Question:
    """Asks back, by name, before something that is hard to undo; for the reader's password where that is wanted."""

    def __init__(self, session: Session) -> None:
        self._session, self._proves = session, False
        self._act: Act = _nothing
        words = session.words
        self._text, self._problem, self._said = html(), html(), html()
        self._current = password_field(words("form.current"))
        self._current.visible = False
        self._yes = press("", self._on_yes, color="danger", visible=False)
        self._no = press(words("form.no"), self.close, visible=False)
        asked = (self._text, self._current, self._problem, self._yes, self._no)
        self.parts = [*asked, self._said]

    def ask(self, text: str, yes: str, act: Act, *, proves: bool) -> None:
        """Show it; `act` is done with `current` once somebody says yes."""
        self._act, self._proves = act, proves
        write(self._text, say(text, "warn"))
        write(self._problem, "")
        write(self._said, "")
        self._current.param.update(visible=proves, value="")
        self._no.visible = True
        self._yes.param.update(label=yes, visible=True, disabled=False)  # last: all it needs is there then

    def close(self) -> None:
        """Never mind."""
        self._act = _nothing
        for pane in (self._text, self._problem):
            write(pane, "")
        for widget in (self._yes, self._no, self._current):
            widget.visible = False
        self._current.value = ""

    def tell(self, text: str) -> None:
        """Say something where the answer would stand."""
        write(self._said, text)

    def _on_yes(self) -> None:
        if self._yes.disabled:  # a second press that was on its way
            return
        current, self._current.value = str(self._current.value or ""), ""
        if self._proves and not current:
            write(self._problem, say(self._session.words("form.current.missing"), "bad"))
            return
        self._yes.disabled = True
        self._session.start(self._do(self._act, current))

    async def _do(self, act: Act, current: str) -> None:
        try:
            done = await act({"current": current})
        except TROUBLE as error:
            place, problem = told(self._session.words, error)
            self._session.show(partial(self._finish, act, place, say(problem, "bad")))
        else:
            self._session.show(partial(self._finish, act, "", done))

    def _finish(self, act: Act, place: str, text: str) -> None:
        if act is not self._act:  # something else is asked by now, and stays
            write(self._said, text)
        elif place == "current":  # asking again may help
            self._yes.disabled = False
            write(self._problem, text)
        else:
            self.close()
            write(self._said, text)


def _parts(field: Any) -> Sequence[Any]:
    return field.parts if isinstance(field, Ticks) else (field,)


async def _nothing(_: Values) -> str:
    return ""
