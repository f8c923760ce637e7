"""Where things were: moving a node or a sensor changes the future only, also for readings that arrive late."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from godkaiser.engine.effect import Placed, Store
from godkaiser.engine.state import Moment, SensorState, State
from godkaiser.model.instant import Instant

EVER: Final[Instant] = 0
Places = Mapping[str, str | None]


def places_of(state: State) -> dict[str, str | None]:
    """The zone that is stated for each node and each declared series; None: none of its own."""
    nodes: dict[str, str | None] = {node.id: node.zone for node in state.nodes.values()}
    return nodes | {series: spec.zone for series, spec in state.sensor_specs.items()}


def note_moves(moment: Moment, before: Places) -> None:
    """Keep, of whatever has moved, where it was and since when it is where it is."""
    after = places_of(moment.state)
    for thing in sorted(before.keys() | after.keys()):
        was, now = before.get(thing), after.get(thing)
        if was != now and _known_before(moment.state, thing, before):
            known = moment.state.places.setdefault(thing, [])
            made = (
                [Placed(thing, moment.now, now)]
                if known
                else [Placed(thing, EVER, was), Placed(thing, moment.now, now)]
            )
            for placed in made:
                known.append((placed.since, placed.zone))
                moment.emit(Store(placed))


def _known_before(state: State, thing: str, before: Places) -> bool:
    """A node that was not there before has not moved; a series may have been heard without being declared."""
    return thing in before or any(thing in (sensor.id, sensor.id.bare) for sensor in state.sensors.values())


def zone_at(state: State, sensor: SensorState, at: Instant) -> str | None:
    """The zone in which it measured at that time: its own, or its node's."""
    spec, node = sensor.spec, state.nodes.get(sensor.id.node)
    if not state.places:  # nothing has ever moved
        return (None if spec is None else spec.zone) or (None if node is None else node.zone)
    names = [name for name in (sensor.id, sensor.id.bare) if name in state.places]
    # It may have been declared without its address before.
    own = next((zone for name in names if (zone := _at(state, name, at, None)) is not None), None)
    own = own if names or spec is None else spec.zone
    return own or _at(state, sensor.id.node, at, None if node is None else node.zone)


def _at(state: State, thing: str, at: Instant, now: str | None) -> str | None:
    known = state.places.get(thing)
    return now if not known else next((zone for since, zone in reversed(known) if since <= at), known[0][1])
