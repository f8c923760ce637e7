"""What a rule does when what it decided is not carried out: tries again, tells people, and switches something else.

Looked at after every event. A try goes the way of every other: the gate is asked, limits, cooldowns and stops hold.
The failover stands while the rule is true and its decision is not carried out; then everything it switched goes back
to safe. After a restart it begins anew, and what it had switched goes safe first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from godkaiser.engine import toggle
from godkaiser.engine.actuation import ANSWER_WITHIN, safe_intent, submit
from godkaiser.engine.condition import NEVER_HEARD
from godkaiser.engine.decide import LOOK_AGAIN, is_free
from godkaiser.engine.effect import Audit, Journal, Store
from godkaiser.engine.fitness import clock
from godkaiser.engine.notice import notify
from godkaiser.engine.state import ChainStep, Escalated, Moment, RuleState, State
from godkaiser.engine.tally import Deed
from godkaiser.engine.wish import on_retry, settle_actuator, wish_of
from godkaiser.model.ids import ActuatorId, RuleId
from godkaiser.model.instant import SECOND, Instant, to_iso
from godkaiser.model.outcome import Fate, Severity
from godkaiser.rules.arbitrate import settle
from godkaiser.rules.rule import Escalation, Notify, Turn

FAILOVER: Final = ":failover"  # behind the id of the rule, of what it switches then
_TELLS, _ACTS = -1, -101  # places of its notices, beside those of steps


def watch(moment: Moment) -> None:
    """Every rule that has a policy, and what is left of those that are gone."""
    state = moment.state
    for rule_id, switched in tuple(state.left_on.items()):
        _interrupted(moment, rule_id, switched)
    if state.closing:
        state.escalated.clear()  # everything goes safe anyway
        return
    for rule_id in tuple(dict.fromkeys([*state.escalated, *state.escalating])):
        rule = state.rules.get(rule_id)
        policy = None if rule is None else rule.rule.escalation
        if rule is None or policy is None or not _fails(moment, rule, rule_id in state.escalated):
            end(moment, rule_id)
        else:
            _go_on(moment, rule, policy)


def _fails(moment: Moment, rule: RuleState, already: bool) -> bool:
    """It is true and its decision is not carried out. Once escalated, a new try that is under way is no end of that.

    To be outranked, held by a person or stopped is no failure: somebody wants it so. What was decided before a stop
    is none after it, either: it has to be decided anew.
    """
    last = rule.deeds[-1] if rule.deeds else None
    if rule.wanting_since is None or last is None or last.at < rule.wanting_since or not rule.rule.enabled:
        return False
    taken = last.outranked or any(_taken(moment.state, rule, turn.actuator) for turn in rule.rule.actions)
    if taken or last.at <= rule.stopped_at:
        return False
    if last.carried_out is False and not already:
        return not _may_still(moment, rule, last)
    return last.carried_out is False or (already and last.carried_out is None)


def _taken(state: State, rule: RuleState, actuator_id: ActuatorId) -> bool:
    """By a stop, a person, or whoever has the stronger wish."""
    actuator = state.actuators.get(actuator_id)
    if actuator is None:
        return False
    if state.stopped(actuator_id) is not None or state.held(actuator_id) is not None or actuator.service:
        return True
    wishes = {who: w for who, w in state.wishes.get(actuator_id, {}).items() if who != _key(rule.rule.id)}
    mine = wishes.get(rule.rule.id)
    return mine is not None and settle(wishes.values(), actuator.spec.safe_value).winner is not mine


def _may_still(moment: Moment, rule: RuleState, last: Deed) -> bool:
    """Only time is in the way: a try is under way, its node was not heard since the start, a pause ends by itself."""
    mine = {turn.actuator for turn in rule.rule.actions}
    if any(pending.intent.actuator in mine for pending in moment.state.pending.values()):
        return True  # what becomes of it is an event
    ends = [*_unheard(moment.state, rule, last)]
    for turn in rule.rule.actions:
        ends += _pauses(moment.state, turn.actuator)
    if not ends or moment.now >= max(ends):
        return False
    moment.state.due.sooner(("escalate", rule.rule.id), max(ends))
    return True


def _unheard(state: State, rule: RuleState, last: Deed) -> Iterator[Instant]:
    nodes = (state.nodes.get(turn.actuator.node) for turn in rule.rule.actions)
    if last.lacking or any(node is not None and (node.online is None or node.adopting) for node in nodes):
        yield last.at + NEVER_HEARD


def _pauses(state: State, actuator_id: ActuatorId) -> Iterator[Instant]:
    """Until it is tried again, as the gate refuses it until then; nothing when anything but time has to happen."""
    actuator = state.actuators.get(actuator_id)
    refused = actuator.last if actuator is not None else None
    if refused is not None and refused.fate is Fate.REFUSED:
        ends = [finding.until for finding in refused.findings if finding.severity is Severity.REFUSE]
        if None not in ends:
            yield from (end + SECOND for end in ends if end is not None)


def _go_on(moment: Moment, rule: RuleState, policy: Escalation) -> None:
    rule_id = rule.rule.id
    standing = moment.state.escalated.get(rule_id)
    if standing is None:
        until = moment.now + policy.interval if policy.retries else moment.now
        standing = moment.state.escalated[rule_id] = Escalated(moment.now, until)
        moment.tell("rule", rule_id)
    if standing.failover_at is not None:
        standing.holds = {a for a in standing.holds if _key(rule_id) in moment.state.wishes.get(a, {})}
        return
    if rule.rule.steps:
        standing.tries = sum(deed.at > standing.since for deed in rule.deeds)
    if rule.deeds[-1].carried_out is None:
        return  # a try is under way: what becomes of it is an event
    if moment.now < standing.next_at:
        moment.state.due.sooner(("escalate", rule_id), standing.next_at)
    elif standing.due < policy.retries:
        _try_again(moment, rule, policy, standing)
    elif any(_comes_back(moment, rule, action) for action in policy.failover if isinstance(action, Turn)):
        moment.state.due.sooner(("escalate", rule_id), moment.now + LOOK_AGAIN)
    else:
        _fail_over(moment, rule, policy, standing)


def _comes_back(moment: Moment, rule: RuleState, turn: Turn) -> bool:
    """A stop has just released it, and it waits for something newer as everything does."""
    stopped = moment.state.stopped(turn.actuator) is not None
    return not stopped and not is_free(moment, rule, turn.actuator)


def _try_again(moment: Moment, rule: RuleState, policy: Escalation, standing: Escalated) -> None:
    """As the engine itself does after a minute; rules with steps begin again when they may."""
    standing.due += 1
    last = standing.due == policy.retries
    standing.next_at = moment.now + (min(policy.interval, ANSWER_WITHIN) if last else policy.interval)
    moment.state.due.sooner(("escalate", rule.rule.id), standing.next_at)
    moment.state.due.sooner(("rule", rule.rule.id), moment.now)
    asked = {turn.actuator for turn in rule.rule.actions if _may_be_asked(moment, rule, turn.actuator)}
    standing.tries += bool(asked)
    for actuator in sorted(asked):
        on_retry(moment, actuator)
    moment.tell("rule", rule.rule.id)


def _may_be_asked(moment: Moment, rule: RuleState, actuator: ActuatorId) -> bool:
    """Its wish stands, and no command is under way. Steps ask by themselves."""
    wished = not rule.rule.steps and rule.rule.id in moment.state.wishes.get(actuator, {})
    return wished and all(pending.intent.actuator != actuator for pending in moment.state.pending.values())


def _fail_over(moment: Moment, rule: RuleState, policy: Escalation, standing: Escalated) -> None:
    standing.failover_at = moment.now
    reason = rule.deeds[-1].reason.rstrip(".")
    tried = f", tried {standing.tries} times more" if standing.tries else ""
    text = f"Rule “{rule.rule.name}” was not carried out{tried}: {reason}"
    moment.emit(Store(Audit(moment.now, f"rule:{rule.rule.id}", "rule.escalated", str(rule.rule.id), text)))
    for place, told in enumerate(policy.notify):
        notify(moment, rule, _TELLS - place, replace(told, text=text))
    turns = tuple(action for action in policy.failover if isinstance(action, Turn))
    if turns:
        switches = sorted({turn.actuator for turn in turns})
        moment.emit(Journal("failover", rule.rule.id, {"actuators": switches}))
    for place, action in enumerate(policy.failover):
        if isinstance(action, Notify):
            notify(moment, rule, _ACTS - place, action)
        else:
            _switch(moment, rule, action, standing)
    moment.tell("rule", rule.rule.id)


def _switch(moment: Moment, rule: RuleState, turn: Turn, standing: Escalated) -> None:
    """A wish as strong as the rule's own. What a stop holds, or what it cannot know how to toggle, is left out."""
    value = toggle.opposite(moment.state, turn.actuator) if turn.toggles else turn.value
    if value is None or not is_free(moment, rule, turn.actuator):
        return
    wish = wish_of(rule.rule, replace(turn, value=value, toggles=False), moment.now, moment.seq)
    key = _key(rule.rule.id)
    moment.state.wishes.setdefault(turn.actuator, {})[key] = replace(wish, who=key)
    standing.holds.add(turn.actuator)
    story = (
        f"failover of rule “{rule.rule.name}”, as it was not carried out: {rule.deeds[-1].reason.rstrip('.')}"
    )
    settle_actuator(moment, turn.actuator, [ChainStep("intent", moment.now, story)])


def _key(rule: RuleId) -> str:
    return f"{rule}{FAILOVER}"


def end(moment: Moment, rule_id: RuleId) -> None:
    """It was carried out, is no longer true, or is another rule from now on."""
    standing = moment.state.escalated.pop(rule_id, None)
    if standing is None:
        return
    moment.state.due.drop(("escalate", rule_id))
    if standing.failover_at is not None:
        said = "it is carried out, or no longer wanted"
        moment.emit(Store(Audit(moment.now, f"rule:{rule_id}", "rule.escalation_ended", str(rule_id), said)))
        moment.emit(Journal("failover", rule_id, None))
    for actuator in sorted(standing.holds):
        if moment.state.wishes.get(actuator, {}).pop(_key(rule_id), None) is not None:
            settle_actuator(moment, actuator, [ChainStep("intent", moment.now, "the failover is over")])
    moment.tell("rule", rule_id)


# ── after a restart ────────────────────────────────────────────────────────────────────────────────────
def restore(state: State, rule_id: RuleId, data: dict[str, Any], now: Instant) -> None:
    """Its failover stood when the last process ended."""
    state.left_on[rule_id] = [ActuatorId.parse(name) for name in data["actuators"]]
    state.due.set(("escalate", rule_id), now)


def _interrupted(moment: Moment, rule_id: RuleId, switched: list[ActuatorId]) -> None:
    del moment.state.left_on[rule_id]
    for actuator_id in switched:
        actuator = moment.state.actuators.get(actuator_id)
        run = None if actuator is None else actuator.lease
        if actuator is not None and run is not None and run.who == f"rule:{_key(rule_id)}":
            submit(moment, safe_intent(moment, actuator.spec, "a restart ended the failover"))
    moment.emit(Journal("failover", rule_id, None))


# ── for people ─────────────────────────────────────────────────────────────────────────────────────────
def escalation_picture(state: State, rule: RuleState) -> dict[str, Any] | None:
    """How far it has come; None while nothing has failed."""
    standing, policy = state.escalated.get(rule.rule.id), rule.rule.escalation
    if standing is None or policy is None:
        return None
    return {
        "since": to_iso(standing.since),
        "tried": standing.tries,
        "of": policy.retries,
        "failover_since": None if standing.failover_at is None else to_iso(standing.failover_at),
        "actuators": sorted(standing.holds),
        "text": in_words(state, standing),
    }


def in_words(state: State, standing: Escalated) -> str:
    """`tried 3 times, failover since 12:03:00 on 2026-05-02`."""
    times = {0: "not tried again", 1: "tried once more"}.get(
        standing.tries, f"tried {standing.tries} times more"
    )
    if standing.failover_at is None:
        return f"not carried out since {clock(state, standing.since)}, {times}"
    return f"{times}, failover since {clock(state, standing.failover_at)}"


def failing_over(state: State, actuator: ActuatorId) -> Iterator[str]:
    """As `why` says it of what a failover switches."""
    for rule_id, standing in state.escalated.items():
        if actuator in standing.holds:
            yield f"Rule “{state.name_of(rule_id)}” could not do what it wants: {in_words(state, standing)}"
