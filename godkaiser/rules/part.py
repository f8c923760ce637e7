"""What the parts of a rule document have in common: numbers, pins, ids, and that unknown keys are refused."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from godkaiser.errors import GodkaiserError
from godkaiser.model.board import BOARDS, I2C_PIN
from godkaiser.model.ids import GPIO_MAX, NodeId

_SENSOR_PINS: Final = frozenset({I2C_PIN}).union(*(pins.usable for pins in BOARDS.values()))
_OUTPUT_PINS: Final = frozenset[int]().union(
    *(pins.usable - pins.inputs - set(pins.i2c) for pins in BOARDS.values())
)


class WrongField(ValueError):  # noqa: N818  pydantic turns it into an entry of its own error; nobody else sees it
    """What is wrong with a part as a whole, and the field of it to look at."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


def _finite(value: Any) -> Any:
    if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError("must be a finite number")
    return _unquoted(value)


def _unquoted(value: Any) -> Any:
    """A number that is a text was meant as something else, or its program is wrong elsewhere, too."""
    if isinstance(value, str):
        problem = "must be a finite number, not a text: write it without quotes"
        raise ValueError(problem)  # noqa: TRY004 - pydantic takes only this one
    return value


def _whole(value: Any) -> Any:
    """One that came as `3.0` is 3."""
    if isinstance(value, bool):
        raise ValueError("must be a whole number")  # noqa: TRY004 - as above
    return int(value) if isinstance(value, float) and value.is_integer() else _unquoted(value)


def _checked(parse: Callable[[str], str]) -> BeforeValidator:
    def check(value: Any) -> Any:
        try:
            return parse(value)
        except GodkaiserError as error:
            raise ValueError(f"{error} {error.remedy}") from None

    return BeforeValidator(check)


def _one_of(pins: frozenset[int], what: str) -> AfterValidator:
    def check(gpio: int) -> int:
        if gpio not in pins:
            raise ValueError(
                f"no board has {what} on pin {gpio}; possible: {', '.join(map(str, sorted(pins)))}"
            )
        return gpio

    return AfterValidator(check)


def any_case(*words: str) -> tuple[BeforeValidator, WithJsonSchema]:
    """One of these words, in whatever letters: kept as it stands here."""
    known = {word.casefold(): word for word in words}

    def fold(value: Any) -> Any:
        return known.get(value.strip().casefold(), value) if isinstance(value, str) else value

    pattern = "|".join("".join(_either_case(letter) for letter in word) for word in words)
    return BeforeValidator(fold), WithJsonSchema({"type": "string", "pattern": rf"^\s*(?:{pattern})\s*$"})


def _either_case(letter: str) -> str:
    return f"[{letter.upper()}{letter.lower()}]" if letter.isalpha() else re.escape(letter)


def _list(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


ONE_OR_MANY: Final = (BeforeValidator(_list),)  # a single one needs no list
# Bounds stand before the check in each `Annotated`, so that the JSON schema shows them.
FINITE: Final = BeforeValidator(_finite)
WHOLE: Final = BeforeValidator(_whole)
Number = Annotated[float, Field(allow_inf_nan=False), FINITE]
Seconds = Annotated[float, Field(ge=0, le=86400, allow_inf_nan=False), FINITE]
Gpio = Annotated[int, Field(ge=0, le=GPIO_MAX, strict=True), WHOLE]
SensorPin = Annotated[Gpio, _one_of(_SENSOR_PINS, "a sensor")]
OutputPin = Annotated[Gpio, _one_of(_OUTPUT_PINS, "an output")]
Node = Annotated[str, _checked(NodeId.parse)]
SensorType = Annotated[
    str,
    Field(min_length=1, max_length=40),
    BeforeValidator(lambda v: v.strip().lower() if isinstance(v, str) else v),
]
MinQuality = Literal["good", "uncalibrated", "suspect"]


class Part(BaseModel):
    """Base of all parts of a rule document: unknown keys are refused. What is null was left out."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _stated(cls, data: Any) -> Any:
        return {k: v for k, v in data.items() if v is not None} if isinstance(data, dict) else data


class UnsupportedPart(Part):
    """A kind that is unknown, or known and without effect yet: refused with its name, never ignored."""

    model_config = ConfigDict(extra="allow")
    type: str

    @model_validator(mode="after")
    def _refuse(self) -> UnsupportedPart:
        raise WrongField("type", f"type {self.type!r} is not supported{self.reason()}; nothing was imported")

    @classmethod
    def reason(cls) -> str:
        """More about why, after a colon."""
        return ""
