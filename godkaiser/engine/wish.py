"""Standing wishes, and who of several gets their way. What is refused for a time is tried again when it is over."""

from __future__ import annotations

from typing import Final

from godkaiser.engine import toggle
from godkaiser.engine.actuation import attempt, safe_intent, submit
from godkaiser.engine.answer import RETRY_AFTER
from godkaiser.engine.effect import Audit, Store
from godkaiser.engine.fitness import clock
from godkaiser.engine.lease import spend, take_over
from godkaiser.engine.record import level, report
from godkaiser.engine.state import SAME, ActuatorState, ChainStep, Moment, RuleState, State
from godkaiser.model.event import HoldEnded
from godkaiser.model.ids import ActuatorId, NodeId
from godkaiser.model.instant import MINUTE, SECOND, Duration, Instant, describe_duration
from godkaiser.model.intent import Intent, Origin
from godkaiser.model.outcome import Fate, Outcome, Severity
from godkaiser.rules.arbitrate import PERSON, PERSONS, Tenure, Wish, leads_away, settle, taken
from godkaiser.rules.rule import Rule, Turn
from godkaiser.safety.gate import Denied

HOLD: Final = 15 * MINUTE


def on_asked(moment: Moment, intent: Intent) -> None:
    """A person's wish: outranks rules while its hold lasts; always asks the gate, even when 'already so'."""
    actuator = moment.state.actuators.get(intent.actuator)
    if actuator is not None:
        actuator.chain = [
            ChainStep("intent", moment.now, f"{intent.who} wants {level(actuator, intent.value)}")
        ]
    denied = attempt(moment, intent)
    _attest(moment, intent, denied)
    if denied is None and actuator is not None:
        actuator.tenure = None
        hold = intent.hold if intent.hold is not None else intent.duration or HOLD
        wish = Wish(
            intent.actuator, intent.who, PERSON, intent.value, moment.now, moment.now + hold, intent.duration
        )
        moment.state.wishes.setdefault(intent.actuator, {})[PERSONS] = wish
        moment.state.due.set(("hold", intent.actuator), moment.now + hold)


def _attest(moment: Moment, intent: Intent, denied: Denied | None) -> None:
    """Rules' commands have their decisions; people's are in the audit, also those the gate refuses."""
    said = f"{intent.value:g}"
    if intent.duration is not None:
        said += f" for {describe_duration(intent.duration)}"
    if denied is not None:
        said += "; refused: " + " ".join(finding.sentence for finding in denied.findings)
    moment.emit(Store(Audit(moment.now, intent.who, "actuator.set", intent.actuator, said)))


def on_hold_end(moment: Moment, actuator: ActuatorId) -> None:
    """A person's wish has had its time."""
    if moment.state.wishes.get(actuator, {}).pop(PERSONS, None) is not None:
        settle_actuator(moment, actuator, [ChainStep("intent", moment.now, "the manual hold ended")])


def on_release(moment: Moment, event: HoldEnded) -> None:
    """A person's hold is ended before its time, by anybody who may switch: rules decide again, at once."""
    if moment.state.wishes.get(event.actuator, {}).get(PERSONS) is None:
        return
    moment.state.due.drop(("hold", event.actuator))
    moment.emit(Store(Audit(moment.now, event.who, "hold.ended", event.actuator, "")))
    moment.state.wishes[event.actuator].pop(PERSONS)
    settle_actuator(
        moment, event.actuator, [ChainStep("intent", moment.now, f"{event.who} ended the manual hold")]
    )
    moment.tell("actuator", event.actuator)


def settle_actuator(
    moment: Moment,
    actuator_id: ActuatorId,
    story: list[ChainStep],
    *,
    protective: bool = False,
    anew: bool = False,
) -> None:
    """Bring an actuator to what the strongest wish says, or back to its safe value.

    `protective`: going back is what safety demands, not only what nobody wants otherwise. `anew`: whoever has it may
    have it for longer than at first.
    """
    actuator = moment.state.actuators.get(actuator_id)
    wishes = moment.state.wishes.get(actuator_id, {})
    if actuator is None:
        for wish in wishes.values():
            _refuse_unknown(moment, wish)
        return
    _pass_over(moment, actuator)
    settlement = settle(wishes.values(), actuator.spec.safe_value)
    winner = _in_turn(moment, actuator, settlement.winner)
    for loser in settlement.superseded:
        _superseded(moment, loser, winner)
    value = actuator.spec.safe_value if winner is None else winner.value
    before = actuator.spec.safe_value if actuator.wished is None else actuator.wished
    so = actuator.wished is not None and abs(actuator.wished - value) < 1e-9
    if so and not (anew and _further(actuator, winner)):
        _go_on(moment, actuator, winner)
        return
    if winner is None and actuator.wished is None and actuator.lease is None:
        return  # nobody ever wanted anything of it: leave it alone
    node = moment.state.nodes.get(actuator_id.node)
    if winner is not None and node is not None and node.adopting:
        return  # settled again when the node's states are in
    actuator.chain = story
    denied = attempt(moment, _intent_of(moment, actuator, winner, protective=protective))
    if denied is not None:
        _try_again(moment, actuator, denied)
    elif not protective and (winner is None or winner.rank != PERSON):
        hold, away = (
            round(actuator.spec.rule_hold_s * SECOND),
            leads_away(value, before, actuator.spec.safe_value),
        )
        actuator.tenure = taken(actuator.tenure, winner, moment.now, hold, away=away)
        moment.tell("actuator", actuator.id)


def _pass_over(moment: Moment, actuator: ActuatorState) -> None:
    """A pulse whose time went by while it was not its turn is over: its rule has had it, as at the end of a lease."""
    wishes = moment.state.wishes.get(actuator.id, {})
    run = actuator.lease
    for key, wish in tuple(wishes.items()):
        away = wish.rank != PERSON and abs(wish.value - actuator.spec.safe_value) >= SAME
        late = wish.duration is not None and wish.since + wish.duration <= moment.now
        if away and late and (run is None or run.who != _named(wish)):
            del wishes[key]
            spend(moment, key, actuator.id)


def _further(actuator: ActuatorState, winner: Wish | None) -> bool:
    """Does whoever has it want it for longer? Then the gate is asked, as at the beginning."""
    run = actuator.lease
    if run is None or winner is None or winner.duration is None:
        return False
    return run.who == _named(winner) and winner.since + winner.duration > run.until


def _go_on(moment: Moment, actuator: ActuatorState, winner: Wish | None) -> None:
    """Nothing is to be said to the node; but the run is another one's now, or has another end."""
    if winner is not None and actuator.lease is not None and abs(actuator.lease.value - winner.value) < SAME:
        left = None if winner.duration is None else winner.since + winner.duration - moment.now
        take_over(moment, actuator, _named(winner), left)


def _named(wish: Wish) -> str:
    """As a lease names who has it."""
    return wish.who if wish.rank == PERSON else f"rule:{wish.who}"


def held_back(actuator: ActuatorState, wish: Wish | None, now: Instant) -> Tenure | None:
    """The hold that a rule's wish has to wait for, before it may energise the actuator."""
    tenure, safe = actuator.tenure, actuator.spec.safe_value
    at = safe if actuator.wished is None else actuator.wished
    if (
        wish is None
        or tenure is None
        or tenure.at <= actuator.released_at
        or not leads_away(wish.value, at, safe)
    ):
        return None
    return tenure if tenure.keeps_out(wish, now) else None


def wish_of(rule: Rule, turn: Turn, now: Instant, cause: int) -> Wish:
    """What a rule wants of one of its actuators."""
    return Wish(turn.actuator, rule.id, rule.priority, turn.value, now, None, turn.duration, cause)


def kept_out(state: State, rule: RuleState, now: Instant) -> Instant | None:
    """Until when holds of other rules keep a rule from everything it would get; None when something is left."""
    ends = [_kept_out(state, wish_of(rule.rule, turn, now, 0)) for turn in toggle.turns(state, rule)]
    known = [end for end in ends if end is not None]
    return min(known) if known and len(known) == len(ends) else None


def _kept_out(state: State, wish: Wish) -> Instant | None:
    actuator = state.actuators.get(wish.actuator)
    if actuator is None:
        return None
    standing = state.wishes.get(wish.actuator, {}).values()
    winner = settle((*standing, wish), actuator.spec.safe_value).winner
    held = held_back(actuator, wish, wish.since) if winner is wish else None
    return None if held is None else held.until


def _in_turn(moment: Moment, actuator: ActuatorState, winner: Wish | None) -> Wish | None:
    """The winner, unless the hold of another one is in its way: then nobody, and it is looked at when that ends."""
    tenure = held_back(actuator, winner, moment.now)
    if winner is None or tenure is None:
        return winner
    moment.state.due.set(("tenure", actuator.id), tenure.until)
    if winner.since == moment.now:
        who, until = moment.state.name_of(tenure.who), clock(moment.state, tenure.until)
        _report_superseded(moment, winner, f"{who} switched it last, and it is kept so until {until}")
    return None


def on_tenure_end(moment: Moment, actuator_id: ActuatorId) -> None:
    """What waited for the hold of a rule."""
    settle_actuator(moment, actuator_id, [ChainStep("intent", moment.now, "the hold of another rule ended")])


def _try_again(moment: Moment, actuator: ActuatorState, denied: Denied) -> None:
    """When time alone decides: at that very instant. Else what has to happen first brings it up again."""
    ends = [finding.until for finding in denied.findings if finding.severity is Severity.REFUSE]
    known = [until for until in ends if until is not None]
    if len(known) == len(ends):
        at = max(known)
        moment.state.due.set(("retry", actuator.id), at if at > moment.now else moment.now + SECOND)
    elif actuator.lease is not None:
        moment.state.due.set(("retry", actuator.id), moment.now + RETRY_AFTER)  # it has yet to come off


def _intent_of(moment: Moment, actuator: ActuatorState, winner: Wish | None, *, protective: bool) -> Intent:
    if winner is None:
        return safe_intent(moment, actuator.spec, "no wish stands", protective=protective)
    origin = Origin.PERSON if winner.rank == PERSON else Origin.RULE
    who = _named(winner)
    return Intent(
        moment.new_id("i"),
        actuator.id,
        winner.value,
        origin,
        who,
        _remaining(winner, moment.now),
        cause=winner.cause or moment.seq,
    )


def _remaining(wish: Wish, now: Instant) -> Duration | None:
    """What is left of the wished duration: a second try does not start it anew."""
    return None if wish.duration is None else max(SECOND, wish.since + wish.duration - now)


def _superseded(moment: Moment, loser: Wish, winner: Wish | None) -> None:
    """Recorded once per wish and winner: the wish still stands and may win later."""
    if loser.since != moment.now and (winner is None or winner.since != moment.now):
        return
    by = "" if winner is None else winner.who
    _report_superseded(moment, loser, f"{by} has priority")


def _report_superseded(moment: Moment, loser: Wish, message: str) -> None:
    report(
        moment,
        Outcome(
            moment.new_id("i"), loser.actuator, loser.value, Fate.SUPERSEDED, moment.now, loser.who, "rule",
            message, cause=loser.cause or moment.seq,
        ),
    )  # fmt: skip


def _refuse_unknown(moment: Moment, wish: Wish) -> None:
    who = _named(wish)
    intent = Intent(moment.new_id("i"), wish.actuator, wish.value, Origin.RULE, who, cause=moment.seq)
    submit(moment, intent)


def on_retry(moment: Moment, actuator_id: ActuatorId) -> None:
    """A wish that failed is tried again, with a new id; not while it still has to go safe."""
    actuator = moment.state.actuators.get(actuator_id)
    if actuator is None or not actuator.owed:
        settle_actuator(moment, actuator_id, [ChainStep("intent", moment.now, "tried again")])


def resettle_node(moment: Moment, node: NodeId) -> None:
    """A node is back: bring its actuators to what is wanted of them."""
    for actuator in tuple(moment.state.actuators.values()):
        if actuator.id.node == node and not actuator.owed and moment.state.wishes.get(actuator.id):
            settle_actuator(moment, actuator.id, [ChainStep("intent", moment.now, f"{node} is back")])
