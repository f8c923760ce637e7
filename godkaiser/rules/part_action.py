"""Actions of a rule document."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    ModelWrapValidatorHandler,
    Tag,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from godkaiser.rules.part import FINITE, LaterPart, Node, OutputPin, Part, Seconds, UnsupportedPart

PLACEHOLDERS: Final = frozenset(
    {"sensor_value", "esp_id", "gpio", "sensor_type", "timestamp", "rule_name", "rule_id"}
)
_TYPE: Final = AliasChoices("type", "action_type")


def _settled(command: Any) -> Any:
    if command == "TOGGLE":
        raise ValueError(
            "TOGGLE does the opposite each time it is repeated, so nobody could say what the rule wants; "
            "use ON, OFF or PWM: when the rule is no longer true, the actuator returns to its safe value"
        )
    return command


class ActuatorPart(Part):
    """What to do while the rule holds. `duration_seconds` wins over `duration`; an explicit 0 is kept."""

    type: Annotated[Literal["actuator_command", "actuator"], AfterValidator(lambda _: "actuator_command")] = (
        Field(default="actuator_command", validation_alias=_TYPE)
    )
    esp_id: Node
    gpio: OutputPin
    command: Annotated[Literal["ON", "OFF", "PWM"], BeforeValidator(_settled)]
    value: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False), FINITE] | None = None
    duration_seconds: Seconds | None = None
    duration: Seconds | None = Field(default=None, exclude=True)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.command == "PWM" and self.value is None:
            raise ValueError("PWM needs a value")
        if self.command == "ON" and self.value == 0:
            raise ValueError("ON with value 0 contradicts itself")
        if self.command == "OFF" and self.value:
            raise ValueError("OFF with a value contradicts itself")
        return self

    @model_validator(mode="wrap")
    @classmethod
    def _one_duration(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Both spellings are one document."""
        made = handler(data)
        if made.duration is None:
            return made
        return made.model_copy(update={"duration_seconds": made.seconds, "duration": None})

    @property
    def level(self) -> float:
        """0..1."""
        if self.command == "OFF":
            return 0.0
        return 1.0 if self.value is None or self.command == "ON" else self.value

    @property
    def seconds(self) -> float | None:
        """The stated bound; None or 0 leave it to the actuator's maximum."""
        return self.duration_seconds if self.duration_seconds is not None else self.duration


def _known_words(template: Any) -> Any:
    """Only the words in braces that will be filled in."""
    if isinstance(template, str):
        pieces = [piece.partition("}") for piece in template.split("{")[1:]]
        for word, brace, _ in pieces:
            if not brace or word not in PLACEHOLDERS:
                known = ", ".join(f"{{{name}}}" for name in sorted(PLACEHOLDERS))
                raise ValueError(f"{{{word[:40]}{brace} is not filled in; there are {known}")
    return template


class NotificationPart(LaterPart):
    """Tell people."""

    type: Literal["notification"] = Field(validation_alias=_TYPE)
    channel: Literal["websocket", "email", "webhook"]
    target: str = ""
    message_template: Annotated[str, BeforeValidator(_known_words)] = ""


class DelayPart(LaterPart):
    """Wait before the next action."""

    type: Literal["delay"] = Field(validation_alias=_TYPE)
    seconds: Annotated[float, Field(ge=1, le=3600, allow_inf_nan=False), FINITE]


class StepPart(BaseModel):
    """What a step says beside its action."""

    model_config = ConfigDict(frozen=True, extra="allow")
    type: Literal["actuator_command", "actuator", "notification", "delay"] = Field(validation_alias=_TYPE)
    delay_after_seconds: Seconds | None = None
    timeout_seconds: Seconds | None = None
    retry: Annotated[int, Field(ge=0)] | None = None
    on_failure: Annotated[str, Field(min_length=1)] | None = None


class SequencePart(LaterPart):
    """Steps one after the other, each an action with how long it may take and what happens when it fails."""

    type: Literal["sequence"] = Field(validation_alias=_TYPE)
    steps: Annotated[tuple[StepPart, ...], Field(min_length=1, max_length=50)]


_KINDS: Final = {
    "actuator_command": "actuator",
    "actuator": "actuator",
    "notification": "notification",
    "delay": "delay",
    "sequence": "sequence",
}


def _kind_of(data: Any) -> str:
    word = data.get("type", data.get("action_type")) if isinstance(data, dict) else getattr(data, "type", "")
    return _KINDS.get(str(word), "unsupported")


ActionPart = Annotated[
    Annotated[ActuatorPart, Tag("actuator")]
    | Annotated[SkipJsonSchema[NotificationPart], Tag("notification")]
    | Annotated[SkipJsonSchema[DelayPart], Tag("delay")]
    | Annotated[SkipJsonSchema[SequencePart], Tag("sequence")]
    | Annotated[SkipJsonSchema[UnsupportedPart], Tag("unsupported")],
    Discriminator(_kind_of),
]
TAGS: Final = frozenset({*_KINDS.values(), "unsupported"})
