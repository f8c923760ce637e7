"""Intents → the gate → commands. A move to the safe value that could not be delivered is *owed*."""

from __future__ import annotations

from typing import Final, cast

from godkaiser.engine import debt
from godkaiser.engine.effect import Send
from godkaiser.engine.lease import grant
from godkaiser.engine.record import chain, outcome_of, report
from godkaiser.engine.state import SAME, ActuatorState, ChainStep, Moment, Pending
from godkaiser.model.command import Move
from godkaiser.model.ids import ActuatorId, NodeId
from godkaiser.model.instant import SECOND
from godkaiser.model.intent import Intent, Origin
from godkaiser.model.outcome import Fate
from godkaiser.model.site import ActuatorSpec
from godkaiser.safety.gate import Denied, Passed, judge

ANSWER_WITHIN: Final = 10 * SECOND


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


def submit(moment: Moment, intent: Intent) -> bool:
    """Ask the gate; send or refuse, and record either."""
    return attempt(moment, intent) is None


def attempt(moment: Moment, intent: Intent) -> Denied | None:
    """The same for who wants to know why not."""
    verdict = judge(intent, moment.state, moment.now, moment.new_id("c"))
    if isinstance(verdict, Denied):
        reasons = " ".join(finding.sentence for finding in verdict.findings)
        moment.state.counters["commands_refused"] += 1
        chain(moment, intent.actuator, ChainStep("verdict", moment.now, f"refused: {reasons}", False))
        report(moment, outcome_of(moment, intent, Fate.REFUSED, reasons, verdict.findings))
        return verdict
    _dispatch(moment, intent, verdict)
    return None


def _dispatch(moment: Moment, intent: Intent, verdict: Passed) -> None:
    actuator = moment.state.actuators[intent.actuator]
    warnings = " ".join(finding.sentence for finding in verdict.findings)
    chain(moment, intent.actuator, ChainStep("verdict", moment.now, f"allowed. {warnings}".strip(), True))
    _supersede_pending(moment, intent.actuator)
    order = cast("Move", verdict.command.order)
    begins = verdict.lease is not None and actuator.lease is None
    _aim(moment, actuator, intent.value)
    indebted = actuator.owed
    if verdict.lease is None:
        debt.owe(moment, actuator)
        moment.state.due.drop(("retry", actuator.id))
    else:
        grant(moment, actuator, intent, verdict.command.id, verdict.lease)
        debt.paid(moment, actuator)
    if not _online(moment, actuator.id.node, indebted=indebted):
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
    chain(
        moment, intent.actuator, ChainStep("command", moment.now, f"sent {sent} ({verdict.command.id})", None)
    )
    outcome = outcome_of(moment, intent, Fate.SENT, warnings, verdict.findings, verdict.command.id)
    report(moment, outcome)


def _aim(moment: Moment, actuator: ActuatorState, value: float) -> None:
    """What it reported before it was sent elsewhere says nothing about where it is now."""
    if actuator.aim is not None and abs(actuator.aim - value) >= SAME:
        actuator.turned_at = moment.now
    actuator.wished = actuator.aim = value


def _online(moment: Moment, node: NodeId, *, indebted: bool) -> bool:
    """A node that waits for approval is told nothing, except what it owes from before."""
    state = moment.state.nodes.get(node)
    ours = state is not None and (state.status != "pending" or indebted)
    return moment.state.link.up and state is not None and state.online is True and ours


def _keep(moment: Moment, actuator: ActuatorState, intent: Intent, verdict: Passed) -> None:
    """Only safe moves come here: the gate refuses the others while the node cannot be reached.

    The node may listen although we have not heard it (after a restart of ours, say), so with a broker at hand the
    move is sent at once, and again when the node is heard.
    """
    node = moment.state.nodes.get(actuator.id.node)
    if moment.state.link.up and node is not None and node.status != "pending":
        moment.emit(Send(verdict.command, energising=False))
        moment.state.counters["commands_sent"] += 1
    chain(moment, actuator.id, ChainStep("command", moment.now, "kept until the node can be reached", None))
    report(
        moment, outcome_of(moment, intent, Fate.QUEUED, "kept for delivery: the node cannot be reached now")
    )


def _supersede_pending(moment: Moment, actuator: ActuatorId) -> None:
    """Latest wins: an older command to the same actuator no longer counts."""
    for command in [c for c, p in moment.state.pending.items() if p.intent.actuator == actuator]:
        pending = moment.state.pending.pop(command)
        moment.state.due.drop(("command", command))
        if not pending.acked:
            message = "a newer command replaced it"
            report(moment, outcome_of(moment, pending.intent, Fate.SUPERSEDED, message, command=command))
