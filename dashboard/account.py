"""What an actuator did today and in the last week, and what is left to it, as HTML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from html import escape
from typing import Any, Final

from .view import moment
from .words import DASH, Words

WINDOWS: Final = {"today": "today", "week": "-7d"}
Row = Mapping[str, Any]
Cell = Callable[[Words, Row], str]


def account(words: Words, told: Mapping[str, Row], now: datetime) -> str:
    """A table of the windows that are there, and the limits now. Empty before the controller has answered."""
    if not told:
        return ""
    newest = next(iter(told.values()))
    head = "".join(f"<th scope='col'>{escape(words(f'account.{name}'))}</th>" for name in told)
    periods = [one["rows"][0] for one in told.values()]
    lines = [_line(words, key, cell, periods) for key, cell in CELLS.items() if _shown(key, periods)]
    return (
        f'<div class="account"><table><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>{_limits(words, newest, now)}</div>"
    )


def _shown(key: str, periods: list[Row]) -> bool:
    """Water and energy only where they are stated, unknown time only where there is some."""
    if key in ("litres", "energy"):
        return any(row["litres" if key == "litres" else "energy_wh"] is not None for row in periods)
    return key != "unknown" or any(row["unknown_s"] for row in periods)


def _line(words: Words, key: str, cell: Cell, periods: list[Row]) -> str:
    cells = "".join(f"<td>{cell(words, row)}</td>" for row in periods)
    return f"<tr><th scope='row'>{escape(words(f'account.{key}'))}</th>{cells}</tr>"


def _span(field: str) -> Cell:
    return lambda words, row: DASH if row[field] is None else escape(words.span(row[field]))


def _count(field: str) -> Cell:
    return lambda _, row: DASH if row[field] is None else escape(str(row[field]))


def _duty(words: Words, row: Row) -> str:
    if row["duty"] is None:
        return DASH
    share = float(row["duty"]) * 100
    said = escape(words.quantity(share, "%"))
    return f'{said}<div class="duty" aria-hidden="true"><i style="width:{min(share, 100.0):.1f}%"></i></div>'


def _total(field: str, scale: float, unit: str) -> Cell:
    return lambda words, row: (
        DASH if row[field] is None else escape(words.quantity(float(row[field]) / scale, unit))
    )


CELLS: Final[dict[str, Cell]] = {
    "on": _span("on_s"),
    "starts": _count("starts"),
    "duty": _duty,
    "litres": _total("litres", 1.0, "L"),
    "energy": _total("energy_wh", 1000.0, "kWh"),
    "unknown": _span("unknown_s"),
}


def _limits(words: Words, told: Row, now: datetime) -> str:
    limits, timed = told["limits"], str(told.get("timed_by") or "")
    facts = [(words("account.left"), _left(words, limits))]
    until = moment(limits.get("locked_until"))
    if until is not None and until > now:
        seconds = (until - now).total_seconds()
        facts.append((words("account.locked"), words("account.locked.text", span=words.span(seconds))))
    by = words.known(f"account.timed.{timed.replace(' ', '_')}", timed) if timed else DASH
    facts.append((words("account.timed"), by))
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    return f'<dl class="facts">{rows}</dl>'


def _left(words: Words, limits: Row) -> str:
    starts = words("account.left.starts", left=limits["starts_left"], most=limits["starts_per_hour"])
    if limits["on_left_s"] is None:
        return starts
    left, most = words.span(limits["on_left_s"]), words.span(limits["on_budget_s"])
    return f"{words('account.left.time', left=left, most=most)}, {starts}"
