"""What someone wants: a rule, a person, a program, or safety itself."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from godkaiser.model.ids import ActuatorId
from godkaiser.model.instant import Duration


class Origin(enum.Enum):
    """Who speaks. The gate knows no other difference."""

    PERSON = "person"
    RULE = "rule"
    SAFETY = "safety"


@dataclass(frozen=True, slots=True)
class Intent:
    """Bring an actuator to `value` (0..1), for at most `duration`, wanted by `who`.

    `hold` is how long a person's wish outranks rules. `protective` marks moves to the safe value that
    safety itself demands. `cause` is the event sequence number that led here.
    """

    id: str
    actuator: ActuatorId
    value: float
    origin: Origin
    who: str
    duration: Duration | None = None
    hold: Duration | None = None
    protective: bool = False
    cause: int = 0
    why: str = ""
