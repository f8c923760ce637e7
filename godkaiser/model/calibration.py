"""A calibration: how raw counts of one sensor become values, from what it was made, and since when it counts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AwareDatetime, BeforeValidator, Field, PlainSerializer, model_validator

from godkaiser.model.instant import Instant, from_datetime, to_datetime, to_iso
from godkaiser.model.spec import Number, Spec


def _read_time(value: Any) -> Any:
    """A number is no time, although it could be read as seconds since 1970."""
    if isinstance(value, datetime) or (isinstance(value, str) and "-" in value[1:]):
        return value
    raise ValueError("is no time: write it as 2026-05-01T06:00:00Z")


Adc = Literal["esp32", "ads1115"]
Role = Literal["dry", "wet"]
Method = Literal["declared", "ph", "ec", "moisture", "linear", "offset", "none"]
Shape = Literal["line", "ends", "offset"]
Time = Annotated[
    AwareDatetime,
    BeforeValidator(_read_time),
    PlainSerializer(lambda when: to_iso(from_datetime(when)), return_type=str),
]
FITTED: Final = ("ph", "ec", "moisture", "linear", "offset")
SLOPE_LOW, SLOPE_HIGH = 85.0, 115.0  # % of the theory; a pH electrode outside is dirty, dry or worn out


class Point(Spec):
    """One reference measurement.

    `raw` is what the node sent, `value` the reference in the sensor's unit (EC in µS/cm at 25 °C), `temperature_c`
    that of the reference, `role` which end of the scale it is where ends have no value of their own (soil moisture).
    """

    raw: Number
    value: Number | None = None
    temperature_c: Number | None = None
    role: Role | None = None


class Calibration(Spec):
    """How a raw count becomes a value: `value = slope · x + offset`, x in volts for probes, the plain value else.

    Soil moisture uses `dry` and `wet` counts instead: (raw − dry)/(wet − dry)·100.

    `method` says how it came about: `declared` in a site file, fitted (`ph`, `ec`, `moisture`, `linear`, `offset`),
    or `none`, the explicit lack of one. `version` counts per series from 1; 0 is not numbered yet. It counts from
    `valid_from` on (None: from the beginning) until a later one does, and for no new reading once it was undone.
    `residuals` are value minus reference at each of the `points`, in the sensor's unit; `temperature_c` is that of
    the points. Of pH: `slope_mv_per_ph` at the ADC, and with the stated `gain` of the amplifier (negative when it
    inverts) the electrode's `slope_percent` of the theory. `notes` are flags for people.
    """

    slope: Number | None = None
    offset: Number = 0.0
    dry: Number | None = None
    wet: Number | None = None
    method: Method = "declared"
    version: Annotated[int, Field(ge=0, strict=True)] = 0
    valid_from: Time | None = None
    adc: Adc | None = None
    points: tuple[Point, ...] = ()
    residuals: tuple[Number, ...] = ()
    temperature_c: Annotated[Number, Field(ge=-5, le=100)] | None = None
    gain: Number | None = None
    slope_mv_per_ph: Number | None = None
    slope_percent: Number | None = None
    notes: tuple[str, ...] = ()
    by: str = ""
    made_at: Time | None = None
    undone_at: Time | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.dry is None) != (self.wet is None):
            raise ValueError("dry and wet belong together")
        if self.dry is not None and self.dry == self.wet:
            raise ValueError("dry and wet must differ")
        if self.slope == 0.0:
            raise ValueError("slope must not be 0")
        return self

    @property
    def shape(self) -> Shape:
        """By which of its numbers it makes values."""
        return "ends" if self.dry is not None else "offset" if self.slope is None else "line"

    @property
    def fitted(self) -> bool:
        """Was it made from points?"""
        return self.method in FITTED

    @property
    def since(self) -> Instant | None:
        """`valid_from` as an instant."""
        return None if self.valid_from is None else from_datetime(self.valid_from)

    def adds_nothing_to(self, other: Calibration) -> bool:
        """Does it make the same value of every count? Without a temperature it does not contradict one."""
        if "none" in (self.method, other.method):
            return False
        mine, theirs = ((c.slope, c.offset, c.dry, c.wet) for c in (self, other))
        return mine == theirs and self.temperature_c in (None, other.temperature_c)

    def numbered(self, version: int, by: str, made_at: Instant, valid_from: Instant | None) -> Self:
        """The same as a version of its series."""
        since = None if valid_from is None else to_datetime(valid_from)
        given: dict[str, Any] = {"version": version, "by": by, "made_at": to_datetime(made_at)}
        return self.model_copy(update=given | {"valid_from": since, "undone_at": None})

    def undone(self, at: Instant) -> Self:
        """The same, for no new reading any more."""
        return self.model_copy(update={"undone_at": to_datetime(at)})

    def bare(self) -> Self:
        """As people declare it: without number, times and author."""
        nobody: dict[str, Any] = {"version": 0, "by": "", "made_at": None}
        return self.model_copy(update=nobody | {"valid_from": None, "undone_at": None})

    def shown(self, *, waiting: bool = False) -> Self:
        """As an exported site says it: what was fitted as a whole; what was declared keeps a time that is to come."""
        if self.fitted:
            return self
        return self.bare().model_copy(update={"valid_from": self.valid_from}) if waiting else self.bare()

    def __str__(self) -> str:
        """`dry 2800, wet 1200 (version 2)`."""
        numbers = self.model_dump(include={"slope", "offset", "dry", "wet"}, exclude_defaults=True)
        said = ", ".join(f"{key} {value:g}" for key, value in numbers.items()) or "none"
        return f"{said} (version {self.version})" if self.fitted and self.version else said


NONE: Final = Calibration(method="none")


def read_calibration(value: Any) -> Any:
    """In a site file the word `none` takes one away that was fitted; leaving it out does not."""
    return NONE if value == "none" else value


def read_later(found: tuple[Calibration, ...]) -> tuple[Calibration, ...]:
    """Those whose time is to come, in its order."""
    for one in found:
        if one.valid_from is None or one.method == "none":
            raise ValueError("each of calibrations_later is one, and states its valid_from")
    return tuple(sorted(found, key=lambda one: one.since or 0))
