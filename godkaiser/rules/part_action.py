"""Actions of a rule document."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self, cast

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Discriminator,
    Field,
    ModelWrapValidatorHandler,
    Tag,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from godkaiser.model.channel import CHANNELS, Channel
from godkaiser.rules.part import (
    FINITE,
    WHOLE,
    Node,
    OutputPin,
    Part,
    Seconds,
    UnsupportedPart,
    WrongField,
    any_case,
)
from godkaiser.rules.part_condition import ConditionPart

PLACEHOLDERS: Final = frozenset(
    {"sensor_value", "esp_id", "gpio", "sensor_type", "timestamp", "rule_name", "rule_id"}
)
LONGEST_S: Final = 3600  # of all pauses of a sequence
_TYPE: Final = AliasChoices("type", "action_type")


class ActuatorPart(Part):
    """What to do while the rule holds. `duration_seconds` wins over `duration`; an explicit 0 is kept.

    TOGGLE: on or off, whichever it is not when the rule begins.
    """

    type: Annotated[Literal["actuator_command", "actuator"], AfterValidator(lambda _: "actuator_command")] = (
        Field(default="actuator_command", validation_alias=_TYPE)
    )
    esp_id: Node
    gpio: OutputPin
    command: Annotated[Literal["ON", "OFF", "PWM", "TOGGLE"], *any_case("ON", "OFF", "PWM", "TOGGLE")]
    value: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False), FINITE] | None = None
    duration_seconds: Seconds | None = None
    duration: Seconds | None = Field(default=None, exclude=True)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.command == "PWM" and self.value is None:
            raise WrongField("value", "PWM needs a value")
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


class NotificationPart(Part):
    """Tell people: kept, and shown with the rule. Nothing is sent by e-mail or webhook yet, which the notice says."""

    type: Literal["notification"] = Field(validation_alias=_TYPE)
    channel: Annotated[Channel, *any_case(*CHANNELS)] = "websocket"
    target: str = ""
    message_template: Annotated[str, Field(max_length=2000)] = ""


class DelayPart(Part):
    """Wait before the next action."""

    type: Literal["delay"] = Field(validation_alias=_TYPE)
    seconds: Annotated[float, Field(ge=1, le=3600, allow_inf_nan=False), FINITE]


Patience = Annotated[float, Field(ge=1, le=3600, allow_inf_nan=False), FINITE]
# `skip` goes on as well; `retry` gives up in the end, but has tried it again once at least.
OnFailure = Annotated[
    Literal["abort", "continue", "retry"],
    BeforeValidator(lambda word: "continue" if word == "skip" else word),
    *any_case("abort", "continue", "retry", "skip"),
]
OnTimeout = Annotated[Literal["abort", "continue"], *any_case("abort", "continue")]


class _Step(Part):
    """What a step says beside its action. A notification and a delay cannot fail."""

    delay_after_seconds: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False), FINITE] = 0.0
    timeout_seconds: Patience = 30.0
    retry: Annotated[int, Field(ge=0, le=10, strict=True), WHOLE] = 0
    on_failure: OnFailure = "abort"


class ActuatorStep(ActuatorPart, _Step):
    """Done when the node has confirmed it."""


class NotificationStep(NotificationPart, _Step):
    """Tell people in between."""


class DelayStep(DelayPart, _Step):
    """Wait in between."""


class WaitStep(Part):
    """Wait until a condition is true; ours, the existing system has none."""

    type: Literal["wait_until"]
    condition: ConditionPart
    timeout_seconds: Patience
    on_timeout: OnTimeout = "abort"
    delay_after_seconds: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False), FINITE] = 0.0


_STEPS: Final = {
    "actuator_command": "actuator step",
    "actuator": "actuator step",
    "notification": "notification step",
    "delay": "delay step",
    "wait_until": "wait step",
}


class UnknownStep(UnsupportedPart):
    """Neither an action nor a wait."""

    @classmethod
    def reason(cls) -> str:
        """What there is."""
        return f" as a step, there are {', '.join(_STEPS)}"


StepPart = Annotated[
    Annotated[ActuatorStep, Tag("actuator step")]
    | Annotated[NotificationStep, Tag("notification step")]
    | Annotated[DelayStep, Tag("delay step")]
    | Annotated[WaitStep, Tag("wait step")]
    | Annotated[SkipJsonSchema[UnknownStep], Tag("unsupported")],
    Discriminator(lambda data: _STEPS.get(_word_of(data), "unsupported")),
]


class SequencePart(Part):
    """Steps one after the other, each an action with how long it may take and what happens when it fails."""

    type: Literal["sequence"] = Field(validation_alias=_TYPE)
    steps: Annotated[tuple[StepPart, ...], Field(min_length=1, max_length=50)]

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        waits = sum(_waits(step) for step in self.steps)
        if waits > LONGEST_S:
            raise WrongField(
                "steps",
                f"its pauses and waits add up to {waits:g} s, more than {LONGEST_S} s: use several rules",
            )
        return self


def _waits(step: ActuatorStep | NotificationStep | DelayStep | WaitStep | UnknownStep) -> float:
    if isinstance(step, WaitStep):
        return step.delay_after_seconds + step.timeout_seconds
    known = cast("ActuatorStep | NotificationStep | DelayStep", step)  # an unknown one was refused
    return known.delay_after_seconds + (known.seconds if isinstance(known, DelayStep) else 0.0)


_KINDS: Final = {
    "actuator_command": "actuator",
    "actuator": "actuator",
    "notification": "notification",
    "delay": "delay",
    "sequence": "sequence",
}


def _word_of(data: Any) -> str:
    return str(
        data.get("type", data.get("action_type")) if isinstance(data, dict) else getattr(data, "type", "")
    )


def _kind_of(data: Any) -> str:
    return _KINDS.get(_word_of(data), "unsupported")


ActionPart = Annotated[
    Annotated[ActuatorPart, Tag("actuator")]
    | Annotated[NotificationPart, Tag("notification")]
    | Annotated[DelayPart, Tag("delay")]
    | Annotated[SequencePart, Tag("sequence")]
    | Annotated[SkipJsonSchema[UnsupportedPart], Tag("unsupported")],
    Discriminator(_kind_of),
]
TAGS: Final = frozenset({*_KINDS.values(), *_STEPS.values(), "unsupported"})
