"""Sensors that are measured by schedule: each due time asks the node once, as `measure` would.

What cannot be asked, because the node or the broker is away, is not made up for later: the slot says why, and the
series grows stale. Before the broker was there for the first time nothing is due.
"""

from __future__ import annotations

from godkaiser.engine.request import submit
from godkaiser.engine.slot import SCHEDULE, tell
from godkaiser.engine.state import Moment
from godkaiser.model.ids import NodeId, SeriesId
from godkaiser.model.request import Measure, Request
from godkaiser.model.schedule import Slot, next_due
from godkaiser.model.site import SensorSpec


def on_link_up(moment: Moment) -> None:
    """Whatever is not awaited yet; a broker that comes back changes nothing."""
    for series in moment.state.sensor_specs:
        if moment.state.due.get(("schedule", series)) is None:
            _await(moment, series)


def on_site(moment: Moment) -> None:
    """Other schedules, another zone: awaited anew."""
    state = moment.state
    for series in [key for kind, key in state.due.keys if kind == "schedule"]:
        state.due.drop(("schedule", series))
    scheduled = {series for series, spec in state.sensor_specs.items() if spec.schedule is not None}
    state.slots = {series: slot for series, slot in state.slots.items() if series in scheduled}
    if state.link.since is not None:
        for series in scheduled:
            _await(moment, series)


def _await(moment: Moment, series: SeriesId) -> None:
    state = moment.state
    schedule = state.sensor_specs[series].schedule
    if schedule is not None:
        state.due.set(("schedule", series), next_due(schedule, state.timezone, moment.now))


def on_due(moment: Moment, series: SeriesId) -> None:
    """Ask its node, once per pin."""
    spec = moment.state.sensor_specs.get(series)
    if spec is None or spec.schedule is None or moment.state.closing:
        return
    _await(moment, series)
    asked = _asked(moment, spec)
    request = asked or Request(moment.new_id("m"), NodeId.parse(spec.node), SCHEDULE, Measure(spec.gpio))
    moment.state.slots[series] = Slot(moment.now, request.id)
    tell(moment, series)
    if asked is None:
        submit(moment, request)


def _asked(moment: Moment, spec: SensorSpec) -> Request | None:
    """What another series of the pin has asked for at this moment."""
    for slot in moment.state.slots.values():
        if slot.due_at == moment.now and slot.end == "waiting":
            for request in moment.state.requests.get(f"{spec.node}/measure", ()):
                if request.id == slot.request and request.ask == Measure(spec.gpio):
                    return request
    return None
