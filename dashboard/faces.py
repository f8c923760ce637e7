"""How a sensor, an actuator and the whole house are to be understood: pure judgements the pages only draw.

Two rules stand above all. A reported state is shown, never a wished one. And an old value is never shown
where a living one would stand: a tile whose reading is stale has no figure, only a remark about the last one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from .view import Thing, View, active_stop, age_s, moment, stops, under

Tone = Literal["good", "note", "warn", "bad", "none"]
_DEAD: Final = frozenset({"stale", "offline", "never", "paused"})
_FAILED: Final = frozenset({"rejected", "failed", "expired"})
_WORST: Final[tuple[Tone, ...]] = ("bad", "warn", "note")


@dataclass(frozen=True, slots=True)
class Remark:
    """A key of the catalogue with its words, so that the same judgement reads in every language."""

    key: str
    tone: Tone = "note"
    words: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SensorFace:
    """What a sensor's tile says. `value` is None unless it is alive; `last` is the value that was."""

    value: float | None
    last: float | None
    age: float | None
    state: str
    tone: Tone
    remark: Remark | None = None


@dataclass(frozen=True, slots=True)
class ActuatorFace:
    """What an actuator's card says. `state` is unknown, on or off, of the *reported* value."""

    state: Literal["unknown", "on", "off"]
    reported: float | None
    age: float | None
    tone: Tone
    lease_s: float | None
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class Wellness:
    """Is all well? If not, everything that is not, the worst first."""

    tone: Tone
    reasons: tuple[Remark, ...]
    doing: tuple[Thing, ...]


def freshness(sensor: Thing, now: datetime) -> str:
    """The controller's word, unless the reading has visibly aged beyond its limit since it was said."""
    word = str(sensor.get("freshness") or "never")
    age = age_s(sensor.get("received_at") or sensor.get("measured_at"), now)
    limit = sensor.get("stale_after_s")
    outlived = age is not None and limit is not None and age > float(limit) + 2.0
    return "stale" if outlived and word not in _DEAD else word


def sensor_face(sensor: Thing, view: View, now: datetime) -> SensorFace:
    """What to show for a sensor at this moment."""
    age = age_s(sensor.get("measured_at") or sensor.get("received_at"), now)
    value, fresh = sensor.get("value"), freshness(sensor, now)
    reason = {"reason": sensor.get("reason") or ""}
    if view.gone:
        return SensorFace(None, value, age, "gone", "none", Remark("sensor.gone", "none"))
    if fresh in _DEAD:
        muted: Tone = "none" if fresh == "paused" else "warn"
        return SensorFace(None, value, age, fresh, muted, Remark(f"sensor.{fresh}", muted, reason))
    state, tone = _validity(value, sensor.get("quality"), fresh)
    if tone == "bad":
        key = "sensor.error" if sensor.get("quality") == "error" else "sensor.empty"
        return SensorFace(None, None, age, state, tone, Remark(key, tone, reason))
    remark = None if tone == "good" else Remark(f"sensor.{state}", tone, reason)
    return SensorFace(value, None, age, state, tone, remark)


def _validity(value: float | None, quality: object, fresh: str) -> tuple[str, Tone]:
    """How a living reading is to be taken."""
    if value is None or quality == "error":
        return "error", "bad"
    if quality == "suspect":
        return "suspect", "warn"
    if quality == "uncalibrated":
        return "uncalibrated", "note"
    return ("late", "note") if fresh == "late" else ("good", "good")


def actuator_face(actuator: Thing, view: View, now: datetime) -> ActuatorFace:
    """What to show for an actuator at this moment: what it reported, and what to think of that."""
    reported, remarks = actuator.get("reported"), tuple(_actuator_remarks(actuator, view))
    until = moment(actuator.get("lease_until"))
    lease = None if until is None else max((until - now).total_seconds(), 0.0)
    worst = next((tone for tone in _WORST if any(r.tone == tone for r in remarks)), None)
    state: Literal["unknown", "on", "off"] = "unknown" if reported is None else "on" if reported else "off"
    tone: Tone = "none" if view.gone or reported is None else worst or "good"
    return ActuatorFace(state, reported, age_s(actuator.get("reported_at"), now), tone, lease, remarks)


def _actuator_remarks(actuator: Thing, view: View) -> Iterator[Remark]:
    last = actuator.get("last_command") or {}
    node = view.nodes.get(str(actuator.get("node"))) or {}
    if view.gone:
        yield Remark("actuator.gone", "none")
    elif node.get("online") is False:
        yield Remark("actuator.offline", "warn")
    if actuator.get("reported") is None:
        yield Remark("actuator.unknown", "warn")
    if actuator.get("emergency") == "active":
        yield Remark(
            "actuator.emergency", "note" if any(under(view, actuator, s) for s in stops(view)) else "bad"
        )
    if actuator.get("pending"):
        yield Remark("actuator.pending", "note", {"value": actuator.get("wished")})
    elif last.get("state") in _FAILED and last.get("value") != actuator.get("reported"):
        words = {"value": last.get("value"), "message": last.get("message") or ""}
        yield Remark(f"actuator.{last['state']}", "warn", words)
    if actuator.get("enabled") is False:
        yield Remark("actuator.disabled", "note")


def node_face(node: Thing) -> Remark:
    """Whether a node takes part and is there, in one word."""
    if node.get("status") == "rejected":
        return Remark("node.rejected", "none")
    if node.get("status") == "pending":
        return Remark("node.pending", "note")
    if node.get("online") is None:
        return Remark("node.unheard", "none")
    return Remark("node.online", "good") if node["online"] else Remark("node.offline", "warn")


def wellness(view: View, now: datetime) -> Wellness:
    """The headline: is all well, why not, and what is being done right now."""
    reasons = tuple(_reasons(view, now))
    tone: Tone = next((tone for tone in _WORST if any(r.tone == tone for r in reasons)), "good")
    ordered = sorted(reasons, key=lambda r: _WORST.index(r.tone) if r.tone in _WORST else len(_WORST))
    doing = () if view.gone else tuple(a for a in view.actuators.values() if _works(a))
    return Wellness(tone, tuple(ordered), doing)


def _works(actuator: Thing) -> bool:
    """Is it reported away from its safe value?"""
    reported = actuator.get("reported")
    return reported is not None and reported != (actuator.get("safe_value") or 0.0)


def _reasons(view: View, now: datetime) -> Iterator[Remark]:
    if view.gone:
        yield Remark("well.gone" if view.known else "well.never", "bad")
        return
    yield from _house_reasons(view)
    for node in view.nodes.values():
        yield from _node_reasons(node)
    for sensor in view.sensors.values():
        yield from _sensor_reasons(sensor, view, now)
    for actuator in view.actuators.values():
        yield from _actuator_reasons(actuator, view)
    for rule in view.rules.values():
        if rule.get("enabled") and rule.get("degraded"):
            yield Remark("well.rule", "warn", {"name": rule.get("name"), "why": rule["degraded"]})


def _house_reasons(view: View) -> Iterator[Remark]:
    if active_stop(view):
        yield Remark(f"well.stop.{view.stop['phase']}", "bad")
    if view.stop.get("others"):
        yield Remark("well.stop.part", "bad")
    if view.link.get("state") != "up":
        yield Remark("well.link", "bad")
    yield from _database_reasons(view.counters)
    if unseen := view.alarms.get("unacknowledged"):
        yield Remark("well.alarms", "bad", {"n": unseen})


def _database_reasons(counts: Thing) -> Iterator[Remark]:
    """Is it away, what waits for it, and what it would not take."""
    waiting = counts.get("spooled") or 0
    if problem := counts.get("database"):
        yield Remark("well.database", "warn", {"problem": problem, "n": waiting})
    elif waiting:
        yield Remark("well.spooled", "note", {"n": waiting})
    if refused := counts.get("unstorable"):
        yield Remark("well.unstorable", "warn", {"n": refused})


def _node_reasons(node: Thing) -> Iterator[Remark]:
    name = {"name": node.get("name") or node.get("id")}
    if node.get("status") == "pending":
        yield Remark("well.pending", "note", name)
    elif node.get("status") == "approved" and node.get("online") is False:
        yield Remark("well.offline", "warn", name)
    for problem in node.get("problems") or ():
        yield Remark("well.problem", "warn", name | {"problem": problem})


def _sensor_reasons(sensor: Thing, view: View, now: datetime) -> Iterator[Remark]:
    node = view.nodes.get(str(sensor.get("node"))) or {}
    if node.get("online") is False or node.get("status") == "rejected":
        return  # said once, for the node
    face = sensor_face(sensor, view, now)
    if face.tone in ("warn", "bad"):
        yield Remark(f"well.sensor.{face.state}", "warn", {"name": sensor.get("name")})


def _actuator_reasons(actuator: Thing, view: View) -> Iterator[Remark]:
    for remark in _actuator_remarks(actuator, view):
        if remark.tone in ("warn", "bad") and remark.key != "actuator.offline":
            yield Remark(f"well.{remark.key}", remark.tone, {"name": actuator.get("name")})
