"""Requests that move nothing: measure now, system commands. One at a time per node and kind, first come first served.

A measurement is answered with its id. A system command is answered with its word only, so its answer belongs to
the one that is on its way.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from godkaiser.engine.effect import Audit, Replied, Say, Store
from godkaiser.engine.pins import scan_problem
from godkaiser.engine.slot import close
from godkaiser.engine.state import Moment, State
from godkaiser.model.command import Enquiry
from godkaiser.model.event import RequestAsked, SendFailed
from godkaiser.model.ids import NodeId
from godkaiser.model.report import IntentOutcome, MeasureAnswer, ScanResult, SystemAnswer
from godkaiser.model.request import Inquiry, Measure, Reply, Request

WAITING_MOST: Final = 8
_GONE_WRONG: Final = ("rejected", "failed", "expired")


def on_request(moment: Moment, event: RequestAsked) -> None:
    """Of a person: not more than so many at a time."""
    request = event.request
    moment.emit(Store(Audit(moment.now, request.who, "node.request", request.node, request.what)))
    submit(moment, request, WAITING_MOST)


def submit(moment: Moment, request: Request, most: int | None = None) -> None:
    """Send it, or let it wait its turn, or say at once why not."""
    lane = moment.state.requests.setdefault(lane_of(request), deque())
    full = most is not None and len(lane) > most
    problem = _refusal(moment, request) or ("too many requests wait" if full else "")
    if problem:
        _tell(moment, Reply(request, "refused", problem))
        return
    lane.append(request)
    if len(lane) == 1:
        _send(moment, request)


def lane_of(request: Request) -> str:
    """Measurements do not wait for system commands."""
    return f"{request.node}/{'measure' if isinstance(request.ask, Measure) else 'system'}"


def _refusal(moment: Moment, request: Request) -> str:
    node = moment.state.nodes.get(request.node)
    if node is None or node.status != "approved":
        return "the node is not approved"
    if not moment.state.link.up:
        return "the MQTT broker cannot be reached"
    if not node.online:
        return "the node is offline"
    if not node.modern:
        return "the node's firmware is too old to know it"
    return scan_refusal(moment.state, request.node, request.ask) or ""


def scan_refusal(state: State, node_id: NodeId, ask: Measure | Inquiry) -> str | None:
    """A scan drives its pin: never one that drives something else."""
    if not isinstance(ask, Inquiry) or ask.word != "onewire/scan":
        return None
    node, pin = state.nodes.get(node_id), ask.params.get("pin")
    specs = (actuator.spec for actuator in state.actuators.values())
    return scan_problem(
        node_id, None if node is None else node.board, None if pin is None else int(pin), specs
    )


def _send(moment: Moment, request: Request) -> None:
    moment.state.due.set(("request", lane_of(request)), moment.now + request.patience)
    moment.emit(Say(Enquiry(moment.state.kaiser_of(request.node), request)))


def _tell(moment: Moment, reply: Reply) -> None:
    moment.emit(Replied(reply))
    close(moment, reply)


def _end(moment: Moment, reply: Reply) -> None:
    """The first answer wins; the next in the lane goes out."""
    key = lane_of(reply.request)
    lane = moment.state.requests[key]
    lane.popleft()
    moment.state.due.drop(("request", key))
    _tell(moment, reply)
    while lane:
        problem = _refusal(moment, lane[0])
        if not problem:
            _send(moment, lane[0])
            return
        _tell(moment, Reply(lane.popleft(), "refused", problem))
    del moment.state.requests[key]


def on_request_due(moment: Moment, key: str) -> None:
    """No answer in time."""
    _end(moment, Reply(moment.state.requests[key][0], "silent"))


def _head(moment: Moment, node: NodeId, kind: str) -> Request | None:
    lane = moment.state.requests.get(f"{node}/{kind}")
    return lane[0] if lane else None


def on_send_failed(moment: Moment, event: SendFailed) -> None:
    """It never left."""
    for lane in list(moment.state.requests.values()):
        if lane[0].id == event.command:
            _end(moment, Reply(lane[0], "refused", event.why))
            return


# ── answers ────────────────────────────────────────────────────────────────────────────────────────────
def on_measured(moment: Moment, event: MeasureAnswer) -> None:
    """The readings themselves came before it."""
    request = _head(moment, event.node, "measure")
    if request is None or event.request != request.id:
        moment.state.counters["unmatched_acks"] += 1
        return
    if not event.success:
        _end(moment, Reply(request, "refused", event.reason or "the node gave no reason"))
        return
    content = {"gpio": event.gpio, "quality": event.quality, "sensor_type": event.sensor_type}
    _end(moment, Reply(request, "answered", content=content))


def on_system_answer(moment: Moment, event: SystemAnswer) -> None:
    """A scan that found something is answered by its result."""
    request = _head(moment, event.node, "system")
    if request is None or event.command != request.what or not _fits(request, event.content):
        moment.state.counters["unmatched_acks"] += 1
    elif event.success is False:
        _end(moment, Reply(request, "refused", event.error or "the node gave no reason"))
    elif event.command != "onewire/scan":
        _end(moment, Reply(request, "answered", content=event.content))
    elif event.content.get("found_count") == 0:
        _end(moment, Reply(request, "answered", content={"devices": []}))


def _fits(request: Request, content: dict[str, Any]) -> bool:
    """A late answer to an earlier request names what that one asked for."""
    asked = request.ask.params if isinstance(request.ask, Inquiry) else {}
    named = content.get("correlation_id", request.id) == request.id
    return named and all(content.get(key, asked[key]) == asked[key] for key in asked if key != "token")


def on_scan(moment: Moment, event: ScanResult) -> None:
    """What hangs on the bus."""
    request = _head(moment, event.node, "system")
    pins: list[dict[str, Any]] = [{"pin": device.pin} for device in event.devices if device.pin is not None]
    if request is None or request.what != "onewire/scan" or not all(_fits(request, pin) for pin in pins):
        return
    devices: list[dict[str, Any]] = [{"rom": d.rom, "type": d.kind, "pin": d.pin} for d in event.devices]
    _end(moment, Reply(request, "answered", content={"devices": devices}))


def on_request_outcome(moment: Moment, event: IntentOutcome) -> None:
    """A node that turns a request down at its door says so here, and nowhere else."""
    for kind in ("measure", "system"):
        request = _head(moment, event.node, kind)
        if request is not None and request.id == event.correlation and event.outcome in _GONE_WRONG:
            _end(moment, Reply(request, "refused", f"{event.code} {event.reason}".strip()))
