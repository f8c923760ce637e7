"""Checks for what can move actuators without being an actuator command: configuration, safe modes, reset.

Each check returns findings; the gate collects them all. Orders that can only make things safer (a node's safe
mode, taking its offline rules away) pass whatever the checks say: what would refuse only warns then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from godkaiser.model.command import Configure, FactoryReset, SafeMode, SubzoneSafe
from godkaiser.model.ids import ActuatorId
from godkaiser.model.nodeconfig import ActuatorItem, OfflineRule
from godkaiser.model.outcome import Finding
from godkaiser.model.view import SafetyView
from godkaiser.safety.finding import lenient

NodeOrder = Configure | SubzoneSafe | SafeMode | FactoryReset
NodeCheck = Callable[[NodeOrder, SafetyView], Iterator[Finding]]


def protective(order: NodeOrder) -> bool:
    """Can it only make things safer?"""
    if isinstance(order, Configure):
        return order.part.scope == "offline_rules" and not order.part.items
    return isinstance(order, SafeMode) and order.on


def approved(order: NodeOrder, view: SafetyView) -> Iterator[Finding]:
    """A node acts for us only after a person approved it."""
    node = view.node(order.node)
    if node is None or not node.approved:
        yield Finding("node_not_approved", f"Node {order.node} is not approved.")


def reachable(order: NodeOrder, view: SafetyView) -> Iterator[Finding]:
    """It must reach its node now: nothing of the kind is kept for later."""
    node = view.node(order.node)
    if not view.link_up:
        yield Finding("link_down", "The MQTT broker cannot be reached.")
    elif node is None or not node.online:
        yield Finding("node_offline", f"Node {order.node} is offline.")


def durable(order: NodeOrder, view: SafetyView) -> Iterator[Finding]:
    """P9: as for a command."""
    if view.journal_problem:
        text = f"Node {order.node} is left as it is: the safety journal cannot be written: {view.journal_problem}"
        yield Finding("journal_down", text)


def stopped(order: NodeOrder, view: SafetyView) -> Iterator[Finding]:
    """P2: a driver that is rebuilt, a rule on the node or the end of a safe mode could energise during a stop."""
    reason = view.node_stopped(order.node)
    if reason is not None:
        yield Finding("stop_active", f"A software stop is active: {reason}.")


def at_rest(order: NodeOrder, view: SafetyView) -> Iterator[Finding]:
    """Nobody looks after an actuator that is on while its pin or its node goes away."""
    if isinstance(order, SafeMode) or (isinstance(order, Configure) and not _removes(order)):
        return
    for actuator in view.away(order.node):
        if not isinstance(order, Configure) or actuator in _removes(order):
            yield Finding("not_safe", f"{actuator} is not known to be at its safe value.")


def _removes(order: Configure) -> frozenset[ActuatorId]:
    items = [item for item in order.part.items if isinstance(item, ActuatorItem)]
    return frozenset(ActuatorId.of(order.node, item.gpio) for item in items if not item.active)


def defaults(order: NodeOrder, view: SafetyView) -> Iterator[Finding]:
    """What the node falls back to must be what the site calls safe, and its own limit must not come before ours."""
    items = order.part.items if isinstance(order, Configure) else ()
    for item in items:
        if isinstance(item, ActuatorItem) and item.active:
            yield from _item(order, item, view)


def _item(order: NodeOrder, item: ActuatorItem, view: SafetyView) -> Iterator[Finding]:
    actuator = ActuatorId.of(order.node, item.gpio)
    spec = view.spec(actuator)
    if spec is None:
        yield Finding("unknown_actuator", f"There is no actuator {actuator}.")
        return
    if item.actuator_type != spec.type:
        yield Finding("wrong_type", f"{actuator} is a {spec.type}, not a {item.actuator_type}.")
    duty = round(spec.safe_value * 255) if spec.type == "pwm" else item.default_pwm
    if item.default_state != (spec.safe_value > 0) or item.default_pwm != duty:
        yield Finding("unsafe_default", f"{actuator} would not fall back to its safe value.")
    if spec.longest_on_s is None or item.max_runtime_ms <= spec.longest_on_s * 1000:
        text = f"{actuator} would be latched by the node before its maximum on-time is over."
        yield Finding("max_runtime_short", text)


def known_rules(order: NodeOrder, view: SafetyView) -> Iterator[Finding]:
    """The node alone may switch only what we know and have not disabled."""
    items = order.part.items if isinstance(order, Configure) else ()
    for item in items:
        if isinstance(item, OfflineRule):
            spec = view.spec(ActuatorId.of(order.node, item.actuator_gpio))
            if spec is None or not spec.enabled:
                text = f"Offline rule {item.name!r} switches pin {item.actuator_gpio}, which is unknown or disabled."
                yield Finding("unknown_actuator", text)


CHECKS: Final[tuple[NodeCheck, ...]] = (approved, durable, reachable, stopped, at_rest, defaults, known_rules)


def objections(order: NodeOrder, view: SafetyView) -> tuple[Finding, ...]:
    """Every finding of every check."""
    found = [finding for check in CHECKS for finding in check(order, view)]
    return tuple(lenient(f) for f in found) if protective(order) else tuple(found)
