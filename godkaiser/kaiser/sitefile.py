"""The registry as a site file: what is declared, and in comments what was only heard."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import yaml

from godkaiser.engine.declared import retired
from godkaiser.engine.state import State
from godkaiser.model.site import NodeSpec, SensorSpec, Site, SubzoneSpec, ZoneSpec, address_text

SECTIONS: Final = ("zones", "subzones", "nodes", "sensors", "actuators", "derived", "rules")
HEAD: Final = """\
# The site as the controller holds it. `godkaiser site diff FILE` says what a file would change, `site apply FILE`
# changes it. A section that is left out stays as it is; whatever is missing in a section that is there goes.
"""
REFUSED: Final = """
# Rules that are stored and not carried out, as this program refuses them. They stay as they are stored, whatever a
# file says of other rules; `godkaiser rules export` has them whole.
"""
HEARD: Final = """
# Heard, not declared: kept and shown, but nobody has said what it is. A line that is moved up is declared.
"""


def site_of(state: State, documents: Mapping[str, Mapping[str, Any]]) -> Site:
    """What the registry holds as declared, in a stable order; rules in their own."""
    nodes = [
        n for n in state.nodes.values() if n.status != "removed" and (n.declared or n.status == "approved")
    ]
    return Site(
        kaiser_id=state.kaiser,
        timezone=state.timezone,
        latitude=None if state.position is None else state.position[0],
        longitude=None if state.position is None else state.position[1],
        zones=tuple(
            ZoneSpec(id=z, name=_named(z, name), cycles=state.cycles.get(z, ()))
            for z, name in sorted(state.zones.items())
        ),
        subzones=tuple(
            SubzoneSpec(node=node, id=subzone, name=_named(subzone, name))
            for (node, subzone), name in sorted(state.subzone_names.items())
        ),
        nodes=tuple(
            NodeSpec(
                id=n.id,
                name=n.name,
                zone=n.zone,
                master_zone=n.master_zone,
                board=n.board,
                approved=n.status == "approved",
            )
            for n in sorted(nodes, key=lambda n: n.id)
        ),
        sensors=tuple(sorted(state.sensor_specs.values(), key=_sensor_order)),
        actuators=tuple(
            sorted(
                (a.spec for a in state.actuators.values() if a.spec.declared_by == "site"),
                key=lambda spec: (spec.node, spec.gpio),
            )
        ),
        derived=tuple(sorted(state.derived.values(), key=lambda made: made.series)),
        rules=tuple(dict(document) for document in documents.values()),
    )


def _named(thing: str, name: str) -> str:
    return "" if name == thing else name


def _sensor_order(spec: SensorSpec) -> tuple[str, int, str, str]:
    return spec.node, spec.gpio, spec.type, address_text(spec.address)


def export_site(state: State, documents: Mapping[str, Mapping[str, Any]]) -> str:
    """A site file that changes nothing when it is applied; one line per thing, so that versions compare well."""
    return HEAD + write_site(site_of(state, documents)) + "".join([*_refused(state), *_heard(state)])


def write_site(site: Site) -> str:
    """A site as YAML; what is as by default is left out."""
    lines = [f"kaiser_id: {_flow(str(site.kaiser_id))}", f"timezone: {_flow(site.timezone)}"]
    if site.position is not None:
        lines += [f"latitude: {site.latitude!r}", f"longitude: {site.longitude!r}"]
    for section in SECTIONS[:-1]:
        lines += _listed(section, (s.model_dump(exclude_defaults=True) for s in getattr(site, section)))
    return "\n".join(lines) + "\n" + _rules(site.rules)


def _listed(section: str, items: Iterable[dict[str, Any]]) -> list[str]:
    lines = [f"  - {_flow(item)}" for item in items]
    return [f"{section}:", *lines] if lines else [f"{section}: []"]


class _Writer(yaml.SafeDumper):
    """One line per text whatever is in it, and whole numbers without a point."""


def _text(writer: _Writer, text: str) -> yaml.ScalarNode:
    breaks = any(sign in text for sign in "\n\x85\u2028\u2029")
    return writer.represent_scalar("tag:yaml.org,2002:str", str(text), style='"' if breaks else None)


def _number(writer: _Writer, number: float) -> yaml.ScalarNode:
    whole = number.is_integer() and abs(number) < 1e15
    return writer.represent_int(int(number)) if whole else writer.represent_float(number)


_Writer.add_multi_representer(str, _text)
_Writer.add_representer(str, _text)
_Writer.add_representer(float, _number)


def _yaml(value: Any, flow: bool | None) -> str:
    options: dict[str, Any] = {"width": float("inf"), "allow_unicode": True, "sort_keys": False}
    return str(yaml.dump(value, Dumper=_Writer, default_flow_style=flow, **options))


def _flow(value: Any) -> str:
    """In one line."""
    return _yaml(value, True).removesuffix("...\n").strip()


def _rules(rules: tuple[dict[str, Any], ...]) -> str:
    if not rules:
        return "rules: []\n"
    lines = _yaml([_typed(rule) for rule in rules], None).removesuffix("\n").split("\n")
    return "rules:\n" + "".join(f"  {line}\n" for line in lines)


def _typed(part: Any) -> Any:
    """What kind it is stands first, however it was read."""
    if isinstance(part, dict):
        first = {"type": part["type"]} if "type" in part else {}
        return first | {key: _typed(value) for key, value in part.items()}
    return [_typed(item) for item in part] if isinstance(part, list) else part


# ── what is not in force ───────────────────────────────────────────────────────────────────────────────
def _refused(state: State) -> Iterator[str]:
    if state.refused:
        yield REFUSED
    for rule in state.refused.values():
        yield f"#   - {_flow({'name': rule.name})}  # {' '.join(rule.reason.split())}\n"


# ── what was only heard ────────────────────────────────────────────────────────────────────────────────
def _heard(state: State) -> Iterator[str]:
    found = {"nodes": _nodes(state), "sensors": _sensors(state), "actuators": _actuators(state)}
    if any(found.values()):
        yield HEARD
    for section, lines in found.items():
        if lines:
            yield f"# {section}:\n" + "".join(f"#   - {line}\n" for line in sorted(lines))


def _nodes(state: State) -> list[str]:
    waiting = [n for n in state.nodes.values() if n.status in ("pending", "rejected") and not n.declared]
    return [f"{_flow({'id': str(node.id)})}  # {node.status}" for node in waiting]


def _sensors(state: State) -> list[str]:
    return [
        _flow(
            {"node": str(s.id.node), "gpio": s.id.gpio, "type": s.id.sensor_type}
            | ({"address": s.id.address} if s.id.address else {})
        )
        for s in state.sensors.values()
        if s.spec is None and not s.row.derived
    ]


def _actuators(state: State) -> list[str]:
    lines = []
    for actuator in state.actuators.values():
        spec = actuator.spec
        if spec.declared_by != "site":
            said = spec.model_dump(exclude_defaults=True, exclude={"declared_by", "enabled"})
            how = "named by a rule" if spec.declared_by == "rule" else "found on the node"
            lines.append(f"{_flow(said)}  # {'taken out, not yet gone' if retired(spec) else how}")
    return lines
