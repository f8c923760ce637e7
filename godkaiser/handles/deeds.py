"""What is done over a line. Every function runs in the owner's loop; both faces call the same ones."""

from __future__ import annotations

import asyncio
import math
from array import array
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from numbers import Real
from typing import TYPE_CHECKING, Any, Final

from godkaiser.errors import AckTimeoutError, DocumentError, InvalidValueError
from godkaiser.frames import GAP_S, Buckets, Stretch, table_frame
from godkaiser.handles.line import Line
from godkaiser.handles.mirror import Event
from godkaiser.handles.said import Probe
from godkaiser.handles.values import Chain, Finding, Outcome, Reading, Stop, Verdict
from godkaiser.handles.whynot import WhyNot
from godkaiser.model.calendar import UTC_NAME, Calendar
from godkaiser.model.instant import SECOND, Duration, from_datetime, parse_duration, to_iso

if TYPE_CHECKING:
    from pandas import DataFrame

Span = str | float | timedelta
When = str | datetime
Document = Mapping[str, Any]
DECISIONS: Final = ("rule", "truth", "active", "trace", "note", "cause", "outcome", "outcome_reason")
COMMANDS: Final = (
    "command", "intent", "actuator", "value", "fate", "who", "origin", "message", "findings", "cause",
)  # fmt: skip
AUDIT: Final = ("who", "action", "target", "detail", "place")
NOTICES: Final = ("rule", "text", "channel", "target", "sent", "cause")
HEARTBEATS: Final = (
    "node", "uptime", "heap_free", "wifi_rssi", "boot_id", "reset_reason", "state", "sensor_count", "actuator_count",
    "handover_epoch", "handover_rejects", "degraded",
)  # fmt: skip


def level(value: object) -> float:
    """0..1 as a plain number. What is within the actuator's range is for the safety gate to say."""
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise InvalidValueError(
            field="value", value=repr(value), problem="not a finite number", allowed="0.0 to 1.0"
        )
    return float(value)


def seconds(span: Span | None, field: str) -> float | None:
    """`"5s"`, a timedelta or seconds → seconds."""
    return None if span is None else parse_duration(span, field) / SECOND


def bucket(every: Span | None) -> Duration | None:
    """The length of a bucket in microseconds, more than nothing."""
    if every is None:
        return None
    span = parse_duration(every, "every")
    if span == 0:
        raise InvalidValueError(
            field="every", value=repr(every), problem="is nothing", allowed="a positive duration"
        )
    return span


def zone(tz: str) -> str:
    """A time zone that is known. Raises `InvalidValueError`."""
    return Calendar(SECOND, tz).timezone


def moment(when: object, field: str) -> str:
    """A time for the controller: `"-7d"` as it is (its clock counts), an aware datetime as ISO 8601."""
    if isinstance(when, str):
        return when
    if isinstance(when, datetime):
        return to_iso(from_datetime(when))
    raise InvalidValueError(
        field=field,
        value=repr(when),
        problem="not a time",
        allowed='"-24h", an aware datetime or a Timestamp',
    )


# ── actuators ──────────────────────────────────────────────────────────────────────────────────────────
async def check(line: Line, actuator: str, value: float) -> Verdict:
    """Ask the gate, send nothing."""
    wanted = level(value)
    answer = await line.ask("check", actuator=actuator, value=wanted)
    return Verdict(actuator, wanted, answer["allowed"], Finding.all_of(answer["findings"]))


async def set_level(
    line: Line, actuator: str, value: float, within: Span, duration: Span | None, hold: Span | None
) -> Outcome:
    """Submit an intent and wait for what becomes of it."""
    patience = parse_duration(within, "within") / SECOND
    params = {"value": level(value), "duration": seconds(duration, "duration"), "hold": seconds(hold, "hold")}
    try:
        async with asyncio.timeout(patience):
            return Outcome.of(await line.ask("set", actuator=actuator, **params))
    except TimeoutError as error:
        if isinstance(error, AckTimeoutError):
            raise
        raise AckTimeoutError(actuator=actuator, seconds=patience) from None


async def release(line: Line, actuator: str) -> None:
    """End a person's hold."""
    await line.ask("actuators.release", actuator=actuator)


async def why(line: Line, actuator: str) -> Chain:
    """The chain behind the last command."""
    return Chain.of(await line.ask("why", actuator=actuator))


async def why_not(line: Line, rule: str, at: When | None) -> WhyNot:
    """What would make a rule act, or what was stored of it."""
    then = None if at is None else moment(at, "at")
    return WhyNot.of(await line.ask("rules.why", rule=rule, at=then))


# ── sensors and nodes ──────────────────────────────────────────────────────────────────────────────────
async def measure(line: Line, sensor: str, within: Span) -> Reading:
    """Have it read now."""
    shot = await line.ask("measure", sensor=sensor, within=seconds(within, "within"))
    line.mirror.fold({"kind": "sensor", "id": str(shot["id"]), "data": shot})
    reading = Reading.of(shot, line.mirror.now())
    assert reading is not None  # the controller answers with a reading or with an error
    return reading


async def ask_node(line: Line, node: str, command: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Put a question to a node; its own words are the answer."""
    answer: dict[str, Any] = await line.ask("nodes.ask", node=node, command=command, params=dict(params))
    return answer


async def scan(line: Line, node: str, pin: int | None) -> tuple[Probe, ...]:
    """What hangs on a one-wire bus."""
    answer = await ask_node(line, node, "onewire/scan", {} if pin is None else {"pin": pin})
    return Probe.all_of(answer["devices"])


# ── the whole farm ─────────────────────────────────────────────────────────────────────────────────────
async def stop(line: Line, reason: str, scope: str) -> Stop:
    """The software stop."""
    return Stop.of(await line.ask("stop", reason=reason, scope=scope))


async def clear(line: Line, force: bool, scope: str) -> Stop:
    """Lift it."""
    return Stop.of(await line.ask("clear", force=force, scope=scope))


async def decide_node(line: Line, node: str, approved: bool) -> None:
    """Let a node take part, or keep it out."""
    data = await line.ask("nodes.approve" if approved else "nodes.reject", node=node)
    line.mirror.fold({"kind": "node", "id": str(data["id"]), "data": data})


def span_of(since: object, until: object) -> dict[str, str]:
    """A stretch of time for the controller."""
    span = {"since": moment(since, "since")}
    return span if until is None else span | {"until": moment(until, "until")}


@dataclass(frozen=True, slots=True)
class How:
    """`every` (microseconds), by the clock of `tz`, of a `quality` or better; without `every` each reading."""

    every: Duration | None = None
    tz: str = UTC_NAME
    quality: str | None = None


ALL: Final = How()


async def fetch(
    line: Line,
    sensors: Sequence[str],
    span: tuple[object, object],
    cycle: str | None = None,
    how: How = ALL,
) -> list[Stretch]:
    """Stretches of history, one per sensor: since and until, or those of a cycle."""
    if cycle is not None:
        return list(await asyncio.gather(*(_readings(line, one, {"cycle": cycle}) for one in sensors)))
    what = span_of(*span)
    if how.every is None:
        return list(await asyncio.gather(*(_readings(line, one, what) for one in sensors)))
    return list(await asyncio.gather(*(_in_buckets(line, one, what, how) for one in sensors)))


async def _readings(line: Line, sensor: str, what: dict[str, str]) -> Stretch:
    method = "cycles.history" if "cycle" in what else "history"
    answer = await line.ask(method, series=sensor, packed=True, **what)
    raw, coverage = column("d", answer["raw"]), column("d", answer["coverage"])
    return replace(
        headed(line, sensor, answer),
        times=column("q", answer["times"]),
        values=column("d", answer["values"]),
        quality=_bytes(answer["quality"]),
        calibration=column("q", answer["calibration"]),
        raw=raw,
        coverage=coverage,
    )


async def _in_buckets(line: Line, sensor: str, span: dict[str, str], how: How) -> Stretch:
    assert how.every is not None
    wish = {"every": how.every / SECOND, "tz": how.tz, "quality": how.quality}
    answer = await line.ask("history.buckets", series=sensor, span=span, packed=True, **wish)
    numbers = {name: column("d", answer[name]) for name in ("minimum", "maximum", "std")}
    counts = {name: column("q", answer[name]) for name in ("readings", "bad")}
    return replace(
        headed(line, sensor, answer),
        times=column("q", answer["begins"]),
        values=column("d", answer["values"]),
        coverage=column("d", answer["coverage"]),
        buckets=Buckets(**numbers, **counts, tz=how.tz, source=answer["source"]),
    )


def headed(line: Line, sensor: str, answer: Mapping[str, Any]) -> Stretch:
    """What is the same for all of a stretch."""
    shot = line.mirror.one("sensor", sensor)
    name, gap = (shot["name"], shot["stale_after_s"]) if shot is not None else (sensor, GAP_S)
    marks, versions = tuple(answer["marks"]), tuple(answer["versions"])
    origin = {"database": line.name, "as_of": line.mirror.now().isoformat()}
    return Stretch(sensor, name, answer["unit"], gap, marks=marks, calibrations=versions, origin=origin)


def column(kind: str, packed: Any) -> array[Any]:
    """Of an answer: `q`, integers, or `d`, floats."""
    numbers: array[Any] = array(kind)
    numbers.frombytes(_bytes(packed))
    return numbers


def _bytes(packed: Any) -> bytes:
    """Of a text in base64, as it comes over a socket, or of an array."""
    return b64decode(packed) if isinstance(packed, str) else bytes(packed)


# ── rules ──────────────────────────────────────────────────────────────────────────────────────────────
def documents_of(documents: Document | Iterable[Document]) -> list[dict[str, Any]]:
    """One rule document or several."""
    several = [documents] if isinstance(documents, Mapping) else list(documents)
    for number, document in enumerate(several):
        if not isinstance(document, Mapping):
            raise DocumentError(path=f"rules[{number}]", problem="a rule document is a mapping")
    return [dict(document) for document in several]


async def check_rules(line: Line, documents: Document | Iterable[Document]) -> list[str]:
    """What each rule would do, as a sentence."""
    answer = await line.ask("rules.check", documents=documents_of(documents))
    return [rule["sentence"] for rule in answer]


async def import_rules(line: Line, documents: Document | Iterable[Document]) -> list[str]:
    """The ids of the rules that were taken over."""
    answer = await line.ask("rules.import", documents=documents_of(documents))
    shot = await line.ask("snapshot")
    line.mirror.fold({"kind": "snapshot", "id": "", "data": shot})
    return [str(rule) for rule in answer["imported"]]


async def switch_rule(line: Line, rule: str, enabled: bool) -> None:
    """Whether it decides at all, by id or name."""
    await line.ask("rules.enable" if enabled else "rules.disable", rule=rule)


async def remove_rule(line: Line, rule: str) -> None:
    """Out for good, by id or name."""
    await line.ask("rules.remove", rule=rule)
    shot = await line.ask("snapshot")
    line.mirror.fold({"kind": "snapshot", "id": "", "data": shot})


async def export_rules(line: Line) -> list[dict[str, Any]]:
    """Every rule as a document."""
    documents: list[dict[str, Any]] = await line.ask("rules.export")
    return documents


# ── changes ────────────────────────────────────────────────────────────────────────────────────────────
async def listen(line: Line) -> asyncio.Queue[Event]:
    """Begin to listen."""
    return line.mirror.listen()


async def heard(queue: asyncio.Queue[Event]) -> Event:
    """The next change."""
    return await queue.get()


async def listed(line: Line, what: str, span: Mapping[str, str]) -> list[dict[str, Any]]:
    """Rows of `decisions`, `commands`, `heartbeats`, `notices` or the `audit` in a span of time."""
    found: list[dict[str, Any]] = await line.ask(what, **span)
    return found


def audit_frame(rows: Sequence[Mapping[str, Any]]) -> DataFrame:
    """One row each, with whatever else the controller says of them."""
    more = {name: None for row in rows for name in row if name not in ("at", *AUDIT)}
    return table_frame([{**more, **row} for row in rows], (*AUDIT, *more))
