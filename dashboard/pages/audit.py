"""The audit, for admins: newest first, a page at a time, filtered, checked, and as a file."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial
from html import escape

import panel as pn

from ..feed import TROUBLE
from ..forms import look, press, text_field, title
from ..parts import say
from ..session import SURFACE, Session, grid, html, stack, write
from ..trail import GROUPS, PAGE, SINCE, address, asked, rows_html, verdict
from ..trouble import told
from ..view import View


class Audit:
    """Shows what was asked for; it changes only when somebody asks again."""

    def __init__(self, session: Session) -> None:
        words = session.words
        self._session, self._number = session, 0
        self._places: list[list[int] | None] = [None]  # where each page begins that was looked at
        self._next: list[int] | None = None
        since = {words(f"audit.since.{span}"): span for span in SINCE}
        groups = {words(f"audit.group.{name}"): begin for name, begin in GROUPS.items()}
        self._since = pn.widgets.Select(label=words("audit.since"), options=since, value="-7d", **look())
        self._day = pn.widgets.DatePicker(label=words("audit.day"), value=None, **look())
        self._who = text_field(words("audit.who"), max_length=80)
        self._action = pn.widgets.Select(label=words("audit.action"), options=groups, value="", **look())
        self._rows, self._problem, self._link, self._checked = html(), html(), html(), html()
        self._newer = press(words("audit.newer"), self._on_newer, disabled=True)
        self._older = press(words("audit.older"), self._on_older, disabled=True)
        self._check = press(words("audit.check"), self._on_check)

    def content(self) -> pn.viewable.Viewable:
        """What stands below the top bar."""
        words = self._session.words
        show = press(words("audit.show"), self._on_show, color="primary")
        filters = grid([self._since, self._day, self._who, self._action], least="13rem")
        head = stack(filters, show, self._link, **SURFACE)
        seal = stack(title(words("audit.seal")), self._about(), self._check, self._checked, **SURFACE)
        turn = grid([self._newer, self._older], least="9rem")
        return stack(title(words("nav.audit")), head, self._problem, self._rows, turn, seal)

    def update(self, view: View, now: datetime) -> None:  # noqa: ARG002 - every page is asked so
        """Ask once the page is there; it is about the past, so nothing changes by itself."""
        if not self._number and not view.gone:
            self._on_show()

    def _about(self) -> pn.pane.HTML:
        return html(f'<p class="soft">{escape(self._session.words("audit.seal.about"))}</p>')

    # ── what is asked for ──────────────────────────────────────────────────────────────────────────────
    def _filters(self) -> dict[str, str]:
        said: dict[str, str | None] = {"since": str(self._since.value)}
        if isinstance(day := self._day.value, date):
            said["since"] = f"{day:%Y-%m-%d}T00:00:00Z"
            said["until"] = f"{day + timedelta(days=1):%Y-%m-%d}T00:00:00Z"
        return asked(**said, who=str(self._who.value or "").strip(), action=str(self._action.value or ""))

    def _on_show(self) -> None:
        self._places = [None]
        self._fetch_soon()

    def _on_older(self) -> None:
        if self._next is not None:
            self._places.append(self._next)
            self._fetch_soon()

    def _on_newer(self) -> None:
        if len(self._places) > 1:
            self._places.pop()
            self._fetch_soon()

    def _fetch_soon(self) -> None:
        self._number += 1
        self._newer.disabled = self._older.disabled = True
        filters = self._filters()
        link = f'<a href="{escape(address(filters), quote=True)}" download="godkaiser-audit.csv">'
        write(self._link, f"<p>{link}{escape(self._session.words('audit.file'))}</a></p>")
        self._session.start(self._fetch(self._number, filters, self._places[-1]))

    async def _fetch(self, number: int, filters: dict[str, str], place: list[int] | None) -> None:
        words = self._session.words
        try:
            page = await self._session.act("audit.page", **filters, place=place, most=PAGE)
        except TROUBLE as error:
            text = say(told(words, error)[1], "bad")
            self._session.show(partial(write, self._problem, text))
            return
        text = rows_html(words, page["rows"])
        self._session.show(partial(self._show, number, text, page["next"]))

    def _show(self, number: int, text: str, after: list[int] | None) -> None:
        if number != self._number:
            return  # something newer was asked meanwhile
        self._next = after
        write(self._problem, "")
        write(self._rows, text)
        self._older.disabled = after is None
        self._newer.disabled = len(self._places) == 1

    # ── the chain ──────────────────────────────────────────────────────────────────────────────────────
    def _on_check(self) -> None:
        self._check.disabled = True
        write(self._checked, say(self._session.words("audit.checking")))
        self._session.start(self._verify())

    async def _verify(self) -> None:
        words = self._session.words
        try:
            tone, lines = verdict(words, await self._session.act("audit.verify"))
            said = "".join(f'<p class="once">{escape(line)}</p>' for line in lines)
            text = f'<div class="say {tone}" role="status">{said}</div>'
        except TROUBLE as error:
            text = say(told(words, error)[1], "bad")
        self._session.show(partial(self._tell, text))

    def _tell(self, text: str) -> None:
        self._check.disabled = False
        write(self._checked, text)
