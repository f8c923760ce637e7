"""The pieces pages are made of, as HTML. Every string that came from outside is escaped here, once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, Final
from urllib.parse import quote

from .faces import ActuatorFace, Remark, SensorFace, Wellness, actuator_face, sensor_face
from .view import Thing, View, age_s, moment, who
from .words import DASH, Words

_SHOWN_REASONS: Final = 6
_TICK: Final = '<path d="M5 12.5l4.5 4.5L19 7.5" fill="none" stroke="currentColor" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round"/>'  # noqa: E501
_BANG: Final = '<path d="M12 5v9" stroke="currentColor" stroke-width="2.8" stroke-linecap="round"/><circle cx="12" cy="18.6" r="1.7" fill="currentColor"/>'  # noqa: E501


@cache
def pane_style() -> str:
    """The part of the style sheet that panes need inside their shadow tree."""
    whole = files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    return whole.split("/*== parts", 1)[1].split("*/", 1)[1]


@cache
def widget_style() -> str:
    """The style sheet of Panel's widgets."""
    return files(__package__).joinpath("widgets.css").read_text(encoding="utf-8")


def headline(words: Words, well: Wellness, view: View) -> str:
    """Is all well, and what is being done."""
    tone = "none" if view.gone else well.tone
    good = tone in ("good", "note")
    shown = well.reasons[:_SHOWN_REASONS]
    items = [marked(words, reason) for reason in shown]
    if len(well.reasons) > len(shown):
        items.append(escape(words("well.more", n=len(well.reasons) - len(shown))))
    reasons = "".join(f"<li>{item}</li>" for item in items)
    total = words("well.sum", sensors=len(view.sensors), nodes=len(view.nodes))
    return (
        f'<div class="well {tone}"><div class="sign"><svg viewBox="0 0 24 24" aria-hidden="true">'
        f"{_TICK if good else _BANG}</svg></div><div><h1>{escape(words('well.' + well.tone))}</h1>"
        f'<p class="sum">{escape(total)}</p><p class="now">{escape(_doing(words, well))}</p>'
        f"<ul>{reasons}</ul></div></div>"
    )


def sensor_tile(words: Words, sensor: Thing, view: View, now: datetime, query: str = "") -> str:
    """A sensor: its living value, or why there is none."""
    face = sensor_face(sensor, view, now)
    unit = str(sensor.get("unit") or "")
    name, identity = str(sensor.get("name") or sensor.get("id")), quote(str(sensor.get("id")), safe="")
    link = f"/history?sensor={identity}{query}"
    dead = "" if face.value is not None else " dead"
    value = DASH if face.value is None else words.number(face.value, unit)
    small = f"<small>{escape(unit)}</small>" if unit and face.value is not None and unit != "bool" else ""
    if sensor.get("state") is not None and face.value is not None:
        value, small = str(sensor["state"]), ""
    label = escape(words("sensor.history", name=name), quote=True)
    return (
        f'<a class="tile {face.tone}{dead}" href="{escape(link, quote=True)}" aria-label="{label}">'
        f'<div class="name">{escape(name)}</div><div class="value">{escape(value)}{small}</div>'
        f'<div class="foot">{_sensor_foot(words, face, unit)}{_old(words, sensor)}</div></a>'
    )


def actuator_card(words: Words, actuator: Thing, view: View, now: datetime, style: str = "") -> str:
    """An actuator: its reported state, what is open about it, and when it ends by itself."""
    face = actuator_face(actuator, view, now)
    name = str(actuator.get("name") or actuator.get("id"))
    level = words.level(face.reported, actuator.get("type"))
    chip = f'<span class="chip">{escape(words("actuator.safe"))}</span>' if actuator.get("safe") else ""
    return (
        f'<div class="card {face.tone} {style}"><div class="name"><span>{escape(name)}</span>{chip}</div>'
        f'<div class="state {face.state}">{escape(level)}</div>{_bar(face, actuator)}'
        f"{_remarks(words, face.remarks, actuator)}"
        f'<div class="foot">{_actuator_foot(words, face)}</div></div>'
    )


def actuator_facts(words: Words, actuator: Thing, view: View, now: datetime) -> str:
    """What is fixed about an actuator, and its last command."""
    kind = str(actuator.get("kind") or actuator.get("type"))
    facts = [(words("actuator.safe_value"), words.level(actuator.get("safe_value"), actuator.get("type")))]
    if actuator.get("max_on_s"):
        facts.append((words("actuator.max_on"), words.span(float(actuator["max_on_s"]))))
    facts.append((words("actuator.last"), _last_command(words, actuator, view, now)))
    facts.append((words("actuator.kind"), words.known(f"kind.{kind}", kind)))
    facts.append((words("actuator.node"), str(actuator.get("id"))))
    return (
        '<dl class="facts">'
        + "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
        + "</dl>"
    )


def held(words: Words, actuator: Thing, view: View, now: datetime) -> str:
    """Who has an actuator for themselves, and how long rules leave it alone yet."""
    hold = actuator.get("hold") or {}
    until = moment(hold.get("until"))
    if until is None:
        return ""
    left = max((until - now).total_seconds(), 0.0)
    return say(words("hold.by", who=who(hold.get("who"), view), span=words.span(left)), "warn")


def chain(words: Words, told: Mapping[str, Any]) -> str:
    """The way from a message to a running actuator, step by step."""
    steps = told.get("steps") or ()
    if not steps:
        return f'<p class="say">{escape(str(told.get("text") or words("why.none")))}</p>'
    rows = "".join(_step(words, step) for step in steps)
    return f'<p>{escape(str(told.get("text") or ""))}</p><ol class="chain">{rows}</ol>'


def findings(
    words: Words, title_key: str, tone: str, found: Iterable[Mapping[str, Any]], **said: object
) -> str:
    """A verdict with everything safety had to say."""
    rows = "".join(_finding_row(finding) for finding in found)
    lines = f'<ul class="findings">{rows}</ul>' if rows else ""
    return f'<div class="say {tone}">{escape(words(title_key, **said))}</div>{lines}'


def marked(words: Words, remark: Remark) -> str:
    """A remark with its coloured dot."""
    return f'<span class="mark {remark.tone}">{escape(_text(words, remark))}</span>'


def say(text: str, tone: str = "") -> str:
    """One sentence in a box."""
    css = "plain" if tone == "plain" else f"say {tone}"
    return f'<div class="{css}" role="status">{escape(text)}</div>' if text else ""


def _finding_row(finding: Mapping[str, Any]) -> str:
    tone = "warn" if finding.get("severity") in ("warning", "info", "note") else "bad"
    return f'<li><span class="mark {tone}">{escape(str(finding.get("sentence") or ""))}</span></li>'


def _doing(words: Words, well: Wellness) -> str:
    each = [f"{a.get('name')} {words.level(a.get('reported'), a.get('type'))}" for a in well.doing]
    return f"{words('overview.doing')}: {', '.join(each) or words('overview.doing.nothing')}"


def _text(words: Words, remark: Remark) -> str:
    said = dict(remark.words)
    if said.get("reason") == "":
        said["reason"] = words("sensor.noreason")
    return words(remark.key, **said).strip()


def _old(words: Words, sensor: Thing) -> str:
    """That its calibration is due; nothing else of it concerns the overview."""
    age = sensor.get("calibration_age") or {}
    if not age.get("due"):
        return ""
    since = str(age.get("due_at") or "")[:10]
    return f" <span>{escape(words('sensor.old', days=age.get('days'), since=since))}</span>"


def _sensor_foot(words: Words, face: SensorFace, unit: str) -> str:
    age = words("age.ago", age=words.age(face.age)) if face.age is not None else ""
    if face.remark is None:
        return f'<span class="mark good">{escape(words("sensor.good"))}</span><span>{escape(age)}</span>'
    right = age
    if face.last is not None and face.age is not None:
        right = words("sensor.last", value=words.quantity(face.last, unit), age=words.age(face.age))
    return f"{marked(words, face.remark)}<span>{escape(right)}</span>"


def _bar(face: ActuatorFace, actuator: Thing) -> str:
    if actuator.get("type") != "pwm" or face.reported is None:
        return ""
    return f'<div class="bar"><i style="width:{min(max(face.reported, 0.0), 1.0) * 100:.0f}%"></i></div>'


def _remarks(words: Words, remarks: Sequence[Remark], actuator: Thing) -> str:
    rows = []
    for remark in remarks:
        said = dict(remark.words)
        if "value" in said:
            said["value"] = words.level(said["value"], actuator.get("type"))
        rows.append(f"<div>{marked(words, Remark(remark.key, remark.tone, said))}</div>")
    return f'<div class="remarks">{"".join(rows)}</div>' if rows else ""


def _actuator_foot(words: Words, face: ActuatorFace) -> str:
    key = "actuator.reported" if face.age is not None else "actuator.reported.never"
    left = words(key, age=words.age(face.age))
    right = words("actuator.lease", span=words.span(face.lease_s)) if face.lease_s else ""
    return f"<span>{escape(left)}</span><span>{escape(right)}</span>"


def _last_command(words: Words, actuator: Thing, view: View, now: datetime) -> str:
    last = actuator.get("last_command")
    if not last:
        return DASH
    state = str(last.get("state"))
    return words(
        "actuator.last.text",
        value=words.level(last.get("value"), actuator.get("type")),
        origin=words.known(f"origin.{last.get('origin')}", who(last.get("origin"), view)),
        age=words.age(age_s(last.get("at"), now)),
        state=words.known(f"command.{state}", state),
    )


def _step(words: Words, step: Mapping[str, Any]) -> str:
    what, ok = str(step.get("what")), step.get("ok")
    css = "yes" if ok is True else "no" if ok is False else ""
    title = words.known(f"why.{what}", what)
    when = words.clock(moment(step.get("at")))
    return (
        f'<li class="{css}"><span class="what">{escape(title)} · {escape(when)}</span><br>'
        f"{escape(str(step.get('text') or ''))}</li>"
    )
