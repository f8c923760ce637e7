"""When rules began before a restart, from the stored decisions: cooldowns and hourly limits go on counting.

Else whoever restarts the controller starts a pump again. Found by the id of the rule, whatever its document says now.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from godkaiser.engine.course import INTERRUPTED, SPENT
from godkaiser.engine.effect import Decision
from godkaiser.engine.state import RuleState, State
from godkaiser.engine.tally import BEGUN
from godkaiser.model.ids import RuleId
from godkaiser.model.instant import HOUR, MINUTE, Duration, Instant
from godkaiser.model.truth import Truth
from godkaiser.rules.condition import Rested, leaves
from godkaiser.rules.rule import Rule

_BY_HAND: Final = ("disabled", "removed", INTERRUPTED)  # ends that no pause follows


def reach(state: State) -> Duration:
    """How far back a start may lie and still count; 0: none does."""
    return max((_reach(one.rule) for one in state.rules.values()), default=0)


def _reach(rule: Rule) -> Duration:
    rested = (leaf.lasting for leaf in leaves(rule.when) if isinstance(leaf, Rested))
    hour = 0 if rule.hourly_limit is None else HOUR
    return max(hour, _pulse(rule) + max(MINUTE, rule.cooldown), *rested)


def _pulse(rule: Rule) -> Duration:
    """How long what it switches lasts at most, where it goes back by itself."""
    return 0 if rule.steps else max((turn.duration or 0 for turn in rule.actions), default=0)


@dataclass(slots=True)
class Starts:
    """Takes the stored decisions of all rules, oldest first, and tells each rule of its own."""

    state: State
    now: Instant
    before: dict[str, Decision] = field(default_factory=dict)

    def take(self, told: Decision) -> None:
        """One that is in the future was stored before the clock was set back: it is as of now."""
        one = self.state.rules.get(RuleId.known(told.rule))
        if one is None:
            return
        at, before = min(told.at, self.now), self.before.get(told.rule)
        self.before[told.rule] = told
        if begins(told, before):
            one.starts.append(at)
            one.memory.started = at
            one.ready_at = at + one.rule.cooldown
        elif told.note and not told.active and told.note not in _BY_HAND:
            one.ready_at = max(one.ready_at, at + _pause(one, told.note))

    def done(self) -> None:
        """A pulse of which no end is known ended with the process, or ends by itself: when its time is over."""
        for one in self.state.rules.values():
            last = self.before.get(one.rule.id)
            if last is not None and last.active and one.memory.started is not None:
                ends = one.memory.started + _pulse(one.rule)
                one.ready_at = max(one.ready_at, ends + one.rule.cooldown)


def begins(told: Decision, before: Decision | None) -> bool:
    """Did the rule start then? Else it is another word of the one that went on, or its end.

    A rule that was kept going while nothing was known is told of again when it is true again, by the same process:
    causes count anew with each.
    """
    if not told.active or told.truth != Truth.TRUE.value or told.note not in ("", BEGUN):
        return False
    goes_on = before is not None and before.active and before.truth != Truth.TRUE.value
    return before is None or not goes_on or told.cause <= before.cause


def _pause(one: RuleState, note: str) -> Duration:
    """As when it ended: steps that failed are not tried again at once."""
    failed = bool(one.rule.steps) and note != SPENT
    return max(MINUTE, one.rule.cooldown) if failed else one.rule.cooldown
