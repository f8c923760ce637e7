"""Series made from other series: what a site declares of them."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from godkaiser.model.ids import SeriesId, is_tag
from godkaiser.model.instant import MINUTE, SECOND, Duration
from godkaiser.model.spec import Number, Spec
from godkaiser.model.window import minute_of_day

DerivedKind = Literal[
    "air_vpd",
    "leaf_vpd",
    "dew_point",
    "absolute_humidity",
    "ppfd",
    "dli",
    "difference",
    "mean",
    "vote",
]
# Temperature and humidity of the air, in this order.
OF_AIR: Final = frozenset({"air_vpd", "leaf_vpd", "dew_point", "absolute_humidity"})
MAX_GAP: Final[Duration] = 10 * MINUTE
OF_ONE_UNIT: Final = frozenset({"difference", "mean", "vote"})  # made of series of one unit, in that unit
SIGMAS: Final = 3.0  # redundant sensors agree within so many times their accuracy
_COUNT: Final = {"ppfd": (1, 1), "dli": (1, 1), "difference": (2, 2), "mean": (2, 16), "vote": (3, 16)}
_TYPE: Final = {"air_vpd": "vpd"}
DERIVED_TYPES: Final = frozenset({_TYPE.get(kind, kind) for kind in get_args(DerivedKind)} | {"dli_day"})


def _clock(text: str) -> str:
    if minute_of_day(text) == 1440:
        raise ValueError("a day begins before 24:00")
    return text


def _until(text: str) -> str:
    minute_of_day(text)
    return text


def _tag(text: str) -> str:
    if not is_tag(text):
        raise ValueError("an id has lower-case letters, digits, _ or -, a letter first, 24 at most")
    return text


class DerivedSpec(Spec):
    """A series made whenever one of the series it is made `of` reports, from the newest readings of all.

    Readings further apart than `max_age_s` give no value. `id` stands in its series id instead of the address of
    its first input, so that there may be several of one kind. `agree_within`, for those of one unit and in it: what
    differs by more is suspect (mean: unless stated, 3 times the accuracy of its types; difference: unless stated,
    anything; vote: who may vote together). `lamp`, for light in lux: sunlight, hps, white_led or
    µmol/(m²·s) per lux. `leaf_offset`, for the leaf's VPD: leaf minus air temperature in K. For the light sum:
    `since` is the local time at which its day begins (None: the last 24 h), `until` the local time at which its
    photoperiod ends (None: with the day), on the next day if it is not after `since`; `max_gap_s` (600) is the
    longest silence that is bridged.
    """

    name: Annotated[str, Field(min_length=1, max_length=64)]
    kind: DerivedKind
    of: Annotated[tuple[Annotated[str, BeforeValidator(SeriesId.parse)], ...], Field(min_length=1)]
    lamp: Literal["sunlight", "hps", "white_led"] | Annotated[Number, Field(gt=0, lt=1)] | None = None
    leaf_offset: Annotated[Number, Field(ge=-20, le=20)] | None = None
    max_age_s: Annotated[Number, Field(gt=0, le=86400)] = 60.0
    id: Annotated[str, AfterValidator(_tag)] | None = None
    agree_within: Annotated[Number, Field(gt=0, le=1e6)] | None = None
    since: Annotated[str, AfterValidator(_clock)] | None = None
    until: Annotated[str, AfterValidator(_until)] | None = None
    max_gap_s: Annotated[Number, Field(gt=0, le=3600)] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        least, most = _COUNT.get(self.kind, (2, 2))
        if not least <= len(self.of) <= most:
            raise ValueError(
                f"{self.kind} is made of {least if least == most else f'{least} to {most}'} series"
            )
        if len(set(self.of)) < len(self.of):
            raise ValueError("of names a series twice")
        if (self.leaf_offset is not None) != (self.kind == "leaf_vpd"):
            raise ValueError("leaf_offset belongs to leaf_vpd, which cannot do without")
        if self.kind == "ppfd" and self.lamp is None:
            raise ValueError("ppfd cannot do without lamp")
        if self.lamp is not None and self.kind not in ("ppfd", "dli"):
            raise ValueError("lamp belongs to ppfd and dli")
        if self.agree_within is not None and self.kind not in OF_ONE_UNIT:
            raise ValueError(f"agree_within belongs to {', '.join(sorted(OF_ONE_UNIT))}")
        if self.kind != "dli" and {self.since, self.until, self.max_gap_s} != {None}:
            raise ValueError("since, until and max_gap_s belong to dli")
        if self.until is not None and self.since is None:
            raise ValueError("until needs since: the local time at which the light period begins")
        if self.until is not None and self.until == self.since:
            raise ValueError("until is since: leave it out for the whole day")
        return self

    @property
    def max_gap(self) -> Duration:
        """The longest silence bridged by a light sum, in microseconds."""
        return MAX_GAP if self.max_gap_s is None else round(self.max_gap_s * SECOND)

    @property
    def inputs(self) -> tuple[SeriesId, ...]:
        """What it is made of."""
        return tuple(SeriesId.known(text) for text in self.of)

    @property
    def series(self) -> SeriesId:
        """Its own id: node and pin of its first input, what is made of it, and its `id` or the input's address."""
        first = self.inputs[0]
        kind = _TYPE.get(self.kind, self.kind) if self.since is None else "dli_day"
        return SeriesId.of(first.node, first.gpio, kind, self.id or first.address)
