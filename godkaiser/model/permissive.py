"""Permissives: what must be true for an actuator to be energised. Unknown is not true."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, model_validator

from godkaiser.errors import InvalidIdError
from godkaiser.model.ids import SeriesId
from godkaiser.model.spec import Number, Spec
from godkaiser.model.window import EVERY_DAY, TimeWindow, minute_of_day


def _clock(value: Any) -> Any:
    """Kept as text. YAML makes a number of 22:00 without quotes."""
    if isinstance(value, str):
        minute_of_day(value)
        return value
    raise ValueError('expected "HH:MM" in quotes')


def _series(value: Any) -> Any:
    try:
        return value if value is None else SeriesId.parse(value)
    except InvalidIdError as error:
        raise ValueError(f"{error} {error.remedy}") from None


Clock = Annotated[str, BeforeValidator(_clock)]


class DailyWindow(Spec):
    """From `start` until just before `end`, in the site's time zone; may wrap midnight."""

    start: Clock
    end: Clock

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if minute_of_day(self.start) == minute_of_day(self.end):
            raise ValueError("start and end must differ")
        return self

    def on_clock(self, timezone: str) -> TimeWindow:
        """The same as local minutes."""
        return TimeWindow(minute_of_day(self.start), minute_of_day(self.end), EVERY_DAY, timezone)


class Permissive(Spec):
    """One condition: a reading of `series` compared with `value`, or a `window` of the day.

    A reading counts while it is not stale. Without a bus address `series` is the only sensor on that pin.
    """

    series: Annotated[str | None, BeforeValidator(_series)] = None
    op: Literal[">", ">=", "<", "<="] | None = None
    value: Number | None = None
    window: DailyWindow | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        reading = (self.series, self.op, self.value)
        whole = None not in reading if self.window is None else reading == (None, None, None)
        if not whole:
            raise ValueError("give either series, op and value, or window")
        return self
