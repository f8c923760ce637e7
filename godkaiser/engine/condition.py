"""What may be wrong, read from the engine's state: one sign per condition. Who is not known gives no sign."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from godkaiser.alarms.kind import KINDS, Kind, Priority
from godkaiser.alarms.watch import Sign
from godkaiser.engine.fitness import clock
from godkaiser.engine.seen import Accepted, Seen
from godkaiser.engine.state import SAME, ActuatorState, NodeState, RuleState, State
from godkaiser.engine.tally import Hindrance
from godkaiser.model.ids import ActuatorId, NodeId, RuleId
from godkaiser.model.instant import SECOND, Duration, Instant
from godkaiser.model.outcome import Fate
from godkaiser.rules.rule import series_of
from godkaiser.safety.stop import Phase

STOP_UNCONFIRMED: Final = KINDS["stop_unconfirmed"]
PROTECTIVE_REFUSED: Final = KINDS["protective_refused"]
ACTUATOR_STUCK: Final = KINDS["actuator_stuck"]
NODE_SILENT: Final = KINDS["node_silent"]
LEASE_LOST: Final = KINDS["lease_lost"]
NODE_LATCHED: Final = KINDS["node_latched"]
RULE_CANNOT_ACT: Final = KINDS["rule_cannot_act"]
RULE_CANNOT_DECIDE: Final = KINDS["rule_cannot_decide"]
RULE_REFUSED: Final = KINDS["rule_refused"]
OF_NODES: Final = (STOP_UNCONFIRMED.code, NODE_SILENT.code)
OF_RULES: Final = (RULE_CANNOT_ACT.code, RULE_CANNOT_DECIDE.code, RULE_REFUSED.code)
NEEDED: Final[Duration] = 45 * SECOND  # a node that rules need is told of sooner
PERHAPS_GONE: Final[Duration] = (
    75 * SECOND
)  # without a heartbeat: its node may be away, and not only its sensor
NAMED_RULES: Final = 5
# A node that was never heard since the start gets the time in which it would have been noticed missing.
NEVER_HEARD: Final[Duration] = 240 * SECOND
DRIFTED: Final[Duration] = 30 * SECOND  # a level that left by itself is told again first
EARLY: Final[Duration] = 5 * SECOND  # a node's own timer may end a lease this much before ours
_FAILED: Final = (Fate.REJECTED, Fate.FAILED, Fate.EXPIRED)


def said(state: State, kind: Kind, source: str, more: str = "") -> str:
    """The kind's sentence about this thing, and what else is known."""
    return f"{kind.sentence.format(name=state.name_of(source))} {more}".rstrip()


# ── nodes ──────────────────────────────────────────────────────────────────────────────────────────────
def of_node(state: State, node_id: NodeId) -> Iterator[Sign]:
    """Everything that may be wrong with a node."""
    yield _unconfirmed(state, node_id)
    yield _silent(state, node_id)


def _unconfirmed(state: State, node_id: NodeId) -> Sign:
    """Told again, or within its time to answer, it is not known whether it stops."""
    waiting = [
        standing.stop
        for standing in state.stops.values()
        if standing.stop.phase is Phase.ACTIVE and node_id in standing.stop.waiting
    ]
    holds = (any(stop.problem for stop in waiting) or None) if waiting else False
    return Sign(STOP_UNCONFIRMED, node_id, holds, said(state, STOP_UNCONFIRMED, node_id) if holds else "")


def _silent(state: State, node_id: NodeId) -> Sign:
    node = state.nodes.get(node_id)
    if node is None or node.status != "approved" or node.online or not _equipped(state, node_id):
        return Sign(NODE_SILENT, node_id, holds=False)
    leased = any(a.lease is not None for a in _actuators(state, node_id))
    away = leased or any(a.safe is False for a in _actuators(state, node_id))
    since = "" if node.away_since is None else f"Not since {clock(state, node.away_since)}."
    was = "What it switches was away from its safe value when it was heard last." if away else ""
    rules = rules_told_by(state, f"{NODE_SILENT.code}:{node_id}")
    more = " ".join(filter(None, (since, was, _hindered(rules))))
    holds = True if node.online is False or state.link.up else None
    delay = NEVER_HEARD if node.online is None else 0 if leased else NEEDED if rules else None
    priority = Priority.CRITICAL if away or any(rule.rule.critical for rule in rules) else None
    return Sign(NODE_SILENT, node_id, holds, said(state, NODE_SILENT, node_id, more), priority, delay)


def rules_told_by(state: State, key: str) -> list[RuleState]:
    """Rules that cannot work for the very cause that this alarm tells of: they raise none of their own."""
    return [
        rule for rule in state.rules.values() if rule.hindrance is not None and rule.hindrance.told_by == key
    ]


def _hindered(rules: list[RuleState]) -> str:
    named = ", ".join(f"“{rule.rule.name}”" for rule in rules[:NAMED_RULES])
    more = f" and {len(rules) - NAMED_RULES} more" if len(rules) > NAMED_RULES else ""
    return f"Rules that cannot work without it: {named}{more}." if rules else ""


def _equipped(state: State, node: NodeId) -> bool:
    """Does anything depend on it?"""
    mine = any(series.node == node for things in (state.sensors, state.sensor_specs) for series in things)
    return mine or any(_actuators(state, node))


def _actuators(state: State, node: NodeId) -> Iterator[ActuatorState]:
    return (a for a in state.actuators.values() if a.id.node == node)


# ── actuators ──────────────────────────────────────────────────────────────────────────────────────────
def of_actuator(state: State, actuator_id: ActuatorId, seen: Seen) -> Iterator[Sign]:
    """Everything lasting that may be wrong with an actuator."""
    actuator = state.actuators.get(actuator_id)
    node = state.nodes.get(actuator_id.node)
    if actuator is None or node is None or node.status in ("pending", "removed"):
        for kind in (PROTECTIVE_REFUSED, ACTUATOR_STUCK, NODE_LATCHED):
            yield Sign(kind, actuator_id, holds=False)
        return
    yield _refused(state, actuator)
    yield _stuck(state, actuator, node, seen)
    yield _latched(state, actuator, node)


def _refused(state: State, actuator: ActuatorState) -> Sign:
    last, kind = actuator.last, PROTECTIVE_REFUSED
    if not actuator.owed:
        return Sign(kind, actuator.id, holds=False)
    if _known_away(state, actuator.id.node):
        return Sign(kind, actuator.id, holds=None)
    no = last is not None and last.fate is Fate.REJECTED and last.value == actuator.spec.safe_value
    more = f"The node said no: {last.message}" if last is not None and no else ""
    return Sign(kind, actuator.id, True, said(state, kind, actuator.id, more), delay=0 if no else None)


def _known_away(state: State, node_id: NodeId) -> bool:
    """Has it been told, as urgently as can be, that this node is gone and may have something on? Once will do."""
    node, alarm = state.nodes.get(node_id), state.alarms.watch.standing.get(f"{NODE_SILENT.code}:{node_id}")
    if node is None or node.online or alarm is None or alarm.state.suppressed:
        return False
    return alarm.holds and alarm.priority is Priority.CRITICAL


def _stuck(state: State, actuator: ActuatorState, node: NodeState, seen: Seen) -> Sign:
    """Only what the node reports after it has accepted a level counts against it."""
    kind, reported, at = ACTUATOR_STUCK, actuator.reported, actuator.reported_at
    if not node.online or reported is None or at is None:
        return Sign(kind, actuator.id, holds=None)
    wanted = seen.accepted or _left(actuator, seen.reached)
    if wanted is None or same(reported, wanted.value):
        return Sign(kind, actuator.id, holds=False)
    if at <= wanted.at:
        return Sign(kind, actuator.id, holds=None)
    more = f"Accepted was {wanted.value:.0%}, it reports {reported:.0%}."
    priority = None if actuator.safe else Priority.CRITICAL
    delay = DRIFTED if seen.accepted is None else None
    return Sign(kind, actuator.id, True, said(state, kind, actuator.id, more), priority, delay)


def _left(actuator: ActuatorState, reached: Accepted | None) -> Accepted | None:
    """What it had reached, and is still to be at."""
    lease = actuator.lease
    if reached is None or lease is None or lease.who == "node":
        return None
    return reached if same(lease.value, reached.value) else None


def _latched(state: State, actuator: ActuatorState, node: NodeState) -> Sign:
    """During a stop nodes are latched as they should be; whoever has not taken its end is told again, and shown."""
    kind = NODE_LATCHED
    if actuator.emergency == "normal" and node.online:
        return Sign(kind, actuator.id, holds=False)
    zone = state.zone_of(actuator.id)
    meant = any(standing.covers(actuator.id, zone) for standing in state.stops.values())
    if meant or not node.online or not actuator.emergency:
        return Sign(kind, actuator.id, holds=None)
    return Sign(kind, actuator.id, True, said(state, kind, actuator.id))


def same(one: float, other: float) -> bool:
    """Nodes keep levels in 8 bits."""
    return abs(one - other) < SAME


# ── rules ──────────────────────────────────────────────────────────────────────────────────────────────
def of_rule(state: State, rule_id: RuleId, now: Instant) -> Iterator[Sign]:
    """Whether it can act, and whether it can decide. Unless another alarm tells of the cause."""
    rule = state.rules.get(rule_id)
    found = None if rule is None else rule.hindrance or _missed(rule)
    for kind, doing in ((RULE_CANNOT_ACT, "act"), (RULE_CANNOT_DECIDE, "decide")):
        if rule is None or found is None or found.doing != doing or found.told_by:
            yield Sign(kind, rule_id, holds=False)
        else:
            yield _hindrance(state, rule, kind, found, now)
    yield _refusal(state, rule_id)


def _refusal(state: State, rule_id: RuleId) -> Sign:
    """It is stored, and nothing of it is in force."""
    refused = state.refused.get(rule_id)
    if refused is None:
        return Sign(RULE_REFUSED, rule_id, holds=False)
    text = said(state, RULE_REFUSED, rule_id, f"This program refuses it: {refused.reason}.")
    return Sign(RULE_REFUSED, rule_id, True, text, None if refused.enabled else Priority.LOW)


def _missed(rule: RuleState) -> Hindrance | None:
    """A critical rule whose decision is not carried out, although nothing lasting is known to be in its way."""
    last = rule.deeds[-1] if rule.deeds else None
    wants = rule.wanting_since is not None and last is not None and last.at >= rule.wanting_since
    if last is None or not rule.rule.critical or not wants or last.carried_out is not False or last.outranked:
        return None
    return Hindrance("act", last.reason.rstrip("."), last.at)


def _hindrance(state: State, rule: RuleState, kind: Kind, found: Hindrance, now: Instant) -> Sign:
    unclear = not state.link.up or (kind is RULE_CANNOT_DECIDE and _perhaps_gone(state, rule, now))
    idle = kind is RULE_CANNOT_ACT and rule.wanting_since is None
    text = said(state, kind, rule.rule.id, f"{found.text[0].upper()}{found.text[1:]}.")
    delay = NEVER_HEARD if found.never else None
    priority = Priority.CRITICAL if rule.rule.critical else Priority.LOW if idle else None
    return Sign(kind, rule.rule.id, None if unclear else True, text, priority, delay)


def _perhaps_gone(state: State, rule: RuleState, now: Instant) -> bool:
    """A sensor falls silent before its node is missed: whose fault it is shows then."""
    nodes = (state.nodes.get(series.node) for series in series_of(rule.rule.when))
    return any(
        node is not None and node.online is True and now - (node.last_contact or now) > PERHAPS_GONE
        for node in nodes
    )


# ── between two looks ──────────────────────────────────────────────────────────────────────────────────
def look(actuator: ActuatorState, before: Seen, now: Instant) -> Seen:
    """What is to be remembered of this look."""
    last, safe = actuator.last, actuator.spec.safe_value
    failed = last is not None and last.fate in _FAILED
    leaving = actuator.owed or failed or (actuator.wished is not None and same(actuator.wished, safe))
    accepted = _accepted(actuator, before.accepted, now)
    return Seen(actuator.lease, leaving, accepted, _reached(actuator, before.reached, now))


def _accepted(actuator: ActuatorState, before: Accepted | None, now: Instant) -> Accepted | None:
    """From the node's yes until it is seen to follow; a failed or repeated try changes nothing about that."""
    last = actuator.last
    if (
        last is not None
        and last.fate is Fate.ACKED
        and (before is None or not same(before.value, last.value))
    ):
        before = Accepted(last.value, now)
    reached = before is not None and actuator.reported is not None and same(actuator.reported, before.value)
    confirmed = last is not None and last.fate is Fate.CONFIRMED
    return None if reached or confirmed else before


def _reached(actuator: ActuatorState, before: Accepted | None, now: Instant) -> Accepted | None:
    """From the confirmation until its lease ends."""
    last = actuator.last
    if actuator.lease is None or last is None:
        return None
    confirmed = last.fate is Fate.CONFIRMED
    if confirmed and (before is None or not same(before.value, last.value)):
        return Accepted(last.value, now)
    return before


def lost(actuator: ActuatorState, before: Seen, now: Instant) -> bool:
    """Did its node end a lease that nobody wanted to end, before its time?"""
    lease = before.lease
    if lease is None or before.leaving or actuator.lease is not None or lease.who == "node":
        return False
    if actuator.last is not None and actuator.last.fate in _FAILED:
        return False  # it never began, and that was told
    return actuator.safe is True and lease.until - now > EARLY
