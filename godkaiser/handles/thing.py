"""One thing of a farm, looked at from the last known picture: what all have in common, nodes, and rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from godkaiser.display import Shown
from godkaiser.handles.line import Line
from godkaiser.handles.said import Note, Unreadable
from godkaiser.handles.values import ago, when


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


class NodeLook(Thing):
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
    def generation(self) -> str | None:
        """`2026`, or `seed` for firmware before it; None: not heard yet."""
        generation: str | None = self._shot["generation"]
        return generation

    @property
    def kaiser_id(self) -> str:
        """The kaiser id it listens to."""
        return str(self._shot["kaiser_id"])

    @property
    def board(self) -> str | None:
        """What kind of board it is; None: nobody has said."""
        board: str | None = self._shot["board"]
        return board

    @property
    def configuration(self) -> str:
        """How far it has come: `converged`, `pushing`, `problem` or `unknown`."""
        return str(self._shot["config"]["state"])

    @property
    def system_state(self) -> str | None:
        """`OPERATIONAL`, `PENDING_APPROVAL`, `SAFE_MODE`, … as it said last; None when it has not said."""
        state: str | None = self._shot["system_state"]
        return state

    @property
    def rssi(self) -> int | None:
        """Strength of its radio link in dBm, below zero."""
        rssi: int | None = self._shot["rssi"]
        return rssi

    @property
    def heap(self) -> int | None:
        """Its free memory in bytes."""
        heap: int | None = self._shot["heap"]
        return heap

    @property
    def uptime(self) -> timedelta | None:
        """How long it had been running when it said so last."""
        uptime = self._shot["uptime"]
        return None if uptime is None else timedelta(seconds=uptime)

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with it now, in sentences."""
        return tuple(self._shot["problems"])

    @property
    def notes(self) -> tuple[Note, ...]:
        """The last things it said that are for people, newest first."""
        return Note.all_of(self._shot["notes"])

    @property
    def unreadable(self) -> tuple[Unreadable, ...]:
        """Its messages that could not be read since the controller started, by reason."""
        return Unreadable.all_of(self._shot["unreadable"])

    def row(self) -> tuple[object, ...]:
        """Its line in a table."""
        word = {True: "online", False: "offline", None: "not heard yet"}[self.online]
        heard = self.last_contact
        age = "never" if heard is None else ago(max(self._line.mirror.now(), heard) - heard)
        return self.id, self.name, self.zone, self.status, word, age, "; ".join(self.problems)

    def __repr__(self) -> str:
        _, name, zone, status, word, age, problems = self.row()
        lost, notes = sum(reason.count for reason in self.unreadable), self.notes
        more = [str(problems)] if problems else []
        more += [f"{lost} messages could not be read"] if lost else []
        more += [f"it said last: {notes[0]}"] if notes else []
        trouble = "".join(f"; {words}" for words in more)
        return f"<Node {name} ({self.id}) in {zone}: {status}, {word}, heard {age}{trouble}>"


class RuleLook(Thing):
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

    @property
    def degraded(self) -> str:
        """Why it cannot act or decide; empty when it can."""
        return str(self._shot["degraded"] or "")

    @property
    def refused(self) -> bool:
        """Is it only stored, and not carried out? `degraded` says where its document is wrong, and how."""
        return bool(self._shot.get("refused"))

    @property
    def carried_out(self) -> int:
        """How many of its decisions the nodes have confirmed, since the controller started."""
        return int(self._shot.get("carried_out") or 0)

    @property
    def not_carried_out(self) -> int:
        """How many of its decisions no node has confirmed: refused, offline, expired, superseded."""
        return int(self._shot.get("not_carried_out") or 0)

    def explain(self) -> str:
        """The rule as a sentence."""
        return str(self._shot["sentence"])

    def row(self) -> tuple[object, ...]:
        """Its line in a table."""
        note = ("refused: " if self.refused else "") + self.degraded or (
            "" if self.enabled else "switched off"
        )
        return self.name, self.explain(), self.truth, "yes" if self.acting else "no", note

    def __repr__(self) -> str:
        return f"<Rule {self.name}: {self.truth}, {'acting' if self.acting else 'idle'}. {self.explain()}>"
