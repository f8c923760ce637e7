"""What handles hand out: plain frozen values that live on when the connection is gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from godkaiser.display import Shown
from godkaiser.model.instant import SECOND, describe_duration

MARKS: Final = {True: "✔", False: "✘", None: "·"}


def when(text: str | None) -> datetime | None:
    """ISO 8601 as the controller writes it → aware datetime in UTC."""
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)


def surely(text: str) -> datetime:
    """The same for a time that is always there."""
    return datetime.fromisoformat(text).astimezone(UTC)


def number(value: float | None, unit: str = "") -> str:
    """`23.4 °C`, or `no value`."""
    return "no value" if value is None else f"{value:.4g} {unit}".rstrip()


def ago(age: timedelta | None) -> str:
    """`12 s old`, for people."""
    return "never heard" if age is None else f"{describe_duration(round(age.total_seconds() * SECOND))} old"


@dataclass(frozen=True, slots=True)
class Reading(Shown):
    """One measured value.

    `value` is in `unit` and None when the sensor could not measure; `raw` is the count the node sent.
    `quality` is good, uncalibrated, suspect or error, with the `reason` when it is not good. `measured_at` is
    an aware datetime in UTC. `age` is a timedelta and `freshness` is fresh, late, stale or offline, both as
    they were when the reading was asked for. `calibration` is the version that made the value; 0: none did.
    `coverage`, of a light sum: the part 0..1 of its time that was measured.
    """

    sensor: str
    name: str
    value: float | None
    unit: str
    quality: str
    freshness: str
    measured_at: datetime
    received_at: datetime | None
    age: timedelta
    raw: float | None = None
    reason: str = ""
    calibration: int = 0
    coverage: float | None = None

    @classmethod
    def of(cls, shot: Mapping[str, Any], now: datetime) -> Self | None:
        """From a sensor's picture; None when it has never reported."""
        if shot["measured_at"] is None:
            return None
        measured = surely(shot["measured_at"])
        age = max(now - measured, timedelta())
        late = age.total_seconds() > shot["stale_after_s"] and shot["freshness"] in ("fresh", "late")
        return cls(
            sensor=str(shot["id"]),
            name=shot["name"],
            value=shot["value"],
            unit=shot["unit"],
            quality=shot["quality"],
            freshness="stale" if late else shot["freshness"],
            measured_at=measured,
            received_at=when(shot["received_at"]),
            age=age,
            raw=shot["raw"],
            reason=shot["reason"] or "",
            calibration=shot["calibration"],
            coverage=shot["coverage"],
        )

    def __repr__(self) -> str:
        doubt = "" if self.quality == "good" else f", {self.quality}" + (self.reason and f": {self.reason}")
        return f"<Reading {self.name} {number(self.value, self.unit)}, {ago(self.age)}{doubt}>"


@dataclass(frozen=True, slots=True)
class Finding:
    """What safety objects to: a code for programs, a sentence for people. `severity` is refuse or warn."""

    code: str
    sentence: str
    severity: str = "refuse"

    @classmethod
    def all_of(cls, findings: list[dict[str, str]]) -> tuple[Finding, ...]:
        """From the controller's words."""
        return tuple(cls(f["code"], f["sentence"], f.get("severity", "refuse")) for f in findings)

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True, slots=True)
class Verdict(Shown):
    """What the safety gate would say. True when the command would be allowed; nothing was sent."""

    actuator: str
    value: float
    allowed: bool
    findings: tuple[Finding, ...] = ()

    def __bool__(self) -> bool:
        return self.allowed

    def __repr__(self) -> str:
        word = "allowed" if self.allowed else "refused"
        why = "".join(f"; {finding}" for finding in self.findings)
        return f"<Verdict {self.actuator} to {self.value:g}: {word}{why}>"


@dataclass(frozen=True, slots=True)
class Outcome(Shown):
    """What became of a command. `state` is confirmed when the node has reported the value back."""

    id: str
    actuator: str
    value: float
    state: str
    at: datetime
    origin: str
    message: str = ""
    findings: tuple[Finding, ...] = ()

    @classmethod
    def of(cls, shot: Mapping[str, Any]) -> Self:
        """From the controller's words."""
        return cls(
            id=shot["id"],
            actuator=str(shot["actuator"]),
            value=shot["value"],
            state=shot["state"],
            at=surely(shot["at"]),
            origin=shot["origin"],
            message=shot["message"],
            findings=Finding.all_of(shot["findings"]),
        )

    @property
    def confirmed(self) -> bool:
        """Has the node reported it?"""
        return self.state == "confirmed"

    def __repr__(self) -> str:
        said = f": {self.message}" if self.message else ""
        return f"<Outcome {self.actuator} to {self.value:g} by {self.origin} {self.state}{said}>"


@dataclass(frozen=True, slots=True)
class Step:
    """One hop on the way. `what` is payload, reading, decision, intent, verdict, command or outcome."""

    what: str
    at: datetime
    text: str
    ok: bool | None = None

    def __str__(self) -> str:
        return f"{MARKS[self.ok]} {self.at:%H:%M:%S}  {self.what:9s} {self.text}"


@dataclass(frozen=True, slots=True)
class Chain(Shown):
    """What an actuator does, and the steps from the payload to the outcome that led there, oldest first."""

    actuator: str
    text: str
    steps: tuple[Step, ...] = ()

    @classmethod
    def of(cls, shot: Mapping[str, Any]) -> Self:
        """From the controller's words."""
        steps = tuple(Step(s["what"], surely(s["at"]), s["text"], s["ok"]) for s in shot["steps"])
        return cls(str(shot["actuator"]), shot["text"], steps)

    def __repr__(self) -> str:
        return "\n".join([self.text, *(f"  {step}" for step in self.steps)])


@dataclass(frozen=True, slots=True)
class Stop(Shown):
    """The software stop. `phase` is NORMAL, ACTIVE, CLEARING or RESUMING; true while it is not NORMAL.

    `scope` is `all`, `zone:ID` or `node:ID`. `unconfirmed`: nodes that have not said they stopped (or lifted it).
    `not_offline_proof`: nodes that may still have switching rules of their own, for when they are cut off.
    `others`, only on the stop of everything: the stops of zones and nodes.
    """

    phase: str
    reason: str = ""
    by: str = ""
    since: datetime | None = None
    unconfirmed: tuple[str, ...] = ()
    problem: str = ""
    scope: str = "all"
    not_offline_proof: tuple[str, ...] = ()
    others: tuple[Stop, ...] = ()

    @classmethod
    def of(cls, shot: Mapping[str, Any]) -> Self:
        """From the controller's words."""
        return cls(
            scope=shot["scope"],
            not_offline_proof=tuple(map(str, shot["not_offline_proof"])),
            others=tuple(map(cls.of, shot.get("others", ()))),
            phase=shot["phase"],
            reason=shot["reason"] or "",
            by=shot["by"] or "",
            since=when(shot["since"]),
            unconfirmed=tuple(map(str, shot["unconfirmed"])),
            problem=shot.get("problem") or "",
        )

    def __bool__(self) -> bool:
        return self.phase != "NORMAL"

    def __str__(self) -> str:
        why = f": {self.reason} (by {self.by})" if self else ""
        waiting = f", waiting for {', '.join(self.unconfirmed)}" if self.unconfirmed else ""
        where = "" if self.scope == "all" else f"{self.scope} "
        rest = "".join(f"; {other}" for other in self.others)
        return f"{where}{self.phase}{why}{waiting}" + (f" – {self.problem}" if self.problem else "") + rest

    def __repr__(self) -> str:
        return f"<Stop {self}>"


@dataclass(frozen=True, slots=True)
class Change:
    """Something is different now.

    `kind` is sensor, actuator, node, rule, stop, alarms, link, counters, snapshot (everything at once: at first, and
    after a lost connection) or gone (the controller is away). `data` is the present picture of the thing `id`.
    """

    kind: str
    id: str
    data: Mapping[str, Any] = field(repr=False)
