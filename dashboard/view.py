"""What the pages show, folded from a snapshot and the changes after it. Pure, and without Panel.

A :class:`View` is replaced, never changed: whoever holds one may compare versions and look at leisure. Two
clocks meet here and are kept apart. *Site time* is the controller's (in a demo it may run many times faster);
*at* is this process's monotonic clock in seconds, which carries site time forward between two messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

Thing = Mapping[str, Any]
Things = Mapping[str, Thing]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TABLES: Final = {
    "zone": "zones",
    "node": "nodes",
    "sensor": "sensors",
    "actuator": "actuators",
    "rule": "rules",
}
NOTICES_SHOWN: Final = 5
_SINGLES: Final = frozenset({"link", "stop", "alarms", "counters"})


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class View:
    """Everything a page may show at one moment. `gone` is set while the controller does not answer."""

    version: int = 0
    zones: Things = field(default_factory=_nothing)
    nodes: Things = field(default_factory=_nothing)
    sensors: Things = field(default_factory=_nothing)
    actuators: Things = field(default_factory=_nothing)
    rules: Things = field(default_factory=_nothing)
    link: Thing = field(default_factory=_nothing)
    stop: Thing = field(default_factory=_nothing)
    alarms: Thing = field(default_factory=_nothing)
    counters: Thing = field(default_factory=_nothing)
    malformed: tuple[Thing, ...] = ()
    notices: tuple[Thing, ...] = ()
    simulated: bool = False
    known: bool = False
    gone: bool = True
    gone_since: datetime | None = None
    speed: float = 1.0
    now_then: datetime = EPOCH
    at_then: float = 0.0

    def now(self, at: float) -> datetime:
        """Site time at the given moment of the monotonic clock."""
        pace = 1.0 if self.gone else self.speed
        return self.now_then + timedelta(seconds=max(at - self.at_then, 0.0) * pace)


def fold(view: View, change: Mapping[str, Any], at: float) -> View:
    """The view after one change. Kinds this version does not know change nothing."""
    kind, data = str(change.get("kind")), change.get("data")
    if kind == "gone":
        return lost(view, at)
    if (said := moment(change.get("now"))) is not None:
        view = replace(view, now_then=said, at_then=at)
    if kind == "snapshot" and isinstance(data, Mapping):
        return _from_snapshot(view, data, at)
    if kind in _TABLES:
        table = _TABLES[kind]
        things = _with(getattr(view, table), str(change.get("id")), data)
        return _next(view, **{table: things})
    if kind in _SINGLES and isinstance(data, Mapping):
        malformed = (
            tuple(data.get("malformed_last", view.malformed)) if kind == "counters" else view.malformed
        )
        return _next(view, malformed=malformed, **{kind: data})
    return view


def answered(view: View, snapshot: Mapping[str, Any], at: float) -> View:
    """The controller answered a routine question: its clock, and what no change tells."""
    malformed = tuple(snapshot.get("malformed", ()))
    counters = snapshot.get("counters", {})
    timed = _timed(view, snapshot, at)
    same = not view.gone and malformed == view.malformed and counters == view.counters
    return timed if same else _next(timed, malformed=malformed, counters=counters)


def reminded(view: View, notices: Iterable[Thing]) -> View:
    """What rules told people last, as it is stored."""
    found = tuple(notices)
    return view if found == view.notices else _next(view, notices=found)


def last_words(view: View) -> dict[str, object]:
    """The last notice of each rule that told something since the controller started."""
    return {key: rule["notice"] for key, rule in view.rules.items() if rule.get("notice")}


def newest_notices(view: View) -> list[Thing]:
    """What rules told people, newest first: what is stored, and what only its rule tells of yet."""
    live = (
        {**dict(said), "rule": key} for key, said in last_words(view).items() if isinstance(said, Mapping)
    )
    found = {
        (str(one.get("at")), str(one.get("rule")), str(one.get("text")), str(one.get("channel"))): one
        for one in (*live, *view.notices)
    }
    newest = sorted(found.values(), key=lambda one: moment(one.get("at")) or EPOCH, reverse=True)
    return newest[:NOTICES_SHOWN]


def lost(view: View, at: float) -> View:
    """The controller does not answer. What was known stays, and is shown as old."""
    if view.gone and (view.gone_since is not None or not view.known):
        return view
    now = view.now(at)
    return _next(view, gone=True, gone_since=now, now_then=now, at_then=at)


def moment(text: object) -> datetime | None:
    """A time as the controller writes it, or None."""
    if not isinstance(text, str):
        return None
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def age_s(text: object, now: datetime) -> float | None:
    """Seconds since a time as the controller writes it; never negative."""
    then = moment(text)
    return None if then is None else max((now - then).total_seconds(), 0.0)


def in_zone(things: Things, zone: str | None) -> list[Thing]:
    """The things of a zone, by name."""
    return sorted((t for t in things.values() if t.get("zone") == zone), key=_by_name)


def homeless(view: View) -> tuple[list[Thing], list[Thing]]:
    """Sensors and actuators in no zone that is known here."""
    sensors, actuators = (
        sorted((t for t in things.values() if t.get("zone") not in view.zones), key=_by_name)
        for things in (view.sensors, view.actuators)
    )
    return sensors, actuators


def named(things: Iterable[Thing]) -> list[Thing]:
    """In the order of their names."""
    return sorted(things, key=_by_name)


def waiting(view: View) -> list[Thing]:
    """The nodes that wait for approval, by name."""
    return named(node for node in view.nodes.values() if node.get("status") == "pending")


def who(origin: object, view: View) -> str:
    """Who or what stands behind a command or a stop, as people know it."""
    kind, _, name = str(origin or "?").partition(":")
    if kind == "rule":
        return str((view.rules.get(name) or {}).get("name") or name)
    return name or kind


def active_stop(view: View) -> bool:
    """Is anything but normal operation allowed to happen now?"""
    return bool(view.stop.get("phase", "NORMAL") != "NORMAL")


def stops(view: View) -> tuple[Thing, ...]:
    """Every stop that stands: of everything, of zones, of nodes."""
    everything = (view.stop,) if active_stop(view) else ()
    return (*everything, *view.stop.get("others", ()))


def reach_of(stop: Thing) -> str:
    """`all`, `zone:ID` or `node:ID`."""
    return str(stop.get("scope") or "all")


def under(view: View, actuator: Thing, stop: Thing) -> bool:
    """Does a stop cover an actuator? By its own zone, or its node's."""
    kind, _, key = reach_of(stop).partition(":")
    node = str(actuator.get("node"))
    zone = actuator.get("zone") or (view.nodes.get(node) or {}).get("zone")
    return kind == "all" or (kind == "node" and node == key) or (kind == "zone" and zone == key)


def _by_name(thing: Thing) -> tuple[str, str]:
    return str(thing.get("name") or "").casefold(), str(thing.get("id"))


def _from_snapshot(view: View, data: Mapping[str, Any], at: float) -> View:
    tables = {plural: _table(data.get(plural, ())) for plural in _TABLES.values()}
    singles = {name: data.get(name, {}) for name in _SINGLES}
    return _next(
        _timed(view, data, at),
        **tables,
        **singles,
        malformed=tuple(data.get("malformed", ())),
        simulated=bool(data.get("simulated")),
        known=True,
    )


def _timed(view: View, data: Mapping[str, Any], at: float) -> View:
    now = moment(data.get("now")) or view.now(at)
    speed = float(data.get("speed") or 1.0)
    return replace(view, now_then=now, at_then=at, speed=speed, gone=False, gone_since=None)


def _table(things: Iterable[Thing]) -> Things:
    return MappingProxyType({str(thing["id"]): thing for thing in things})


def _with(things: Things, key: str, data: object) -> Things:
    rest = {k: v for k, v in things.items() if k != key or isinstance(data, Mapping)}
    return MappingProxyType(rest | {key: data} if isinstance(data, Mapping) else rest)


def _next(view: View, **changes: Any) -> View:
    return replace(view, version=view.version + 1, **changes)
