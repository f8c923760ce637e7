"""The overview's lists: nodes, rules, what became of the messages. HTML, everything from outside escaped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import Final
from urllib.parse import quote

from .faces import Remark, Tone, node_face
from .parts import marked
from .view import Thing, View, age_s, moment, newest_notices, who
from .words import Words

SHOWN_MALFORMED: Final = 3
_STATES: Final[dict[str, Tone]] = {
    "refused": "bad",
    "off": "none",
    "degraded": "bad",
    "active": "good",
    "waiting": "none",
}
_OUTCOMES: Final[dict[str, tuple[str, Tone]]] = {
    "carried out": ("done", "good"),
    "waiting": ("open", "note"),
    "not carried out": ("missed", "warn"),
}


def nodes_panel(words: Words, nodes: Sequence[Thing], now: datetime, query: str = "") -> str:
    """All nodes that are not waiting for approval."""
    rows = "".join(_node_row(words, node, now, query) for node in nodes)
    return panel(words("overview.nodes"), rows, words("overview.nodes.none"))


def pending_node(words: Words, node: Thing, may_approve: bool) -> str:
    """A node that waits for approval; the button stands beside it."""
    name, key = str(node.get("name") or node.get("id")), str(node.get("id"))
    also = "" if name == key else f" <code>{escape(key)}</code>"
    hint = "" if may_approve else f'<p class="soft">{escape(words("node.approve.viewer"))}</p>'
    return (
        f"<div><b>{escape(name)}</b>{also}"
        f'<p><span class="mark note">{escape(words("node.pending"))}</span></p>{hint}</div>'
    )


def rules_panel(words: Words, rules: Sequence[Thing], now: datetime) -> str:
    """All rules as sentences, with what they conclude now."""
    rows = "".join(_rule_row(words, rule, now) for rule in rules)
    return panel(words("overview.rules"), rows, words("overview.rules.none"))


def notices_panel(words: Words, view: View) -> str:
    """What rules told people last, newest first; nothing where none ever did."""
    rows = "".join(_notice_row(words, notice, view) for notice in newest_notices(view))
    return panel(words("overview.notices"), rows, "") if rows else ""


def _notice_row(words: Words, notice: Thing, view: View) -> str:
    name, target = who(f"rule:{notice.get('rule')}", view), str(notice.get("target") or "")
    aim = f' <span class="soft">{escape(words("notice.for", target=target))}</span>' if target else ""
    if notice.get("sent") is False:
        unsent = words("notice.unsent", channel=str(notice.get("channel") or ""))
        aim += f' <span class="soft unsent">{escape(unsent)}</span>'
    return (
        f'<li class="rule"><span class="what">{escape(str(notice.get("text") or ""))}<br>'
        f"<b>{escape(name)}</b>{aim}</span>"
        f'<span class="how">{escape(words.stamp(moment(notice.get("at"))))}</span></li>'
    )


def counts_panel(words: Words, view: View) -> str:
    """How many messages came and what became of them."""
    names = ("readings_received", "readings_stored", "decisions", "commands_sent", "commands_confirmed")
    more = tuple(name for name in ("commands_refused", "quarantined") if view.counters.get(name))
    counts = "".join(_count(words, view, name) for name in names + more)
    title = escape(words("overview.messages"))
    return f'<div class="panel"><h3>{title}</h3><div class="counts">{counts}</div></div>'


def malformed_panel(words: Words, view: View, most: int = SHOWN_MALFORMED) -> str:
    """The messages nobody could read: how many, and the last of them with the reason, at most `most`."""
    number = int(view.counters.get("malformed") or 0)
    if not number:
        return f'<p class="soft">{escape(words("malformed.none"))}</p>'
    rows = "".join(malformed_row(words, message) for message in view.malformed[:most])
    title = f'<span class="mark warn">{escape(words("malformed.title", n=number))}</span>'
    return f'<div class="panel"><h3>{title}</h3><ul class="rows">{rows}</ul></div>'


def _node_row(words: Words, node: Thing, now: datetime, query: str) -> str:
    name, key = escape(str(node.get("name") or node.get("id"))), escape(str(node.get("id")))
    face = node_face(node)
    how = [*heard(words, node, now), *(str(problem) for problem in node.get("problems") or ())]
    return (
        f'<li><span class="what"><b><a href="{node_link(node, query)}">{name}</a></b> <code>{key}</code></span>'
        f"{marked(words, face)}"
        f'<span class="how">{escape(" · ".join(how))}</span></li>'
    )


def node_link(node: Thing, query: str) -> str:
    """Where everything about a node stands, as an attribute."""
    return escape(f"/nodes?node={quote(str(node.get('id')), safe='')}{query}", quote=True)


def heard(words: Words, node: Thing, now: datetime) -> list[str]:
    """When a node was heard last, and how well."""
    how = []
    if (age := age_s(node.get("last_contact"), now)) is not None:
        how.append(words("node.heard", age=words.age(age)))
    if node.get("rssi") is not None and node.get("online"):
        how.append(words("node.wifi", rssi=node["rssi"]))
    return how


def _rule_row(words: Words, rule: Thing, now: datetime) -> str:
    truth, state = str(rule.get("truth") or "unknown"), _rule_state(rule)
    key = "rule.acting" if state == "active" else f"rule.{truth}"
    age = age_s(rule.get("last_decision"), now)
    how = [words(key)] if state not in ("off", "refused") else []
    how += [words("rule.decided", age=words.age(age))] if age is not None else []
    marks = "".join(f"<br>{marked(words, remark)}" for remark in rule_remarks(rule))
    name, sentence = escape(str(rule.get("name"))), escape(str(rule.get("sentence") or ""))
    return (
        f'<li class="rule"><span class="what"><b>{name}</b><br>{sentence}{marks}</span>'
        f'<span class="how"><span class="mark {_STATES[state]}">{escape(words(f"rule.state.{state}"))}</span><br>'
        f"{escape(' · '.join(how))}</span></li>"
    )


def _rule_state(rule: Thing) -> str:
    if rule.get("refused"):
        return "refused"
    if not rule.get("enabled"):
        return "off"
    if rule.get("degraded"):
        return "degraded"
    return "active" if rule.get("acting") else "waiting"


def rule_remarks(rule: Thing) -> list[Remark]:
    """Why it cannot work, and what became of its last decision and of all of them."""
    said = []
    if rule.get("refused"):
        said.append(Remark("rule.refused", "bad", {"why": rule.get("degraded")}))
    elif rule.get("enabled") and rule.get("degraded"):
        said.append(Remark("rule.degraded", "bad", {"why": rule["degraded"]}))
    if (escalation := rule.get("escalation")) is not None:
        tone: Tone = "bad" if escalation.get("failover_since") else "warn"
        said.append(Remark("rule.escalation", tone, {"what": escalation.get("text") or ""}))
    last, key = rule.get("last_outcome") or {}, str((rule.get("last_outcome") or {}).get("outcome"))
    if key in _OUTCOMES:
        code, tone = _OUTCOMES[key]
        code = "told" if code == "done" and rule.get("actuators") == [] else code
        said.append(Remark(f"rule.outcome.{code}", tone, {"reason": last.get("reason") or ""}))
    done, missed = int(rule.get("carried_out") or 0), int(rule.get("not_carried_out") or 0)
    if missed:
        said.append(Remark("rule.counted", "none", {"done": done, "n": done + missed}))
    return said


def _count(words: Words, view: View, name: str) -> str:
    number = int(view.counters.get(name) or 0)
    return f"<div><b>{number}</b><span>{escape(words('counter.' + name))}</span></div>"


def panel(title: str, rows: str, empty: str) -> str:
    """A surface with a heading and rows, or a sentence when there are none. `rows` is escaped already."""
    body = f'<ul class="rows">{rows}</ul>' if rows else f'<p class="soft">{escape(empty)}</p>'
    return f'<div class="panel"><h3>{escape(title)}</h3>{body}</div>'


def malformed_row(words: Words, message: Thing) -> str:
    """One message nobody could read. Its topic and its beginning come from strangers."""
    why, excerpt = str(message.get("why") or message.get("code")), str(message.get("excerpt"))[:200]
    return (
        f'<li><span class="what"><b>{escape(why)}</b><br><code>{escape(str(message.get("topic")))}</code><br>'
        f"<code>{escape(excerpt)}</code></span>"
        f'<span class="how">{escape(words.stamp(moment(message.get("at"))))}</span></li>'
    )
