"""Handles that only look: sync, from the last known picture. Both faces build on them."""

from __future__ import annotations

import difflib
import weakref
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar, overload

from godkaiser.display import Shown, text_table
from godkaiser.errors import (
    AmbiguousNameError,
    GodkaiserError,
    UnknownActuatorError,
    UnknownNodeError,
    UnknownRuleError,
    UnknownSensorError,
)
from godkaiser.handles import deeds
from godkaiser.handles.line import Line, told
from godkaiser.handles.values import Outcome, Reading, Stop, Verdict, ago, number, when


class Thing(Shown):
    """A node, sensor, actuator or rule. Two handles of the same thing are equal."""

    kind: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]

    def __init__(self, line: Line, thing: str) -> None:
        self._line, self._id = line, thing
        self._last: Mapping[str, Any] = line.mirror.one(self.kind, thing) or {}

    @property
    def id(self) -> str:
        """The id; it never changes."""
        return self._id

    @property
    def name(self) -> str:
        """The name people gave it, else its id."""
        return str(self._shot["name"])

    @property
    def _shot(self) -> Mapping[str, Any]:
        self._last = self._line.mirror.one(self.kind, self._id) or self._last
        return self._last

    def row(self) -> tuple[object, ...]:
        """What a table shows of it, in the order of `columns`."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Thing) and (self._line, self.kind, self._id) == (
            other._line,
            other.kind,
            other._id,
        )

    def __hash__(self) -> int:
        return hash((self.kind, self._id))


class Node(Thing):
    """A board with sensors and actuators."""

    kind = "node"
    columns = ("node", "name", "zone", "status", "link", "last heard", "problems")

    @property
    def zone(self) -> str | None:
        """The id of its zone."""
        zone: str | None = self._shot["zone"]
        return zone

    @property
    def status(self) -> str:
        """`approved`, `pending` or `rejected`."""
        return str(self._shot["status"])

    @property
    def online(self) -> bool | None:
        """None: not heard yet."""
        online: bool | None = self._shot["online"]
        return online

    @property
    def last_contact(self) -> datetime | None:
        """Aware, UTC."""
        return when(self._shot["last_contact"])

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with it, in sentences."""
        return tuple(self._shot["problems"])

    def row(self) -> tuple[object, ...]:
        """Its line in a table."""
        word = {True: "online", False: "offline", None: "not heard yet"}[self.online]
        heard = self.last_contact
        age = "never" if heard is None else ago(max(self._line.mirror.now(), heard) - heard)
        return self.id, self.name, self.zone, self.status, word, age, "; ".join(self.problems)

    def __repr__(self) -> str:
        _, name, zone, status, word, age, problems = self.row()
        trouble = f", {problems}" if problems else ""
        return f"<Node {name} ({self.id}) in {zone}: {status}, {word}, heard {age}{trouble}>"


class SensorLook(Thing):
    """What is measured in one place."""

    kind = "sensor"
    columns = ("sensor", "name", "value", "age", "quality", "freshness")

    @property
    def node(self) -> str:
        """The id of its node."""
        return str(self._shot["node"])

    @property
    def zone(self) -> str | None:
        """The id of its zone."""
        zone: str | None = self._shot["zone"]
        return zone

    @property
    def type(self) -> str:
        """`sht31_temp`, `moisture`, `ph`, …"""
        return str(self._shot["type"])

    @property
    def unit(self) -> str:
        """Unit of its values."""
        return str(self._shot["unit"])

    @property
    def latest(self) -> Reading | None:
        """The newest reading; None when it has never reported. No waiting: what we know now."""
        return self.reading_in(self._shot)

    def reading_in(self, shot: Mapping[str, Any]) -> Reading | None:
        """The reading in a picture of this sensor, as the change feed brings it."""
        return Reading.of(shot, self._line.mirror.now())

    def row(self) -> tuple[object, ...]:
        """Its line in a table."""
        seen = self.latest
        if seen is None:
            return self.id, self.name, "no value", "never heard", "–", "never"
        return self.id, self.name, number(seen.value, seen.unit), ago(seen.age), seen.quality, seen.freshness

    def __repr__(self) -> str:
        _, name, value, age, quality, _ = self.row()
        return f"<Sensor {name} {value}, {age}{'' if quality in ('good', '–') else f', {quality}'}>"


class ActuatorLook(Thing):
    """What can be moved."""

    kind = "actuator"
    columns = ("actuator", "name", "kind", "reported", "wished", "last command")

    @property
    def node(self) -> str:
        """The id of its node."""
        return str(self._shot["node"])

    @property
    def zone(self) -> str | None:
        """The id of its zone."""
        zone: str | None = self._shot["zone"]
        return zone

    @property
    def reported(self) -> float | None:
        """0..1 by the node's own report; None when it has not reported."""
        reported: float | None = self._shot["reported"]
        return reported

    @property
    def reported_at(self) -> datetime | None:
        """When it reported; aware, UTC."""
        return when(self._shot["reported_at"])

    @property
    def wished(self) -> float | None:
        """0..1 as we want it."""
        wished: float | None = self._shot["wished"]
        return wished

    @property
    def pending(self) -> bool:
        """Is a command under way?"""
        return bool(self._shot["pending"])

    @property
    def safe(self) -> bool | None:
        """Is it reported at its safe value? None when it has not reported."""
        safe: bool | None = self._shot["safe"]
        return safe

    @property
    def ends_at(self) -> datetime | None:
        """When it goes back to its safe value by itself; aware, UTC; None when it is not energised by us."""
        return when(self._shot["lease_until"])

    @property
    def last(self) -> Outcome | None:
        """Where the last command stands."""
        shot = self._shot["last_command"]
        return None if shot is None else Outcome.of(shot)

    def check(self, value: float) -> Verdict:
        """Ask the safety gate whether `value` (0..1) would be allowed now. Sends nothing, changes nothing.

        Waits for the controller's answer, a few milliseconds. Raises `InvalidValueError`,
        `ControllerGoneError`.
        """
        return self._line.waited(deeds.check, self._line, self.id, value)

    def row(self) -> tuple[object, ...]:
        """Its line in a table."""
        shot, last = self._shot, self.last
        ended = "–" if last is None else f"{last.value:g} by {last.origin}: {last.state}"
        return self.id, self.name, shot["kind"], self._level(self.reported), self._level(self.wished), ended

    def _level(self, value: float | None) -> str:
        return "unknown" if value is None else "off" if value == 0 else f"{value:.0%}"

    def __repr__(self) -> str:
        pending = ", a command is under way" if self.pending else ""
        return f"<Actuator {self.name} ({self._shot['kind']}) reported {self._level(self.reported)}{pending}>"


class Rule(Thing):
    """A rule, and what it concluded last."""

    kind = "rule"
    columns = ("rule", "what it does", "truth", "acting", "note")

    @property
    def enabled(self) -> bool:
        """Does it decide at all?"""
        return bool(self._shot["enabled"])

    @property
    def truth(self) -> str:
        """`true`, `false` or `unknown` (its inputs are silent)."""
        return str(self._shot["truth"])

    @property
    def acting(self) -> bool:
        """Does it want something at this moment?"""
        return bool(self._shot["acting"])

    @property
    def last_decision(self) -> datetime | None:
        """Aware, UTC."""
        return when(self._shot["last_decision"])

    def explain(self) -> str:
        """The rule as a sentence."""
        return str(self._shot["sentence"])

    def row(self) -> tuple[object, ...]:
        """Its line in a table."""
        note = self._shot["degraded"] or ("" if self.enabled else "switched off")
        return self.name, self.explain(), self.truth, "yes" if self.acting else "no", note

    def __repr__(self) -> str:
        return f"<Rule {self.name}: {self.truth}, {'acting' if self.acting else 'idle'}. {self.explain()}>"


N = TypeVar("N", bound=Thing)
S = TypeVar("S", bound=SensorLook)
A = TypeVar("A", bound=ActuatorLook)


class Table(Shown, Sequence[N]):
    """The things of one kind: by place (`farm.sensors[0]`), by id or name (`farm.sensors["bench air"]`)."""

    def __init__(self, line: Line, kind: type[N]) -> None:
        self._line, self._kind = line, kind

    @property
    def columns(self) -> tuple[str, ...]:
        """Heads of the columns of its picture."""
        return self._kind.columns

    def _things(self) -> list[N]:
        return [self._kind(self._line, str(shot["id"])) for shot in self._line.mirror.all(self._kind.kind)]

    def __len__(self) -> int:
        return len(self._line.mirror.all(self._kind.kind))

    def __iter__(self) -> Iterator[N]:
        return iter(self._things())

    @overload
    def __getitem__(self, place: int | str) -> N: ...
    @overload
    def __getitem__(self, place: slice) -> list[N]: ...
    def __getitem__(self, place: int | str | slice) -> N | list[N]:
        return self.find(place) if isinstance(place, str) else self._things()[place]

    def find(self, text: str) -> N:
        """By id or name, in any case. Raises `Unknown…Error` naming near matches, `AmbiguousNameError`."""
        shots = self._line.mirror.all(self._kind.kind)
        wanted = str(text).strip().casefold()
        found = [s for s in shots if s["id"] == text] or [
            s for s in shots if wanted in (str(s["id"]).casefold(), s["name"].casefold())
        ]
        if len(found) > 1:
            raise told(AmbiguousNameError(text=text, found=", ".join(str(s["id"]) for s in found)))
        if not found:
            raise told(self._unknown(str(text), [n for s in shots for n in (s["name"], str(s["id"]))]))
        return self._kind(self._line, str(found[0]["id"]))

    def _unknown(self, text: str, names: list[str]) -> GodkaiserError:
        by_fold = {name.casefold(): name for name in names}
        near = [by_fold[fold] for fold in difflib.get_close_matches(text.casefold(), by_fold, 3, 0.5)]
        said = f" Near: {', '.join(map(repr, near))}." if near else ""
        match self._kind.kind:
            case "sensor":
                return UnknownSensorError(text=text, near=said)
            case "actuator":
                return UnknownActuatorError(text=text, near=said)
            case "rule":
                return UnknownRuleError(text=text)
        return UnknownNodeError(text=text)

    def __repr__(self) -> str:
        return text_table(self.columns, [thing.row() for thing in self])


class FarmLook(Shown, Generic[S, A]):
    """A connected farm, as far as one can look at it without waiting."""

    _sensor_kind: type[S]
    _actuator_kind: type[A]

    def __init__(self, line: Line) -> None:
        self._line = line
        # A farm that nobody holds any more is left; its handles hold the line, so they go on.
        self._left = weakref.finalize(line, line.owner.leave)
        self._left.atexit = False

    @property
    def name(self) -> str:
        """What it is connected to."""
        return self._line.name

    @property
    def nodes(self) -> Table[Node]:
        """The nodes, also those that wait for approval."""
        return Table(self._line, Node)

    @property
    def sensors(self) -> Table[S]:
        """The sensors."""
        return Table(self._line, self._sensor_kind)

    @property
    def actuators(self) -> Table[A]:
        """The actuators."""
        return Table(self._line, self._actuator_kind)

    def sensor(self, name: str) -> S:
        """A sensor by id or name. Raises `UnknownSensorError` (naming near matches), `AmbiguousNameError`."""
        return self.sensors.find(name)

    def actuator(self, name: str) -> A:
        """An actuator by id or name. Raises `UnknownActuatorError`, `AmbiguousNameError`."""
        return self.actuators.find(name)

    @property
    def stopped(self) -> Stop:
        """The software stop: true while it is not NORMAL."""
        return Stop.of(self._line.mirror.part("stop"))

    @property
    def link(self) -> str:
        """The controller's connection to its broker: `up`, `down` or `connecting`."""
        return str(self._line.mirror.part("link")["state"])

    @property
    def counters(self) -> dict[str, Any]:
        """What was received, stored, decided and sent since the controller started."""
        return dict(self._line.mirror.part("counters"))

    @property
    def zones(self) -> dict[str, str]:
        """Names of the zones by id."""
        return {str(zone["id"]): zone["name"] for zone in self._line.mirror.part("zones")}

    @property
    def now(self) -> datetime:
        """The controller's time (the simulated one in a simulation); aware, UTC."""
        return self._line.mirror.now()

    @property
    def trouble(self) -> GodkaiserError | None:
        """What is wrong with this connection: the controller is gone, something failed, it was closed."""
        return self._line.trouble

    def health(self) -> str:
        """One line: connection, stop, link, nodes, sensors."""
        nodes, shots = self._line.mirror.all("node"), self._line.mirror.all("sensor")
        online = sum(node["online"] is True for node in nodes)
        waiting = sum(node["status"] == "pending" for node in nodes)
        fresh = sum(shot["freshness"] == "fresh" for shot in shots)
        return (
            f"stop {self.stopped}, link {self.link}, {online} of {len(nodes)} nodes online, "
            f"{fresh} of {len(shots)} sensors fresh" + (f", {waiting} wait for approval" if waiting else "")
        )

    def __repr__(self) -> str:
        trouble = self.trouble
        words = f"  {trouble} {trouble.remedy}\n  Below is what was known last.\n" if trouble else ""
        return f"<Farm {self._line.name}: {self.health()}>\n{words}{self.nodes!r}"

    def _ids(self, sensors: str | S | Sequence[str | S]) -> tuple[list[str], bool]:
        """Ids of what was asked for, and whether it was one alone."""
        alone = isinstance(sensors, str | SensorLook)
        several: Sequence[str | S] = [sensors] if isinstance(sensors, str | SensorLook) else sensors
        return [self.sensor(s).id if isinstance(s, str) else s.id for s in several], alone
