"""What stands between a rule and its actuators: the judgement of those who judge every day, asked beforehand.

The rule's own limits are asked of `decide`, who wins of `settle`, and what safety says of the gate's `examine`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from godkaiser.engine import toggle
from godkaiser.engine.decide import AT_ONCE, is_free, not_before
from godkaiser.engine.fitness import away
from godkaiser.engine.state import SAME, Moment, RuleState, State
from godkaiser.engine.wish import held_back, wish_of
from godkaiser.model.ids import ActuatorId
from godkaiser.model.instant import Instant
from godkaiser.model.intent import Intent, Origin
from godkaiser.model.outcome import Finding, Severity
from godkaiser.rules.arbitrate import PERSON, settle
from godkaiser.rules.rule import Turn, inputs_of
from godkaiser.safety.finding import FINDINGS
from godkaiser.safety.gate import examine

_NODE: Final = ("node_offline", "node_unheard")


@dataclass(frozen=True, slots=True)
class Blocker:
    """One thing in the way. `code` for programs, `text` for people, `lifts`: what takes it out of the way.

    `who` or what it is; `since` when it is so, `until` when it ends by itself. `actuator` None: the rule as a whole.
    """

    code: str
    text: str
    lifts: str
    actuator: ActuatorId | None = None
    who: str = ""
    since: Instant | None = None
    until: Instant | None = None


def blockers(state: State, rule: RuleState, now: Instant) -> tuple[Blocker, ...]:
    """Everything that keeps the rule from moving its actuators now, or would if its condition were true."""
    moment = Moment(state, now, 0)
    return (
        *_own(moment, rule),
        *(found for turn in toggle.turns(state, rule) for found in _of(moment, rule, turn)),
        *(_untold(state, actuator) for actuator in toggle.unclear(state, rule)),
    )


def _own(moment: Moment, rule: RuleState) -> Iterator[Blocker]:
    """Its switch, and its own limits while it has not begun."""
    if not rule.rule.enabled:
        yield Blocker("disabled", "the rule is switched off", "Switch it on.")
    if not rule.active and rule.rule.steps and len(moment.state.courses) >= AT_ONCE:
        yield Blocker("steps_full", f"{AT_ONCE} rules are at their steps", "Wait until one has ended.")
    at = not_before(moment, rule)
    if rule.active or at <= moment.now:
        return
    since = rule.starts[-1] if rule.starts else None
    if at == rule.ready_at:
        yield Blocker("rule_cooldown", "its cooldown lasts", "Wait.", since=since, until=at)
    else:
        text = f"it has started {len(rule.starts)} times within an hour"
        yield Blocker("rule_limit", text, "Wait, or raise `max_executions_per_hour`.", since=since, until=at)


def _untold(state: State, actuator: ActuatorId) -> Blocker:
    """Its opposite is as unknown as itself."""
    node, lifts = (
        state.nodes.get(actuator.node),
        f"A report of node {actuator.node}, or ON or OFF in place of TOGGLE.",
    )
    gone = node is not None and node.online is not True
    since = node.away_since if node is not None and gone else None
    more = f": node {actuator.node} {away(state, node)}" if node is not None and gone else ""
    return Blocker("toggle_unknown", f"{toggle.why(state, actuator)}{more}", lifts, actuator, "", since)


def _of(moment: Moment, rule: RuleState, turn: Turn) -> Iterator[Blocker]:
    """Between it and one actuator."""
    refused = [_refused(moment.state, turn, finding) for finding in _asked(moment, rule, turn)]
    yield from refused
    codes = {blocker.code for blocker in refused}
    yield from _outranked(moment, rule, turn)
    yield from _too_soon(moment, rule, turn)
    standing = rule.rule.id in moment.state.wishes.get(turn.actuator, {})
    if not standing and "stop_active" not in codes and not is_free(moment, rule, turn.actuator):
        yield _unread(moment.state, rule, turn)
    actuator = moment.state.actuators.get(turn.actuator)
    if actuator is not None and actuator.emergency not in ("", "normal"):
        text = f"{moment.state.name_of(turn.actuator)} is latched off by its node {turn.actuator.node}"
        lifts = f"`godkaiser clear --node {turn.actuator.node}`, when it is safe."
        yield Blocker("latched", text, lifts, turn.actuator, turn.actuator.node, actuator.reported_at)


def _asked(moment: Moment, rule: RuleState, turn: Turn) -> Iterator[Finding]:
    """What the gate would say to the rule's wish. A person's hold is told of where wishes are settled."""
    who = f"rule:{rule.rule.id}"
    intent = Intent("", turn.actuator, turn.value, Origin.RULE, who, turn.duration)
    for finding in examine(intent, moment.state, moment.now):
        if finding.severity is Severity.REFUSE and finding.code != "manual_hold":
            yield finding


def _refused(state: State, turn: Turn, finding: Finding) -> Blocker:
    row = FINDINGS[finding.code]
    said = Blocker(
        finding.code, finding.sentence.rstrip("."), row.remedy, turn.actuator, "", None, finding.until
    )
    node = state.nodes.get(turn.actuator.node)
    if finding.code == "stop_active":
        return _by_stop(state, said)
    if finding.code in _NODE and node is not None:
        return replace(said, text=f"node {node.id} {away(state, node)}", who=node.id, since=node.away_since)
    return said


def _by_stop(state: State, said: Blocker) -> Blocker:
    """Of several that cover it the first, as in the refusal; a controller that closes is nobody's order."""
    assert said.actuator is not None
    zone = state.zone_of(said.actuator)
    standing = (
        s.stop for s in state.stops.values() if s.covers(said.actuator, zone) and s.forbids(said.actuator)
    )
    stop = None if state.closing else next(standing, None)
    return said if stop is None else replace(said, who=stop.by, since=stop.since)


def _outranked(moment: Moment, rule: RuleState, turn: Turn) -> Iterator[Blocker]:
    """Would somebody else have their way?"""
    known = moment.state.actuators.get(turn.actuator)
    others = dict(moment.state.wishes.get(turn.actuator, {}))
    own = others.pop(rule.rule.id, None) or wish_of(rule.rule, turn, moment.now, 0)
    if known is None:
        return
    winner = settle([*others.values(), own], known.spec.safe_value).winner
    if winner is None or abs(winner.value - own.value) < SAME:
        return
    name = moment.state.name_of(turn.actuator)
    if winner.rank == PERSON:
        text, lifts = f"{winner.who} holds {name}", "Wait, or let that person end the hold."
        yield Blocker("manual_hold", text, lifts, turn.actuator, winner.who, winner.since, winner.until)
        return
    text = f"rule “{moment.state.name_of(winner.who)}” (priority {winner.rank}) wants {name} otherwise"
    lifts = "Wait until that rule is no longer true, or give this one a smaller number as `priority`."
    yield Blocker("outranked", text, lifts, turn.actuator, winner.who, winner.since)


def _too_soon(moment: Moment, rule: RuleState, turn: Turn) -> Iterator[Blocker]:
    """Another rule has just switched it."""
    known = moment.state.actuators.get(turn.actuator)
    standing = moment.state.wishes.get(turn.actuator, {}).get(rule.rule.id)
    wish = standing or wish_of(rule.rule, turn, moment.now, 0)
    tenure = None if known is None else held_back(known, wish, moment.now)
    if tenure is not None:
        name = moment.state.name_of(turn.actuator)
        text = f"rule “{moment.state.name_of(tenure.who)}” switched {name} a short while ago"
        lifts = (
            "Wait, give this rule a smaller number as `priority`, or the actuator a shorter `rule_hold_s`."
        )
        yield Blocker("rule_hold", text, lifts, turn.actuator, tenure.who, tenure.at, tenure.until)


def _unread(state: State, rule: RuleState, turn: Turn) -> Blocker:
    """Old readings made old wishes."""
    known = state.actuators.get(turn.actuator)
    if known is None:
        return Blocker("stop_active", "a software stop is active", "Clear the stop.", turn.actuator)
    old = [
        series
        for series, least in sorted(inputs_of(rule.rule.when), key=str)
        if (reading := state.latest(series, least)) is not None and reading.received_at <= known.released_at
    ]
    if not old:
        node = state.name_of(turn.actuator.node)
        text = f"nothing was heard of {node} since a stop released {state.name_of(turn.actuator)}"
        return Blocker("unread", text, f"A heartbeat of {node}.", turn.actuator, node, known.released_at)
    names = " and ".join(state.name_of(series) for series in old)
    text = f"nothing was read of {names} since a stop released {state.name_of(turn.actuator)}"
    return Blocker("unread", text, f"A new reading of {names}.", turn.actuator, names, known.released_at)
