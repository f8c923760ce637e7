"""What the engine asks the shell to do. The shell carries them out in this order of importance:

`Journal` first (fsynced, written ahead), then `Send` and `Say`, then `Store` in batches, then `Tell`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from godkaiser.model.calibration import Calibration
from godkaiser.model.channel import is_sent
from godkaiser.model.command import Notice
from godkaiser.model.ids import ActuatorId, NodeId, SeriesId
from godkaiser.model.instant import Instant
from godkaiser.model.outcome import Outcome
from godkaiser.model.reading import Reading
from godkaiser.model.report import Heartbeat
from godkaiser.model.request import Reply
from godkaiser.model.site import ActuatorSpec
from godkaiser.safety.seal import SafeCommand


@dataclass(frozen=True, slots=True)
class Journal:
    """A line for the safety journal: durable before anything of this step is sent."""

    kind: str
    key: str
    data: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Send:
    """A sealed command, on its way to the broker. `energising` ones are dropped when the journal fails."""

    command: SafeCommand
    energising: bool


@dataclass(frozen=True, slots=True)
class Say:
    """A notice: cannot move anything."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class Decision:
    """What a rule concluded, kept for ever and hashed by the demo."""

    rule: str
    at: Instant
    truth: str
    active: bool
    trace: str
    cause: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """All that an evaluation of a rule looked at, and what stood between the rule and its actuators then.

    `kind`: "decision" (there is a `Decision` with the same cause), "truth" (it changed, and nothing was decided) or
    "sample" (nothing had changed). `condition`, `blockers`: as plain data; `condition` None: nothing was evaluated.
    """

    rule: str
    at: Instant
    kind: str
    truth: str
    acting: bool
    condition: dict[str, Any] | None
    blockers: list[dict[str, Any]]
    cause: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class RuleNotice:
    """What a rule told people. `target`: whom it is meant for, empty for everybody."""

    at: Instant
    rule: str
    channel: str
    target: str
    text: str
    cause: int

    @property
    def sent(self) -> bool:
        """False: nothing here sends by that channel, it is only kept and shown."""
        return is_sent(self.channel)


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """A node's lasting facts."""

    id: NodeId
    status: str
    name: str
    zone: str | None
    boot_id: str
    boot: int
    modern: bool
    first_seen: Instant


@dataclass(frozen=True, slots=True)
class SeriesRecord:
    """A series' lasting facts."""

    id: SeriesId
    unit: str
    name: str


@dataclass(frozen=True, slots=True)
class Audit:
    """Who did what. `before`, `after`: JSON of what was changed, without secrets, empty where nothing was.

    `address`, `correlation`: of the request that it came of; the shell fills them in.
    """

    at: Instant
    who: str
    action: str
    target: str
    detail: str
    before: str = ""
    after: str = ""
    address: str = ""
    correlation: str = ""


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """One step of an alarm: what became of it, and who did it (empty: it did so by itself)."""

    at: Instant
    key: str
    step: str
    state: str
    priority: str
    text: str
    who: str
    reason: str


@dataclass(frozen=True, slots=True)
class ActuatorChange:
    """What is known of an actuator from `at` on: 0..1 by its node's word, None when nobody knows any more.

    `cause`: the command that asked for it; empty when none of ours did.
    """

    at: Instant
    actuator: ActuatorId
    value: float | None
    cause: str


@dataclass(frozen=True, slots=True)
class Watched:
    """At this time somebody looked after the actuators."""

    at: Instant


@dataclass(frozen=True, slots=True)
class ActuatorGone:
    """An actuator that is no longer kept."""

    id: ActuatorId


@dataclass(frozen=True, slots=True)
class CalibrationRecord:
    """A version of a sensor's calibration, as it is now; `series` as the site declares it."""

    series: SeriesId
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class Placed:
    """Since when a node, or a series as the site declares it, is in a zone; None: in none of its own."""

    thing: str
    since: Instant
    zone: str | None


Record = (
    Reading
    | Decision
    | RuleTrace
    | RuleNotice
    | Outcome
    | NodeRecord
    | SeriesRecord
    | Audit
    | AlarmChange
    | ActuatorChange
    | Watched
    | ActuatorSpec
    | ActuatorGone
    | CalibrationRecord
    | Placed
    | Heartbeat
)


@dataclass(frozen=True, slots=True)
class Store:
    """Something for the database, in order."""

    record: Record


@dataclass(frozen=True, slots=True)
class Tell:
    """Something people look at changed: (`kind`, `id`) of the snapshot."""

    kind: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """An intent reached an end (or a step): whoever waits for it may be told."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Replied:
    """A request to a node ended: whoever asked may be told."""

    reply: Reply


Effect = Journal | Send | Say | Store | Tell | Answer | Replied
