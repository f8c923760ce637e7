"""Wishes → intents → the gate → commands → answers; leases that end by themselves.

Every ON is a lease in `state.lease`, journalled before the command leaves. A move to the safe value that
could not be delivered is *owed* and repeated until the node reports it done.
"""

from __future__ import annotations

from typing import Final, cast

from godkaiser.engine.effect import Answer, Journal, Send, Store
from godkaiser.engine.record import record_decision
from godkaiser.engine.state import SAME, ActuatorState, ChainStep, Moment, Pending
from godkaiser.model.command import Move
from godkaiser.model.event import ActuatorReport, CommandAck, IntentOutcome, SendFailed
from godkaiser.model.ids import ActuatorId, NodeId, RuleId
from godkaiser.model.instant import MINUTE, SECOND, Duration, Instant
from godkaiser.model.intent import Intent, Origin
from godkaiser.model.outcome import Fate, Finding, Outcome
from godkaiser.model.site import ActuatorSpec
from godkaiser.rules.arbitrate import PERSON, Wish, settle
from godkaiser.safety.gate import Denied, Passed, judge
from godkaiser.safety.stop import Phase
from godkaiser.safety.watch import Lease

ANSWER_WITHIN: Final = 10 * SECOND
OWED_AGAIN: Final = 10 * SECOND
RETRY_AFTER: Final = 60 * SECOND
HOLD: Final = 15 * MINUTE
REPORT_EVERY: Final = 35 * SECOND


# ── wishes ─────────────────────────────────────────────────────────────────────────────────────────────
def on_asked(moment: Moment, intent: Intent) -> None:
    """A person's wish: outranks rules while its hold lasts; always asks the gate, even when 'already so'."""
    actuator = moment.state.actuators.get(intent.actuator)
    if actuator is not None:
        actuator.chain = [
            ChainStep("intent", moment.now, f"{intent.who} wants {level(actuator, intent.value)}")
        ]
    if submit(moment, intent) and actuator is not None:
        hold = intent.hold if intent.hold is not None else intent.duration or HOLD
        wish = Wish(
            intent.actuator, intent.who, PERSON, intent.value, moment.now, moment.now + hold, intent.duration
        )
        moment.state.wishes.setdefault(intent.actuator, {})["person"] = wish
        moment.state.due.set(("hold", intent.actuator), moment.now + hold)


def on_hold_end(moment: Moment, actuator: ActuatorId) -> None:
    """A person's wish has had its time."""
    if moment.state.wishes.get(actuator, {}).pop("person", None) is not None:
        settle_actuator(moment, actuator, [ChainStep("intent", moment.now, "the manual hold ended")])


def settle_actuator(moment: Moment, actuator_id: ActuatorId, story: list[ChainStep]) -> None:
    """Bring an actuator to what the strongest wish says, or back to its safe value."""
    actuator = moment.state.actuators.get(actuator_id)
    wishes = moment.state.wishes.get(actuator_id, {})
    if actuator is None:
        for wish in wishes.values():
            _refuse_unknown(moment, wish)
        return
    settlement = settle(wishes.values(), actuator.spec.safe_value)
    winner = settlement.winner
    for loser in settlement.superseded:
        _superseded(moment, loser, winner)
    value = actuator.spec.safe_value if winner is None else winner.value
    if actuator.wished is not None and abs(actuator.wished - value) < 1e-9:
        return
    if winner is None and actuator.wished is None and actuator.lease is None:
        return  # nobody ever wanted anything of it: leave it alone
    node = moment.state.nodes.get(actuator_id.node)
    if winner is not None and node is not None and node.adopting:
        return  # settled again when the node's states are in
    actuator.chain = story
    if not submit(moment, _intent_of(moment, actuator, winner)) and actuator.lease is not None:
        moment.state.due.set(("retry", actuator_id), moment.now + RETRY_AFTER)  # it has yet to come off


def _intent_of(moment: Moment, actuator: ActuatorState, winner: Wish | None) -> Intent:
    if winner is None:
        return safe_intent(moment, actuator.spec, "no wish stands", protective=False)
    origin = Origin.PERSON if winner.rank == PERSON else Origin.RULE
    who = winner.who if origin is Origin.PERSON else f"rule:{winner.who}"
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


def safe_intent(moment: Moment, spec: ActuatorSpec, why: str, *, protective: bool = True) -> Intent:
    """To the safe value, wanted by safety itself."""
    return Intent(
        moment.new_id("i"),
        spec.id,
        spec.safe_value,
        Origin.SAFETY,
        "safety",
        protective=protective,
        cause=moment.seq,
        why=why,
    )


def _superseded(moment: Moment, loser: Wish, winner: Wish | None) -> None:
    """Recorded once per wish and winner: the wish still stands and may win later."""
    if loser.since != moment.now and (winner is None or winner.since != moment.now):
        return
    by = "" if winner is None else winner.who
    _report(
        moment,
        Outcome(
            moment.new_id("i"), loser.actuator, loser.value, Fate.SUPERSEDED, moment.now, loser.who, "rule",
            f"{by} has priority", cause=moment.seq,
        ),
    )  # fmt: skip


def _refuse_unknown(moment: Moment, wish: Wish) -> None:
    who = wish.who if wish.rank == PERSON else f"rule:{wish.who}"
    intent = Intent(moment.new_id("i"), wish.actuator, wish.value, Origin.RULE, who, cause=moment.seq)
    submit(moment, intent)


# ── through the gate ───────────────────────────────────────────────────────────────────────────────────
def submit(moment: Moment, intent: Intent) -> bool:
    """Ask the gate; send or refuse, and record either."""
    verdict = judge(intent, moment.state, moment.now, moment.new_id("c"))
    if isinstance(verdict, Denied):
        reasons = " ".join(finding.sentence for finding in verdict.findings)
        moment.state.counters["commands_refused"] += 1
        _chain(moment, intent.actuator, ChainStep("verdict", moment.now, f"refused: {reasons}", False))
        _report(moment, _outcome(moment, intent, Fate.REFUSED, reasons, verdict.findings))
        return False
    _dispatch(moment, intent, verdict)
    return True


def _dispatch(moment: Moment, intent: Intent, verdict: Passed) -> None:
    actuator = moment.state.actuators[intent.actuator]
    warnings = " ".join(finding.sentence for finding in verdict.findings)
    _chain(moment, intent.actuator, ChainStep("verdict", moment.now, f"allowed. {warnings}".strip(), True))
    _supersede_pending(moment, intent.actuator)
    order = cast("Move", verdict.command.order)
    begins = verdict.lease is not None and actuator.lease is None
    actuator.wished = intent.value
    if verdict.lease is None:
        actuator.owed = True
        moment.state.due.drop(("retry", actuator.id))
    else:
        actuator.owed = False
        _grant(moment, actuator, intent, verdict.command.id, verdict.lease)
    if not _online(moment, actuator.id.node):
        _keep(moment, actuator, intent, verdict)
        return
    deadline = moment.now + ANSWER_WITHIN
    moment.state.pending[verdict.command.id] = Pending(
        intent, verdict.command.id, order.verb, moment.now, deadline, begins
    )
    moment.state.due.set(("command", verdict.command.id), deadline)
    moment.emit(Send(verdict.command, energising=verdict.lease is not None))
    moment.state.counters["commands_sent"] += 1
    sent = f"{order.verb} {order.value:g}" + (f" for {order.duration_s} s" if order.duration_s else "")
    _chain(
        moment, intent.actuator, ChainStep("command", moment.now, f"sent {sent} ({verdict.command.id})", None)
    )
    outcome = _outcome(moment, intent, Fate.SENT, warnings, verdict.findings, verdict.command.id)
    _report(moment, outcome)


def _online(moment: Moment, node: NodeId) -> bool:
    state = moment.state.nodes.get(node)
    return moment.state.link.up and state is not None and state.online is True and state.status != "pending"


def _keep(moment: Moment, actuator: ActuatorState, intent: Intent, verdict: Passed) -> None:
    """Only safe moves come here: the gate refuses the others while the node cannot be reached.

    The node may listen although we have not heard it (after a restart of ours, say), so with a broker at hand the
    move is sent at once, and again when the node is heard.
    """
    node = moment.state.nodes.get(actuator.id.node)
    if moment.state.link.up and node is not None and node.status != "pending":
        moment.emit(Send(verdict.command, energising=False))
        moment.state.counters["commands_sent"] += 1
    _chain(moment, actuator.id, ChainStep("command", moment.now, "kept until the node can be reached", None))
    _report(
        moment, _outcome(moment, intent, Fate.QUEUED, "kept for delivery: the node cannot be reached now")
    )


def _grant(moment: Moment, actuator: ActuatorState, intent: Intent, command: str, lease: Duration) -> None:
    since = actuator.lease.since if actuator.lease is not None else moment.now
    until = moment.now + lease
    actuator.lease = Lease(actuator.id, intent.value, since, until, command, intent.who)
    moment.state.due.set(("lease", actuator.id), until)
    moment.emit(Journal("lease", actuator.id, lease_data(actuator.lease)))


def lease_data(lease: Lease) -> dict[str, object]:
    """A lease as the journal keeps it."""
    return {
        "value": lease.value,
        "since": lease.since,
        "until": lease.until,
        "command": lease.command,
        "who": lease.who,
    }


def _supersede_pending(moment: Moment, actuator: ActuatorId) -> None:
    """Latest wins: an older command to the same actuator no longer counts."""
    for command in [c for c, p in moment.state.pending.items() if p.intent.actuator == actuator]:
        pending = moment.state.pending.pop(command)
        moment.state.due.drop(("command", command))
        if not pending.acked:
            message = "a newer command replaced it"
            _report(moment, _outcome(moment, pending.intent, Fate.SUPERSEDED, message, command=command))


# ── answers ────────────────────────────────────────────────────────────────────────────────────────────
def on_ack(moment: Moment, event: CommandAck) -> None:
    """The node's word about a command, by correlation id, or ([seed]) by pin and verb, newest first."""
    pending = _match(moment, event)
    if pending is None:
        moment.state.counters["unmatched_acks"] += 1
        return
    if not event.success:
        _finish(moment, pending, Fate.REJECTED, event.message or "the node said no")
        return
    _carried_out(moment, pending, event.message)


def _carried_out(moment: Moment, pending: Pending, message: str) -> None:
    """Acknowledged once; confirmed when the node also reports it."""
    if pending.acked:
        return
    pending.acked = True
    _chain(moment, pending.intent.actuator, ChainStep("outcome", moment.now, "the node carried it out", True))
    _report(moment, _outcome(moment, pending.intent, Fate.ACKED, message, command=pending.command))
    actuator = moment.state.actuators[pending.intent.actuator]
    # A command that changes nothing gives no report of a change: the last periodic one counts.
    if actuator.reported_at is not None and actuator.reported_at >= pending.sent_at - REPORT_EVERY:
        _confirm(moment, actuator)


def _match(moment: Moment, event: CommandAck) -> Pending | None:
    actuator = ActuatorId.of(event.node, event.gpio)
    mine = [p for p in reversed(moment.state.pending.values()) if p.intent.actuator == actuator]
    if event.correlation:
        return next((p for p in mine if p.command == event.correlation), None)
    return next((p for p in mine if p.verb == event.command and not p.acked), None)


def on_applied(moment: Moment, event: IntentOutcome) -> None:
    """The same as a response, for one that was lost."""
    pending = moment.state.pending.get(event.correlation)
    if pending is not None:
        _carried_out(moment, pending, event.reason)


def on_refused_outcome(moment: Moment, event: IntentOutcome, fate: Fate) -> None:
    """The node's last word on a command that is still open: its queue was full, it came too late, it may not."""
    pending = moment.state.pending.get(event.correlation)
    if pending is not None and not pending.acked:
        _finish(moment, pending, fate, f"{event.code} {event.reason}".strip())


def on_report(moment: Moment, event: ActuatorReport) -> None:
    """The node's word about an actuator. An ON nobody leased becomes a lease: it ends too."""
    node = moment.state.nodes.get(event.node)
    known = moment.state.actuators.get(ActuatorId.of(event.node, event.gpio))
    # What a rejected node says of a move it still owes is heard: else it would be told for ever.
    settling = known is not None and known.owed
    if node is None or (node.status != "approved" and not settling):
        moment.state.counters["quarantined"] += 1
        return
    actuator = _known(moment, event)
    actuator.reported, actuator.reported_at, actuator.emergency = event.value, moment.now, event.emergency
    moment.tell("actuator", actuator.id)
    if event.value is None:
        return
    _confirm(moment, actuator)
    waiting = any(p.intent.actuator == actuator.id for p in moment.state.pending.values())
    if waiting:
        return
    if actuator.safe:
        _reported_safe(moment, actuator)
    elif actuator.lease is None:
        _adopt(moment, actuator)


def _known(moment: Moment, event: ActuatorReport) -> ActuatorState:
    actuator_id = ActuatorId.of(event.node, event.gpio)
    actuator = moment.state.actuators.get(actuator_id)
    if actuator is None:
        kind = event.actuator_type if event.actuator_type in ("pump", "valve", "relay", "pwm") else "relay"
        spec = ActuatorSpec.model_validate(
            {"node": event.node, "gpio": event.gpio, "type": kind, "declared_by": "node"}
        )
        free = moment.state.stop.phase is Phase.NORMAL
        actuator = moment.state.actuators[actuator_id] = ActuatorState(actuator_id, spec, released=free)
        moment.emit(Store(spec))
    return actuator


def _confirm(moment: Moment, actuator: ActuatorState) -> None:
    for pending in tuple(moment.state.pending.values()):
        reported = actuator.reported
        if pending.intent.actuator != actuator.id or reported is None or not pending.acked:
            continue
        if abs(reported - pending.intent.value) < SAME:
            _finish(moment, pending, Fate.CONFIRMED, f"the node reports {level(actuator, reported)}")


def _reported_safe(moment: Moment, actuator: ActuatorState) -> None:
    """Safe by the node's own word: nothing is owed; a lease that still ran was ended by the node."""
    actuator.owed = False
    moment.state.due.drop(("owed", actuator.id))
    if actuator.lease is not None:
        end_lease(moment, actuator, "the node ended it")


def _adopt(moment: Moment, actuator: ActuatorState) -> None:
    """On by somebody else's doing (the node's own rule, a restart of ours): it still ends."""
    longest = actuator.spec.longest_on_s or ANSWER_WITHIN / SECOND
    if moment.state.stopped(actuator.id) is not None or not actuator.spec.enabled:
        longest = 0.0  # nothing may be on during a stop or while disabled, whoever switched it
    until = moment.now + round(longest * SECOND)
    lease = Lease(actuator.id, actuator.reported or 0.0, moment.now, until, "", "node")
    actuator.lease = lease
    moment.state.due.set(("lease", actuator.id), until)
    moment.emit(Journal("lease", actuator.id, lease_data(lease)))


def _finish(moment: Moment, pending: Pending, fate: Fate, message: str) -> None:
    if fate is not Fate.CONFIRMED and _safe_anyway(moment, pending):
        # A node under its own emergency stop refuses our OFF, after it has reported that it is off.
        fate, message = Fate.CONFIRMED, f"the node reports its safe value ({message})"
    moment.state.pending.pop(pending.command, None)
    moment.state.due.drop(("command", pending.command))
    good = fate is Fate.CONFIRMED
    moment.state.counters["commands_confirmed" if good else "commands_failed"] += 1
    _chain(
        moment, pending.intent.actuator, ChainStep("outcome", moment.now, f"{fate.value}: {message}", good)
    )
    _report(moment, _outcome(moment, pending.intent, fate, message, command=pending.command))
    actuator = moment.state.actuators[pending.intent.actuator]
    if good:
        if pending.intent.value == actuator.spec.safe_value:
            actuator.owed = False
            release_lease(moment, actuator)
            if moment.state.wishes.get(actuator.id):
                moment.state.due.set(("retry", actuator.id), moment.now + SECOND)  # who else wants it on?
        return
    actuator.wished = None
    if fate is Fate.REJECTED and pending.began_lease:
        release_lease(moment, actuator)  # it never began
    if actuator.owed:
        moment.state.due.set(("owed", actuator.id), moment.now + OWED_AGAIN)
    else:
        moment.state.due.set(("retry", actuator.id), moment.now + RETRY_AFTER)


def _safe_anyway(moment: Moment, pending: Pending) -> bool:
    """Did the node report the safe value since we asked for it?"""
    actuator = moment.state.actuators[pending.intent.actuator]
    wanted = pending.intent.value == actuator.spec.safe_value
    since = actuator.reported_at is not None and actuator.reported_at >= pending.sent_at
    return wanted and since and actuator.safe is True


def on_deadline(moment: Moment, command: str) -> None:
    """No answer. What the actuator does is unknown; its lease still ends it."""
    pending = moment.state.pending.get(command)
    if pending is None:
        return
    fate = Fate.FAILED if pending.acked else Fate.EXPIRED
    text = (
        "accepted, but the node never reported it"
        if pending.acked
        else f"no answer in {ANSWER_WITHIN // SECOND} s"
    )
    _finish(moment, pending, fate, text)


def on_send_failed(moment: Moment, event: SendFailed) -> None:
    """It never reached the broker."""
    pending = moment.state.pending.get(event.command)
    if pending is not None and not pending.acked:
        _finish(moment, pending, Fate.FAILED, event.why)


# ── leases and debts ───────────────────────────────────────────────────────────────────────────────────
def on_lease_end(moment: Moment, actuator_id: ActuatorId) -> None:
    """P5: it ends without the node's help."""
    actuator = moment.state.actuators[actuator_id]
    if actuator.lease is None:
        return
    end_lease(moment, actuator, "its time is up", tell_node=True)


def end_lease(moment: Moment, actuator: ActuatorState, why: str, *, tell_node: bool = False) -> None:
    """Whoever wanted it has had it. At the maximum on-time every wish goes, else only the winner's."""
    lease = cast("Lease", actuator.lease)  # the caller looked
    longest = actuator.spec.longest_on_s
    spent = longest is None or moment.now - lease.since >= longest * SECOND - SECOND
    wishes = moment.state.wishes.get(actuator.id, {})
    whose = lease.who.removeprefix("rule:") if lease.who.startswith("rule:") else "person"
    for key in tuple(wishes):
        if spent or key == whose:
            del wishes[key]
            _spend(moment, key)
    if tell_node:
        text = f"the lease of {lease.who or 'an unknown command'} ended: {why}"
        actuator.chain = [ChainStep("intent", moment.now, text)]
        submit(moment, safe_intent(moment, actuator.spec, why))
    else:
        actuator.wished = actuator.spec.safe_value
        release_lease(moment, actuator)
    moment.tell("actuator", actuator.id)


def _spend(moment: Moment, key: str) -> None:
    rule = moment.state.rules.get(RuleId.known(key)) if key != "person" else None
    if rule is not None:
        rule.active = False
        rule.ready_at = max(rule.ready_at, moment.now + rule.rule.cooldown)
        moment.state.due.set(("rule", rule.rule.id), rule.ready_at)
        record_decision(moment, rule, "its time is up")


def release_lease(moment: Moment, actuator: ActuatorState) -> None:
    """Safe, and known to be: the lease is over."""
    moment.state.due.drop(("lease", actuator.id))
    if actuator.lease is not None:
        actuator.lease = None
        moment.emit(Journal("lease", actuator.id, None))


def on_owed(moment: Moment, actuator_id: ActuatorId) -> None:
    """A safe move that was not confirmed goes out again, as long as it takes."""
    actuator = moment.state.actuators[actuator_id]
    if actuator.owed:
        submit(moment, safe_intent(moment, actuator.spec, "not confirmed yet"))


def deliver_owed(moment: Moment, node: NodeId) -> None:
    """The node can be reached again: what it owes comes first."""
    for actuator in tuple(moment.state.actuators.values()):
        if actuator.id.node == node and actuator.owed:
            on_owed(moment, actuator.id)


def on_retry(moment: Moment, actuator_id: ActuatorId) -> None:
    """A wish that failed is tried again, with a new id."""
    settle_actuator(moment, actuator_id, [ChainStep("intent", moment.now, "tried again")])


def resettle_node(moment: Moment, node: NodeId) -> None:
    """A node is back: bring its actuators to what is wanted of them."""
    for actuator in tuple(moment.state.actuators.values()):
        if actuator.id.node == node and not actuator.owed and moment.state.wishes.get(actuator.id):
            settle_actuator(moment, actuator.id, [ChainStep("intent", moment.now, f"{node} is back")])


# ── records ────────────────────────────────────────────────────────────────────────────────────────────
def level(actuator: ActuatorState, value: float) -> str:
    """A value as people say it."""
    if actuator.spec.type == "pwm" and 0 < value < 1:
        return f"{value:.0%}"
    return "on" if value > 0 else "off"


def _outcome(
    moment: Moment,
    intent: Intent,
    fate: Fate,
    message: str,
    findings: tuple[Finding, ...] = (),
    command: str = "",
) -> Outcome:
    return Outcome(
        intent.id, intent.actuator, intent.value, fate, moment.now, intent.who, intent.origin.value, message,
        findings, command, intent.cause,
    )  # fmt: skip


def _report(moment: Moment, outcome: Outcome) -> None:
    actuator = moment.state.actuators.get(outcome.actuator)
    if actuator is not None and outcome.fate is not Fate.SUPERSEDED:
        actuator.last = outcome
    moment.emit(Store(outcome))
    moment.emit(Answer(outcome))
    moment.tell("actuator", outcome.actuator)


def _chain(moment: Moment, actuator_id: ActuatorId, step: ChainStep) -> None:
    actuator = moment.state.actuators.get(actuator_id)
    if actuator is not None:
        actuator.chain = [*actuator.chain[-20:], step]
