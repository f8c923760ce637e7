"""Accounts, for admins: everybody there is, one more, everybody's API tokens, and addresses that are kept out."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from html import escape
from typing import Any, Final

import panel as pn

from ..deck import Deck
from ..feed import TROUBLE
from ..forms import Form, Question, Ticks, Values, look, password_field, press, text_field, title
from ..keys import Keys
from ..once import Once
from ..parts import say
from ..people import ROLES, Person
from ..proofs import PROVEN, act
from ..rounds import Rounds, Show
from ..session import SURFACE, Session, grid, html, stack, write
from ..trouble import told
from ..view import Thing, View, moment
from ..words import Words

ASKED_EVERY_S: Final = 20.0
CARDS_MOST: Final = 300


class Accounts:
    """Cards are made and dropped only when people come and go, so that what is being typed stays."""

    def __init__(self, session: Session) -> None:
        self._session, self._rounds = session, Rounds(session, ASKED_EVERY_S, self._fetch)
        self._problem, self._note, self._once = html(), html(), Once(session)
        self._people = Deck(grid([], least="20rem", gap="1rem"), self._person)
        self._blocks = Deck(stack(), self._block)
        self._lift = Question(session)
        self._keys = Keys(session, self._rounds.soon, everybody=True)

    def content(self) -> pn.viewable.Viewable:
        """What stands below the top bar."""
        words = self._session.words
        new = stack(title(words("people.new")), *self._form().parts, *self._once.parts, **SURFACE)
        out = html(f'<p class="soft">{escape(words("blocks.about"))}</p>')
        blocks = (title(words("blocks.title")), out, *self._lift.parts, self._blocks.layout)
        head = title(words("nav.accounts"))
        return stack(self._problem, head, self._people.layout, self._note, new, *blocks, self._keys.layout)

    def update(self, view: View, now: datetime) -> None:  # noqa: ARG002 - every page is asked so
        """Ask when it is time."""
        self._rounds.look(view)

    async def _fetch(self) -> Show:
        ask = self._session.act
        try:
            people, seen = await ask("users.list"), await ask("users.seen")
            tokens, blocks = await ask("tokens.list"), await ask("blocks.list")
        except TROUBLE as error:
            text = say(told(self._session.words, error)[1], "bad")
            return partial(write, self._problem, text)
        found = [account | {"last_seen": seen.get(account["name"])} for account in people]
        return partial(self._show, found, tokens, blocks)

    def _show(self, people: list[Thing], tokens: list[Thing], blocks: list[Thing]) -> None:
        people = sorted(people, key=lambda account: str(account["name"]).casefold())
        left, people = len(people) - CARDS_MOST, people[:CARDS_MOST]
        self._people.show([str(account["name"]) for account in people])
        for account in people:
            self._people.cards[str(account["name"])].update(account)
        write(self._problem, "")
        write(self._note, say(self._session.words("people.more", n=left), "plain") if left > 0 else "")
        self._keys.show(tokens)
        self._show_blocks(blocks[:CARDS_MOST])

    def _person(self, name: str) -> Person:
        return Person(self._session, name, self._rounds.soon)

    # ── one more ───────────────────────────────────────────────────────────────────────────────────────
    def _form(self) -> Form:
        words, view = self._session.words, self._session.feed.view
        roles = {words(f"role.{role}"): role for role in ROLES}
        zones = {key: str(zone.get("name") or key) for key, zone in view.zones.items()}
        fields: dict[str, Any] = {
            "name": text_field(words("people.name"), max_length=64),
            "role": pn.widgets.Select(label=words("people.role"), options=roles, value="viewer", **look()),
            "zones": Ticks(words("people.zones"), zones),
        }
        if "users.add" in PROVEN:
            fields["current"] = password_field(words("form.current"))
        return Form(self._session, fields, words("people.add"), self._added)

    async def _added(self, values: Values) -> str:
        words, name = self._session.words, str(values["name"]).strip()
        params = {"name": name, "role": values["role"], "zones": values["zones"]}
        made = await act(self._session, "users.add", str(values.get("current") or ""), **params)
        about = words("people.password.made", name=name)
        self._session.show(partial(self._once.show, about, str(made["password"])))
        self._rounds.soon()
        return say(words("people.added", name=name), "good")

    # ── addresses ──────────────────────────────────────────────────────────────────────────────────────
    def _show_blocks(self, blocks: list[Thing]) -> None:
        words = self._session.words
        self._blocks.show([str(block["address"]) for block in blocks], say(words("blocks.none"), "good"))
        for block in blocks:
            write(self._blocks.cards[str(block["address"])].text, block_facts(words, block))

    def _block(self, address: str) -> Block:
        return Block(press(self._session.words("blocks.lift"), partial(self._ask_lift, address)))

    def _ask_lift(self, address: str) -> None:
        words, proves = self._session.words, "blocks.lift" in PROVEN
        text, yes = words("blocks.ask", address=address), words("blocks.lift")
        self._lift.ask(text, yes, partial(self._lifted, address), proves=proves)

    async def _lifted(self, address: str, values: Values) -> str:
        await act(self._session, "blocks.lift", values["current"], address=address)
        self._rounds.soon()
        return say(self._session.words("blocks.done", address=address), "good")


class Block:
    """One address that is kept out, and how it is let in again."""

    def __init__(self, lift: pn.widgets.Button) -> None:
        self.text = html()
        self.layout = stack(self.text, lift, **SURFACE)


def block_facts(words: Words, block: Thing) -> str:
    """Which address, until when, for how often."""
    until = words("blocks.until", until=words.stamp(moment(block["until"])), times=block["times"])
    return f"<p><b>{escape(str(block['address']))}</b><br>{escape(until)}</p>"
