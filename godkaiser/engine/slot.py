"""What came of a scheduled measurement: shown with the sensor, kept in the audit."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from godkaiser.engine.effect import Audit, Store
from godkaiser.engine.state import Moment
from godkaiser.model.ids import SeriesId
from godkaiser.model.request import Reply

SCHEDULE: Final = "schedule"  # who asks


def close(moment: Moment, reply: Reply) -> None:
    """Its answer, or why there is none, for every series that waits for it."""
    if reply.request.who != SCHEDULE:
        return
    message = reply.message or ("timed out" if reply.end == "silent" else "")
    for series, slot in tuple(moment.state.slots.items()):
        if slot.request == reply.request.id:
            moment.state.slots[series] = replace(slot, end=reply.end, message=message)
            told = message or reply.end
            moment.emit(Store(Audit(moment.now, SCHEDULE, "sensor.scheduled", series, told)))
            tell(moment, series)


def tell(moment: Moment, declared: SeriesId) -> None:
    """Its picture, also where the site names it without the address."""
    for sensor in moment.state.sensors.values():
        if sensor.spec is not None and sensor.spec.series == declared:
            moment.tell("sensor", sensor.id)
