"""What became of what rules decided: carried out is only what a node has confirmed."""

from __future__ import annotations

from dataclasses import dataclass, field

from godkaiser.model.ids import ActuatorId
from godkaiser.model.instant import Instant
from godkaiser.model.outcome import Fate

ENDED = "ended before the node confirmed it"
# Notes of decisions by rules with steps: from the first on until one of the others or the end it is under way.
BEGUN = "its steps begin"
DONE = "its steps are done"
MISSED = "its steps are done, but for "


@dataclass(slots=True)
class Deed:
    """One decision that wants something: `wants` names each actuator with its level.

    `carried_out` is None while it waits for its nodes, False once one could not or would not, and True when the last
    of them has confirmed, be it late. `reason`: why not.
    """

    at: Instant
    cause: int
    wants: dict[ActuatorId, float]
    confirmed: set[ActuatorId] = field(default_factory=set)
    carried_out: bool | None = None
    reason: str = ""
    outranked: bool = False  # somebody else has their way
    lacking: set[ActuatorId] = field(default_factory=set)  # wanted, but nobody knows yet as what

    @property
    def word(self) -> str:
        """As people and programs read it."""
        return word(self.carried_out)


def word(carried_out: bool | None) -> str:
    """Of a decision that wants something."""
    return {None: "waiting", True: "carried out", False: "not carried out"}[carried_out]


@dataclass(slots=True)
class Tally:
    """How many decisions since then were carried out, and how many were not; those that wait are neither."""

    since: Instant
    carried_out: int = 0
    not_carried_out: int = 0

    def count(self, deed: Deed, before: bool | None) -> None:
        """A decision is now something else than `before`."""
        if deed.at < self.since:
            return
        for was, change in ((before, -1), (deed.carried_out, 1)):
            self.carried_out += change if was is True else 0
            self.not_carried_out += change if was is False else 0


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why a rule cannot work. `doing`: what it cannot, act or decide.

    `told_by`: the key of the alarm that tells people of the cause, or a word for what the pages show anyway; empty
    when the rule has to raise its own. `never`: nothing was heard yet since the start, which need not mean anything.
    """

    doing: str
    text: str
    since: Instant | None = None
    told_by: str = ""
    never: bool = False

    @property
    def sentence(self) -> str:
        """`cannot act: node ESP_A1B2C3 is offline since …`."""
        return f"cannot {self.doing}: {self.text}"


def turned(fate: Fate) -> bool | None:
    """What a fate says of a decision: True it was carried out, False it was not, None nobody knows yet."""
    return None if not fate.final else fate is Fate.CONFIRMED
