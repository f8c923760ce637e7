"""What a site file says otherwise than the registry, in words, and what applying it would do about that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from godkaiser.engine.calibration import said
from godkaiser.engine.state import State
from godkaiser.io.stored import Stored
from godkaiser.kaiser.sitefile import SECTIONS
from godkaiser.model.calibration import Calibration
from godkaiser.model.difference import Difference
from godkaiser.model.ids import RuleId
from godkaiser.model.instant import to_iso
from godkaiser.model.site import ActuatorSpec, NodeSpec, Site, ZoneSpec
from godkaiser.model.spec import Spec
from godkaiser.rules.document import read_document, write_document

Standing = Mapping[str, str]
Thing = tuple[str, dict[str, Any]]  # what people call it, and its fields
_IDENTITY: Final = {"node", "gpio", "type", "address", "declared_by"}
_KEPT: Final = "its history stays"
_OF_TYPE: Final = {
    "spike_mad",
    "flat_after_s",
    "warm_up",
    "mode",
    "interval_s",
    "stale_after_s",
    "recalibrate_after_d",
}


_ABSENT: Final = {"adc": "that of its board"} | dict.fromkeys(_OF_TYPE, "as usual for its type")


def standing_of(state: State) -> dict[str, str]:
    """How each node stands with us; `unheard` when there is only paper of it."""
    return {
        node.id: "rejected"
        if node.shut_at is not None and node.status == "pending"  # asks again, and only a person may answer
        else node.status
        if node.first_seen or node.status == "rejected"
        else "unheard"
        for node in state.nodes.values()
    }


def completed(file: Site, here: Site) -> Site:
    """A file with the sections it leaves out as they are here."""
    left_out = {*SECTIONS, "kaiser_id", "timezone", "latitude", "longitude"} - file.model_fields_set
    return file.model_copy(update={name: getattr(here, name) for name in left_out})


def kept(site: Site, here: Site, standing: Standing) -> Site:
    """What is to be remembered: the site, and nodes that stay although it does not name them."""
    named = {node.id for node in site.nodes}
    staying = (n for n in here.nodes if n.id not in named and standing.get(n.id, "unheard") != "unheard")
    return site.model_copy(update={"nodes": (*site.nodes, *staying)})


def diff(here: Site, site: Site, standing: Standing) -> list[Difference]:
    """Every difference; empty when the site says what stands here."""
    found = [*_head(here, site), *_nodes(here, site, standing)]
    for section, things in _SECTIONS.items():
        old, new = things(here), things(site)
        for key in dict.fromkeys([*old, *new]):
            found += _thing(section, key, old.get(key), new.get(key))
    return found


def refusals(stored: Stored) -> Iterator[Difference]:
    """Of stored rules that are not carried out: which this site makes good, and which stay as they are."""
    for rule in stored.rules:
        meaning = f"rule “{rule.name}”: was refused, is carried out again"
        yield Difference(f"rules.{rule.id}", None, stored.documents[rule.id], meaning)
    for refused in stored.refused:
        text = f"rule “{refused.name}”: stored here and refused ({refused.reason}): stays; "
        text += f"`godkaiser rules remove {refused.id}` takes it out"
        yield Difference(f"rules.{refused.id}", "refused", None, text, applied=False)


def _head(here: Site, site: Site) -> Iterator[Difference]:
    for field, follows in (
        ("kaiser_id", "nodes are spoken to under the new one"),
        ("timezone", "rules without a time zone of their own follow it"),
        ("latitude", "rules that go by the sun follow it"),
        ("longitude", "rules that go by the sun follow it"),
    ):
        old, new = _head_text(getattr(here, field)), _head_text(getattr(site, field))
        if old != new:
            yield Difference(field, old, new, f"{field} {old} → {new}; {follows}")


def _head_text(value: object) -> str:
    return "not stated" if value is None else str(value)


# ── nodes ──────────────────────────────────────────────────────────────────────────────────────────────
def _nodes(here: Site, site: Site, standing: Standing) -> Iterator[Difference]:
    old, new = {n.id: n for n in here.nodes}, {n.id: n for n in site.nodes}
    for node in dict.fromkeys([*old, *new]):
        before, after, stands = old.get(node), new.get(node), standing.get(node, "unheard")
        if after is None:
            yield _unnamed(node, stands)
        elif before is None:
            yield _named(after, stands)
        else:
            yield from _fields("nodes", node, f"node {node}", _node_fields(before), _node_fields(after))
            yield from _approval(before, after, stands)


def _node_fields(node: NodeSpec) -> dict[str, Any]:
    return node.model_dump(exclude={"id", "approved"})


def _unnamed(node: str, stands: str) -> Difference:
    if stands == "unheard":
        return Difference(f"nodes.{node}", stands, None, f"node {node}: goes, it was never heard")
    text = (
        f"node {node}: {stands} here and not in the file: stays; `godkaiser nodes remove {node}` takes it out"
    )
    return Difference(f"nodes.{node}", stands, None, text, applied=False)


def _named(node: NodeSpec, stands: str) -> Difference:
    fields = node.model_dump(exclude={"id"}, exclude_defaults=True)
    if stands == "removed":
        text = f"was removed by a person: stays out; `godkaiser nodes approve {node.id}` lets it in"
        return Difference(f"nodes.{node.id}", stands, fields, f"node {node.id}: {text}", applied=False)
    text = "new, approved" if node.approved else "new, waits for approval"
    return Difference(f"nodes.{node.id}", None, fields, f"node {node.id}: {text}")


def _approval(before: NodeSpec, after: NodeSpec, stands: str) -> Iterator[Difference]:
    if before.approved == after.approved:
        return
    node, path = after.id, f"nodes.{after.id}.approved"
    if stands == "rejected":
        text = f"rejected by a person: stays out; `godkaiser nodes approve {node}` lets it in"
    elif after.approved:
        text = "is approved"
    else:
        text = f"approved here, not in the file: stays; `godkaiser nodes reject {node}` shuts it out"
    applied = after.approved and stands != "rejected"
    yield Difference(path, before.approved, after.approved, f"node {node}: {text}", applied)


# ── everything else ────────────────────────────────────────────────────────────────────────────────────
def _zones(site: Site) -> dict[str, Thing]:
    return {z.id: (f"zone {z.id}", {"name": z.name or z.id} | _cycles(z)) for z in site.zones}


def _cycles(zone: ZoneSpec) -> dict[str, Any]:
    """By name, so that each that differs is told."""
    dumped = (cycle.model_dump(mode="json", exclude_defaults=True) for cycle in zone.cycles)
    return {f"cycle {cycle['name']}": [cycle] for cycle in dumped}


def _subzones(site: Site) -> dict[str, Thing]:
    return {
        f"{s.node}/{s.id}": (f"subzone {s.id} of {s.node}", {"name": s.name or s.id}) for s in site.subzones
    }


def _sensors(site: Site) -> dict[str, Thing]:
    return {s.series: (_title("sensor", s.series, s.name), _spec_fields(s)) for s in site.sensors}


def _derived(site: Site) -> dict[str, Thing]:
    return {d.series: (_title(d.kind, d.series, d.name), d.model_dump()) for d in site.derived}


def _actuators(site: Site) -> dict[str, Thing]:
    return {a.id: (_title(a.kind or a.type, a.id, a.name), _actuator_fields(a)) for a in site.actuators}


def _title(kind: str, thing: str, name: str) -> str:
    return f"{kind} {thing} ({name})" if name else f"{kind} {thing}"


def _spec_fields(spec: Spec) -> dict[str, Any]:
    return spec.model_dump(exclude=_IDENTITY)


def _actuator_fields(spec: ActuatorSpec) -> dict[str, Any]:
    return {"type": spec.type} | _spec_fields(spec) | {"max_on_s": spec.longest_on_s}


def _rules(site: Site) -> dict[str, Thing]:
    rules = {}
    for data in site.rules:
        document = write_document(read_document(data))
        rules[RuleId.from_name(document["name"])] = (f"rule “{document['name']}”", document)
    return {str(key): thing for key, thing in rules.items()}


_SECTIONS: Final[dict[str, Callable[[Site], dict[str, Thing]]]] = {
    "zones": _zones,
    "subzones": _subzones,
    "sensors": _sensors,
    "actuators": _actuators,
    "derived": _derived,
    "rules": _rules,
}
_GOES: Final = {
    "zones": "goes",
    "subzones": "goes",
    "sensors": f"no longer declared; {_KEPT}",
    "actuators": f"goes, made safe first; {_KEPT}",
    "derived": f"no longer made; {_KEPT}",
    "rules": "goes, what it wants is withdrawn",
}


def _thing(section: str, key: str, old: Thing | None, new: Thing | None) -> Iterator[Difference]:
    path = f"{section}.{key}"
    if old is None and new is not None:
        yield Difference(path, None, _stated(new[1]), f"{new[0]}: new")
    elif new is None and old is not None:
        yield Difference(path, _stated(old[1]), None, f"{old[0]}: {_GOES[section]}")
    elif old is not None and new is not None:
        yield from _fields(section, key, new[0], old[1], new[1])


def _stated(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "")}


def _fields(
    section: str, key: str, title: str, old: dict[str, Any], new: dict[str, Any]
) -> Iterator[Difference]:
    for field in dict.fromkeys([*old, *new]):
        before, after = old.get(field), new.get(field)
        if before != after:
            follows = _follows(section, field, before, after)
            text = f"{title}: {field} {_change(field, before, after)}"
            yield Difference(
                f"{section}.{key}.{field}", before, after, f"{text}; {follows}" if follows else text
            )


def _change(field: str, old: Any, new: Any) -> str:
    if field == "calibrations_later":
        return f"{_planned(old)} → {_planned(new)}"
    if isinstance(old, list | tuple) or isinstance(new, list | tuple):
        return "is new" if old is None else "goes" if new is None else "changed"
    return f"{_said(field, old)} → {_said(field, new)}"


def _planned(found: Sequence[dict[str, Any]]) -> str:
    made = [Calibration.model_validate(one) for one in found]
    return ", ".join(f"{said(one)} from {to_iso(one.since or 0)} on" for one in made) or "none"


def _said(field: str, value: Any) -> str:
    if field == "calibration":
        return said(None if value is None else Calibration.model_validate(value))
    if value is None or value == "":
        return _ABSENT.get(field, "none")
    if field == "filter":
        return ", ".join(f"{kind} {weight:g}" for kind, weight in value.items() if weight is not None)
    if field in _OF_TYPE and value == 0:
        return "off"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _follows(section: str, field: str, old: Any, new: Any) -> str:
    """What applying it means for what is going on."""
    if field == "max_on_s":
        return "a run in progress ends earlier" if new < old else "a run in progress keeps its end"
    if field == "enabled":
        return "it may be switched again" if new else "it is made safe and stays off"
    return _MEANINGS.get((section, field), "")


_MEANINGS: Final = {
    ("actuators", "safe_value"): "it goes there when nothing wants it otherwise",
    ("actuators", "min_value"): "a run below ends",
    ("actuators", "max_value"): "a run above ends",
    ("actuators", "type"): "a run in progress ends",
    ("actuators", "inverted"): "a run in progress ends",
    ("actuators", "aux_gpio"): "a run in progress ends",
    ("actuators", "on_budget_s"): "a run in progress keeps to it",
    ("actuators", "interlocks"): "of what runs together the eldest stays",
    ("actuators", "permissives"): "a run they forbid ends",
    ("sensors", "calibration"): "counts from the next reading, stored ones stay as they are",
    ("sensors", "calibrations_later"): "each counts from its time on",
    ("sensors", "adc"): "counts from the next reading",
    ("sensors", "filter"): "counts from the next reading, stored ones stay as they are",
    ("sensors", "spike_mad"): "counts from the next reading",
    ("sensors", "flat_after_s"): "counts from the next reading",
    ("sensors", "warm_up"): "counts when its node comes back",
    ("sensors", "zone"): "counts from the next reading",
    ("sensors", "temperature_from"): "counts from the next reading",
    ("sensors", "ec_alpha"): "counts from the next reading",
    ("sensors", "interval_s"): "its node is told",
    ("sensors", "mode"): "its node is told",
    ("sensors", "schedule"): "its next time is by that",
    ("sensors", "stale_after_s"): "readings count as old after that",
    ("nodes", "zone"): "it is told; one that shall have none keeps the old one in its own records",
    ("nodes", "board"): "its pins and its room are others",
}
