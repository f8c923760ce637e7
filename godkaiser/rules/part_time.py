"""Conditions of a rule document that look at the time."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from godkaiser.model.sun import SunEvent
from godkaiser.model.window import minute_of_day
from godkaiser.rules.part import FINITE, WHOLE, Part, WrongField

ClockTime = Annotated[
    int,
    BeforeValidator(minute_of_day),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,2}:[0-5]\d$", "examples": ["06:30"]}),
]
Weekday = Annotated[int, Field(ge=0, le=6), WHOLE]
OffsetMinutes = Annotated[float, Field(ge=-720, le=720, allow_inf_nan=False), FINITE]


class TimeWindowPart(Part):
    """A window of the local day; may wrap midnight, end exclusive."""

    type: Annotated[Literal["time_window", "time"], AfterValidator(lambda _: "time_window")] = "time_window"
    start_hour: Annotated[int, Field(ge=0, le=23), WHOLE] | None = None
    start_minute: Annotated[int, Field(ge=0, le=59), WHOLE] = 0
    end_hour: Annotated[int, Field(ge=0, le=24), WHOLE] | None = None
    end_minute: Annotated[int, Field(ge=0, le=59), WHOLE] = 0
    start_time: ClockTime | None = None
    end_time: ClockTime | None = None
    days_of_week: Annotated[tuple[Weekday, ...], AfterValidator(lambda days: tuple(sorted(set(days))))] = (
        0, 1, 2, 3, 4, 5, 6,
    )  # fmt: skip
    timezone: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _texts(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("timezone") is not None:
            try:
                ZoneInfo(str(data["timezone"]))
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise WrongField("timezone", f"timezone {data['timezone']!r} is not an IANA zone") from None
        return data

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.start_time is None) == (self.start_hour is None):
            raise WrongField("start_time", "give start_time or start_hour")
        if (self.end_time is None) == (self.end_hour is None):
            raise WrongField("end_time", "give end_time or end_hour")
        if self.end_hour == 24 and self.end_minute:
            raise WrongField("end_minute", "end_hour 24 takes no minute")
        if not self.days_of_week:
            raise WrongField("days_of_week", "days_of_week is empty")
        if self.start == self.end or self.start >= 24 * 60:
            raise WrongField(
                "start_time" if self.start_hour is None else "start_hour",
                "start and end must differ and start must be before 24:00",
            )
        return self

    @property
    def start(self) -> int:
        """Minute of the day."""
        if self.start_time is not None:
            return self.start_time
        return (self.start_hour or 0) * 60 + self.start_minute

    @property
    def end(self) -> int:
        """Minute of the day, exclusive, 1440 allowed."""
        return self.end_time if self.end_time is not None else (self.end_hour or 0) * 60 + self.end_minute


class SunPart(Part):
    """Between two events of the sun, each moved by minutes; the site's position unless one is stated."""

    type: Literal["sun"] = "sun"
    start_event: SunEvent
    end_event: SunEvent
    start_offset_minutes: OffsetMinutes = 0.0
    end_offset_minutes: OffsetMinutes = 0.0
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False), FINITE] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False), FINITE] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        same = self.start_event == self.end_event
        if same and self.start_offset_minutes == self.end_offset_minutes:
            raise WrongField("end_event", "start and end must differ")
        if (self.latitude is None) != (self.longitude is None):
            raise WrongField(
                "latitude" if self.latitude is None else "longitude",
                "latitude and longitude: state both or neither",
            )
        return self


class CooldownPart(Part):
    """The rule's last start is at least so long ago."""

    type: Literal["cooldown"] = "cooldown"
    seconds: Annotated[float, Field(ge=0, le=86400, allow_inf_nan=False), FINITE]
