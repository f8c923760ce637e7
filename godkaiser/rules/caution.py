"""What can be read of a rule document and still does not do all that its author may expect: said, never refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from godkaiser.model.channel import is_sent
from godkaiser.model.check import NEVER_KNOWN
from godkaiser.rules.document import (
    ActuatorPart,
    CompoundPart,
    DiagnosticsPart,
    EscalationPart,
    NotificationPart,
    RuleDocument,
    SequencePart,
    WaitStep,
)
from godkaiser.rules.part_action import PLACEHOLDERS

_BRACES: Final = re.compile(r"\{([^{}]*)\}")


def cautions(document: RuleDocument, path: str = "rule") -> tuple[str, ...]:
    """`rule.actions[0].channel: …`, in the order of the document."""
    return (
        *_of_conditions(document.conditions, f"{path}.conditions"),
        *_of_actions(document.actions, f"{path}.actions"),
        *_of_escalation(document.escalation_policy, f"{path}.escalation_policy"),
    )


def _of_escalation(policy: EscalationPart | None, path: str) -> Iterator[str]:
    if policy is not None:
        for number, one in enumerate(policy.notify):
            yield from _of_channel(one.channel, f"{path}.notify[{number}]")
        yield from _of_actions(policy.failover_actions, f"{path}.failover_actions")


def _of_conditions(parts: tuple[Any, ...], path: str) -> Iterator[str]:
    for number, part in enumerate(parts):
        yield from _of_condition(part, f"{path}[{number}]")


def _of_condition(part: Any, path: str) -> Iterator[str]:
    if isinstance(part, CompoundPart):
        yield from _of_conditions(part.conditions, f"{path}.conditions")
    elif isinstance(part, DiagnosticsPart) and part.check_name in NEVER_KNOWN:
        yield (
            f"{path}.check_name: nothing here looks at {part.check_name}, so this is always unknown: "
            "it can never be true (nor false)"
        )


def _of_actions(parts: tuple[Any, ...], path: str) -> Iterator[str]:
    for number, part in enumerate(parts):
        place = f"{path}[{number}]"
        if isinstance(part, NotificationPart):
            yield from _of_notification(part, place)
        elif isinstance(part, ActuatorPart):
            yield from _of_command(part, place)
        elif isinstance(part, SequencePart):
            yield from _of_actions(part.steps, f"{place}.steps")
        elif isinstance(part, WaitStep):
            yield from _of_condition(part.condition, f"{place}.condition")


def _of_command(part: ActuatorPart, path: str) -> Iterator[str]:
    """ON is on and OFF is off, whatever stands beside it."""
    other = part.command == "OFF" and part.value not in (None, 0)
    if other or (part.command == "ON" and part.value not in (None, 1)):
        yield f"{path}.value: {part.command} takes no value, {part.value:g} is not looked at; PWM does"


def _of_channel(channel: str, path: str) -> Iterator[str]:
    if not is_sent(channel):
        yield (
            f"{path}.channel: nothing is sent by {channel} yet; the notice is kept with its target, shown on "
            "the pages and in `rules notices`, and marked as not sent"
        )


def _of_notification(part: NotificationPart, path: str) -> Iterator[str]:
    yield from _of_channel(part.channel, path)
    for word in dict.fromkeys(_BRACES.findall(part.message_template)):
        if word not in PLACEHOLDERS:
            known = ", ".join(f"{{{name}}}" for name in sorted(PLACEHOLDERS))
            yield f"{path}.message_template: {{{word[:40]}}} stays as it is written; filled in are {known}"
