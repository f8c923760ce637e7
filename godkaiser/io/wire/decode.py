"""Bytes → events. Never raises, whatever the bytes: what cannot be read becomes `Malformed`.

The payload is judged first, then the ids in the topic: a broken payload from a broken id is a broken payload.
Codes: bad_json, missing_field, wrong_type, bad_value, id_pattern, unknown_topic, too_large.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final, NoReturn

from pydantic import ValidationError

from godkaiser.errors import InvalidIdError
from godkaiser.io.wire import message as m
from godkaiser.io.wire.topic import Address, Way, parse
from godkaiser.model import event as ev
from godkaiser.model.ids import KaiserId, NodeId, is_address, parse_gpio
from godkaiser.model.instant import Instant
from godkaiser.model.site import address_text

MAX_PAYLOAD: Final = 65536
EXCERPT: Final = 120
_HALF: Final = re.compile(rb"\\u[dD][89a-fA-F]")  # an escape that may stand for half a character
_MISSING = {"missing"}
_BAD_VALUE = {
    "greater_than_equal",
    "less_than_equal",
    "finite_number",
    "string_too_long",
    "string_too_short",
    "string_unicode",
    "value_error",
}


class _Refused(Exception):  # noqa: N818 - a private signal, not an error of ours
    def __init__(self, code: str, why: str) -> None:
        self.code, self.why = code, why


def decode(topic: str, payload: bytes, at: Instant, *, retained: bool = False) -> ev.WireEvent:
    """The event that a message means. `at` is the receive time."""
    address = parse(topic)
    if address is None:
        return _malformed(topic, payload, at, "unknown_topic", "no such topic in the wire contract")
    cleared = not payload and not retained and address.row.retain  # by us: a retained will
    if address.row.way is Way.TO_NODE or cleared:
        return ev.Echo(at, topic)
    try:
        body = _body(payload)
        return _READERS[address.row.kind](address, body, at, retained)
    except _Refused as refused:
        return _malformed(topic, payload, at, refused.code, refused.why)
    except ValidationError as error:
        return _malformed(topic, payload, at, *_verdict(error))
    except InvalidIdError as error:
        return _malformed(topic, payload, at, "id_pattern", f"{error} {error.remedy}")


def _malformed(topic: str, payload: bytes, at: Instant, code: str, why: str) -> ev.Malformed:
    excerpt = payload[:EXCERPT].decode("utf-8", "replace")
    return ev.Malformed(at, topic[:256].encode("utf-8", "replace").decode(), excerpt, code, why)


def _body(payload: bytes) -> dict[str, Any]:
    if len(payload) > MAX_PAYLOAD:
        raise _Refused("too_large", f"{len(payload)} bytes, at most {MAX_PAYLOAD}")
    try:
        body = json.loads(payload.decode("utf-8"), parse_constant=_no_constant)
        if _HALF.search(payload):
            json.dumps(body, ensure_ascii=False).encode()
    except UnicodeError:
        raise _Refused("bad_json", "not UTF-8") from None
    except RecursionError:
        raise _Refused("bad_json", "nested too deeply") from None
    except ValueError as error:
        raise _Refused("bad_json", f"not JSON: {error}"[:160]) from None
    if not isinstance(body, dict):
        raise _Refused("bad_json", f"a JSON object is expected, not {type(body).__name__}")
    return body


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number of JSON")


def _verdict(error: ValidationError) -> tuple[str, str]:
    first = min(error.errors(), key=lambda e: (e["type"] not in _MISSING, e["type"] in _BAD_VALUE))
    field = str(first["loc"][0]) if first["loc"] else "payload"
    if first["type"] in _MISSING:
        return "missing_field", f"{field} is missing"
    code = "bad_value" if first["type"] in _BAD_VALUE else "wrong_type"
    return code, f"{field}: {first['msg']}"[:200]


def _who(address: Address) -> tuple[KaiserId, NodeId]:
    return KaiserId.parse(address.kaiser), NodeId.parse(address.node)


def _same(address: Address, esp_id: str, gpio: int) -> tuple[KaiserId, NodeId]:
    """Sensor and actuator data name node and pin twice; both must agree, or somebody mixed things up."""
    kaiser, node = _who(address)
    if esp_id != node:
        raise _Refused("bad_value", f"esp_id {esp_id!r} does not match the topic's {node}")
    if address.pin is not None and gpio != address.pin:
        raise _Refused("bad_value", f"gpio {gpio} does not match the topic's {address.pin}")
    return kaiser, node


def _pin(gpio: int) -> int:
    try:
        return parse_gpio(gpio)
    except InvalidIdError as error:
        raise _Refused("bad_value", str(error)) from None


def _sensor(address: Address, body: dict[str, Any], at: Instant, retained: bool) -> ev.WireEvent:
    data = m.SensorData.model_validate(body)
    kaiser, node = _same(address, data.esp_id, data.gpio)
    bus = address_text(data.i2c_address) or address_text(data.onewire_address)
    if not is_address(bus):
        raise _Refused("bad_value", f"bus address {bus[:40]!r} is neither I²C nor OneWire")
    return ev.SensorReport(
        at, kaiser, node, _pin(data.gpio), data.sensor_type.strip().lower(), data.raw, data.ts, data.raw_mode,
        data.quality.lower(), data.value, data.unit, data.time_valid, bus, data.seq, data.zone_id,
    )  # fmt: skip


def _heartbeat(address: Address, body: dict[str, Any], at: Instant, retained: bool) -> ev.WireEvent:
    data = m.HeartbeatData.model_validate(body)
    modern = bool(data.boot_sequence_id) or data.time_valid is not None or data.active_handover_epoch > 0
    return ev.Heartbeat(
        at, *_who(address), data.ts, data.uptime, data.heap_free, data.wifi_rssi, data.sensor_count,
        data.actuator_count, data.zone_assigned, data.boot_sequence_id, data.active_handover_epoch, modern,
    )  # fmt: skip


def _announce(address: Address, body: dict[str, Any], at: Instant, retained: bool) -> ev.WireEvent:
    data = m.AnnounceData.model_validate(body)
    if data.handover_epoch is None and data.boot_ts is None:
        raise _Refused("missing_field", "handover_epoch is missing")
    return ev.Announce(at, *_who(address), data.handover_epoch or 0)


def _will(address: Address, body: dict[str, Any], at: Instant, retained: bool) -> ev.WireEvent:
    m.WillData.model_validate(body)
    return ev.Will(at, *_who(address), retained)


_STATES = {"on", "off", "pwm", "error", "unknown"}


def _status(address: Address, body: dict[str, Any], at: Instant, retained: bool) -> ev.WireEvent:
    data = m.StatusData.model_validate(body)
    kaiser, node = _same(address, data.esp_id, data.gpio)
    state = data.state if isinstance(data.state, str) else "on" if data.state else "off"
    if state not in _STATES:
        raise _Refused("bad_value", f"state {state!r} is none of {', '.join(sorted(_STATES))}")
    return ev.ActuatorReport(
        at, kaiser, node, _pin(data.gpio), data.actuator_type, state, _duty(state, data.value), data.value,
        data.emergency, data.runtime_ms, data.command_source,
    )  # fmt: skip


def _duty(state: str, value: float) -> float | None:
    """0..1. The node's `pwm` is a duty of 255, others send 0..1 in `value`; off is 0 whatever it says."""
    if state in ("error", "unknown"):
        return None
    if state == "off":
        return 0.0
    share = value / 255 if value > 1 else value
    return min(share, 1.0)


def _response(address: Address, body: dict[str, Any], at: Instant, retained: bool) -> ev.WireEvent:
    data = m.ResponseData.model_validate(body)
    kaiser, node = _same(address, data.esp_id, data.gpio)
    return ev.CommandAck(
        at,
        kaiser,
        node,
        _pin(data.gpio),
        data.command.upper(),
        data.success,
        data.message,
        data.correlation_id,
    )


def _alert(address: Address, body: dict[str, Any], at: Instant, retained: bool) -> ev.WireEvent:
    data = m.AlertData.model_validate(body)
    kaiser, node = _same(address, data.esp_id, data.gpio)
    return ev.Alert(at, kaiser, node, data.gpio, data.alert_type, data.message)


def _stop_ack(address: Address, body: dict[str, Any], at: Instant, retained: bool) -> ev.WireEvent:
    return ev.StopAck(at, *_who(address))


def _clear_ack(address: Address, body: dict[str, Any], at: Instant, retained: bool) -> ev.WireEvent:
    return ev.ClearAck(at, *_who(address), ok=True)


def _clear_refused(address: Address, body: dict[str, Any], at: Instant, retained: bool) -> ev.WireEvent:
    data = m.EmergencyErrorData.model_validate(body)
    return ev.ClearAck(at, *_who(address), ok=False, message=f"{data.error} {data.message}".strip())


_STOPPED = {"EMERGENCY_STOP_TRIGGERED", "BROADCAST_EMERGENCY_STOP_TRIGGERED"}


def _outcome(address: Address, body: dict[str, Any], at: Instant, retained: bool) -> ev.WireEvent:
    """The durable words about stop and clear; the rest of the outcomes is noted."""
    data = m.OutcomeData.model_validate(body)
    if data.code in _STOPPED:
        return ev.StopAck(at, *_who(address))
    if data.code == "EMERGENCY_CLEAR_APPLIED":
        return ev.ClearAck(at, *_who(address), ok=True)
    return ev.Noted(at, *_who(address), "intent_outcome", body)


def _noted(shape: type[m.Message]) -> _Reader:
    def read(address: Address, body: dict[str, Any], at: Instant, retained: bool) -> ev.WireEvent:
        shape.model_validate(body)
        return ev.Noted(at, *_who(address), address.row.kind, body)

    return read


def _discovery(address: Address, body: dict[str, Any], at: Instant, retained: bool) -> ev.WireEvent:
    if "esp_id" not in body:
        raise _Refused("missing_field", "esp_id is missing")
    node = NodeId.parse(body["esp_id"])
    return ev.Noted(at, KaiserId.parse(address.kaiser), node, "discovery", body)


_Reader = Callable[[Address, dict[str, Any], Instant, bool], ev.WireEvent]
_READERS: Final[dict[str, _Reader]] = {
    "sensor_data": _sensor,
    "heartbeat": _heartbeat,
    "announce": _announce,
    "will": _will,
    "actuator_status": _status,
    "actuator_response": _response,
    "actuator_alert": _alert,
    "emergency_ack": _stop_ack,
    "emergency_response": _clear_ack,
    "recovery_confirm": _clear_ack,
    "emergency_error": _clear_refused,
    "intent_outcome": _outcome,
    "discovery": _discovery,
    "sensor_response": _noted(m.SensorResponseData),
    "sensor_batch": _noted(m.BatchData),
    "heartbeat_metrics": _noted(m.MetricsData),
} | dict.fromkeys(
    (
        "system_response",
        "onewire_scan_result",
        "system_error",
        "diagnostics",
        "queue_pressure",
        "intent_lifecycle",
        "config_response",
        "zone_ack",
        "subzone_ack",
    ),
    _noted(m.AnyData),
)
