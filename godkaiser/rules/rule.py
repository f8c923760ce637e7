"""A rule: a condition, what to do while it holds, what when it is no longer true, what when nobody knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from godkaiser.model.ids import ActuatorId, RuleId, SeriesId
from godkaiser.model.instant import Duration
from godkaiser.rules.condition import (
    Condition,
    Diagnosis,
    Every,
    Hysteresis,
    Input,
    Offset,
    Operator,
    Opposite,
    Presence,
    Rested,
    Silence,
    Slope,
    Threshold,
    inputs_of,
    leaves,
    nodes_of,
    series_of,
)

__all__ = [
    "Condition",
    "Diagnosis",
    "Escalation",
    "Every",
    "Hysteresis",
    "Input",
    "Notify",
    "Offset",
    "Operator",
    "Opposite",
    "Pause",
    "Presence",
    "Rested",
    "Rule",
    "Silence",
    "Slope",
    "Step",
    "Threshold",
    "Turn",
    "Until",
    "WhenUnknown",
    "diagnoses",
    "inputs_of",
    "nodes_of",
    "series_of",
    "watched",
]


@dataclass(frozen=True, slots=True)
class Turn:
    """Bring an actuator to a value, for at most `duration` (None: its maximum on-time).

    `toggles`: to the opposite of what it is at when that begins; `value` is then only what on would be.
    """

    actuator: ActuatorId
    value: float
    duration: Duration | None = None
    toggles: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait before what follows."""

    lasting: Duration


@dataclass(frozen=True, slots=True)
class Notify:
    """Tell people: `text` with words in braces, see `PLACEHOLDERS`."""

    channel: str
    target: str
    text: str


@dataclass(frozen=True, slots=True)
class Until:
    """Wait until a condition is true; after `within` that has failed."""

    when: Condition
    within: Duration


@dataclass(frozen=True, slots=True)
class Step:
    """One after the other. A turn that `awaits` is done when its node has confirmed it, within that time.

    What has failed is tried again `retry` times; then the rule goes on without it (`goes_on`), or everything it
    switched goes back to safe. `after`: a pause when it is done.
    """

    action: Turn | Pause | Notify | Until
    awaits: Duration | None = None
    retry: int = 0
    goes_on: bool = False
    after: Duration = 0


@dataclass(frozen=True, slots=True)
class Escalation:
    """What happens when a decision is not carried out: `retries` more tries, each `interval` after the one before.

    Then `notify` is told (the texts are made then), and `failover` stands until the decision is carried out or the
    rule is no longer true.
    """

    notify: tuple[Notify, ...] = ()
    interval: Duration = 0
    retries: int = 0
    failover: tuple[Turn | Notify, ...] = ()


@dataclass(frozen=True, slots=True)
class WhenUnknown:
    """What a rule does when its inputs are stale or missing: go `safe`, `hold` for a time, or `keep`."""

    policy: Literal["safe", "hold", "keep"] = "safe"
    lasting: Duration = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """A checked rule. `priority` 1 is the strongest.

    `critical`: its alarms are. `actions`: everything it may switch, but for its failover. `steps`: what it does in
    which order; empty when that is only its actions, all at once.
    """

    id: RuleId
    name: str
    when: Condition
    actions: tuple[Turn, ...]
    enabled: bool = True
    priority: int = 50
    cooldown: Duration = 0
    hourly_limit: int | None = None
    when_unknown: WhenUnknown = WhenUnknown()
    description: str = ""
    steps: tuple[Step, ...] = ()
    critical: bool = False
    escalation: Escalation | None = None

    @property
    def switches(self) -> frozenset[ActuatorId]:
        """Every actuator it may ever switch, its failover included."""
        others = () if self.escalation is None else self.escalation.failover
        turns = (*self.actions, *(action for action in others if isinstance(action, Turn)))
        return frozenset(turn.actuator for turn in turns)

    @property
    def toggling(self) -> bool:
        """Does what it wants depend on what is so when it begins?"""
        return any(turn.toggles for turn in self.actions)


def watched(rule: Rule) -> frozenset[SeriesId]:
    """Every series it looks at, also what a step waits for."""
    waits = (step.action.when for step in rule.steps if isinstance(step.action, Until))
    return series_of(rule.when).union(*(series_of(when) for when in waits))


def diagnoses(rule: Rule) -> tuple[Diagnosis, ...]:
    """Every check it asks for, also while a step waits."""
    waits = (step.action.when for step in rule.steps if isinstance(step.action, Until))
    asked = (leaf for when in (rule.when, *waits) for leaf in leaves(when))
    return tuple(dict.fromkeys(leaf for leaf in asked if isinstance(leaf, Diagnosis)))
