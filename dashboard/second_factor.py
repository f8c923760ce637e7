"""One's own second factor: begun with a picture for the phone's camera, confirmed by a first code, taken away."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import segno

from .forms import Form, Values, password_field, press, text_field, title
from .parts import say
from .proofs import act
from .session import SURFACE, Session, html, stack, write


class SecondFactor:
    """Which of its three faces is shown: asked for, begun, not there."""

    def __init__(self, session: Session) -> None:
        words = session.words
        self._session, self._words = session, words
        self._current, self._on = "", False
        self._state, self._picture, self._done = html(), html(), html()
        self._begin = Form(
            session, {"current": password_field(words("form.current"))}, words("totp.begin"), self._begun
        )
        code = text_field(words("totp.code"), placeholder="123456")
        self._confirm = Form(session, {"code": code}, words("totp.confirm"), self._confirmed)
        self._cancel = press(words("form.no"), self._forget)
        self._remove = Form(
            session,
            {"current": password_field(words("form.current"))},
            words("totp.remove"),
            self._removed,
            color="danger",
        )
        self._head = [title(words("totp.title")), self._state, self._done]
        self.layout = stack(*self._head, **SURFACE)

    def show(self, mine: dict[str, Any]) -> None:
        """As the controller says it."""
        self._on = bool(mine["totp"])
        if not self._current:
            self._redraw()

    def _redraw(self) -> None:
        words, begun = self._words, bool(self._current)
        admin = self._session.ticket.may("manage_users")
        key = "totp.on" if self._on else "totp.off"
        more = "" if admin or not self._on else " " + words("totp.admin_only")
        write(self._state, f"<p>{escape(words(key) + more)}</p>")
        face: list[Any] = []
        if begun:
            face = [self._picture, *self._confirm.parts, self._cancel]
        elif not self._on:
            face = self._begin.parts
        elif admin:
            face = self._remove.parts
        shown = [*self._head, *face]
        if self.layout.objects != shown:
            self.layout.objects = shown

    def _forget(self) -> None:
        self._current = ""
        write(self._picture, "")
        self._confirm.clear()
        self._redraw()

    # ── steps ──────────────────────────────────────────────────────────────────────────────────────────
    async def _begun(self, values: Values) -> str:
        current = str(values["current"])
        told = await act(self._session, "users.totp.begin", current, name=self._session.ticket.user)
        self._session.show(partial(self._offer, current, str(told["address"])))
        return ""

    def _offer(self, current: str, address: str) -> None:
        self._current = current  # the first code is sent with it, within minutes
        write(self._done, "")
        write(self._picture, picture(self._words("totp.scan"), self._words("totp.secret"), address))
        self._redraw()

    async def _confirmed(self, values: Values) -> str:
        name, code = self._session.ticket.user, "".join(str(values["code"]).split())
        await act(self._session, "users.totp.confirm", self._current, name=name, code=code)
        self._session.show(partial(self._switched, True, self._words("totp.done")))
        return ""

    async def _removed(self, values: Values) -> str:
        await act(self._session, "users.totp.remove", str(values["current"]), name=self._session.ticket.user)
        self._session.show(partial(self._switched, False, self._words("totp.removed")))
        return ""

    def _switched(self, on: bool, text: str) -> None:
        self._on = on
        self._forget()
        write(self._done, say(text, "good"))


def picture(scan: str, by_hand: str, address: str) -> str:
    """The QR code, the secret in groups of four, and the address itself."""
    code = segno.make(address, error="m").svg_inline(scale=5, border=4, dark="#000", light="#fff")
    secret = parse_qs(urlsplit(address).query).get("secret", [""])[0]
    groups = " ".join(secret[place : place + 4] for place in range(0, len(secret), 4))
    return (
        f'<p>{escape(scan)}</p><div class="qr">{code}</div><p>{escape(by_hand)}</p>'
        f'<p class="once"><code>{escape(groups)}</code></p>'
        f'<p class="once"><code class="address">{escape(address)}</code></p>'
    )
