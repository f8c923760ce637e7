"""What is known of one node, as HTML. Much of it strangers wrote: everything is escaped here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from html import escape
from typing import Any, Final

from .faces import Remark, Tone, node_face
from .panels import heard, malformed_row, node_link, panel
from .parts import marked
from .view import Thing, View, age_s, moment
from .words import DASH, Words

_TONES: Final[dict[str, Tone]] = {"warning": "warn", "error": "bad", "critical": "bad", "alert": "bad"}


def node_card(words: Words, node: Thing, view: View, now: datetime, query: str = "") -> str:
    """A node among others: is it there, is something wrong; leads to everything about it."""
    face = _face(node, view)
    remarks = "".join(f"<div>{marked(words, remark)}</div>" for remark in _troubles(node))
    foot = "".join(f"<span>{escape(text)}</span>" for text in heard(words, node, now))
    name = escape(str(node.get("name") or node.get("id")))
    return (
        f'<a class="card {face.tone}" href="{node_link(node, query)}"><div class="name"><span>{name}</span></div>'
        f"<div>{marked(words, face)}</div>"
        + (f'<div class="remarks">{remarks}</div>' if remarks else "")
        + f'<div class="foot">{foot}</div></a>'
    )


def node_title(words: Words, node: Thing, view: View) -> str:
    """Name, id, and whether it is there."""
    name, key = escape(str(node.get("name") or node.get("id"))), escape(str(node.get("id")))
    also = "" if name == key else f" <code>{key}</code>"
    return f'<h2 class="zone">{name}{also}</h2><p>{marked(words, _face(node, view))}</p>'


def node_facts(words: Words, node: Thing, view: View, now: datetime) -> str:
    """Its state, and how it is doing."""
    rows = "".join(
        f"<dt>{escape(words(f'node.fact.{name}'))}</dt><dd>{escape(value)}</dd>"
        for name, value in _facts(words, node, view, now)
    )
    return f'<div class="panel"><dl class="facts">{rows}</dl></div>'


def problems_panel(words: Words, node: Thing) -> str:
    """What is wrong with it now."""
    rows = "".join(f"<li>{marked(words, remark)}</li>" for remark in _problems(node))
    return panel(words("node.problems"), rows, words("node.problems.none"))


def notes_panel(words: Words, node: Thing) -> str:
    """The last things it said that are for people, newest first."""
    rows = "".join(_note_row(words, note) for note in node.get("notes") or ())
    return panel(words("node.notes"), rows, words("node.notes.none"))


def unreadable_panel(words: Words, node: Thing) -> str:
    """Its messages nobody could read: per reason how many, and the last ten."""
    reasons = node.get("unreadable") or ()
    if not reasons:
        return f'<p class="soft">{escape(words("malformed.none"))}</p>'
    title = escape(words("malformed.title", n=_unread(node)))
    body = "".join(_reason(words, reason) for reason in reasons)
    return f'<div class="panel"><h3>{title}</h3>{body}</div>'


def _face(node: Thing, view: View) -> Remark:
    return Remark("sensor.gone", "none") if view.gone else node_face(node)


def _problems(node: Thing) -> Iterator[Remark]:
    for problem in node.get("problems") or ():
        yield Remark("node.problem", "warn", {"problem": problem})


def _troubles(node: Thing) -> Iterator[Remark]:
    yield from _problems(node)
    if number := _unread(node):
        yield Remark("node.unread", "warn", {"n": number})


def _unread(node: Thing) -> int:
    return sum(int(reason["count"]) for reason in node.get("unreadable") or ())


def _facts(words: Words, node: Thing, view: View, now: datetime) -> Iterator[tuple[str, str]]:
    status, zone = str(node.get("status")), node.get("zone")
    yield "status", words.known(f"node.status.{status}", status)
    yield "link", words(_face(dict(node) | {"status": "approved"}, view).key)
    age = age_s(node.get("last_contact"), now)
    yield "contact", words("age.never") if age is None else words("age.ago", age=words.age(age))
    yield "state", _or_dash(node.get("system_state"))
    yield "kaiser", _or_dash(node.get("kaiser_id"))
    generation = str(node.get("generation") or DASH)
    yield "generation", words.known(f"node.generation.{generation}", generation)
    yield "board", _or_dash(node.get("board"))
    config = str((node.get("config") or {}).get("state") or "unknown")
    yield "config", words.known(f"node.config.{config}", config)
    yield "rssi", words.quantity(node.get("rssi"), "dBm")
    heap, uptime = node.get("heap"), node.get("uptime")
    yield "heap", words.quantity(None if heap is None else heap / 1024, "KiB")
    yield "uptime", DASH if uptime is None else words.age(uptime)
    yield "zone", _or_dash((view.zones.get(str(zone)) or {}).get("name") or zone)


def _or_dash(value: object) -> str:
    return DASH if value is None else str(value)


def _note_row(words: Words, note: Thing) -> str:
    kind = str(note.get("kind"))
    label = escape(words.known(f"node.note.{kind}", kind))
    tone = _TONES.get(kind, "note")
    return (
        f'<li><span class="what">{escape(str(note.get("text")))}</span>'
        f'<span class="how"><span class="mark {tone}">{label}</span> {escape(words.stamp(moment(note.get("at"))))}'
        "</span></li>"
    )


def _reason(words: Words, reason: Any) -> str:
    code = str(reason.get("code"))
    label = escape(words.known(f"unreadable.{code}", code))
    rows = "".join(malformed_row(words, message) for message in reason.get("last") or ())
    mark = f'<span class="mark warn">{label}: {int(reason["count"])}</span>'
    return f'<p class="reason">{mark}</p><ul class="rows">{rows}</ul>'
