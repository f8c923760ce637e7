"""All conditions of a rule document, and those made of conditions."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator
from pydantic.json_schema import SkipJsonSchema

from godkaiser.model.check import CHECKS, OURS, STATUSES, Check
from godkaiser.rules.part import ONE_OR_MANY, Part, UnsupportedPart, WrongField, any_case
from godkaiser.rules.part_sensor import (
    DifferencePart,
    HysteresisPart,
    NoDataPart,
    NodeOnlinePart,
    RateOfChangePart,
    ThresholdPart,
)
from godkaiser.rules.part_time import CooldownPart, SunPart, TimeWindowPart


class CompoundPart(Part):
    """AND or OR of conditions, or NOT of one."""

    type: Literal["compound"] = "compound"
    logic: Annotated[Literal["AND", "OR", "NOT"], *any_case("AND", "OR", "NOT")] = "AND"
    conditions: Annotated[tuple[ConditionPart, ...], Field(min_length=1, max_length=10), *ONE_OR_MANY]

    @model_validator(mode="after")
    def _one_to_negate(self) -> Self:
        if self.logic == "NOT" and len(self.conditions) != 1:
            raise WrongField(
                "conditions", "NOT takes one condition; put several into a compound of their own"
            )
        return self


def _existing(name: Any) -> Any:
    word = name.strip().casefold() if isinstance(name, str) else name
    return OURS.get(word, word) if isinstance(word, str) else word


class DiagnosticsPart(Part):
    """A check of the existing system, as far as the engine can tell; `error` is taken as critical."""

    type: Literal["diagnostics_status"] = "diagnostics_status"
    check_name: Annotated[Check, *any_case(*CHECKS, *OURS), BeforeValidator(_existing)]
    expected_status: Annotated[Literal["healthy", "warning", "critical", "error"], *any_case(*STATUSES)] = (
        "healthy"
    )


_KINDS: Final = {
    "sensor_threshold": "threshold",
    "sensor": "threshold",
    "hysteresis": "hysteresis",
    "time_window": "window",
    "time": "window",
    "sensor_diff": "difference",
    "rate_of_change": "rate",
    "no_data": "no_data",
    "node_online": "node",
    "sun": "sun",
    "cooldown": "cooldown",
    "compound": "compound",
    "diagnostics_status": "diagnostics",
}


def _kind_of(data: Any) -> str:
    if isinstance(data, dict):
        if data.get("type") is None and {"logic", "conditions"} <= set(data):
            return "compound"
        return _KINDS.get(str(data.get("type")), "unsupported")
    return _KINDS.get(getattr(data, "type", ""), "unsupported")


ConditionPart = Annotated[
    Annotated[ThresholdPart, Tag("threshold")]
    | Annotated[HysteresisPart, Tag("hysteresis")]
    | Annotated[TimeWindowPart, Tag("window")]
    | Annotated[DifferencePart, Tag("difference")]
    | Annotated[RateOfChangePart, Tag("rate")]
    | Annotated[NoDataPart, Tag("no_data")]
    | Annotated[NodeOnlinePart, Tag("node")]
    | Annotated[SunPart, Tag("sun")]
    | Annotated[CooldownPart, Tag("cooldown")]
    | Annotated[CompoundPart, Tag("compound")]
    | Annotated[DiagnosticsPart, Tag("diagnostics")]
    | Annotated[SkipJsonSchema[UnsupportedPart], Tag("unsupported")],
    Discriminator(_kind_of),
]
TAGS: Final = frozenset({*_KINDS.values(), "unsupported"})
