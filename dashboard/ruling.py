"""One rule as HTML: its state, how it was evaluated, what it would have done. Everything from outside is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from html import escape
from typing import Any, Final

from .faces import Tone
from .panels import rule_remarks
from .parts import marked
from .view import Thing, View, age_s, moment
from .whynot import why_not
from .words import Words

STATES: Final[dict[str, Tone]] = {
    "refused": "bad", "off": "none", "cannot_act": "bad", "cannot_decide": "bad", "active": "good", "waiting": "none",
}  # fmt: skip
MARKS: Final = {"true": ("✔", "good"), "false": ("✘", "bad"), "unknown": ("?", "warn")}
WIDTH: Final = 1000.0
GAPS_SHOWN: Final = 5
HOUR_LABELS: Final = 5


def rule_state(rule: Thing) -> str:
    """`refused`, `off`, `cannot_act`, `cannot_decide`, `active` (it wants something) or `waiting`."""
    if rule.get("refused"):
        return "refused"
    if not rule.get("enabled"):
        return "off"
    if why := str(rule.get("degraded") or ""):
        return "cannot_decide" if why.startswith("cannot decide") else "cannot_act"
    return "active" if rule.get("acting") else "waiting"


def rule_card(words: Words, rule: Thing, now: datetime) -> str:
    """Name, state and since when, the sentence, the last decision and what became of it."""
    state = rule_state(rule)
    since = age_s(rule.get("degraded_since") if state.startswith("cannot") else rule.get("wanted_since"), now)
    shown = escape(words(f"rules.state.{state}"))
    if since is not None and state not in ("waiting", "refused"):
        shown += f" · {escape(words('rules.since', age=words.age(since)))}"
    rows = [f"<div>{marked(words, remark)}</div>" for remark in rule_remarks(rule)]
    foot = words("alarm.remedy.rule_refused") if state == "refused" else _decided(words, rule, now)
    return (
        f'<div class="card inner"><div class="name"><span>{escape(str(rule.get("name")))}</span>'
        f'<span class="mark {STATES[state]}">{shown}</span></div><p>{escape(str(rule.get("sentence") or ""))}</p>'
        f'<div class="remarks">{"".join(rows)}</div><div class="foot"><span>{escape(foot)}</span></div></div>'
    )


def _decided(words: Words, rule: Thing, now: datetime) -> str:
    age = age_s(rule.get("last_decision"), now)
    return words("rules.never") if age is None else words("rule.decided", age=words.age(age))


# ── how it was evaluated ───────────────────────────────────────────────────────────────────────────────────
def tree(words: Words, told: Mapping[str, Any]) -> str:
    """The evaluation part by part: true, false or unknown, the value, its age and quality."""
    if told.get("when") is None:
        return f'<p class="soft">{escape(words("rules.tree.none"))}</p>'
    said = why_not(words, told)
    nearest = f'<p class="say">{escape(said)}</p>' if said else ""
    return f'{nearest}<ul class="tree">{_branch(words, told["when"])}</ul>'


def _branch(words: Words, part: Mapping[str, Any]) -> str:
    truth, kind = str(part.get("truth")), str(part.get("kind"))
    sign, tone = MARKS.get(truth, MARKS["unknown"])
    text = str(part.get("text") or "") if kind == "leaf" else words(f"rules.tree.{kind}")
    below = "".join(_branch(words, each) for each in part.get("parts") or ())
    seen = " · ".join([*_seen(words, part), *([str(part["note"])] if part.get("note") else [])])
    label = escape(words(f"rule.{truth}"), quote=True)
    return (
        f'<li><span class="sign mark {tone}" role="img" aria-label="{label}">{sign}</span>'
        f'<span class="part">{escape(text)}' + (f'<br><span class="soft">{escape(seen)}</span>' if seen else "")
        + "</span>" + (f'<ul class="tree">{below}</ul>' if below else "") + "</li>"
    )  # fmt: skip


def _seen(words: Words, part: Mapping[str, Any]) -> Iterator[str]:
    """What it looked at. Nothing is no zero."""
    reading = part.get("reading")
    if reading is None:
        return
    yield words.quantity(part.get("value"), part.get("unit"))
    yield words("age.ago", age=words.age(float(reading["age_s"])))
    quality = str(reading.get("quality"))
    yield words.known(f"rules.quality.{quality}", quality)
    if reading.get("calibration"):
        yield words("rules.tree.calibration", version=reading["calibration"])


# ── what it would have done ────────────────────────────────────────────────────────────────────────────────
def trial(words: Words, told: Mapping[str, Any], view: View) -> str:
    """A trial in words and as a small picture."""
    lines = list(_trial_lines(words, told, view))
    rows = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'{timeline(words, told)}<ul class="findings">{rows}</ul>'


def _trial_lines(words: Words, told: Mapping[str, Any], view: View) -> Iterator[str]:
    if not told.get("readings"):
        yield words("rules.try.silent")
    yield words("rules.try.starts", n=told["starts"], true=words.span(told["true_s"]))
    if told["unknown_s"] >= 1:
        yield words("rules.try.unknown", span=words.span(told["unknown_s"]))
    for moved in told.get("actuators") or ():
        said = {"n": moved["switches"], "span": words.span(moved["on_s"])}
        yield words("rules.try.moved", name=_name(view.actuators, moved["actuator"]), **said)
    gaps = sorted(told.get("gaps") or (), key=lambda gap: -float(gap["seconds"]))
    for gap in gaps[:GAPS_SHOWN]:
        since, until = words.stamp(moment(gap["since"])), words.stamp(moment(gap["until"]))
        yield words("rules.try.gap", name=_name(view.sensors, gap["series"]), since=since, until=until)
    if len(gaps) > GAPS_SHOWN:
        yield words("rules.try.gaps", n=len(gaps) - GAPS_SHOWN)
    if told.get("departures"):
        yield words("rules.try.departures", n=len(told["departures"]))
    for assumed in told.get("assumed") or ():
        yield words("rules.try.assumed", text=assumed)
    yield words("rules.try.open")


def _name(things: Mapping[str, Thing], key: object) -> str:
    """A rule may name a sensor without its address on the bus."""
    found = things.get(str(key))
    if found is None:
        same = [thing for each, thing in things.items() if each.partition("@")[0] == str(key)]
        found = same[0] if len(same) == 1 else {}
    return str(found.get("name") or key)


def timeline(words: Words, told: Mapping[str, Any]) -> str:
    """When it would have been active, and when it could not have known. Hours of UTC below."""
    since, until = moment(told.get("since")), moment(told.get("until"))
    if since is None or until is None or until <= since:
        return ""
    span = since, until
    bars = _bars(told.get("unknown") or (), span, "unknown") + _bars(told.get("active") or (), span, "active")
    label = escape(words("rules.try.picture"), quote=True)
    keys = "".join(
        f'<span class="key {name}">{escape(words(f"rules.try.{name}"))}</span>'
        for name in ("active", "blind")
    )
    return (
        f'<svg class="timeline" viewBox="0 0 {WIDTH:g} 56" preserveAspectRatio="none"'
        f' role="img" aria-label="{label}">'
        f'<rect class="all" x="0" y="8" width="{WIDTH:g}" height="40"/>{bars}</svg>'
        f'<div class="hours">{_hours(span)}</div><div class="keys">{keys}</div>'
    )


def _bars(spans: Iterable[Mapping[str, Any]], span: tuple[datetime, datetime], name: str) -> str:
    return "".join(
        f'<rect class="{name}" x="{a:.1f}" y="8" width="{max(b - a, 1.5):.1f}" height="40"/>'
        for one in spans
        if (a := _place(moment(one.get("since")), span)) is not None
        and (b := _place(moment(one.get("until")), span)) is not None
    )


def _place(at: datetime | None, span: tuple[datetime, datetime]) -> float | None:
    if at is None:
        return None
    share = (at - span[0]) / (span[1] - span[0])
    return WIDTH * min(max(share, 0.0), 1.0)


def _hours(span: tuple[datetime, datetime]) -> str:
    times = [span[0] + (span[1] - span[0]) * step / (HOUR_LABELS - 1) for step in range(HOUR_LABELS)]
    return "".join(f"<span>{at:%H:%M}</span>" for at in times)
