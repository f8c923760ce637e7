"""What became of a command, and what safety had to say."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from godkaiser.model.ids import ActuatorId
from godkaiser.model.instant import Instant


class Fate(enum.Enum):
    """Life of a command: (queued →) sent → acked → confirmed, or one of the ends in between."""

    QUEUED = "queued"
    SENT = "sent"
    ACKED = "acked"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    FAILED = "failed"
    EXPIRED = "expired"
    REFUSED = "refused"
    SUPERSEDED = "superseded"

    @property
    def final(self) -> bool:
        """Nothing more will come."""
        return self not in (Fate.QUEUED, Fate.SENT, Fate.ACKED)


class Severity(enum.Enum):
    """Does the finding stop the command, or only warn?"""

    REFUSE = "refuse"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Finding:
    """What safety objects to: a code for programs, a sentence for people.

    `until`: when it will no longer object, as far as time alone decides; None: something has to happen first.
    """

    code: str
    sentence: str
    severity: Severity = Severity.REFUSE
    until: Instant | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where an intent stands. One is recorded at every step of the way."""

    intent: str
    actuator: ActuatorId
    value: float
    fate: Fate
    at: Instant
    who: str
    origin: str
    message: str = ""
    findings: tuple[Finding, ...] = ()
    command: str = ""
    cause: int = 0
