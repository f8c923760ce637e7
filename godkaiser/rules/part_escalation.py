"""What a rule document says about a decision that is not carried out."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Discriminator, Field, Tag
from pydantic.json_schema import SkipJsonSchema

from godkaiser.model.channel import CHANNELS, Channel
from godkaiser.rules.part import FINITE, ONE_OR_MANY, WHOLE, Part, UnsupportedPart, any_case
from godkaiser.rules.part_action import ActuatorPart, NotificationPart


def _whom(value: Any) -> Any:
    """A channel by itself, or whom it is for: the channel shows in that."""
    if not isinstance(value, str):
        return value
    if value.strip().casefold() in CHANNELS:
        return {"channel": value}
    channel = "webhook" if "://" in value else "email" if "@" in value else "websocket"
    return {"channel": channel, "target": value}


class NotifyPart(Part):
    """Whom to tell, and how."""

    channel: Annotated[Channel, *any_case(*CHANNELS)] = "websocket"
    target: str = ""


class UnknownFailover(UnsupportedPart):
    """Neither of the two."""

    @classmethod
    def reason(cls) -> str:
        """What there is."""
        return " as a failover, there are actuator_command, actuator, notification"


_KINDS: Final = {
    "actuator_command": "failover actuator",
    "actuator": "failover actuator",
    "notification": "failover notification",
}


def _kind_of(data: Any) -> str:
    stated = (
        data.get("type", data.get("action_type")) if isinstance(data, dict) else getattr(data, "type", "")
    )
    return _KINDS.get(str(stated), "unsupported")


FailoverPart = Annotated[
    Annotated[ActuatorPart, Tag("failover actuator")]
    | Annotated[NotificationPart, Tag("failover notification")]
    | Annotated[SkipJsonSchema[UnknownFailover], Tag("unsupported")],
    Discriminator(_kind_of),
]
TAGS: Final = frozenset({*_KINDS.values(), "unsupported"})


class EscalationPart(Part):
    """After `max_retries` more tries, `retry_interval_s` apart, people are told and the failover begins."""

    notify: Annotated[
        tuple[Annotated[NotifyPart, BeforeValidator(_whom)], ...],
        Field(max_length=10),
        BeforeValidator(lambda value: [value] if isinstance(value, (str, dict)) else value),
    ] = ()
    retry_interval_s: Annotated[float, Field(ge=0, le=86400, allow_inf_nan=False), FINITE] = 60.0
    max_retries: Annotated[int, Field(ge=0, le=100, strict=True), WHOLE] = 0
    failover_actions: Annotated[tuple[FailoverPart, ...], Field(max_length=10), *ONE_OR_MANY] = ()
