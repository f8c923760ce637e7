"""One account as a card: what it is, and for admins what may be changed of it, each by a question back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from html import escape
from typing import Any, Final

import panel as pn

from .forms import Question, Ticks, Values, look, press
from .once import Once
from .parts import say
from .proofs import PROVEN, act
from .session import SURFACE, Session, html, stack, write
from .view import Thing, moment
from .words import DASH, Words

ROLES: Final = ("viewer", "operator", "admin")
# What one press does, in the order of the buttons: what is hard to undo is at the end.
DEEDS: Final = {
    "password": "users.password",
    "logout": "users.logout",
    "totp": "users.totp.remove",
    "deactivate": "users.deactivate",
    "activate": "users.activate",
    "remove": "users.remove",
}
Changed = Callable[[], None]


class Person:
    """A card that opens: closed it has one button, so that a long list stays quick."""

    def __init__(self, session: Session, name: str, changed: Changed) -> None:
        words = session.words
        self._session, self._name, self._changed = session, name, changed
        self._account: Thing = {}
        self._editor: Editor | None = None
        self._text, self._question, self._once = html(), Question(session), Once(session)
        self._toggle = press(words("people.change"), self._on_toggle)
        self._closed = [self._text, *self._question.parts, *self._once.parts, self._toggle]
        self.layout = stack(*self._closed, **SURFACE)

    def update(self, account: Thing) -> None:
        """As it is now."""
        self._account = dict(account)
        write(self._text, person_facts(self._session.words, account, self._zone_names()))
        if self._editor is not None:
            self._editor.update(account, self._zone_names())

    def _zone_names(self) -> dict[str, str]:
        zones = self._session.feed.view.zones
        return {key: str(zone.get("name") or key) for key, zone in zones.items()}

    def _on_toggle(self) -> None:
        words = self._session.words
        self._question.close()
        if self._editor is not None:
            self._editor, self._toggle.label = None, words("people.change")
            self.layout.objects = self._closed
            return
        self._editor, self._toggle.label = Editor(self, words), words("people.close")
        self._editor.update(self._account, self._zone_names())
        self.layout.objects = [self._text, *self._editor.parts, *self._closed[1:]]

    # ── asking back ────────────────────────────────────────────────────────────────────────────────────
    def _ask(self, deed: str, method: str, params: dict[str, Any], **said: Any) -> None:
        words = self._session.words
        text = words(f"people.{deed}.ask", name=self._name, **said)
        yes = words(f"people.{deed}.yes", name=self._name)
        proves = method in PROVEN
        self._question.ask(text, yes, partial(self._done, deed, method, params), proves=proves)

    def ask_role(self, role: str) -> None:
        """Shall they have this role?"""
        word = self._session.words(f"role.{role}")
        self._ask("role", "users.role", {"role": role}, role=word)

    def ask_zones(self, zones: list[str]) -> None:
        """Shall they act in these zones only?"""
        names = ", ".join(self._zone_names().get(zone, zone) for zone in zones)
        shown = names or self._session.words("people.everywhere")
        self._ask("zones", "users.zones", {"zones": zones}, zones=shown)

    def ask_deed(self, deed: str) -> None:
        """One of `DEEDS`?"""
        self._ask(deed, DEEDS[deed], {})

    async def _done(self, deed: str, method: str, params: dict[str, Any], values: Values) -> str:
        words = self._session.words
        told = await act(self._session, method, values["current"], name=self._name, **params)
        if told.get("password"):
            about = words("people.password.made", name=self._name)
            self._session.show(partial(self._once.show, about, str(told["password"])))
        self._changed()
        if told.get("already"):
            return say(words("people.already", name=self._name), "plain")
        return say(words(f"people.{deed}.done", name=self._name), "good")


class Editor:
    """What may be changed of an account. Its parts stay, or a press of a moment ago would get lost."""

    def __init__(self, card: Person, words: Words) -> None:
        self._account: Thing | None = None
        roles = {words(f"role.{role}"): role for role in ROLES}
        self._role = pn.widgets.Select(label=words("people.role"), options=roles, **look())
        self._zones = Ticks(words("people.zones"), {})
        self._words, self._about = words, html()
        set_zones = press(words("people.zones.set"), lambda: card.ask_zones(self._zones.value))
        self._of_zones = [*self._zones.parts, self._about, set_zones]
        self._deeds = {
            deed: press(
                words(f"people.{deed}"),
                partial(card.ask_deed, deed),
                color="danger" if deed == "remove" else "default",
            )
            for deed in DEEDS
        }
        set_role = press(words("people.role.set"), lambda: card.ask_role(str(self._role.value)))
        self.parts: list[Any] = [self._role, set_role, *self._of_zones, *self._deeds.values()]

    def update(self, account: Thing, zones: Mapping[str, str]) -> None:
        """Offers what can be done now; what somebody else changed meanwhile is told, the rest stays as picked."""
        before, self._account = self._account, dict(account)
        if before is None or before["role"] != account["role"]:
            self._role.value = account["role"]
        self._zones.offer({zone: zone for zone in account["zones"]} | dict(zones))
        if before is None or before["zones"] != account["zones"]:
            self._zones.value = list(account["zones"])
        about = "people.zones.viewer" if account["role"] == "viewer" else "people.zones.about"
        write(self._about, f'<p class="soft">{escape(self._words(about))}</p>')
        for part in self._of_zones:  # without zones there is nothing to pick
            part.visible = account["role"] != "admin" and bool(self._zones.box.options)
        absent = {"activate" if account["active"] else "deactivate"} | (
            set() if account["totp"] else {"totp"}
        )
        for deed, button in self._deeds.items():
            button.visible = deed not in absent


def person_facts(words: Words, account: Thing, zones: dict[str, str]) -> str:
    """Role, zones, second factor, when seen last."""
    active = bool(account["active"])
    facts = [
        (words("people.role"), words.known(f"role.{account['role']}", str(account["role"]))),
        (words("people.zones"), _where(words, account, zones)),
        (words("people.factor"), words("people.yes" if account["totp"] else "people.no")),
        (words("people.seen"), _seen(words, account)),
    ]
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    state = words("people.active" if active else "people.inactive")
    return (
        f'<div class="card inner"><div class="name"><span><b>{escape(str(account["name"]))}</b></span>'
        f'<span class="mark {"good" if active else "none"}">{escape(state)}</span></div>'
        f'<dl class="facts">{rows}</dl></div>'
    )


def _where(words: Words, account: Thing, zones: dict[str, str]) -> str:
    """Zones bind operators: looking and stopping reach the whole house. Those of a viewer wait until it is one."""
    named = ", ".join(zones.get(zone, zone) for zone in account["zones"])
    if account["role"] == "viewer":
        return words("people.zones.later", zones=named) if named else DASH
    return named or words("people.everywhere")


def _seen(words: Words, account: Thing) -> str:
    return words.stamp(moment(account["last_seen"])) if account.get("last_seen") else words("age.never")
