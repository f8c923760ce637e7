"""One account as a card: what it is, and for admins what may be changed of it, each by a question back."""

from __future__ import annotations

from collections.abc import Callable
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
# What one press does: the method, and whether it is hard to undo (its button is at the end then).
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

    def __init__(self, session: Session, account: Thing, changed: Changed) -> None:
        words = session.words
        self._session, self._changed, self._account = session, changed, dict(account)
        self._name, self._open = str(account["name"]), False
        self._text, self._question, self._once = html(), Question(session), Once(session)
        self._toggle = press(words("people.change"), self._on_toggle)
        self._closed = [self._text, *self._question.parts, *self._once.parts, self._toggle]
        self.layout = stack(*self._closed, **SURFACE)

    def update(self, account: Thing) -> None:
        """As it is now; an open editor is drawn anew when it would offer something else."""
        before, self._account = self._account, dict(account)
        write(self._text, person_facts(self._session.words, account, self._zone_names()))
        if self._open and _offers(before) != _offers(account):
            self._draw()

    def _zone_names(self) -> dict[str, str]:
        zones = self._session.feed.view.zones
        return {key: str(zone.get("name") or key) for key, zone in zones.items()}

    def _on_toggle(self) -> None:
        self._open = not self._open
        label = "people.close" if self._open else "people.change"
        self._toggle.label = self._session.words(label)
        self._question.close()
        self._draw()

    def _draw(self) -> None:
        if not self._open:
            self.layout.objects = self._closed
            return
        words, account = self._session.words, self._account
        roles = {words(f"role.{role}"): role for role in ROLES}
        role = pn.widgets.Select(label=words("people.role"), options=roles, value=account["role"], **look())
        parts: list[Any] = [role, press(words("people.role.set"), lambda: self._ask_role(str(role.value)))]
        if account["role"] != "admin":
            names = self._zone_names() | {
                zone: zone for zone in account["zones"] if zone not in self._zone_names()
            }
            options = {name: key for key, name in names.items()}
            zones = Ticks(words("people.zones"), options, list(account["zones"]))
            about = html(f'<p class="soft">{escape(words("people.zones.about"))}</p>')
            parts += [
                *zones.parts,
                about,
                press(words("people.zones.set"), lambda: self._ask_zones(zones.value)),
            ]
        for deed in self._deeds():
            color = "danger" if deed == "remove" else "default"
            parts.append(press(words(f"people.{deed}"), partial(self._ask_deed, deed), color=color))
        self.layout.objects = [self._text, *parts, *self._closed[1:]]

    def _deeds(self) -> list[str]:
        account = self._account
        deeds = ["password", "logout"] + (["totp"] if account["totp"] else [])
        return [*deeds, "deactivate" if account["active"] else "activate", "remove"]

    # ── asking back ────────────────────────────────────────────────────────────────────────────────────
    def _ask(self, deed: str, method: str, params: dict[str, Any], **said: Any) -> None:
        words = self._session.words
        text = words(f"people.{deed}.ask", name=self._name, **said)
        yes = words(f"people.{deed}.yes", name=self._name)
        proves = method in PROVEN
        self._question.ask(text, yes, partial(self._done, deed, method, params), proves=proves)

    def _ask_role(self, role: str) -> None:
        word = self._session.words(f"role.{role}")
        self._ask("role", "users.role", {"role": role}, role=word)

    def _ask_zones(self, zones: list[str]) -> None:
        names = ", ".join(self._zone_names().get(zone, zone) for zone in zones)
        shown = names or self._session.words("people.everywhere")
        self._ask("zones", "users.zones", {"zones": zones}, zones=shown)

    def _ask_deed(self, deed: str) -> None:
        self._ask(deed, DEEDS[deed], {})

    async def _done(self, deed: str, method: str, params: dict[str, Any], values: Values) -> str:
        words = self._session.words
        told = await act(self._session, method, values["current"], name=self._name, **params)
        if told.get("password"):
            about = words("people.password.made", name=self._name)
            self._session.show(partial(self._once.show, about, str(told["password"])))
        self._changed()
        return say(words(f"people.{deed}.done", name=self._name), "good")


def _offers(account: Thing) -> tuple[Any, ...]:
    return account["role"], tuple(account["zones"]), account["active"], account["totp"]


def person_facts(words: Words, account: Thing, zones: dict[str, str]) -> str:
    """Role, zones, second factor, when seen last."""
    active = bool(account["active"])
    where = ", ".join(zones.get(zone, zone) for zone in account["zones"]) or words("people.everywhere")
    facts = [
        (words("people.role"), words.known(f"role.{account['role']}", str(account["role"]))),
        (words("people.zones"), DASH if account["role"] == "viewer" else where),
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


def _seen(words: Words, account: Thing) -> str:
    return words.stamp(moment(account["last_seen"])) if account.get("last_seen") else words("age.never")
