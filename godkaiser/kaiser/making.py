"""Derived series of a site file: of which types they can be made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from godkaiser.engine.derived import agreeing
from godkaiser.errors import UnknownSensorTypeError
from godkaiser.model.derived import OF_AIR, OF_ONE_UNIT, DerivedSpec
from godkaiser.model.ids import SeriesId
from godkaiser.model.site import Site
from godkaiser.sensors.catalogue import BUILT_IN, Catalogue


def with_own_types(spec: DerivedSpec, catalogue: Catalogue = BUILT_IN) -> DerivedSpec:
    """Its inputs by their types' own names. Raises `UnknownSensorTypeError`."""
    parts = (SeriesId.of(s.node, s.gpio, catalogue.measured(s.sensor_type), s.address) for s in spec.inputs)
    return spec.model_copy(update={"of": tuple(parts)})


def making_faults(site: Site, catalogue: Catalogue = BUILT_IN) -> Iterator[tuple[int, str]]:
    """The place of each derived series that cannot be made, and why."""
    declared = {spec.series for spec in site.sensors}
    made = {spec.series for spec in site.derived}
    for number, spec in enumerate(site.derived):
        try:
            problem = _problem(with_own_types(spec, catalogue), catalogue)
        except UnknownSensorTypeError as error:
            problem = f"{error} {error.remedy}"
        if both := made.intersection(spec.inputs):
            problem = f"{', '.join(sorted(both))} is derived itself"
        if spec.series in declared:
            problem = f"{spec.series} is a sensor of its own"
        if problem:
            yield number, problem


def _problem(spec: DerivedSpec, catalogue: Catalogue) -> str:
    types = [series.sensor_type for series in spec.inputs]
    if spec.kind in OF_AIR and not _of_air(types, catalogue):
        return f"{spec.kind} is made of a temperature and an air humidity, in this order"
    if spec.kind == "ppfd" and types[0] != "light":
        return "ppfd is made of light in lx"
    if spec.kind == "dli" and types[0] != ("ppfd" if spec.lamp is None else "light"):
        return "dli is made of ppfd, or of light in lx with the lamp stated"
    units = {catalogue.types[kind].unit for kind in types}
    if spec.kind in OF_ONE_UNIT and len(units) > 1:
        return f"{spec.kind} takes series of one unit, not of {', '.join(sorted(units))}"
    if spec.kind == "vote" and agreeing(catalogue, spec) is None:
        unstated = next(kind for kind in types if catalogue.types[kind].accuracy is None)
        return f"no accuracy is stated for {unstated}, so nothing says when two agree: state agree_within"
    return ""


def _of_air(types: Sequence[str], catalogue: Catalogue) -> bool:
    temperature, humidity = (catalogue.types[kind] for kind in types)
    return temperature.unit == "°C" and humidity.unit == "%" and humidity.name.endswith("_humidity")
