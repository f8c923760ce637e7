"""The JSON schema of a rule document, as it is published.

Keys of the existing system stand beside ours. What only a comparison of fields can tell (reversed limits, both
pairs of a hysteresis) is judged when a document is read, not by the schema.
"""

from __future__ import annotations

import copy
from typing import Any, Final

from godkaiser.rules.document import RuleDocument

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_ALIASES: Final = (("name", "rule_name"), ("conditions", "trigger_conditions"))

_ACTIONS: Final = (
    "ActuatorPart", "NotificationPart", "DelayPart", "SequencePart", "ActuatorStep", "NotificationStep", "DelayStep",
)  # fmt: skip


def rule_schema() -> dict[str, Any]:
    """One rule. A file may hold one, a list of them, or a document with `rules`."""
    schema: dict[str, Any] = {"$schema": DIALECT, "title": "Rule", **RuleDocument.model_json_schema()}
    schema["title"] = "godkaiser rule"
    for whole in (
        schema,
        *(part for part in schema["$defs"].values() if "logic" in part.get("properties", {})),
    ):
        _one_or_many(whole, "conditions")
    _one_or_many(schema, "actions")
    _told(schema["$defs"]["EscalationPart"])
    for ours, theirs in _ALIASES:
        _either(schema, ours, theirs)
    for name in _ACTIONS:
        _either(schema["$defs"][name], "type", "action_type")
    for part in schema["$defs"].values():
        _typed(part)
        _nullable(part)
    _nullable(schema)
    return schema


def _nullable(part: dict[str, Any]) -> None:
    """What may be left out may be null."""
    for name, one in part.get("properties", {}).items():
        open_ = name not in part.get("required", ()) and "default" in one
        if open_ and {"type": "null"} not in one.get("anyOf", ()):
            told = {key: one[key] for key in ("title", "default", "description") if key in one}
            rest = {key: value for key, value in one.items() if key not in told}
            part["properties"][name] = {"anyOf": [rest, {"type": "null"}], **told}


def _one_or_many(schema: dict[str, Any], name: str) -> None:
    """A single one needs no list."""
    many = schema["properties"][name]
    told = {key: many.pop(key) for key in ("title", "default") if key in many}
    schema["properties"][name] = {"anyOf": [many, copy.deepcopy(many["items"])], **told}


def _told(escalation: dict[str, Any]) -> None:
    """Whom to tell may be a word."""
    notify = escalation["properties"]["notify"]
    notify["items"] = {"anyOf": [notify["items"], {"type": "string"}]}
    for name in ("notify", "failover_actions"):
        _one_or_many(escalation, name)


def _either(schema: dict[str, Any], ours: str, theirs: str) -> None:
    schema["properties"][theirs] = copy.deepcopy(schema["properties"][ours])
    schema["required"] = [name for name in schema.get("required", ()) if name != ours]
    schema.setdefault("allOf", []).append({"oneOf": [{"required": [ours]}, {"required": [theirs]}]})


def _typed(part: dict[str, Any]) -> None:
    """A kind is told by its `type`; a compound also by what it holds."""
    properties = part.get("properties", {})
    if "type" in properties and "action_type" not in properties and "logic" not in properties:
        part["required"] = sorted({*part.get("required", ()), "type"})
    if "logic" in properties:
        part["anyOf"] = [{"required": ["type"]}, {"required": ["logic"]}]
