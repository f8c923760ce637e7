"""Records as rows of their tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from typing import Any, Final

from godkaiser.engine.effect import (
    ActuatorChange,
    AlarmChange,
    Audit,
    Decision,
    NodeRecord,
    Placed,
    Record,
    RuleNotice,
    RuleTrace,
)
from godkaiser.io.sql import table as t
from godkaiser.io.sql.trace_text import to_text
from godkaiser.model.audited import severity_of
from godkaiser.model.outcome import Outcome
from godkaiser.model.reading import Reading
from godkaiser.model.report import Heartbeat
from godkaiser.model.text import storable

ReadingTuple = tuple[
    int, int, int, int, float | None, float, int, str | None, int, str | None, bool, int, float | None
]  # in the order of the table's columns
READING: Final[Any] = t.ReadingRow.__table__  # type: ignore[attr-defined]  # SQLModel makes it
READING_COLUMNS: Final[tuple[str, ...]] = tuple(column.name for column in READING.columns)


def reading_row(reading: Reading, series_id: int) -> ReadingTuple:
    """A plain tuple: thousands of them are made in a second."""
    return (
        series_id,
        reading.measured_at,
        reading.boot,
        reading.seq,
        reading.value,
        reading.raw,
        reading.quality.rank,
        reading.reason or None,
        reading.received_at,
        reading.zone,
        reading.server_timed,
        reading.calibration,
        reading.coverage,
    )


def decision_row(decision: Decision) -> dict[str, Any]:
    """What a rule concluded."""
    return {
        "rule": str(decision.rule),
        "at": decision.at,
        "truth": decision.truth,
        "active": decision.active,
        "trace": decision.trace,
        "cause": decision.cause,
        "note": decision.note,
    }


def trace_row(trace: RuleTrace) -> dict[str, Any]:
    """What an evaluation looked at."""
    return {
        "rule": str(trace.rule),
        "at": trace.at,
        "kind": trace.kind,
        "truth": trace.truth,
        "acting": trace.acting,
        "cause": trace.cause,
        "note": trace.note,
        "document": to_text(trace.condition, trace.blockers),
    }


def outcome_row(outcome: Outcome) -> dict[str, Any]:
    """One step of a command."""
    return {
        "intent": outcome.intent,
        "command": outcome.command,
        "actuator": str(outcome.actuator),
        "value": outcome.value,
        "fate": outcome.fate.value,
        "at": outcome.at,
        "who": outcome.who,
        "origin": outcome.origin,
        "message": outcome.message,
        "findings": json.dumps([f.code for f in outcome.findings]),
        "cause": outcome.cause,
    }


def audit_row(audit: Audit) -> dict[str, Any]:
    """Without its place in the chain. No row is missing because of a word in it."""
    texts = ("who", "action", "target", "address", "correlation", "detail", "before", "after")
    row = {name: storable(str(getattr(audit, name))) for name in texts}
    return row | {"at": audit.at, "severity": severity_of(audit.action).value, "cipher": ""}


def node_row(node: NodeRecord) -> dict[str, Any]:
    """A node's lasting facts."""
    return {
        "id": str(node.id),
        "status": node.status,
        "name": node.name,
        "zone": node.zone,
        "boot_id": node.boot_id,
        "boot": node.boot,
        "modern": node.modern,
        "first_seen": node.first_seen,
    }


def heartbeat_row(beat: Heartbeat) -> dict[str, Any]:
    """What a node said of itself."""
    return {
        "node": str(beat.node),
        "at": beat.at,
        "uptime": beat.uptime,
        "heap_free": beat.heap_free,
        "wifi_rssi": beat.wifi_rssi,
        "boot_id": beat.boot_id,
        "handover_epoch": beat.handover_epoch,
        "handover_rejects": beat.handover_rejects,
        "sensor_count": beat.sensor_count,
        "actuator_count": beat.actuator_count,
        "state": beat.state,
        "reset_reason": beat.reset_reason,
        "degraded": json.dumps(beat.degraded),
    }


def plain_row(record: AlarmChange | ActuatorChange | Placed | RuleNotice) -> dict[str, Any]:
    """Of a record whose fields are the columns."""
    return {field.name: getattr(record, field.name) for field in fields(record)}


# What is only ever added to, but for the audit: the record, its table, how it becomes a row.
CHRONICLES: Final[tuple[tuple[type[Record], Any, Callable[[Any], dict[str, Any]]], ...]] = (
    (Decision, t.DecisionRow, decision_row),
    (RuleTrace, t.RuleTraceRow, trace_row),
    (Outcome, t.OutcomeRow, outcome_row),
    (RuleNotice, t.RuleNoticeRow, plain_row),
    (AlarmChange, t.AlarmRow, plain_row),
    (ActuatorChange, t.ActuatorChangeRow, plain_row),
)
