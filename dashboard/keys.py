"""API tokens: a list with what is left to each, one more, another one in its place, one less."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import Any, Final

import panel as pn

from .deck import Deck
from .forms import Form, Question, Ticks, Values, look, password_field, press, text_field, title
from .once import Once
from .parts import say
from .proofs import PROVEN, act
from .session import SURFACE, Session, grid, html, stack, write
from .view import Thing, moment
from .words import DASH, Words

LASTING: Final = ("7d", "30d", "90d", "366d")
OVERLAP: Final = "1d"
CARDS_MOST: Final = 200


class Keys:
    """Those of the reader; `everybody`: of all. `changed` is called when one came or went."""

    def __init__(self, session: Session, changed: Any, *, everybody: bool = False) -> None:
        words = session.words
        self._session, self._changed, self._everybody = session, changed, everybody
        self._tokens: dict[str, Thing] = {}
        self._once, self._question, self._note = Once(session), Question(session), html()
        self._list = Deck(grid([], least="20rem"), self._card)
        heading = words("keys.title.all" if everybody else "keys.title")
        parts: list[Any] = [title(heading), html(f'<p class="soft">{escape(words("keys.about"))}</p>')]
        parts += [*self._once.parts, *self._question.parts, self._list.layout, self._note]
        if not everybody:
            parts.append(stack(title(words("keys.new")), *self._form().parts, **SURFACE))
        self.layout = stack(*parts)

    def show(self, tokens: list[Thing]) -> None:
        """As the controller lists them; those that are good first."""
        mine = [t for t in tokens if self._everybody or t.get("owner") == self._session.ticket.user]
        mine.sort(key=lambda t: (t["state"] != "good", str(t["expires"]), t["prefix"]))
        shown = {str(t["prefix"]): t for t in mine[:CARDS_MOST]}
        self._tokens |= shown  # a press may still be on its way to one that is gone: the controller says so
        keys = [(prefix, t["state"] == "good") for prefix, t in shown.items()]
        self._list.show(keys, say(self._session.words("keys.none"), "plain"))
        left = len(mine) - len(keys)
        write(self._note, say(self._session.words("keys.more", n=left), "plain") if left else "")
        for key in keys:
            write(self._list.cards[key].text, key_facts(self._session.words, self._tokens[key[0]]))

    def _card(self, key: tuple[str, bool]) -> KeyCard:
        (prefix, good), words = key, self._session.words
        if not good:
            return KeyCard()
        rotate = press(words("keys.rotate"), lambda: self._ask_rotate(self._tokens[prefix]))
        return KeyCard(rotate, press(words("keys.revoke"), lambda: self._ask_revoke(self._tokens[prefix])))

    # ── making ─────────────────────────────────────────────────────────────────────────────────────────
    def _form(self) -> Form:
        words, ticket = self._session.words, self._session.ticket
        rights = {right: words(f"right.{right}") for right in sorted(ticket.permissions)}
        known = self._session.feed.view.zones
        zones = {
            key: str(zone.get("name") or key)
            for key, zone in known.items()
            if ticket.zones is None or key in ticket.zones
        }
        lasting = {words(f"keys.lasting.{span}"): span for span in LASTING}
        fields: dict[str, Any] = {
            "label": text_field(words("keys.label"), max_length=80),
            "permissions": Ticks(words("keys.rights"), rights, ["look"]),
            "zones": Ticks(words("keys.zones"), zones),
            "lasting": pn.widgets.Select(label=words("keys.lasting"), options=lasting, value="90d", **look()),
            "current": password_field(words("form.current")),
        }
        return Form(self._session, fields, words("keys.make"), self._made)

    async def _made(self, values: Values) -> str:
        words, limits = self._session.words, {"zones": values["zones"] or None, "lasting": values["lasting"]}
        limits |= {"label": values["label"], "permissions": values["permissions"]}
        told = await act(self._session, "tokens.add", str(values["current"]), **limits)
        about = words("keys.made", label=told["label"])
        self._session.show(partial(self._once.show, about, str(told["token"])))
        self._changed()
        return say(words("keys.look_above"), "good")

    # ── rotating and revoking ──────────────────────────────────────────────────────────────────────────
    def _ask_rotate(self, token: Thing) -> None:
        """Another one in its place."""
        words = self._session.words
        text = words("keys.rotate.ask", label=token["label"], prefix=token["prefix"])
        yes, proves = words("keys.rotate"), "tokens.rotate" in PROVEN
        self._question.ask(text, yes, partial(self._rotated, token), proves=proves)

    def _ask_revoke(self, token: Thing) -> None:
        """Not good any more."""
        words = self._session.words
        text = words("keys.revoke.ask", label=token["label"], prefix=token["prefix"])
        yes, proves = words("keys.revoke"), "tokens.revoke" in PROVEN
        self._question.ask(text, yes, partial(self._revoked, token), proves=proves)

    async def _rotated(self, token: Thing, values: Values) -> str:
        asked = {"prefix": token["prefix"], "overlap": OVERLAP}
        told = await act(self._session, "tokens.rotate", values["current"], **asked)
        about = self._session.words("keys.rotated", label=told["label"], prefix=token["prefix"])
        self._session.show(partial(self._once.show, about, str(told["token"])))
        self._changed()
        return ""

    async def _revoked(self, token: Thing, values: Values) -> str:
        await act(self._session, "tokens.revoke", values["current"], prefix=token["prefix"])
        self._changed()
        return say(self._session.words("keys.revoked", label=token["label"]), "good")


class KeyCard:
    """One API token, and what can be done with it."""

    def __init__(self, *buttons: pn.widgets.Button) -> None:
        self.text = html()
        self.layout = stack(self.text, *buttons, **SURFACE)


def key_facts(words: Words, token: Thing) -> str:
    """What it may, when it was used, when it ends."""
    soon = token["state"] == "good" and token["ends_soon"]
    tone = "warn" if soon else "good" if token["state"] == "good" else "none"
    state = words("keys.state.soon" if soon else f"keys.state.{token['state']}")
    if token["state"] == "good" and token.get("replaced_by"):
        tone, state = "none", words("keys.state.replaced", prefix=token["replaced_by"])
    rights = ", ".join(words.known(f"right.{right}", str(right)) for right in token["permissions"])
    zones = words("keys.zones.owner") if token["zones"] is None else ", ".join(token["zones"]) or DASH
    facts = [
        ("keys.prefix", str(token["prefix"])),
        ("keys.owner", str(token["owner"] or DASH)),
        ("keys.may", rights),
        ("keys.where", zones),
        ("keys.used", words.stamp(moment(token["last_used"])) if token["last_used"] else words("age.never")),
        ("keys.ends", words.stamp(moment(token["expires"]))),
    ]
    rows = "".join(f"<dt>{escape(words(key))}</dt><dd>{escape(value)}</dd>" for key, value in facts)
    return (
        f'<div class="card inner"><div class="name"><span>{escape(str(token["label"]))}</span>'
        f'<span class="mark {tone}">{escape(state)}</span></div><dl class="facts">{rows}</dl></div>'
    )
