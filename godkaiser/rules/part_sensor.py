"""Conditions of a rule document that look at sensors and nodes."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from godkaiser.rules.part import (
    FINITE,
    WHOLE,
    MinQuality,
    Node,
    Number,
    Part,
    Seconds,
    SensorPin,
    SensorType,
    WrongField,
    any_case,
)

_SYMBOLS: Final = (">", ">=", "<", "<=", "==", "!=")
_SPELLED: Final = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def _symbol(value: Any) -> Any:
    return _SPELLED.get(value.strip().casefold(), value.strip()) if isinstance(value, str) else value


Compared = Annotated[
    Literal[">", ">=", "<", "<=", "==", "!="],
    BeforeValidator(_symbol),
    WithJsonSchema({"type": "string", "pattern": r"^\s*(?:>=?|<=?|==|!=|[Gg][Tt][Ee]?|[Ll][Tt][Ee]?)\s*$"}),
]
SensorName = Annotated[
    str,
    Field(min_length=1, max_length=120),
    BeforeValidator(lambda v: v.strip() if isinstance(v, str) else v),
]


class _Sensor(Part):
    esp_id: Node
    gpio: SensorPin
    sensor_type: SensorType | None = None
    address: str | int | None = None


class _OnSensor(_Sensor):
    for_seconds: Seconds = 0.0
    min_quality: MinQuality | None = None


class ThresholdPart(_OnSensor):
    """A reading against a value.

    `zone_id`: a reading that was measured in another zone says nothing. `subzone_id`: refused when the site says
    another one. `require_fresh_data` is read and kept; a reading that is stale never counts, whatever it says.
    """

    type: Annotated[Literal["sensor_threshold", "sensor"], AfterValidator(lambda _: "sensor_threshold")] = (
        "sensor_threshold"
    )
    operator: Annotated[Literal[">", ">=", "<", "<=", "==", "!=", "between"], *any_case(*_SYMBOLS, "between")]
    value: Number | None = None
    min: Number | None = None
    max: Number | None = None
    zone_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    subzone_id: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    require_fresh_data: bool | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.operator == "between":
            if self.min is None or self.max is None:
                raise WrongField("min" if self.min is None else "max", "between needs min and max")
            if self.min > self.max:
                raise WrongField("min", "min must not exceed max")
            if self.value is not None:
                raise WrongField("value", "between takes min and max, not value")
        elif self.value is None:
            raise WrongField("value", "value is missing")
        elif self.min is not None or self.max is not None:
            raise WrongField("max" if self.min is None else "min", "min and max belong to between")
        return self


_PAIRS: Final = (("activate_above", "deactivate_below"), ("activate_below", "deactivate_above"))


def _odd(given: set[str]) -> str:
    """The limit that is missing; where there are too many, one that does not belong to the others."""
    pair = next((pair for pair in _PAIRS if given & {*pair}), _PAIRS[0])
    missing = [name for name in pair if name not in given]
    return missing[0] if missing else min(given - {*pair})


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
        given = {name for pair in _PAIRS for name in pair if getattr(self, name) is not None}
        if given not in map(set, _PAIRS):
            raise WrongField(
                _odd(given),
                "give activate_above and deactivate_below, or activate_below and deactivate_above",
            )
        if None not in cooling and not cooling[0] > cooling[1]:  # type: ignore[operator]
            raise WrongField("deactivate_below", "activate_above must be greater than deactivate_below")
        if None not in heating and not heating[0] < heating[1]:  # type: ignore[operator]
            raise WrongField("deactivate_above", "activate_below must be less than deactivate_above")
        return self


class DifferencePart(Part):
    """Sensor B minus sensor A against a value, `consecutive_count` times one after the other."""

    type: Literal["sensor_diff"] = "sensor_diff"
    sensor_a_id: SensorName
    sensor_b_id: SensorName
    operator: Compared
    value: Number
    consecutive_count: Annotated[int, Field(ge=1, le=100, strict=True), WHOLE] = 1

    @model_validator(mode="after")
    def _two(self) -> Self:
        if self.sensor_a_id.casefold() == self.sensor_b_id.casefold():
            raise WrongField("sensor_b_id", "sensor_a_id and sensor_b_id name the same sensor")
        return self


class RateOfChangePart(_OnSensor):
    """How fast a value rises (falls: negative) per minute or hour, over a window of its newest readings."""

    type: Literal["rate_of_change"] = "rate_of_change"
    operator: Compared
    value: Number
    per: Literal["minute", "hour"] = "hour"
    window_seconds: Annotated[float, Field(ge=10, le=86400, allow_inf_nan=False), FINITE] = 600.0


class NoDataPart(_Sensor):
    """No reading with a value for so long."""

    type: Literal["no_data"] = "no_data"
    seconds: Annotated[float, Field(ge=1, le=86400, allow_inf_nan=False), FINITE]


class NodeOnlinePart(Part):
    """A node is there, or (`online` false) is not."""

    type: Literal["node_online"] = "node_online"
    esp_id: Node
    online: bool = True
