"""A farm and its tables, only looked at: sync, from the last known picture. Both faces build on them."""

from __future__ import annotations

import difflib
import weakref
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar, overload

from godkaiser.display import Shown, text_table
from godkaiser.errors import (
    AmbiguousNameError,
    GodkaiserError,
    UnknownActuatorError,
    UnknownNodeError,
    UnknownRuleError,
    UnknownSensorError,
)
from godkaiser.handles.deeds import How, Span, bucket, zone
from godkaiser.handles.line import Line, told
from godkaiser.handles.paging import Paging, pages
from godkaiser.handles.places import ActuatorLook, SensorLook
from godkaiser.handles.thing import NodeLook, Thing
from godkaiser.handles.values import Stop

T = TypeVar("T", bound=Thing)
N = TypeVar("N", bound=NodeLook)
S = TypeVar("S", bound=SensorLook)
A = TypeVar("A", bound=ActuatorLook)


class Table(Shown, Sequence[T]):
    """The things of one kind: by place (`farm.sensors[0]`), by id or name (`farm.sensors["bench air"]`)."""

    def __init__(self, line: Line, kind: type[T]) -> None:
        self._line, self._kind = line, kind

    @property
    def columns(self) -> tuple[str, ...]:
        """Heads of the columns of its picture."""
        return self._kind.columns

    def _things(self) -> list[T]:
        return [self._kind(self._line, str(shot["id"])) for shot in self._line.mirror.all(self._kind.kind)]

    def __len__(self) -> int:
        return len(self._line.mirror.all(self._kind.kind))

    def __iter__(self) -> Iterator[T]:
        return iter(self._things())

    @overload
    def __getitem__(self, place: int | str) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> list[T]: ...
    def __getitem__(self, place: int | str | slice) -> T | list[T]:
        return self.find(place) if isinstance(place, str) else self._things()[place]

    def find(self, text: str) -> T:
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


class FarmLook(Shown, Generic[N, S, A]):
    """A connected farm, as far as one can look at it without waiting."""

    _node_kind: type[N]
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
    def nodes(self) -> Table[N]:
        """The nodes, also those that wait for approval."""
        return Table(self._line, self._node_kind)

    @property
    def sensors(self) -> Table[S]:
        """The sensors."""
        return Table(self._line, self._sensor_kind)

    @property
    def actuators(self) -> Table[A]:
        """The actuators."""
        return Table(self._line, self._actuator_kind)

    def node(self, name: str) -> N:
        """A node by id or name. Raises `UnknownNodeError`, `AmbiguousNameError`."""
        return self.nodes.find(name)

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

    def _actuator_ids(self, actuators: str | A | Sequence[str | A] | None) -> list[str] | None:
        """Ids of what was asked for; None: all."""
        if actuators is None:
            return None
        several: Sequence[str | A] = [actuators] if isinstance(actuators, str | ActuatorLook) else actuators
        return [self.actuator(a).id if isinstance(a, str) else a.id for a in several]

    def _paging(
        self,
        sensor: str | S,
        span: tuple[object, object],
        every: Span | None,
        quality: str | None,
        how: tuple[str, int],
    ) -> Paging:
        """Of one sensor; `how`: time zone and rows of a part."""
        (one,), (tz, chunk) = self._ids([sensor])[0], how
        return pages(one, span, How(bucket(every), zone(tz), quality), chunk)

    def _ids(self, sensors: str | S | Sequence[str | S]) -> tuple[list[str], bool]:
        """Ids of what was asked for, and whether it was one alone."""
        alone = isinstance(sensors, str | SensorLook)
        several: Sequence[str | S] = [sensors] if isinstance(sensors, str | SensorLook) else sensors
        return [self.sensor(s).id if isinstance(s, str) else s.id for s in several], alone
