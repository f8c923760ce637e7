"""My account: the own password, second factor, sessions and API tokens. For everybody who is signed in."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from html import escape
from typing import Any, Final

import panel as pn

from ..feed import TROUBLE
from ..forms import Form, Question, Values, password_field, press, title
from ..keys import Keys
from ..parts import say
from ..proofs import act
from ..rounds import Rounds, Show
from ..second_factor import SecondFactor
from ..session import SURFACE, Session, grid, html, stack, write
from ..trouble import told
from ..view import Thing, View

ASKED_EVERY_S: Final = 30.0


class Account:
    """Asks the controller again now and then; what is typed meanwhile stays."""

    def __init__(self, session: Session) -> None:
        words = session.words
        self._session, self._rounds = session, Rounds(session, ASKED_EVERY_S, self._fetch)
        self._who, self._problem = html(), html()
        self._factor, self._keys = SecondFactor(session), Keys(session, self._rounds.soon)
        self._question = Question(session)
        self._everywhere = press(words("me.everywhere"), self._ask_everywhere)

    def content(self) -> pn.viewable.Viewable:
        """What stands below the top bar."""
        words = self._session.words
        about = f'<p class="soft">{escape(words("me.sessions.about"))}</p>'
        ends = (html(about), self._everywhere, *self._question.parts)
        sessions = stack(title(words("me.sessions")), *ends, **SURFACE)
        parts = [self._password(), self._factor.layout, sessions]
        return stack(self._problem, self._who, grid(parts, least="22rem", gap="1rem"), self._keys.layout)

    def update(self, view: View, now: datetime) -> None:  # noqa: ARG002 - every page is asked so
        """Ask when it is time."""
        self._rounds.look(view)

    async def _fetch(self) -> Show:
        try:
            mine, tokens = await self._session.act("me"), await self._session.act("tokens.list")
        except TROUBLE as error:
            text = say(told(self._session.words, error)[1], "bad")
            return partial(write, self._problem, text)
        return partial(self._show, mine, tokens)

    def _show(self, mine: dict[str, Any], tokens: list[Thing]) -> None:
        words, view = self._session.words, self._session.look()[0]
        zones = ", ".join(str((view.zones.get(zone) or {}).get("name") or zone) for zone in mine["zones"])
        where = words("me.zones", zones=zones) if zones else words("me.everywhere_zones")
        role = words(f"role.{mine['role']}")
        write(self._problem, "")
        write(self._who, f"<h1>{escape(str(mine['name']))}</h1><p>{escape(role)} · {escape(where)}</p>")
        self._factor.show(mine)
        self._keys.show(tokens)

    # ── the password ───────────────────────────────────────────────────────────────────────────────────
    def _password(self) -> pn.Column:
        words = self._session.words
        fields = {
            "current": password_field(words("form.current")),
            "password": password_field(words("me.new")),
            "again": password_field(words("me.again")),
        }
        form = Form(self._session, fields, words("me.change"), self._changed)
        about = html(f'<p class="soft">{escape(words("me.password.about"))}</p>')
        return stack(title(words("me.password")), about, *form.parts, **SURFACE)

    async def _changed(self, values: Values) -> str:
        """Every session ends with it, this page's too: page.js leads to the sign-in form."""
        words = self._session.words
        if values["password"] != values["again"]:
            return say(words("me.differ"), "bad")
        name, wanted = self._session.ticket.user, values["password"]
        await act(self._session, "users.password", str(values["current"]), name=name, password=wanted)
        return say(words("me.changed"), "good")

    # ── sessions ───────────────────────────────────────────────────────────────────────────────────────
    def _ask_everywhere(self) -> None:
        words = self._session.words
        self._question.ask(words("me.everywhere.ask"), words("me.everywhere"), self._signed_out, proves=False)

    async def _signed_out(self, _: Values) -> str:
        await self._session.act("logout", all_devices=True)
        return say(self._session.words("me.everywhere.done"), "good")
