"""The gate. It alone can seal a command; it asks every check and returns every finding.

Going safe passes always (P1); only a rule's ordinary OFF may have to wait. Everything that can move an actuator goes
through one of the functions here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from godkaiser.model.command import Halt, Move, Release
from godkaiser.model.ids import NodeId
from godkaiser.model.instant import SECOND, Duration, Instant
from godkaiser.model.intent import Intent, Origin
from godkaiser.model.outcome import Finding, Severity
from godkaiser.model.site import ActuatorSpec
from godkaiser.model.view import SafetyView
from godkaiser.safety.aim import CONTROL, is_ordinary, is_safe
from godkaiser.safety.budget import time_left
from godkaiser.safety.check import CHECKS, allowed_s
from godkaiser.safety.finding import found, lenient
from godkaiser.safety.limit import wished
from godkaiser.safety.permit import NodeOrder, objections
from godkaiser.safety.seal import _SEAL, SafeCommand


@dataclass(frozen=True, slots=True)
class Denied:
    """The gate said no. A value, not an exception: it is recorded and shown."""

    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Passed:
    """The gate said yes; `lease` is how long it may last (None for a move to the safe value)."""

    command: SafeCommand
    lease: Duration | None
    findings: tuple[Finding, ...]


def examine(intent: Intent, view: SafetyView, now: Instant) -> tuple[Finding, ...]:
    """Every finding, without making anything: what `check()` shows."""
    spec = view.spec(intent.actuator)
    if spec is None:
        return (found("unknown_actuator", actuator=intent.actuator),)
    findings = [finding for check in CHECKS if (finding := check(intent, spec, view, now)) is not None]
    if not is_safe(intent, spec):
        return tuple(findings)
    refusing = CONTROL if is_ordinary(intent, spec) else frozenset()
    return tuple(finding if finding.code in refusing else lenient(finding) for finding in findings)


def judge(intent: Intent, view: SafetyView, now: Instant, command_id: str) -> Passed | Denied:
    """May this be sent? All findings either way."""
    findings = examine(intent, view, now)
    spec = view.spec(intent.actuator)
    if spec is None or any(finding.severity is Severity.REFUSE for finding in findings):
        return Denied(findings)
    lease = None if is_safe(intent, spec) else _lease(intent, spec, view, now)
    order = _move(intent, spec, view, lease)
    command = SafeCommand(
        command_id, order, now, intent.who, intent.origin.value, intent.id, intent.cause, seal=_SEAL
    )
    return Passed(command, lease, findings)


def _lease(intent: Intent, spec: ActuatorSpec, view: SafetyView, now: Instant) -> Duration:
    """The wished time or the maximum less what the actuator has already been on, within its budget."""
    since = view.on_since(spec.id)
    longest = allowed_s(spec, view)  # `bounded` refused it when there is none
    left = round(cast("float", longest) * SECOND) - (0 if since is None else max(0, now - since))
    bounds = (left, wished(intent, spec, view, now), time_left(view.history(spec.id), spec, now))
    return min(bound for bound in bounds if bound is not None)


def _move(intent: Intent, spec: ActuatorSpec, view: SafetyView, lease: Duration | None) -> Move:
    if spec.type == "pwm" and intent.value > 0.0:
        return Move(spec.id, "PWM", intent.value)
    if intent.value == 0.0:
        return Move(spec.id, "OFF", 0.0)
    node = view.node(spec.id.node)
    keeps = node is not None and node.modern and lease is not None
    # Never 0: the firmware reads that as unlimited. Rounded up, as our own timer ends it at the exact time.
    return Move(spec.id, "ON", 1.0, max(1, -(-lease // SECOND)) if keeps and lease is not None else None)


def halt(node: NodeId | None, reason: str, by: str, now: Instant, command_id: str, cause: int) -> SafeCommand:
    """An emergency stop for one node or all. Never refused."""
    return SafeCommand(
        command_id, Halt(node, reason, by), now, by, Origin.SAFETY.value, "", cause, seal=_SEAL
    )


def release(node: NodeId, by: str, now: Instant, command_id: str, cause: int) -> SafeCommand:
    """Lift one node's emergency latch. The stop table decides when; nothing is energised by it (P4)."""
    return SafeCommand(command_id, Release(node), now, by, Origin.SAFETY.value, "", cause, seal=_SEAL)


def permit(
    order: NodeOrder, view: SafetyView, now: Instant, command_id: str, *, who: str, cause: int
) -> Passed | Denied:
    """May a node be configured, put into or out of safe mode, or reset? All findings either way."""
    findings = objections(order, view)
    if any(finding.severity is Severity.REFUSE for finding in findings):
        return Denied(findings)
    command = SafeCommand(command_id, order, now, who, Origin.PERSON.value, "", cause, seal=_SEAL)
    return Passed(command, None, findings)
