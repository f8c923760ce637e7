"""Time that did not pass: the machine's clock was set forward while we run (one without a battery finds the network).

What is counted in elapsed time moves along: runs, pauses and budgets, service, a person's hold, rules' own pauses,
the silence of nodes. Leases do not: a run is only shortened.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from godkaiser.engine import past
from godkaiser.engine.effect import Audit, Store
from godkaiser.engine.lease import tell
from godkaiser.engine.limits import tell_service
from godkaiser.engine.state import ActuatorState, Moment
from godkaiser.model.event import ClockJumped
from godkaiser.model.instant import SECOND, Duration
from godkaiser.safety.budget import moved

_COUNTED = (
    "retry",
    "hold",
    "service",
    "node",
    "permit",
    "tenure",
    "course",
)  # timers that wait for time to pass


def on_jump(moment: Moment, event: ClockJumped) -> None:
    """Before anything that is due by the new time."""
    state, by = moment.state, event.by
    for kind, key in [known for known in state.due.keys if known[0] in _COUNTED]:
        at = state.due.get((kind, key))
        if at is not None:
            state.due.set((kind, key), at + by)
    for actuator in state.actuators.values():
        _shift(moment, actuator, by)
    for node in state.nodes.values():
        node.last_contact = None if node.last_contact is None else node.last_contact + by
        node.acked_at = None if node.acked_at is None else node.acked_at + by
    for rule in state.rules.values():
        rule.ready_at += by
        if rule.memory.started is not None:
            rule.memory.started += by
        if (course := rule.course) is not None:
            course.begun += by
            course.until = None if course.until is None else course.until + by
        rule.notices = {step: at + by for step, at in rule.notices.items()}
        rule.starts = deque((start + by for start in rule.starts), maxlen=rule.starts.maxlen)
    moment.emit(
        Store(Audit(moment.now, "controller", "clock.jumped", "all", f"forward by {by / SECOND:g} s"))
    )


def _shift(moment: Moment, actuator: ActuatorState, by: Duration) -> None:
    actuator.history = moved(actuator.history, by)
    past.keep(moment, actuator)
    if actuator.lease is not None:
        actuator.lease = replace(actuator.lease, since=actuator.lease.since + by)
        tell(moment, actuator, actuator.lease)
    if actuator.service is not None:
        actuator.service = replace(actuator.service, until=actuator.service.until + by)
        tell_service(moment, actuator.id, actuator.service)
    if (kept := actuator.tenure) is not None:
        actuator.tenure = replace(kept, at=kept.at + by, until=kept.until + by)
    for key, wish in moment.state.wishes.get(actuator.id, {}).items():
        later = None if wish.until is None else wish.until + by
        moment.state.wishes[actuator.id][key] = replace(wish, since=wish.since + by, until=later)
