"""HTML pictures of values, for notebooks and pages.

`html_of` gives a fragment: pure, cheap, everything escaped, complete without colour. Colours come from the
page (`currentColor`), so light and dark themes both work. Whoever defines a value registers its picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import singledispatch
from html import escape
from typing import Any, Final

from godkaiser.errors import GodkaiserError
from godkaiser.model.instant import SECOND, describe_duration

STYLE: Final = """
.gk{font-variant-numeric:tabular-nums;line-height:1.4}
.gk table{border-collapse:collapse;margin:.3em 0;color:inherit;background:none}
.gk th,.gk td{text-align:left;padding:.15em .8em .15em 0;border:0;border-bottom:1px solid currentColor;\
border-bottom-color:color-mix(in srgb,currentColor 25%,transparent);background:none;color:inherit}
.gk ol.steps{list-style:none;padding-left:.2em;margin:.3em 0}
.gk ol.steps li{border-left:2px solid currentColor;padding:.1em 0 .1em .8em;margin:0}
.gk .quiet{opacity:.7}
.gk .bad{color:#c62828;font-weight:600}
@media (prefers-color-scheme:dark){.gk .bad{color:#ff8a80}}
"""


class Html(str):
    """Markup that is escaped already."""

    __slots__ = ()


@singledispatch
def html_of(value: object) -> Html:
    """The picture of a value as an HTML fragment, escaped."""
    return Html(escape(str(value)))


@html_of.register
def _(value: Html) -> Html:
    return value


@html_of.register
def _(_value: None) -> Html:
    return Html("–")


@html_of.register
def _(value: bool) -> Html:
    return Html("yes" if value else "no")


@html_of.register
def _(value: float) -> Html:
    return Html(f"{value:.4g}")


@html_of.register
def _(value: datetime) -> Html:
    return Html(f'<time datetime="{value.isoformat()}">{value:%Y-%m-%d %H:%M:%S %Z}</time>')


@html_of.register
def _(value: timedelta) -> Html:
    return Html(describe_duration(round(value.total_seconds() * SECOND)))


@html_of.register(list)
@html_of.register(tuple)
def _(value: Sequence[Any]) -> Html:
    return Html(", ".join(html_of(item) for item in value)) if value else Html("–")


@html_of.register
def _(value: Mapping) -> Html:  # type: ignore[type-arg]  # singledispatch takes no parameters
    return table((), value.items())


@html_of.register
def _(value: GodkaiserError) -> Html:
    return Html(f"{bad(str(value))} {escape(value.remedy)}")


# ── parts to build with ────────────────────────────────────────────────────────────────────────────────
def bad(text: str) -> Html:
    """Something a person must see; the words say it, the colour only helps."""
    return Html(f'<span class="bad">{escape(text)}</span>')


def quiet(text: str) -> Html:
    """Something of less weight."""
    return Html(f'<span class="quiet">{escape(text)}</span>')


def strong(text: str) -> Html:
    """A heading inside a picture."""
    return Html(f"<strong>{escape(text)}</strong>")


def joined(*parts: object, by: str = " ") -> Html:
    """Pictures one after the other."""
    return Html(escape(by).join(html_of(part) for part in parts))


def lines(*parts: object) -> Html:
    """Pictures below each other."""
    return Html("".join(f"<div>{html_of(part)}</div>" for part in parts))


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Html:
    """Rows of pictures under a head (which may be empty)."""
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{html_of(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return Html(f"<table>{f'<thead><tr>{top}</tr></thead>' if top else ''}<tbody>{body}</tbody></table>")


def steps(items: Iterable[object]) -> Html:
    """Things that led to one another, from top to bottom."""
    return Html('<ol class="steps">' + "".join(f"<li>{html_of(item)}</li>" for item in items) + "</ol>")


def framed(fragment: Html) -> str:
    """A fragment with its style sheet, to stand alone in a notebook."""
    return f'<div class="gk"><style>{STYLE}</style>{fragment}</div>'


def text_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The same as plain text: columns padded, two blanks apart."""
    cells = [[" ".join(str(cell).split()) for cell in row] for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


class Shown:
    """What shows itself in a notebook."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return framed(html_of(self))
