"""Which sensor types there are: built-in ones and those of plug-ins. Immutable, passed to whoever needs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from godkaiser.errors import SensorTypeError
from godkaiser.model.derived import OF_ONE_UNIT, DerivedSpec
from godkaiser.model.ids import SeriesId
from godkaiser.model.quantity import Quality
from godkaiser.sensors import types
from godkaiser.sensors.types import ALIASES, TYPES, Converted, SensorType

OURS: Final = "godkaiser"


@dataclass(frozen=True, slots=True)
class Fault:
    """A plug-in that is left out, and why."""

    package: str
    plugin: str
    problem: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Types by name, other names for them, the packages they come from, and plug-ins that could not be taken."""

    types: Mapping[str, SensorType] = field(default_factory=lambda: MappingProxyType(TYPES))
    aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType(ALIASES))
    packages: Mapping[str, str] = field(default_factory=dict)  # of what is not ours
    faults: tuple[Fault, ...] = ()

    def canonical(self, name: str) -> str:
        """The one name of a type. Raises `UnknownSensorTypeError` naming the known."""
        return types.canonical(name, self.types, self.aliases)

    def measured(self, name: str) -> str:
        """The one name of a type that nodes measure. Raises `UnknownSensorTypeError`."""
        return types.measured(name, self.types, self.aliases)

    def unit_of(self, series: SeriesId, made: Mapping[SeriesId, DerivedSpec]) -> str:
        """The unit of a series, of one that is made of others theirs; empty where nobody knows."""
        spec = made.get(series)
        source = SeriesId.known(spec.inputs[0]) if spec is not None and spec.kind in OF_ONE_UNIT else series
        row = self.types.get(source.sensor_type)
        return "" if row is None else row.unit

    def package_of(self, name: str) -> str:
        """Where a type comes from."""
        return self.packages.get(name, OURS)

    def with_types(self, package: str, rows: Iterable[SensorType]) -> Catalogue:
        """With a package's types besides. Raises `SensorTypeError` where a name is taken; then nothing is added."""
        known, aliases, packages = dict(self.types), dict(self.aliases), dict(self.packages)
        for row in rows:
            for name in (row.name, *row.aliases):
                if name in known or name in aliases:
                    owner = packages.get(aliases.get(name, name), OURS)
                    raise SensorTypeError(name=row.name, problem=f"{name} is a type of {owner} already")
            known[row.name], packages[row.name] = row, package
            aliases |= dict.fromkeys(row.aliases, row.name)
        views = (MappingProxyType(known), MappingProxyType(aliases), MappingProxyType(packages))
        return Catalogue(*views, self.faults)

    def with_fault(self, fault: Fault) -> Catalogue:
        """With a plug-in that was left out."""
        return replace(self, faults=(*self.faults, fault))

    def with_lost(self, names: Iterable[str]) -> Catalogue:
        """With a stand-in for each type in use whose plug-in is gone: readings are kept, without a value."""
        lost = {name: _lost(name) for name in names if name not in self.types and name not in self.aliases}
        return replace(self, types=MappingProxyType({**self.types, **lost})) if lost else self


def _lost(name: str) -> SensorType:
    none = Converted(None, Quality.ERROR, "no plug-in knows this type any more")
    return SensorType(name, name, "", -1e12, 1e12, 180, lambda *_: none)


BUILT_IN: Final = Catalogue()
