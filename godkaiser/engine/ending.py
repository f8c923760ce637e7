"""What ends by itself: leases, and debts that are told again until the node reports them done."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from godkaiser.engine.actuation import safe_intent, submit
from godkaiser.engine.lease import release_lease, rest_after, spend
from godkaiser.engine.state import ActuatorState, ChainStep, Moment
from godkaiser.model.ids import ActuatorId, NodeId
from godkaiser.model.instant import SECOND
from godkaiser.rules.arbitrate import PERSON, PERSONS, Wish
from godkaiser.safety.watch import Lease


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
    actuator.tenure = None  # whoever switched it has had it; from now on cooldowns count
    if actuator.inherited:
        rest_after(moment, lease)
    whose = lease.who.removeprefix("rule:") if lease.who.startswith("rule:") else PERSONS
    for key in tuple(wishes):
        if spent or key == whose:
            wish = wishes.pop(key)
            held = _held(moment, actuator, wish)
            wishes |= {} if held is None else {key: held}
            spend(moment, key, actuator.id if wish.duration is not None and not spent else None)
    if tell_node:
        text = f"the lease of {lease.who or 'an unknown command'} ended: {why}"
        actuator.chain = [ChainStep("intent", moment.now, text)]
        submit(moment, safe_intent(moment, actuator.spec, why))
    else:
        actuator.wished = actuator.spec.safe_value
        release_lease(moment, actuator)
    moment.tell("actuator", actuator.id)


def lose_lease(moment: Moment, actuator: ActuatorState) -> None:
    """Reported safe although it was to be on: its node ended that.

    One that is only just back lost it while it was away. That ends no wish of a rule: it is asserted again when the
    node has said everything, for the time that is left, and not only after the rule's cooldown.
    """
    lease, node = cast("Lease", actuator.lease), moment.state.nodes.get(actuator.id.node)
    left = (actuator.spec.longest_on_s or 0) * SECOND - (moment.now - lease.since)
    if node is None or not node.adopting or left <= SECOND or not lease.who.startswith("rule:"):
        end_lease(moment, actuator, "the node ended it")
        return
    actuator.wished = actuator.spec.safe_value
    release_lease(moment, actuator)
    moment.tell("actuator", actuator.id)


def _held(moment: Moment, actuator: ActuatorState, wish: Wish) -> Wish | None:
    """A person who holds it longer than it may be on has it off for the rest: rules leave it alone that long."""
    if wish.rank != PERSON or wish.until is None or wish.until <= moment.now:
        return None
    return replace(wish, value=actuator.spec.safe_value, duration=None)


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
