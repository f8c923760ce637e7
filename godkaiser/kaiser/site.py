"""Site files: YAML → a checked site whose errors name the line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import ValidationError

from godkaiser.errors import DocumentError, SettingsError, UnknownSensorTypeError
from godkaiser.kaiser.making import making_faults, with_own_types
from godkaiser.kaiser.probes import calibration_faults, pace_faults, water_faults, wired_faults
from godkaiser.kaiser.wiring import wiring_faults
from godkaiser.kaiser.yamltext import too_much
from godkaiser.model.ids import ActuatorId, SeriesId
from godkaiser.model.site import ActuatorSpec, Site
from godkaiser.rules.build import build_rule
from godkaiser.rules.document import RuleDocument, read_document
from godkaiser.rules.rule import Rule
from godkaiser.rules.surroundings import Surroundings
from godkaiser.sensors.catalogue import BUILT_IN, Catalogue

Steps = tuple[str | int, ...]
Bound = tuple[RuleDocument, Rule]


@dataclass(frozen=True, slots=True)
class SiteFile:
    """A checked site, the name of its file, where in it everything stands, and the types it was read with."""

    site: Site
    where: str
    tree: yaml.Node | None = None
    catalogue: Catalogue = BUILT_IN

    def fault(self, path: Steps, problem: str) -> DocumentError:
        """An error at a place of the file."""
        return DocumentError(path=_place(self.tree, path, self.where), problem=problem)

    def lined(self, error: DocumentError) -> DocumentError:
        """The same error with its line: `rules[0].actions[1]` → `rules.0.actions.1 (line 40 of site.yaml)`."""
        steps = re.findall(r"[a-z_]+|\d+", error.path)
        return self.fault(tuple(int(s) if s.isdecimal() else s for s in steps), error.problem)


def load_site(path: Path, field: str = "GODKAISER_SITE", catalogue: Catalogue = BUILT_IN) -> SiteFile:
    """A site file; `field` is what named it. Raises `SettingsError`, or `DocumentError` with the line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = f"{path}: {getattr(error, 'strerror', None) or 'is not UTF-8'}"
        raise SettingsError(field=field, problem=problem, remedy_text="Name an existing site file.") from None
    return read_site(text, str(path), catalogue)


def parse_site(text: str, where: str, catalogue: Catalogue = BUILT_IN) -> Site:
    """YAML → site, checked. Errors name the field and its line."""
    return read_site(text, where, catalogue).site


def read_site(text: str, where: str, catalogue: Catalogue = BUILT_IN) -> SiteFile:
    """YAML → site, checked, with its lines. Sensor types are canonical in it."""
    try:
        _refuse_too_much(text, where)
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        _refuse_doubles(tree, where)
        document = yaml.safe_load(text)
    except DocumentError:
        raise
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _no_yaml(error, where) from None
    try:
        site = Site.model_validate({} if document is None else document)
    except ValidationError as error:
        first = error.errors()[0]
        path, problem = first["loc"], first["msg"].removeprefix("Value error, ")
        if not path and isinstance(document, dict):
            path, problem = _twice(document, tree) or (path, problem)
        raise DocumentError(path=_place(tree, path, where), problem=problem) from None
    site = _with_types(SiteFile(site, where, tree, catalogue))
    file = SiteFile(site, where, tree, catalogue)
    check_wiring(file, file.site)
    for path, problem in (
        *calibration_faults(file.site, catalogue),
        *pace_faults(file.site, catalogue),
        *wired_faults(file.site),
    ):
        raise file.fault(path, problem)
    for number, problem in water_faults(file.site, catalogue):
        raise file.fault(("sensors", number, "temperature_from"), problem)
    _check_rules(file)
    return file


def check_site(text: str, where: str, catalogue: Catalogue = BUILT_IN) -> Site:
    """A file alone: everything in it, and its rules against its own sensors and actuators."""
    file = read_site(text, where, catalogue)
    try:
        check_permissives(file.site)
        bind_rules(file.site, catalogue=catalogue)
    except DocumentError as error:
        raise file.lined(error) from None
    return file.site


def _with_types(file: SiteFile) -> Site:
    """Types by their own names, the time zone known. Two names of one type are one series."""
    site, sensors = file.site, []
    try:
        ZoneInfo(site.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise file.fault(("timezone",), f"{site.timezone!r} is not an IANA time zone") from None
    for number, spec in enumerate(site.sensors):
        try:
            sensors.append(spec.model_copy(update={"type": file.catalogue.measured(spec.type)}))
        except UnknownSensorTypeError as error:
            raise file.fault(("sensors", number, "type"), f"{error} {error.remedy}") from None
        if sensors[-1].series in {other.series for other in sensors[:-1]}:
            raise file.fault(("sensors", number), f"{sensors[-1].series} stands twice")
    changes: dict[str, Any] = {"sensors": tuple(sensors)} if site.sensors else {}
    for number, problem in making_faults(site.model_copy(update=changes), file.catalogue):
        raise file.fault(("derived", number), problem)
    if site.derived:
        changes["derived"] = tuple(with_own_types(made, file.catalogue) for made in site.derived)
    if site.actuators:
        changes["actuators"] = tuple(_guarded(file, n, spec) for n, spec in enumerate(site.actuators))
    return site.model_copy(update=changes)


def _guarded(file: SiteFile, number: int, spec: ActuatorSpec) -> ActuatorSpec:
    """Its permissives with the sensors' own types."""
    renamed = []
    for place, permissive in enumerate(spec.permissives):
        series = None if permissive.series is None else SeriesId.parse(permissive.series)
        try:
            kind = "" if series is None else file.catalogue.canonical(series.sensor_type)
        except UnknownSensorTypeError as error:
            path = ("actuators", number, "permissives", place)
            raise file.fault(path, f"{error} {error.remedy}") from None
        if series is not None:
            series = SeriesId.of(series.node, series.gpio, kind, series.address)
        renamed.append(permissive.model_copy(update={"series": series}))
    return spec.model_copy(update={"permissives": tuple(renamed)})


def check_permissives(site: Site, known: Iterable[SeriesId] = ()) -> None:
    """Raise `DocumentError` for the first permissive whose sensor nobody declares or has heard."""
    there = {*known, *(spec.series for spec in site.sensors), *(made.series for made in site.derived)}
    there |= {SeriesId.of(s.node, s.gpio, s.sensor_type) for s in there}
    for number, spec in enumerate(site.actuators):
        for place, permissive in enumerate(spec.permissives):
            if permissive.series is not None and permissive.series not in there:
                path = f"actuators[{number}].permissives[{place}]"
                raise DocumentError(path=path, problem=f"there is no sensor {permissive.series}")


def check_wiring(file: SiteFile, site: Site) -> None:
    """Raise `DocumentError` for the first pin conflict, with pin and owner."""
    for path, fault in wiring_faults(site, file.catalogue):
        raise file.fault(path, f"{fault.who}: {fault.sentence}")


def _check_rules(file: SiteFile) -> None:
    try:
        for number, data in enumerate(file.site.rules):
            read_document(data, f"rules[{number}]")
    except DocumentError as error:
        raise file.lined(error) from None


def binder(
    site: Site,
    known: Iterable[SeriesId] = (),
    spec_of: Callable[[ActuatorId], ActuatorSpec | None] | None = None,
    catalogue: Catalogue = BUILT_IN,
) -> Callable[[RuleDocument, str], Rule]:
    """What binds a document, whose path is given, to a site's sensors and actuators and to what is known besides."""
    specs = {spec.id: spec for spec in site.actuators}
    others = spec_of or (lambda _: None)
    series = (*known, *(s.series for s in site.sensors), *(made.series for made in site.derived))
    made = {spec.series: spec for spec in site.derived}
    around = replace(
        Surroundings.of(site.sensors, site.derived, site.position),
        unit_of=lambda one: catalogue.unit_of(one, made),
    )

    def bind(document: RuleDocument, path: str) -> Rule:
        return build_rule(
            document,
            timezone=site.timezone,
            canonical=catalogue.canonical,
            known=series,
            spec_of=lambda actuator: specs.get(actuator) or others(actuator),
            around=around,
            path=path,
        )

    return bind


def bind_rules(
    site: Site,
    known: Iterable[SeriesId] = (),
    spec_of: Callable[[ActuatorId], ActuatorSpec | None] | None = None,
    catalogue: Catalogue = BUILT_IN,
) -> list[Bound]:
    """The rules of a site, bound as `binder` does. Raises `DocumentError` at `rules[…]`."""
    bind = binder(site, known, spec_of, catalogue)
    bound: list[Bound] = []
    for number, data in enumerate(site.rules):
        path = f"rules[{number}]"
        document = read_document(data, path)
        rule = bind(document, path)
        if any(rule.id == other.id for _, other in bound):
            raise DocumentError(path=f"{path}.name", problem=f"a rule named {rule.id!r} stands twice")
        bound.append((document, rule))
    return bound


def _no_yaml(error: Exception, where: str) -> DocumentError:
    mark = getattr(error, "problem_mark", None)
    path = where if mark is None else f"line {mark.line + 1} of {where}"
    return DocumentError(path=path, problem=" ".join((getattr(error, "problem", None) or str(error)).split()))


# ── what stands twice ──────────────────────────────────────────────────────────────────────────────────
_IDENTITY: Final = {
    "zones": ("id",),
    "subzones": ("node", "id"),
    "nodes": ("id",),
    "sensors": ("node", "gpio", "type", "address"),
    "actuators": ("node", "gpio"),
}


def _twice(document: dict[str, Any], tree: yaml.Node | None) -> tuple[Steps, str] | None:
    """The second of two things that are one, and who was first."""
    for section, fields in _IDENTITY.items():
        first: dict[str, tuple[int, str]] = {}
        for number, item in enumerate(document.get(section) or ()):
            shown = "/".join(str(item[field]) for field in fields if item.get(field) is not None)
            if shown in first:
                line, name = first[shown]
                return (section, number), f"{shown} stands twice; {name or 'the first'} has it in line {line}"
            first[shown] = _line(tree, (section, number)) or 0, str(item.get("name") or "")
    return None


# ── lines ──────────────────────────────────────────────────────────────────────────────────────────────
def _place(tree: yaml.Node | None, path: Steps, where: str) -> str:
    """`sensors.3.gpio (line 14 of site.yaml)`: as far as the path leads into the document."""
    line, shown = _line(tree, path), ".".join(str(part) for part in path)
    at = where if line is None else f"line {line} of {where}"
    return f"{shown} ({at})" if shown else at


def _line(tree: yaml.Node | None, path: Steps) -> int | None:
    """The line, from 1, as far as the path leads."""
    line = None if tree is None else tree.start_mark.line + 1
    for part in path:
        tree = _child(tree, part)
        line = line if tree is None else tree.start_mark.line + 1
    return line


def _child(tree: yaml.Node | None, part: str | int) -> yaml.Node | None:
    if isinstance(tree, yaml.MappingNode):
        return next((value for key, value in tree.value if key.value == part), None)
    if isinstance(tree, yaml.SequenceNode) and isinstance(part, int) and part < len(tree.value):
        child: yaml.Node = tree.value[part]
        return child
    return None


def _refuse_too_much(text: str, where: str) -> None:
    """Before anything of it is built."""
    for line, problem in too_much(text):
        raise DocumentError(path=f"line {line} of {where}", problem=problem)


def _refuse_doubles(tree: Any, where: str) -> None:
    """A key that stands twice: YAML would silently take the last one."""
    if isinstance(tree, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in tree.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                at = f"line {key.start_mark.line + 1} of {where}"
                raise DocumentError(path=at, problem=f"{key.value!r} stands twice")
            seen.add(str(key.value))
            _refuse_doubles(value, where)
    elif isinstance(tree, yaml.SequenceNode):
        for item in tree.value:
            _refuse_doubles(item, where)


def demo_site() -> Site:
    """The simulated greenhouse's site."""
    return parse_site((files("godkaiser.io.sim") / "site.yaml").read_text(), "site.yaml")
