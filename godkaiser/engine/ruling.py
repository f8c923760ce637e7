"""Rules as people see them: what they say, whether they can work, and what became of what they decided."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from godkaiser.engine import toggle
from godkaiser.engine.condition import OF_RULES, RULE_REFUSED
from godkaiser.engine.course import course_picture
from godkaiser.engine.effect import RuleNotice
from godkaiser.engine.escalate import escalation_picture
from godkaiser.engine.fitness import clock
from godkaiser.engine.record import level
from godkaiser.engine.state import RuleState, State
from godkaiser.model.ids import ActuatorId
from godkaiser.model.instant import Instant, to_iso
from godkaiser.model.truth import Truth
from godkaiser.rules.explain import sentence
from godkaiser.rules.refused import RefusedRule


def iso(at: Instant | None) -> str | None:
    """None stays None."""
    return None if at is None else to_iso(at)


def rule_picture(state: State, rule: RuleState, now: Instant) -> dict[str, Any]:  # noqa: ARG001 - as every picture
    """One rule."""
    return {
        "id": rule.rule.id,
        "name": rule.rule.name,
        "sentence": sentence(rule.rule, state.name_of, state.unit_of),
        "enabled": rule.rule.enabled,
        "truth": rule.truth.value,
        "acting": rule.active,
        "degraded": rule.degraded or None,
        "actuators": sorted({turn.actuator for turn in rule.rule.actions}),
        "last_decision": iso(rule.decided_at),
        "critical": rule.rule.critical,
        "escalation": escalation_picture(state, rule),
        "steps": course_picture(rule, iso),
        "notice": None if rule.notice is None else notice_picture(rule.notice),
        **_honest(state, rule),
    }


def notice_picture(notice: RuleNotice) -> dict[str, Any]:
    """What it told last. `sent` false: nothing here sends by that channel."""
    return {
        "at": to_iso(notice.at),
        "channel": notice.channel,
        "target": notice.target,
        "text": notice.text,
        "sent": notice.sent,
    }


def refused_picture(state: State, rule: RefusedRule, now: Instant) -> dict[str, Any]:  # noqa: ARG001 - as every picture
    """One that is stored and not carried out, in the shape of the others: nothing of it is known but why."""
    key = f"{RULE_REFUSED.code}:{rule.id}"
    nothing = (
        "steps",
        "last_decision",
        "notice",
        "escalation",
        "degraded_since",
        "wanted_since",
        "counted_since",
        "last_outcome",
    )
    return {
        "id": rule.id,
        "name": rule.name,
        "sentence": "",
        "enabled": rule.enabled,
        "truth": Truth.UNKNOWN.value,
        "acting": False,
        "degraded": rule.reason,
        "actuators": [],
        "state": "refused",
        "refused": {"path": rule.path, "problem": rule.problem},
        "alarm": key if key in state.alarms.watch.standing else None,
        "carried_out": 0,
        "not_carried_out": 0,
        **dict.fromkeys(nothing),
    }


def _honest(state: State, rule: RuleState) -> dict[str, Any]:
    """What it can do, since when it wants what it wants, and what became of its decisions."""
    found, tally, last = rule.hindrance, rule.tally, rule.deeds[-1] if rule.deeds else None
    standing = state.alarms.watch.standing
    keys = [found.told_by, *(f"{code}:{rule.rule.id}" for code in OF_RULES)] if found is not None else []
    return {
        "state": rule_state(rule),
        "refused": None,
        "degraded_since": iso(rule.degraded_at),
        "alarm": next((key for key in keys if key in standing), None),
        "wanted_since": iso(rule.wanting_since),
        "carried_out": 0 if tally is None else tally.carried_out,
        "not_carried_out": 0 if tally is None else tally.not_carried_out,
        "counted_since": None if tally is None else to_iso(tally.since),
        "last_outcome": None
        if last is None
        else {"decided": to_iso(last.at), "outcome": last.word, "reason": last.reason or None},
    }


def rule_state(rule: RuleState) -> str:
    """`off`, `degraded`, `active` (it wants something) or `waiting`."""
    if not rule.rule.enabled:
        return "off"
    return "degraded" if rule.hindrance is not None else "active" if rule.active else "waiting"


def hindered(state: State, actuator_id: ActuatorId) -> Iterator[str]:
    """Rules that want something of it and cannot have it: why, since when, and what became of their decisions."""
    for rule in state.rules.values():
        wants = [turn.value for turn in toggle.turns(state, rule) if turn.actuator == actuator_id]
        if not wants or rule.hindrance is None:
            continue
        yield f"Rule “{rule.rule.name}” {rule.degraded}" + (", so nothing was sent" if _unsent(rule) else "")
        if rule.wanting_since is not None:
            wanted = level(state.actuators[actuator_id], wants[0])
            yield f"It has wanted {wanted} since {clock(state, rule.wanting_since)}"
        if rule.lately is not None:
            done, missed = rule.lately.carried_out, rule.lately.not_carried_out
            yield f"{done} of {done + missed} decisions since then carried out"


def _unsent(rule: RuleState) -> bool:
    """Did it decide anything that its hindrance kept from being sent?"""
    lately = rule.lately
    return lately is not None and lately.carried_out == 0 and lately.not_carried_out > 0
