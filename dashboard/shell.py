"""Everything around a page's content: sign-in form, top bar, banners. Plain HTML with everything escaped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from html import escape
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup

from .alarms import count
from .guard import Ticket
from .view import Thing, View, age_s, moment, named, reach_of, stops, under, who
from .words import Words

TABS: Final = (
    ("overview", "/"),
    ("history", "/history"),
    ("actuators", "/actuators"),
    ("rules", "/rules"),
    ("nodes", "/nodes"),
    ("alarms", "/alarms"),
)
# Pages that need a right, and one that stands with the sign-out.
RESTRICTED: Final = (("accounts", "/accounts"), ("audit", "/audit"))
OWN: Final = ("account", "/account")
ROUTES: Final = (*TABS, *RESTRICTED, OWN)
RIGHTS: Final = {"/accounts": "manage_users", "/audit": "manage_users"}


def tabs_for(ticket: Ticket) -> tuple[tuple[str, str], ...]:
    """The pages somebody may see."""
    return (*TABS, *(tab for tab in RESTRICTED if ticket.may(RIGHTS[tab[1]])))


# Bokeh's page with our block in it. `shell` comes ready and escaped from `frame`.
AROUND: Final = """
{% extends base %}
{% block title %}{{ page_title | e }}{% endblock %}
{% block preamble %}
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" type="image/svg+xml" href="/assets/icon.svg">
<link rel="stylesheet" href="/assets/style.css">
<script src="/assets/page.js" defer></script>
{% endblock %}
{% block contents %}
{{ shell }}
<main id="content">{{ embed(roots.content) }}</main>
<div hidden>{{ embed(roots.pulse) }}</div>
{% endblock %}
"""


@cache
def _templates() -> Environment:
    loader = PackageLoader(__package__, "templates")
    return Environment(loader=loader, autoescape=select_autoescape(default=True), trim_blocks=True)


def login_page(words: Words, **said: Any) -> str:
    """The sign-in form."""
    return _templates().get_template("login.html").render(words=words, **said)


def away_page(words: Words) -> str:
    """What a page says when nobody can tell who is asking, because the controller is away."""
    return _templates().get_template("away.html").render(words=words)


def nowhere_page(words: Words, query: str) -> str:
    """What an address says that leads to no page: where the pages are."""
    return _templates().get_template("nowhere.html").render(words=words, query=query)


def frame(
    words: Words, ticket: Ticket, *, xsrf: str, here: str, uri: str, lang: str, head: dict[str, Any]
) -> str:
    """Top bar, banners and dialog of a page, as they are when it is opened."""
    query = f"?{urlencode({'lang': lang})}" if lang else ""
    safe = {name: head[name] for name in ("link", "gone", "insist", "alarms")} | {"stop": head["stopped"]}
    return (
        _templates()
        .get_template("page.html")
        .render(
            words=words,
            ticket=ticket,
            xsrf=xsrf,
            tabs=tabs_for(ticket),
            own=OWN,
            here=here,
            path=uri,
            query=query,
            head={name: Markup(html) for name, html in safe.items()},  # noqa: S704  # escaped by `head` below
        )
    )


def head(words: Words, ticket: Ticket, view: View, now: datetime) -> dict[str, Any]:
    """What the top bar says at this moment, as escaped HTML by place."""
    return {
        "phase": str(view.stop.get("phase", "NORMAL")),
        "is_gone": view.gone,
        "link": _link(words, view, now),
        "gone": _gone(words, view),
        "stopped": _stopped(words, ticket, view),
        "insist": _insist(words, view),
        "alarms": count(words, view),
    }


def names_of(nodes: Sequence[str], view: View) -> str:
    """Node ids as the names people gave them."""
    return ", ".join(str((view.nodes.get(node) or {}).get("name") or node) for node in nodes)


def _link(words: Words, view: View, now: datetime) -> str:
    state = "gone" if view.gone else str(view.link.get("state", "connecting"))
    text = words(f"link.{state}", since=words.clock(moment(view.link.get("since"))))
    wait = view.link.get("next_try_s")
    if state == "down" and wait is not None:
        passed = age_s(view.link.get("since"), now) or 0.0
        text += ", " + words("link.next", seconds=max(0, round(float(wait) - passed % max(float(wait), 1.0))))
    return f'<span class="dot {escape(state)}"></span><span>{escape(text)}</span>'


def _gone(words: Words, view: View) -> str:
    if not view.gone:
        problem = view.link.get("error") if view.link.get("state") == "down" else None
        return f'<p class="notice bad">{escape(str(problem))}</p>' if problem else ""
    since = words.clock(view.gone_since)
    text = words("shell.gone", since=since) if view.known else words("shell.gone.never")
    return f'<p class="notice bad">{escape(text)}</p>'


def _stopped(words: Words, ticket: Ticket, view: View) -> str:
    return "".join(_standing(words, ticket, view, stop) for stop in stops(view))


def _standing(words: Words, ticket: Ticket, view: View, stop: Thing) -> str:
    since = words.clock(moment(stop.get("since")))
    lines = [words("stop.detail", reason=stop.get("reason") or "", by=who(stop.get("by"), view), since=since)]
    lines.append(_safety(words, view, stop))
    if stop.get("unconfirmed"):
        lines.append(words("stop.unconfirmed", nodes=names_of(stop["unconfirmed"], view)))
    if stop.get("not_offline_proof"):
        lines.append(words("stop.not_proof", nodes=names_of(stop["not_offline_proof"], view)))
    phase, whole = str(stop["phase"]), reach_of(stop) == "all"
    title = (
        words(f"stop.title.{phase}") if whole else f"{place(words, view, stop)}: {words(f'stop.of.{phase}')}"
    )
    body = "".join(f"<p>{escape(line)}</p>" for line in lines if line)
    way = _way_out(words, ticket, view, stop)
    return f'<div class="stopped"><div><h2>{escape(title)}</h2>{body}</div>{way}</div>'


def _safety(words: Words, view: View, stop: Thing) -> str:
    mine = [actuator for actuator in view.actuators.values() if under(view, actuator, stop)]
    open_ones = [str(a.get("name")) for a in named(mine) if not a.get("safe")]
    if open_ones:
        return words("stop.not_safe", names=", ".join(open_ones))
    if not mine:
        return ""
    return words("stop.all_safe" if reach_of(stop) == "all" else "stop.these_safe")


def _way_out(words: Words, ticket: Ticket, view: View, stop: Thing) -> str:
    """The button to clear. While clearing it waits for silent nodes, and a person may insist."""
    if stop["phase"] != "ACTIVE" and not (stop["phase"] == "CLEARING" and stop.get("unconfirmed")):
        return ""
    if not ticket.may_in("clear", _zone_of(view, stop)):
        return f'<p class="why">{escape(words("stop.clear.viewer"))}</p>'
    scope = escape(reach_of(stop), quote=True)
    return f'<button type="button" data-clear="{scope}">{escape(words("stop.clear"))}</button>'


def _zone_of(view: View, stop: Thing) -> str | None:
    kind, _, key = reach_of(stop).partition(":")
    zone = key if kind == "zone" else (view.nodes.get(key) or {}).get("zone")
    return None if zone is None else str(zone)


def _insist(words: Words, view: View) -> str:
    """A box per stop that waits for silent nodes; its value is that stop, so that none counts for another."""
    boxes = ""
    for stop in stops(view):
        if silent := stop.get("unconfirmed"):
            text = escape(words("stop.insist", nodes=names_of(silent, view)))
            scope = escape(reach_of(stop), quote=True)
            box = f'<input type="checkbox" name="force" value="{scope}">'
            boxes += f'<label data-scope="{scope}">{box} {text}</label>'
    return boxes


def place(words: Words, view: View, stop: Thing) -> str:
    """What a stop covers, by the name people gave it."""
    kind, _, key = reach_of(stop).partition(":")
    if kind == "node":
        return names_of([key], view)
    if kind == "zone":
        return str((view.zones.get(key) or {}).get("name") or key)
    return words("stop.everything")
