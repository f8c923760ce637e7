"""The one rule schema: file, API, pages and engine. Rules of the existing system are read as they are.

What is not supported yet is refused by name, never ignored. The parts stand in modules of their own.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Final, Literal

from pydantic import AliasChoices, Field, ValidationError

from godkaiser.errors import DocumentError
from godkaiser.rules.bounded import check_bounds
from godkaiser.rules.moments import check_failover, check_moments
from godkaiser.rules.part import ONE_OR_MANY, WHOLE, Part, Seconds, UnsupportedPart, WrongField, any_case
from godkaiser.rules.part_action import TAGS as ACTION_TAGS
from godkaiser.rules.part_action import (
    ActionPart,
    ActuatorPart,
    DelayPart,
    NotificationPart,
    SequencePart,
    WaitStep,
)
from godkaiser.rules.part_condition import TAGS as CONDITION_TAGS
from godkaiser.rules.part_condition import CompoundPart, ConditionPart, DiagnosticsPart
from godkaiser.rules.part_escalation import TAGS as FAILOVER_TAGS
from godkaiser.rules.part_escalation import EscalationPart
from godkaiser.rules.part_sensor import (
    DifferencePart,
    HysteresisPart,
    NoDataPart,
    NodeOnlinePart,
    RateOfChangePart,
    ThresholdPart,
)
from godkaiser.rules.part_time import CooldownPart, SunPart, TimeWindowPart
from godkaiser.rules.problem import problem_of

__all__ = [
    "VERSION",
    "ActionPart",
    "ActuatorPart",
    "CompoundPart",
    "ConditionPart",
    "CooldownPart",
    "DelayPart",
    "DiagnosticsPart",
    "DifferencePart",
    "EscalationPart",
    "HysteresisPart",
    "NoDataPart",
    "NodeOnlinePart",
    "NotificationPart",
    "Part",
    "RateOfChangePart",
    "RuleDocument",
    "SequencePart",
    "SunPart",
    "ThresholdPart",
    "TimeWindowPart",
    "UnsupportedPart",
    "WaitStep",
    "WhenUnknownPart",
    "canonical_json",
    "hash_of",
    "read_document",
    "write_document",
]

VERSION: Final = 1  # of the schema


class WhenUnknownPart(Part):
    """What happens when the inputs are stale or missing."""

    policy: Literal["safe", "hold", "keep"] = "safe"
    seconds: Seconds = 0.0


class RuleDocument(Part):
    """A rule as people write it. `version` is that of the schema."""

    name: Annotated[str, Field(min_length=3, max_length=100)] = Field(
        validation_alias=AliasChoices("name", "rule_name")
    )
    version: Literal[1] = VERSION
    description: str = ""
    conditions: Annotated[tuple[ConditionPart, ...], Field(min_length=1, max_length=10), *ONE_OR_MANY] = (
        Field(validation_alias=AliasChoices("conditions", "trigger_conditions"))
    )
    actions: Annotated[tuple[ActionPart, ...], Field(min_length=1, max_length=10), *ONE_OR_MANY]
    logic_operator: Annotated[Literal["AND", "OR"], *any_case("AND", "OR")] = "AND"
    enabled: bool = True
    priority: Annotated[int, Field(ge=1, le=100), WHOLE] = 50
    cooldown_seconds: Seconds = 60.0
    max_executions_per_hour: Annotated[int, Field(ge=1, le=60), WHOLE] | None = None
    when_unknown: WhenUnknownPart = WhenUnknownPart()
    is_critical: Annotated[bool, Field(strict=True)] = False
    escalation_policy: EscalationPart | None = None


def read_document(data: Any, path: str = "rule") -> RuleDocument:
    """Check a rule document. Raises `DocumentError` with the path of the first wrong field."""
    check_bounds(data, path)
    try:
        made = RuleDocument.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        tags = CONDITION_TAGS | ACTION_TAGS | FAILOVER_TAGS
        places = [p for p in first["loc"] if p not in tags]
        cause = first.get("ctx", {}).get("error")
        if isinstance(cause, WrongField):
            places.append(cause.field)
        where = [f"[{p}]" if isinstance(p, int) else f".{p}" for p in places]
        raise DocumentError(path=path + "".join(where), problem=problem_of(first)) from None
    check_moments(made.actions, path)
    if made.escalation_policy is not None:
        check_failover(made.escalation_policy.failover_actions, made.actions, path)
    return made


def write_document(document: RuleDocument) -> dict[str, Any]:
    """The document as plain data, defaults left out; `read_document` of it gives the same document."""
    data = document.model_dump(exclude_defaults=True, mode="json")
    for part, model in zip(data["conditions"], document.conditions, strict=True):
        _complete(part, model)
    for part, action in zip(data["actions"], document.actions, strict=True):
        _typed(part, action)
    if document.escalation_policy is not None:
        _escalation(data["escalation_policy"], document.escalation_policy)
    return data


def _escalation(data: dict[str, Any], policy: EscalationPart) -> None:
    for entry, one in zip(data.get("notify", ()), policy.notify, strict=True):
        entry["channel"] = one.channel
    for part, action in zip(data.get("failover_actions", ()), policy.failover_actions, strict=True):
        _typed(part, action)


def _typed(part: dict[str, Any], model: Any) -> None:
    """Of an action and of the steps in it."""
    part["type"] = model.type
    for inner, step in zip(part.get("steps", ()), getattr(model, "steps", ()), strict=True):
        _typed(inner, step)
        if "condition" in inner:
            _complete(inner["condition"], step.condition)


def hash_of(document: RuleDocument) -> str:
    """SHA-256 of the canonical JSON, in hex: the same for all spellings of one document."""
    return hashlib.sha256(canonical_json(document).encode()).hexdigest()


def canonical_json(document: RuleDocument) -> str:
    """Keys in order, no spaces, one spelling of times."""
    data = write_document(document)
    for part, model in zip(data["conditions"], document.conditions, strict=True):
        _one_spelling(part, model)
    for part, action in zip(data["actions"], document.actions, strict=True):
        for inner, step in zip(part.get("steps", ()), getattr(action, "steps", ()), strict=True):
            if "condition" in inner:
                _one_spelling(inner["condition"], step.condition)
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _one_spelling(part: dict[str, Any], model: Any) -> None:
    if isinstance(model, TimeWindowPart):
        for edge, minute in (("start", model.start), ("end", model.end)):
            part.pop(f"{edge}_hour", None)
            part.pop(f"{edge}_minute", None)
            part[f"{edge}_time"] = _clock(minute)
    for inner, inner_model in zip(part.get("conditions", ()), getattr(model, "conditions", ()), strict=True):
        _one_spelling(inner, inner_model)


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _complete(part: dict[str, Any], model: Any) -> None:
    """`type` is a default and was left out; times become texts again."""
    part["type"] = model.type
    for key in ("start_time", "end_time"):
        if isinstance(part.get(key), int):
            part[key] = _clock(part[key])
    for inner, inner_model in zip(part.get("conditions", ()), getattr(model, "conditions", ()), strict=True):
        _complete(inner, inner_model)
