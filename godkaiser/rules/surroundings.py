"""What a site says that a rule document may refer to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from godkaiser.model.derived import DerivedSpec
from godkaiser.model.ids import SeriesId
from godkaiser.model.site import Position, SensorSpec


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a site says that a document may refer to. `names` are case-folded; `subzones` by series, bare or not.

    `unit_of` says "" where nobody knows.
    """

    position: Position | None = None
    names: Mapping[str, tuple[SeriesId, ...]] = field(default_factory=dict)
    subzones: Mapping[SeriesId, str] = field(default_factory=dict)
    unit_of: Callable[[SeriesId], str] = lambda _: ""

    @classmethod
    def of(
        cls, sensors: Iterable[SensorSpec], derived: Iterable[DerivedSpec], position: Position | None
    ) -> Surroundings:
        """From what a site declares."""
        sensors, names = tuple(sensors), dict[str, tuple[SeriesId, ...]]()
        for name, series in (
            *((one.name, one.series) for one in sensors),
            *((made.name, made.series) for made in derived),
        ):
            names[name.casefold()] = (*names.get(name.casefold(), ()), series)
        return cls(position, names, {one.series: one.subzone for one in sensors if one.subzone is not None})
