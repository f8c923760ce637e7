"""What an intent is after: energising, going safe, or going safe because safety demands it."""

from __future__ import annotations

from typing import Final

from godkaiser.model.intent import Intent, Origin
from godkaiser.model.site import ActuatorSpec

CONTROL: Final = frozenset({"min_on", "manual_hold", "service_mode"})


def is_safe(intent: Intent, spec: ActuatorSpec) -> bool:
    """Does the intent lead to the actuator's safe value?"""
    return intent.value == spec.safe_value


def is_ordinary(intent: Intent, spec: ActuatorSpec) -> bool:
    """A move to the safe value as control would have it: it may wait for what `CONTROL` names.

    A person's is not, nor what safety demands.
    """
    return is_safe(intent, spec) and intent.origin is not Origin.PERSON and not intent.protective
