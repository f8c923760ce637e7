"""What nodes say to commands and of their actuators. Confirmed is what the node has reported itself."""

from __future__ import annotations

from typing import Final

from godkaiser.engine import debt, past
from godkaiser.engine.actuation import ANSWER_WITHIN
from godkaiser.engine.effect import Store
from godkaiser.engine.ending import lose_lease
from godkaiser.engine.lease import adopt, release_lease
from godkaiser.engine.record import chain, level, outcome_of, report
from godkaiser.engine.state import SAME, ActuatorState, ChainStep, Moment, Pending
from godkaiser.model.event import ActuatorReport, CommandAck, IntentOutcome, SendFailed
from godkaiser.model.ids import ActuatorId
from godkaiser.model.instant import MINUTE, SECOND
from godkaiser.model.outcome import Fate
from godkaiser.model.site import ActuatorSpec

OWED_AGAIN: Final = 10 * SECOND
RETRY_AFTER: Final = MINUTE
REPORT_EVERY: Final = 35 * SECOND


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
    chain(moment, pending.intent.actuator, ChainStep("outcome", moment.now, "the node carried it out", True))
    report(moment, outcome_of(moment, pending.intent, Fate.ACKED, message, command=pending.command))
    actuator = moment.state.actuators[pending.intent.actuator]
    # A command that changes nothing gives no report of a change: the last periodic one counts.
    oldest = max(pending.sent_at - REPORT_EVERY, actuator.turned_at)
    if actuator.reported_at is not None and actuator.reported_at >= oldest:
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
    if not waiting:
        actuator.aim = event.value
    if actuator.safe and not waiting:
        _reported_safe(moment, actuator)
    elif actuator.safe is False and actuator.lease is None:
        adopt(moment, actuator)


def _known(moment: Moment, event: ActuatorReport) -> ActuatorState:
    actuator_id = ActuatorId.of(event.node, event.gpio)
    actuator = moment.state.actuators.get(actuator_id)
    if actuator is None:
        kind = event.actuator_type if event.actuator_type in ("pump", "valve", "relay", "pwm") else "relay"
        spec = ActuatorSpec.model_validate(
            {"node": event.node, "gpio": event.gpio, "type": kind, "declared_by": "node"}
        )
        actuator = moment.state.actuators[actuator_id] = past.known_again(moment, spec)
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
    owed = actuator.owed
    debt.paid(moment, actuator)
    if actuator.lease is not None:
        lose_lease(moment, actuator)
    past.freed(moment, actuator)
    if owed:
        actuator.wished = actuator.spec.safe_value
        _next_wish(moment, actuator)


def _finish(moment: Moment, pending: Pending, fate: Fate, message: str) -> None:
    if fate is not Fate.CONFIRMED and _safe_anyway(moment, pending):
        # A node under its own emergency stop refuses our OFF, after it has reported that it is off.
        fate, message = Fate.CONFIRMED, f"the node reports its safe value ({message})"
    moment.state.pending.pop(pending.command, None)
    moment.state.due.drop(("command", pending.command))
    good = fate is Fate.CONFIRMED
    moment.state.counters["commands_confirmed" if good else "commands_failed"] += 1
    chain(moment, pending.intent.actuator, ChainStep("outcome", moment.now, f"{fate.value}: {message}", good))
    report(moment, outcome_of(moment, pending.intent, fate, message, command=pending.command))
    actuator = moment.state.actuators[pending.intent.actuator]
    if good:
        if pending.intent.value == actuator.spec.safe_value:
            debt.paid(moment, actuator)
            release_lease(moment, actuator)
            past.freed(moment, actuator)
            _next_wish(moment, actuator)
        return
    actuator.wished = None
    if fate is Fate.REJECTED and pending.began_lease:
        release_lease(moment, actuator, never_began=actuator.safe is not False)
    if actuator.owed:
        moment.state.due.set(("owed", actuator.id), moment.now + OWED_AGAIN)
    else:
        moment.state.due.set(("retry", actuator.id), moment.now + RETRY_AFTER)


def _next_wish(moment: Moment, actuator: ActuatorState) -> None:
    """It is safe now: who else wants it on?"""
    if moment.state.wishes.get(actuator.id):
        moment.state.due.set(("retry", actuator.id), moment.now + SECOND)


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
