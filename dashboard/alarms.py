"""Alarms as HTML: the list's cards, and their number in the top bar. Everything from outside is escaped here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Final

from .faces import Remark, Tone
from .parts import marked
from .view import Thing, View, age_s, moment, who
from .words import Words

_TONES: Final[dict[str, Tone]] = {
    "UNACK": "bad",
    "ACKED": "warn",
    "RTNUN": "note",
    "LATUN": "bad",
    "LATCH": "warn",
}


def standing(view: View) -> Sequence[Thing]:
    """Every alarm that is not normal, those to be seen first come first."""
    return tuple(view.alarms.get("standing") or ())


def count(words: Words, view: View) -> str:
    """How many wait to be acknowledged, for the top bar; nothing when none does."""
    number = int(view.alarms.get("unacknowledged") or 0)
    if not number:
        return ""
    label = escape(words("alarm.unseen", n=number), quote=True)
    return f'<span class="count" role="status" aria-label="{label}">{number}</span>'


def alarm_card(words: Words, alarm: Thing, view: View, now: datetime) -> str:
    """One alarm: its state as a word, what is wrong, what to do, and who has seen it."""
    state = str(alarm.get("state"))
    tone: Tone = "none" if view.gone else _TONES.get(state, "none")
    kind, priority = str(alarm.get("kind")), str(alarm.get("priority"))
    title = words.known(f"alarm.kind.{kind}", kind)
    name = words.known(f"alarm.source.{alarm.get('source')}", str(alarm.get("name")))
    rank = words.known(f"alarm.priority.{priority}", priority)
    remedy = words.known(f"alarm.remedy.{kind}", str(alarm.get("remedy") or ""))
    lines = "".join(f"<p>{escape(line)}</p>" for line in _history(words, alarm, view, now))
    return (
        f'<div class="card inner {tone}"><div class="name"><span>{escape(name)}</span>'
        f"<span>{escape(rank)}</span></div><div>{marked(words, Remark(_state_key(state), tone))}</div>"
        f"<p><b>{escape(title)}</b> {escape(str(alarm.get('text') or ''))}</p>"
        f'<p>{escape(remedy)}</p><div class="soft">{lines}</div></div>'
    )


def _state_key(state: str) -> str:
    return f"alarm.state.{state}"


def _history(words: Words, alarm: Thing, view: View, now: datetime) -> list[str]:
    """Since when, how often, seen by whom, set aside by whom and until when."""
    said = []
    if (age := age_s(alarm.get("since"), now)) is not None:
        said.append(words("alarm.since", age=words.age(age), n=int(alarm.get("count") or 0)))
    if alarm.get("acked_by"):
        said.append(words("alarm.acked", who=who(alarm["acked_by"], view)))
    if alarm.get("suppressed_by"):
        end, reason = moment(alarm.get("shelved_until")), str(alarm.get("reason") or "")
        key = "alarm.removed" if end is None else "alarm.shelved"
        by = who(alarm["suppressed_by"], view)
        said.append(words(key, who=by, until=words.stamp(end), reason=reason).strip())
    return said
