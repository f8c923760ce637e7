"""Rows of the audit as HTML, what is asked of it, and the same as a file for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Final
from urllib.parse import urlencode

from .feed import TROUBLE
from .gate import signed_in, words_of
from .login import OwnHandler
from .trouble import told
from .view import moment
from .words import Words

COLUMNS: Final = ("at", "who", "action", "target", "detail")
MORE: Final = ("severity", "address", "correlation", "before", "after")  # where a row has them
SINCE: Final = ("-1h", "-24h", "-7d", "-30d", "-366d")
# Groups of actions by how they begin.
GROUPS: Final = {
    "all": "",
    "sign_ins": "log",
    "denied": "denied",
    "accounts": "user.",
    "tokens": "token.",
    "addresses": "address.",
    "stops": "stop",
    "clears": "clear",
    "rules": "rule",
    "alarms": "alarm.",
    "nodes": "node.",
    "sensors": "sensor.",
    "site": "site.",
    "broker": "broker.",
}
PAGE: Final = 50
FILE_PAGE: Final = 1000
FILE_MOST: Final = 100_000
_BEGINS_A_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
Row = Mapping[str, Any]


def row_html(words: Words, row: Row) -> str:
    """What happened, who it was, of what; below what else is known."""
    action = str(row["action"])
    shown = words.known(f"audit.is.{action}", action)
    code = f" <code>{escape(action)}</code>" if shown != action else ""
    more = [str(row["detail"])] if row["detail"] else []
    more += [f"{words(f'audit.{name}')}: {row[name]}" for name in MORE if row.get(name) not in (None, "")]
    below = "".join(f'<div class="soft">{escape(text)}</div>' for text in more)
    target = f" · {escape(str(row['target']))}" if row["target"] else ""
    return (
        f'<li><div class="what"><b>{escape(shown)}</b>{target}{code}{below}</div>'
        f'<div class="how">{escape(str(row["who"]))}<br>{escape(words.stamp(moment(row["at"])))}</div></li>'
    )


def rows_html(words: Words, rows: Sequence[Row]) -> str:
    """A page of them."""
    if not rows:
        return f'<div class="panel"><p>{escape(words("audit.none"))}</p></div>'
    return f'<div class="panel"><ul class="rows">{"".join(row_html(words, row) for row in rows)}</ul></div>'


def verdict(words: Words, found: Mapping[str, Any]) -> tuple[str, list[str]]:
    """How the check of the chain ended: its tone, and sentences."""
    lines = [words("audit.counted", rows=found["rows"], unsealed=found["unsealed"], erased=found["erased"])]
    file = [] if found["key_file"] == "same" else [words(f"audit.key_file.{found['key_file']}")]
    if found["intact"]:
        lines += [words("audit.intact"), words("audit.last", seal=found["last"]), *file]
        return "bad" if file else "good", lines
    lines += file
    if not found["same_key"]:
        lines.append(words("audit.wrong_key"))
    if found["other_key"]:
        lines.append(words("audit.other_key", n=found["other_key"]))
    if found["broken"]:
        lines.append(words("audit.broken", n=found["broken"]))
    for one in found["breaks"]:
        row = one["row"]
        said = " ".join(str(row.get(name) or "") for name in COLUMNS[:4])
        lines.append(words("audit.break", place=one["place"], problem=one["problem"], row=said))
    return "bad", lines


def asked(**filters: str | None) -> dict[str, str]:
    """Only what is asked for."""
    return {name: value for name, value in filters.items() if value}


def address(filters: Mapping[str, str]) -> str:
    """Where the same comes as a file."""
    return f"/audit.csv?{urlencode(filters)}"


# ── as a file ──────────────────────────────────────────────────────────────────────────────────────────────
def defused(value: object) -> str:
    """Nothing that a spreadsheet would calculate: such a cell begins with an apostrophe."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_BEGINS_A_FORMULA) else text


def lines(rows: Iterable[Sequence[object]]) -> str:
    """As CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([[defused(cell) for cell in row] for row in rows])
    return text.getvalue()


class FileHandler(OwnHandler):
    """The audit as CSV, page after page, under a name of ours; the controller decides who may."""

    async def get(self) -> None:
        """With the filters of the page."""
        ticket = await signed_in(self, self.guard)
        if ticket is None:
            self.redirect("/login")
            return
        filters = {name: self.get_query_argument(name, None) for name in ("since", "until", "who", "action")}
        place: list[int] | None = None
        head: tuple[str, ...] = ()
        count, origin = 0, self.guard.address_of(self.request)
        while True:
            most = min(FILE_PAGE, FILE_MOST - count)
            asks = {**asked(**filters), "place": place, "most": most}
            try:
                page = await self.guard.call("audit.page", token=ticket.token, origin=origin, **asks)
            except TROUBLE as error:
                self._fail(error, begun=bool(head))
                return
            if not head:
                head = _head(page["rows"])
                self.set_header("Content-Type", "text/csv; charset=utf-8")
                self.set_header("Content-Disposition", 'attachment; filename="godkaiser-audit.csv"')
                self.write("\ufeff" + lines([head]))  # so that spreadsheets read UTF-8
            self.write(lines([[row.get(name) for name in head] for row in page["rows"]]))
            await self.flush()
            place, count = page["next"], count + len(page["rows"])
            if place is None:
                return
            if count >= FILE_MOST:
                words = words_of(self)
                self.write(lines([[words("audit.cut", problem=words("audit.cut.most", n=FILE_MOST))]]))
                return

    def _fail(self, error: Exception, *, begun: bool) -> None:
        words = words_of(self)
        text = told(words, error)[1]
        if begun:  # half a file must not look whole
            self.write(lines([[words("audit.cut", problem=text)]]))
            return
        kind = getattr(error, "kind", None)
        self.set_status(503 if kind is None else kind.http_status)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.write(text)


def _head(rows: Sequence[Row]) -> tuple[str, ...]:
    return (*COLUMNS, *(name for name in (*MORE, "place") if rows and name in rows[0]))
