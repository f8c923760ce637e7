"""Tables. Times are integers (microseconds, UTC), so both databases keep them exactly and sort them the same.

The key of a reading is (series, measured_at, boot, seq): a message delivered twice is one row. Device clocks have
whole seconds, so (series, time) alone would lose a measurement.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, SmallInteger, String, Text
from sqlmodel import Field, SQLModel


class Meta(SQLModel, table=True):
    """Facts about the database itself, and the site that was applied last."""

    key: str = Field(primary_key=True)
    value: str


class SeriesRow(SQLModel, table=True):
    """A series and its surrogate id."""

    __tablename__ = "series"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    unit: str
    label: str


class ReadingRow(SQLModel, table=True):
    """One reading. On PostgreSQL the key's index holds value and quality, too (version 0002)."""

    __tablename__ = "reading"
    __table_args__ = (
        Index("reading_measured_at", "measured_at", postgresql_using="brin").ddl_if(dialect="postgresql"),
        {"sqlite_with_rowid": False},
    )
    series_id: int = Field(sa_column=Column(ForeignKey("series.id"), primary_key=True, autoincrement=False))
    measured_at: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    boot: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    seq: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    value: float | None = Field(sa_column=Column(Float(53)))
    raw: float = Field(sa_column=Column(Float(53), nullable=False))
    quality: int = Field(sa_column=Column(SmallInteger, nullable=False))
    reason: str | None = Field(sa_column=Column(Text))
    received_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    zone: str | None = None
    server_timed: bool = False
    # The version of the calibration; 0: none. The default is for rows of before there were any.
    calibration: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    coverage: float | None = Field(default=None, sa_column=Column(Float(53)))  # of a sum; NULL: it is none


class CalibrationRow(SQLModel, table=True):
    """A version of a sensor's calibration; `document` is the whole of it."""

    __tablename__ = "calibration"
    series: str = Field(primary_key=True)
    version: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    document: str = Field(sa_column=Column(Text, nullable=False))
    valid_from: int | None = Field(sa_column=Column(BigInteger))
    by: str
    made_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    undone_at: int | None = Field(sa_column=Column(BigInteger))


class PlaceRow(SQLModel, table=True):
    """Since when a node or a declared series is in a zone; NULL: in none of its own."""

    __tablename__ = "place"
    thing: str = Field(primary_key=True)
    since: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    zone: str | None = None


class RollupRow(SQLModel, table=True):
    """A bucket of one series: `span_s` seconds from `at` on. It stays when its readings are deleted.

    `mean` and `std` are weighted by time, NULL without a value; `bad` counts readings that are no good, `covered_s`
    says for how many seconds there was a value.
    """

    __tablename__ = "rollup"
    __table_args__ = {"sqlite_with_rowid": False}
    series_id: int = Field(sa_column=Column(ForeignKey("series.id"), primary_key=True, autoincrement=False))
    span_s: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    at: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    n: int = Field(sa_column=Column(Integer, nullable=False))
    mean: float | None = Field(sa_column=Column(Float(53)))
    minimum: float | None = Field(sa_column=Column(Float(53)))
    maximum: float | None = Field(sa_column=Column(Float(53)))
    std: float | None = Field(sa_column=Column(Float(53)))
    bad: int = Field(sa_column=Column(Integer, nullable=False))
    covered_s: float = Field(sa_column=Column(Float(53), nullable=False))


class RollupDueRow(SQLModel, table=True):
    """A bucket that does not tell the truth any more: readings came after it was made.

    `span_s` 0: the hour from `at` on was never rolled up, and is made out of its readings minute by minute.
    """

    __tablename__ = "rollup_due"
    __table_args__ = {"sqlite_with_rowid": False}
    series_id: int = Field(sa_column=Column(ForeignKey("series.id"), primary_key=True, autoincrement=False))
    span_s: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    at: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))


class HeartbeatRow(SQLModel, table=True):
    """What a node said of itself; `at` is when we heard it. NULL: it did not say."""

    __tablename__ = "heartbeat"
    __table_args__ = {"sqlite_with_rowid": False}
    node: str = Field(primary_key=True)
    at: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    uptime: int = Field(sa_column=Column(BigInteger, nullable=False))
    heap_free: int = Field(sa_column=Column(BigInteger, nullable=False))
    wifi_rssi: int = Field(sa_column=Column(Integer, nullable=False))
    boot_id: str
    handover_epoch: int = Field(sa_column=Column(BigInteger, nullable=False))
    handover_rejects: int | None = Field(sa_column=Column(BigInteger))
    sensor_count: int | None = Field(sa_column=Column(Integer))
    actuator_count: int | None = Field(sa_column=Column(Integer))
    state: int | None = Field(sa_column=Column(Integer))
    reset_reason: str
    degraded: str  # a JSON list of words


class DecisionRow(SQLModel, table=True):
    """What a rule concluded."""

    __tablename__ = "decision"
    __table_args__ = (Index("decision_at", "at"),)
    id: int | None = Field(default=None, primary_key=True)
    rule: str
    at: int = Field(sa_column=Column(BigInteger, nullable=False))
    truth: str
    active: bool
    trace: str
    cause: int = Field(sa_column=Column(BigInteger, nullable=False))
    note: str


class RuleTraceRow(SQLModel, table=True):
    """What an evaluation looked at, and what stood in the way; `document` is JSON, see io/sql/trace_text."""

    __tablename__ = "rule_trace"
    __table_args__ = (Index("rule_trace_at", "rule", "at"),)
    id: int | None = Field(default=None, primary_key=True)
    rule: str
    at: int = Field(sa_column=Column(BigInteger, nullable=False))
    kind: str
    truth: str
    acting: bool
    cause: int = Field(sa_column=Column(BigInteger, nullable=False))
    note: str
    document: str = Field(sa_column=Column(Text, nullable=False))


class OutcomeRow(SQLModel, table=True):
    """One step of one command."""

    __tablename__ = "outcome"
    __table_args__ = (Index("outcome_at", "at"), Index("outcome_actuator", "actuator", "at"))
    id: int | None = Field(default=None, primary_key=True)
    intent: str
    command: str
    actuator: str
    value: float
    fate: str
    at: int = Field(sa_column=Column(BigInteger, nullable=False))
    who: str
    origin: str
    message: str
    findings: str
    cause: int = Field(sa_column=Column(BigInteger, nullable=False))


class ActuatorChangeRow(SQLModel, table=True):
    """What is known of an actuator from `at` on; `value` NULL: nobody knows any more."""

    __tablename__ = "actuator_change"
    __table_args__ = (Index("actuator_change_at", "actuator", "at"),)
    id: int | None = Field(default=None, primary_key=True)
    at: int = Field(sa_column=Column(BigInteger, nullable=False))
    actuator: str
    value: float | None = Field(sa_column=Column(Float(53)))
    cause: str


class NodeRow(SQLModel, table=True):
    """A node's lasting facts."""

    __tablename__ = "node"
    id: str = Field(primary_key=True)
    status: str
    name: str
    zone: str | None = None
    boot_id: str
    boot: int
    modern: bool
    first_seen: int = Field(sa_column=Column(BigInteger, nullable=False))


class ActuatorRow(SQLModel, table=True):
    """An actuator that a node or a rule declared (the site file's own are not repeated here)."""

    __tablename__ = "actuator"
    id: str = Field(primary_key=True)
    spec: str = Field(sa_column=Column(Text, nullable=False))


class RuleRow(SQLModel, table=True):
    """A rule document."""

    __tablename__ = "rule"
    id: str = Field(primary_key=True)
    place: int
    document: str = Field(sa_column=Column(Text, nullable=False))


def _added(kind: Any = String) -> Any:
    """A text that rows of before it was added have empty."""
    return Field(sa_column=Column(kind, nullable=False, server_default=""))


class AuditRow(SQLModel, table=True):
    """Who did what. What was erased has nothing left but its place."""

    __tablename__ = "audit"
    __table_args__ = (Index("audit_at", "at"), Index("audit_severity", "severity", "at"))
    id: int | None = Field(default=None, primary_key=True)
    at: int = Field(sa_column=Column(BigInteger, nullable=False))
    who: str
    action: str
    target: str
    detail: str = Field(sa_column=Column(Text, nullable=False))
    place: int | None = Field(sa_column=Column(BigInteger))  # in the chain; NULL: of before there was one
    seal: str | None
    severity: str = _added()  # empty: of before it was written
    address: str = _added()
    correlation: str = _added()
    before: str = _added(Text)
    after: str = _added(Text)
    cipher: str = (
        _added()
    )  # the key that `detail` is locked with, and `before` and `after` in it; empty: it can be read
    digest: str | None  # of what can be erased; NULL: sealed as a whole


class AlarmRow(SQLModel, table=True):
    """One step of one alarm."""

    __tablename__ = "alarm_change"
    __table_args__ = (Index("alarm_change_at", "at"),)
    id: int | None = Field(default=None, primary_key=True)
    at: int = Field(sa_column=Column(BigInteger, nullable=False))
    key: str
    step: str
    state: str
    priority: str
    text: str = Field(sa_column=Column(Text, nullable=False))
    who: str
    reason: str = Field(sa_column=Column(Text, nullable=False))


class RuleNoticeRow(SQLModel, table=True):
    """What a rule told people."""

    __tablename__ = "rule_notice"
    __table_args__ = (Index("rule_notice_at", "at"),)
    id: int | None = Field(default=None, primary_key=True)
    at: int = Field(sa_column=Column(BigInteger, nullable=False))
    rule: str
    channel: str
    target: str
    text: str = Field(sa_column=Column(Text, nullable=False))
    cause: int = Field(sa_column=Column(BigInteger, nullable=False))


class UserRow(SQLModel, table=True):
    """An account. `version` counts: a token of an older one is void.

    Who was removed stays as a row without name and password, so that the id is never another person's.
    `zones`: a JSON list, none for all of them. `totp_step`: none until the second factor is confirmed.
    """

    __tablename__ = "user_account"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    role: str
    password_hash: str
    active: bool = True
    version: int = 0
    zones: str | None = None
    totp_secret: str | None = None
    totp_step: int | None = Field(default=None, sa_column=Column(BigInteger))
    removed: bool | None = None


class SessionTokenRow(SQLModel, table=True):
    """A token that was given out, by the hash of its id, until it ends; with a `reason` it is void before.

    A row of kind `family` voids all that descend from one sign-in.
    """

    __tablename__ = "session_token"
    hash: str = Field(primary_key=True)
    kind: str
    family: str
    user_id: int
    expires_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    reason: str


class AddressBlockRow(SQLModel, table=True):
    """An address that is kept out, or was lately: the next time it is for longer."""

    __tablename__ = "address_block"
    address: str = Field(primary_key=True)
    since: int = Field(sa_column=Column(BigInteger, nullable=False))
    until: int = Field(sa_column=Column(BigInteger, nullable=False))
    times: int


class ApiTokenRow(SQLModel, table=True):
    """An API token by its hash. `zones`: a JSON list, none for all of its owner's."""

    __tablename__ = "api_token"
    prefix: str = Field(primary_key=True)
    hash: str
    label: str
    user_id: int
    permissions: str
    zones: str | None = None
    created_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    expires_at: int = Field(sa_column=Column(BigInteger, nullable=False))
    last_used: int | None = Field(default=None, sa_column=Column(BigInteger))
    revoked: bool
    warned: bool
