"""Can a rule do its work? If not, it is *degraded* and says why and since when, also while it wants nothing.

Looked at with every evaluation, and whenever what it depends on has changed without one: its node, its actuator, a
stop, the broker.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final
from zoneinfo import ZoneInfo

from godkaiser.engine.effect import Tell
from godkaiser.engine.record import say_trace
from godkaiser.engine.state import ActuatorState, Moment, NodeState, RuleState, State
from godkaiser.engine.tally import Hindrance, Tally
from godkaiser.model.ids import ActuatorId, NodeId, RuleId, SeriesId
from godkaiser.model.instant import Instant, to_datetime
from godkaiser.model.quantity import Freshness
from godkaiser.model.truth import Truth
from godkaiser.rules.evaluate import Trace
from godkaiser.rules.rule import Diagnosis, series_of

BY_STOP: Final = "stop"
BY_LINK: Final = "link"
BY_JOURNAL: Final = "journal"
BY_PAUSE: Final = "pause"
_ALL: Final = ("stop", "link", "snapshot")


def watch(moment: Moment) -> None:
    """After an event: the rules that depend on what it touched."""
    told = {(e.kind, e.id) for e in moment.effects if isinstance(e, Tell)}
    if any(kind in _ALL for kind, _ in told):
        _mark(moment, moment.state.rules)
        return
    for kind, thing in sorted(told):
        if kind == "node":
            _mark(moment, moment.state.touching.get(NodeId.known(thing), ()))
        elif kind == "actuator":
            _mark(moment, moment.state.touching.get(ActuatorId.known(thing).node, ()))


def _mark(moment: Moment, rules: Iterable[RuleId]) -> None:
    for rule in tuple(rules):
        mark_degraded(moment, moment.state.rules[rule])


def mark_degraded(moment: Moment, state: RuleState) -> None:
    """Say, and say once, why a rule cannot work."""
    found = hindrance(moment, state)
    before, state.hindrance = state.hindrance, found
    if (before is None) != (found is None):
        state.degraded_at = None if found is None else moment.now
        since = moment.now if found is None or found.since is None else found.since
        state.lately = None if found is None else Tally(since)
    if before != found:
        moment.tell("rule", state.rule.id)


def hindrance(moment: Moment, state: RuleState) -> Hindrance | None:
    """The first thing it cannot do without. One that is switched off lacks nothing."""
    if not state.rule.enabled:
        return None
    for turn in state.rule.actions:
        found = _acting(moment.state, turn.actuator)
        if found is not None:
            return found
    return None if state.trace is None else _deciding(moment, state, state.trace)


# ── acting ─────────────────────────────────────────────────────────────────────────────────────────────
def _acting(state: State, actuator_id: ActuatorId) -> Hindrance | None:
    actuator, node = state.actuators.get(actuator_id), state.nodes.get(actuator_id.node)
    if actuator is None:
        return Hindrance("act", f"there is no actuator {actuator_id}")
    if node is None or node.status != "approved":
        return Hindrance("act", f"node {actuator_id.node} is not approved")
    if node.online is not True:
        text = f"node {node.id} {away(state, node)}"
        return Hindrance("act", text, node.away_since, f"node_silent:{node.id}", node.online is None)
    return _blocked(state, actuator)


def _blocked(state: State, actuator: ActuatorState) -> Hindrance | None:
    """The node is there; something else stands between."""
    if not state.link.up:
        since = state.link.since
        text = f"the broker cannot be reached{_since(state, since)}"
        return Hindrance("act", text, since, BY_LINK)
    if (why := state.stopped(actuator.id)) is not None:
        return Hindrance("act", why.rstrip("."), None, BY_STOP)
    if state.journal_problem:
        return Hindrance("act", "the safety journal cannot be written", None, BY_JOURNAL)
    if actuator.emergency not in ("", "normal"):
        key = f"node_latched:{actuator.id}"
        return Hindrance(
            "act", f"{state.name_of(actuator.id)} is latched off by its node {actuator.id.node}", None, key
        )
    if not actuator.spec.enabled:
        return Hindrance("act", f"{state.name_of(actuator.id)} is disabled")
    return None


def away(state: State, node: NodeState) -> str:
    """Of a node that is not online, and since when."""
    since = _since(state, node.away_since)
    if node.online is False:
        return f"is offline{since}"
    return f"has not been heard{since or ' since the controller started'}"


def _since(state: State, at: Instant | None) -> str:
    return "" if at is None else f" since {clock(state, at)}"


def clock(state: State, at: Instant) -> str:
    """By the clock of the site: `00:12:03 on 2026-05-02`."""
    local = to_datetime(at).astimezone(ZoneInfo(state.timezone))
    return f"{local:%H:%M:%S} on {local:%Y-%m-%d}"


# ── deciding ───────────────────────────────────────────────────────────────────────────────────────────
def _deciding(moment: Moment, rule: RuleState, trace: Trace) -> Hindrance | None:
    if not silent(trace):
        return None
    state, silent_leaves = moment.state, list(_silent_leaves(trace))
    quiet = sorted({s for leaf in silent_leaves for s in series_of(leaf.condition)}, key=str)
    gone = {node.id: node for series in quiet if (node := _gone(state, series)) is not None}
    nodes = "".join(f"; node {node} {away(state, known)}" for node, known in sorted(gone.items()))
    return Hindrance(
        "decide",
        _in_words(state, rule, silent_leaves) + nodes,
        _last_heard(state, quiet),
        _told_by(moment, quiet, gone),
        _never(moment, quiet) or any(isinstance(leaf.condition, Diagnosis) for leaf in silent_leaves),
    )


def _in_words(state: State, rule: RuleState, leaves: list[Trace]) -> str:
    """Made once: a rule that waits for a reading is looked at with every reading of its others."""
    found = tuple((leaf.condition, leaf.note) for leaf in leaves)
    if rule.quiet[0] != found:
        rule.quiet = found, "; ".join(say_trace(state, leaf) for leaf in leaves)
    return rule.quiet[1]


def _told_by(moment: Moment, quiet: Iterable[SeriesId], gone: Iterable[NodeId]) -> str:
    """Where everything that is missing is missing for a cause that is told already."""
    paused = {s for s in quiet if moment.state.freshness(s, moment.now) is Freshness.PAUSED}
    if any(series not in paused and _gone(moment.state, series) is None for series in quiet):
        return ""
    return min((f"node_silent:{node}" for node in gone), default=BY_PAUSE if paused else "")


def _gone(state: State, series: SeriesId) -> NodeState | None:
    """Its node, when that is away and known to be equipped: its alarm tells of it."""
    node = state.nodes.get(series.node)
    known = series in state.sensors or series in state.sensor_specs or state.bound(series) is not None
    return node if node is not None and node.status == "approved" and not node.online and known else None


def _last_heard(state: State, quiet: Iterable[SeriesId]) -> Instant | None:
    """When the one that is missing longest was heard last; None: not at all yet."""
    heard = [None if (reading := state.latest(one)) is None else reading.received_at for one in quiet]
    return None if None in heard else min((at for at in heard if at is not None), default=None)


def _never(moment: Moment, quiet: Iterable[SeriesId]) -> bool:
    return any(moment.state.freshness(series, moment.now) is Freshness.NEVER for series in quiet)


def _silent_leaves(trace: Trace) -> Iterator[Trace]:
    if not trace.parts:
        yield from (trace,) if silent(trace) else ()
        return
    for part in trace.parts:
        yield from _silent_leaves(part)


def silent(trace: Trace) -> bool:
    """Is anything unknown for want of a reading? Being between two limits and undecided is no fault."""
    if trace.parts:
        return trace.truth is Truth.UNKNOWN and any(silent(part) for part in trace.parts)
    return trace.truth is Truth.UNKNOWN and trace.reading is None
