"""The one rule schema: file, API, pages and engine. Rules of the existing system are read as they are.

Extensions beside the existing system's keys: `for_seconds`, `address`, `min_quality`, `when_unknown`. What is not
supported yet is refused by name, never ignored.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from godkaiser.errors import DocumentError, GodkaiserError
from godkaiser.model.ids import GPIO_MAX, NodeId
from godkaiser.model.window import minute_of_day


def _finite(value: Any) -> Any:
    if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError("must be a finite number")
    return value


def _checked(parse: Any) -> BeforeValidator:
    def check(value: Any) -> Any:
        try:
            return parse(value)
        except GodkaiserError as error:
            raise ValueError(f"{error} {error.remedy}") from None

    return BeforeValidator(check)


Number = Annotated[float, BeforeValidator(_finite), Field(allow_inf_nan=False)]
Gpio = Annotated[int, Field(ge=0, le=GPIO_MAX, strict=True)]
Node = Annotated[str, _checked(NodeId.parse)]
SensorType = Annotated[
    str,
    Field(min_length=1, max_length=40),
    BeforeValidator(lambda v: v.strip().lower() if isinstance(v, str) else v),
]


MinQuality = Literal["good", "uncalibrated", "suspect"]


class Part(BaseModel):
    """Base of all parts of a rule document: unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class _OnSensor(Part):
    esp_id: Node
    gpio: Gpio
    sensor_type: SensorType | None = None
    address: str | int | None = None
    for_seconds: Annotated[Number, Field(ge=0, le=86400)] = 0.0
    min_quality: MinQuality | None = None


class ThresholdPart(_OnSensor):
    """A reading against a value."""

    type: Literal["sensor_threshold", "sensor"] = "sensor_threshold"
    operator: Literal[">", ">=", "<", "<=", "==", "!=", "between"]
    value: Number | None = None
    min: Number | None = None
    max: Number | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.operator == "between":
            if self.min is None or self.max is None:
                raise ValueError("between needs min and max")
            if self.min > self.max:
                raise ValueError("min must not exceed max")
            if self.value is not None:
                raise ValueError("between takes min and max, not value")
        elif self.value is None:
            raise ValueError("value is missing")
        elif self.min is not None or self.max is not None:
            raise ValueError("min and max belong to between")
        return self


class HysteresisPart(_OnSensor):
    """Two limits: on beyond one, off beyond the other."""

    type: Literal["hysteresis"] = "hysteresis"
    activate_above: Number | None = None
    deactivate_below: Number | None = None
    activate_below: Number | None = None
    deactivate_above: Number | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        cooling = (self.activate_above, self.deactivate_below)
        heating = (self.activate_below, self.deactivate_above)
        whole = [pair for pair in (cooling, heating) if None not in pair]
        if len(whole) != 1 or any(
            v is not None for pair in (cooling, heating) if pair not in whole for v in pair
        ):
            raise ValueError(
                "give activate_above and deactivate_below, or activate_below and deactivate_above"
            )
        if None not in cooling and not cooling[0] > cooling[1]:  # type: ignore[operator]
            raise ValueError("activate_above must be greater than deactivate_below")
        if None not in heating and not heating[0] < heating[1]:  # type: ignore[operator]
            raise ValueError("activate_below must be less than deactivate_above")
        return self


class TimeWindowPart(Part):
    """A window of the local day; may wrap midnight, end exclusive."""

    type: Literal["time_window", "time"] = "time_window"
    start_hour: Annotated[int, Field(ge=0, le=23)] | None = None
    start_minute: Annotated[int, Field(ge=0, le=59)] = 0
    end_hour: Annotated[int, Field(ge=0, le=24)] | None = None
    end_minute: Annotated[int, Field(ge=0, le=59)] = 0
    start_time: Annotated[int, BeforeValidator(minute_of_day)] | None = None
    end_time: Annotated[int, BeforeValidator(minute_of_day)] | None = None
    days_of_week: tuple[Annotated[int, Field(ge=0, le=6)], ...] = (0, 1, 2, 3, 4, 5, 6)
    timezone: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _texts(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("timezone") is not None:
            try:
                ZoneInfo(str(data["timezone"]))
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise ValueError(f"timezone {data['timezone']!r} is not an IANA zone") from None
        return data

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.start_time is None) == (self.start_hour is None):
            raise ValueError("give start_time or start_hour")
        if (self.end_time is None) == (self.end_hour is None):
            raise ValueError("give end_time or end_hour")
        if self.end_hour == 24 and self.end_minute:
            raise ValueError("end_hour 24 takes no minute")
        if not self.days_of_week:
            raise ValueError("days_of_week is empty")
        if self.start == self.end or self.start >= 24 * 60:
            raise ValueError("start and end must differ and start must be before 24:00")
        return self

    @property
    def start(self) -> int:
        """Minute of the day."""
        return (
            self.start_time
            if self.start_time is not None
            else (self.start_hour or 0) * 60 + self.start_minute
        )

    @property
    def end(self) -> int:
        """Minute of the day, exclusive, 1440 allowed."""
        return self.end_time if self.end_time is not None else (self.end_hour or 0) * 60 + self.end_minute


class CompoundPart(Part):
    """AND or OR of conditions."""

    type: Literal["compound"] = "compound"
    logic: Literal["AND", "OR"] = "AND"
    conditions: tuple[ConditionPart, ...] = Field(min_length=1, max_length=10)


class UnsupportedPart(Part):
    """A kind the existing system has and this version has not: refused with its name."""

    model_config = ConfigDict(extra="allow")
    type: str

    @model_validator(mode="after")
    def _refuse(self) -> Self:
        raise ValueError(f"type {self.type!r} is not supported yet; nothing was imported")


_CONDITIONS = {
    "sensor_threshold": "threshold",
    "sensor": "threshold",
    "hysteresis": "hysteresis",
    "time_window": "window",
    "time": "window",
    "compound": "compound",
}


def _kind_of_condition(data: Any) -> str:
    if isinstance(data, dict):
        if "type" not in data and {"logic", "conditions"} <= set(data):
            return "compound"
        return _CONDITIONS.get(str(data.get("type")), "unsupported")
    return _CONDITIONS.get(getattr(data, "type", ""), "unsupported")


ConditionPart = Annotated[
    Annotated[ThresholdPart, Tag("threshold")]
    | Annotated[HysteresisPart, Tag("hysteresis")]
    | Annotated[TimeWindowPart, Tag("window")]
    | Annotated[CompoundPart, Tag("compound")]
    | Annotated[UnsupportedPart, Tag("unsupported")],
    Discriminator(_kind_of_condition),
]


class ActuatorPart(Part):
    """What to do while the rule holds. `duration_seconds` wins over `duration`; an explicit 0 is kept."""

    type: Literal["actuator_command", "actuator"] = Field(
        default="actuator_command", validation_alias=AliasChoices("type", "action_type")
    )
    esp_id: Node
    gpio: Gpio
    command: Literal["ON", "OFF", "PWM"]
    value: Annotated[Number, Field(ge=0, le=1)] | None = None
    duration_seconds: Annotated[Number, Field(ge=0, le=86400)] | None = None
    duration: Annotated[Number, Field(ge=0, le=86400)] | None = Field(default=None, exclude=True)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.command == "PWM" and self.value is None:
            raise ValueError("PWM needs a value")
        if self.command == "ON" and self.value == 0:
            raise ValueError("ON with value 0 contradicts itself")
        if self.command == "OFF" and self.value:
            raise ValueError("OFF with a value contradicts itself")
        return self

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


def _kind_of_action(data: Any) -> str:
    word = data.get("type", data.get("action_type")) if isinstance(data, dict) else getattr(data, "type", "")
    return "actuator" if word in ("actuator_command", "actuator") else "unsupported"


ActionPart = Annotated[
    Annotated[ActuatorPart, Tag("actuator")] | Annotated[UnsupportedPart, Tag("unsupported")],
    Discriminator(_kind_of_action),
]


class WhenUnknownPart(Part):
    """What happens when the inputs are stale or missing."""

    policy: Literal["safe", "hold", "keep"] = "safe"
    seconds: Annotated[Number, Field(ge=0, le=86400)] = 0.0


def _list(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


class RuleDocument(Part):
    """A rule as people write it."""

    name: Annotated[str, Field(min_length=3, max_length=100)] = Field(
        validation_alias=AliasChoices("name", "rule_name")
    )
    description: str = ""
    conditions: Annotated[
        tuple[ConditionPart, ...], BeforeValidator(_list), Field(min_length=1, max_length=10)
    ] = Field(validation_alias=AliasChoices("conditions", "trigger_conditions"))
    actions: tuple[ActionPart, ...] = Field(min_length=1, max_length=10)
    logic_operator: Literal["AND", "OR"] = "AND"
    enabled: bool = True
    priority: Annotated[int, Field(ge=1, le=100)] = 50
    cooldown_seconds: Annotated[Number, Field(ge=0, le=86400)] = 60.0
    max_executions_per_hour: Annotated[int, Field(ge=1, le=60)] | None = None
    when_unknown: WhenUnknownPart = WhenUnknownPart()
    is_critical: Literal[False] = False
    escalation_policy: None = None


def read_document(data: Any, path: str = "rule") -> RuleDocument:
    """Check a rule document. Raises `DocumentError` with the path of the first wrong field."""
    try:
        return RuleDocument.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        tags = {"threshold", "hysteresis", "window", "compound", "unsupported", "actuator"}
        where = [f"[{p}]" if isinstance(p, int) else f".{p}" for p in first["loc"] if p not in tags]
        problem = first["msg"].removeprefix("Value error, ")
        raise DocumentError(path=path + "".join(where), problem=problem) from None


def write_document(document: RuleDocument) -> dict[str, Any]:
    """The document as plain data, defaults left out; `read_document` of it gives the same document."""
    data = document.model_dump(exclude_defaults=True, mode="json")
    for part, model in zip(data["conditions"], document.conditions, strict=True):
        _complete(part, model)
    for part, action in zip(data["actions"], document.actions, strict=True):
        part["type"] = "actuator_command"
        if isinstance(action, ActuatorPart) and action.seconds is not None:
            part["duration_seconds"] = action.seconds
    return data


def _complete(part: dict[str, Any], model: Any) -> None:
    """`type` is a default and was left out; times become texts again."""
    part["type"] = {"sensor": "sensor_threshold", "time": "time_window"}.get(model.type, model.type)
    for key in ("start_time", "end_time"):
        if isinstance(part.get(key), int):
            part[key] = f"{part[key] // 60:02d}:{part[key] % 60:02d}"
    for inner, inner_model in zip(part.get("conditions", ()), getattr(model, "conditions", ()), strict=True):
        _complete(inner, inner_model)
