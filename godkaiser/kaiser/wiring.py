"""Who uses which pin: the site's things against the one table of boards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from godkaiser.model.board import BOARDS, Board, Claim, Conflict, conflicts
from godkaiser.model.nodeconfig import SUBZONES_MOST
from godkaiser.model.site import ActuatorSpec, NodeSpec, SensorSpec, Site
from godkaiser.sensors.catalogue import BUILT_IN, Catalogue


@dataclass(frozen=True, slots=True)
class Wired:
    """One claim and where it stands in the site file."""

    path: tuple[str | int, ...]
    claim: Claim


def wiring_faults(
    site: Site, catalogue: Catalogue = BUILT_IN
) -> Iterator[tuple[tuple[str | int, ...], Conflict]]:
    """Every conflict with its place in the site file. Nodes the site does not list are taken as the default board."""
    boards: dict[str, Board] = {node.id: node.board for node in site.nodes if node.board is not None}
    for node in dict.fromkeys([*(s.node for s in site.sensors), *(a.node for a in site.actuators)]):
        board = boards.get(node, NodeSpec.model_fields["board"].default)
        wired = [*_sensors(site, node, catalogue), *_actuators(site, node)]
        places = {(w.claim.who, w.claim.gpio): w.path for w in reversed(wired)}
        for fault in conflicts(board, (w.claim for w in wired)):
            yield places[fault.who, fault.gpio], fault
        yield from _room(board, node, wired)
        yield from _subzones(site, node)


def _sensors(site: Site, node: str, catalogue: Catalogue) -> Iterator[Wired]:
    for number, spec in enumerate(site.sensors):
        if spec.node == node:
            row = catalogue.types[catalogue.canonical(spec.type)]
            claim = Claim(sensor_name(spec), spec.gpio, row.bus)
            yield Wired(("sensors", number, "gpio"), claim)


def _actuators(site: Site, node: str) -> Iterator[Wired]:
    for number, spec in enumerate(site.actuators):
        if spec.node != node:
            continue
        yield Wired(("actuators", number, "gpio"), Claim(actuator_name(spec), spec.gpio, "output"))
        if spec.second_gpio is not None:
            claim = Claim(f"{actuator_name(spec)} (enable)", spec.second_gpio, "output")
            yield Wired(("actuators", number, "aux_gpio"), claim)


def _subzones(site: Site, node: str) -> Iterator[tuple[tuple[str | int, ...], Conflict]]:
    """A node keeps so many of them and refuses the rest."""
    seen: set[str] = set()
    sections: tuple[tuple[str, Sequence[SensorSpec | ActuatorSpec]], ...] = (
        ("sensors", site.sensors),
        ("actuators", site.actuators),
    )
    for section, things in sections:
        for number, spec in enumerate(things):
            if spec.node != node or not spec.subzone or spec.subzone in seen:
                continue
            seen.add(spec.subzone)
            if len(seen) > SUBZONES_MOST:
                text = f"node {node} keeps {SUBZONES_MOST} subzones, {spec.subzone} is number {len(seen)}"
                yield (section, number, "subzone"), Conflict("too_many", spec.gpio, spec.subzone, node, text)


def sensor_name(spec: SensorSpec) -> str:
    """For people."""
    return spec.name or f"{spec.type} on pin {spec.gpio}"


def actuator_name(spec: ActuatorSpec) -> str:
    """For people."""
    return spec.name or f"{spec.type} on pin {spec.gpio}"


def _room(board: Board, node: str, wired: list[Wired]) -> Iterator[tuple[tuple[str | int, ...], Conflict]]:
    for what, most in (("sensors", BOARDS[board].sensors), ("actuators", BOARDS[board].actuators)):
        mine = [w for w in wired if w.path[0] == what and w.path[2] == "gpio"]
        for extra in mine[most:]:
            text = f"a {BOARDS[board].name} holds {most} {what}, this is number {mine.index(extra) + 1} of {node}"
            claim = extra.claim
            yield extra.path, Conflict("too_many", claim.gpio, claim.who, BOARDS[board].name, text)
