"""What nodes say about their sensors and actuators (protocol 6 to 8)."""

from __future__ import annotations

from typing import Final

from godkaiser.io.wire import message as m
from godkaiser.io.wire.claim import Claim, Reader, Refused, pin
from godkaiser.model import report as rp
from godkaiser.model.ids import is_address
from godkaiser.model.site import address_text

QUALITIES: Final = frozenset({"good", "fair", "poor", "suspect", "error", "unknown"})
_STATES: Final = {"on", "off", "pwm", "error", "unknown"}


# ── sensors ────────────────────────────────────────────────────────────────────────────────────────────
def _sensor(claim: Claim) -> rp.Report:
    data = m.SensorData.model_validate(claim.body)
    who = claim.same(data.esp_id, data.gpio)
    bus = address_text(data.i2c_address) or address_text(data.onewire_address)
    if not is_address(bus):
        raise Refused("bad_value", f"bus address {bus[:40]!r} is neither I²C nor OneWire")
    return rp.SensorReport(
        *who, pin(data.gpio), data.sensor_type.strip().lower(), data.raw, data.ts, data.raw_mode,
        _quality(data.quality), data.value, data.unit, data.time_valid, bus, data.seq, data.zone_id,
    )  # fmt: skip


def _quality(word: str) -> str:
    """A word we do not know says nothing; the reading stays."""
    return word.lower() if word.lower() in QUALITIES else "unknown"


def _batch(claim: Claim) -> rp.Report:
    data = m.BatchData.model_validate(claim.body)
    return rp.SensorBatch(*claim.who, data.ts, tuple(data.sensors))


def _measured(claim: Claim) -> rp.Report:
    data = m.SensorResponseData.model_validate(claim.body)
    return rp.MeasureAnswer(
        *claim.who, pin(data.gpio), data.request_id, data.success, data.timeout, data.reason_code,
        data.quality, data.sensor_type, data.raw,
    )  # fmt: skip


# ── actuators ──────────────────────────────────────────────────────────────────────────────────────────
def _status(claim: Claim) -> rp.Report:
    data = m.StatusData.model_validate(claim.body)
    who = claim.same(data.esp_id, data.gpio)
    state = data.state if isinstance(data.state, str) else "on" if data.state else "off"
    if state not in _STATES:
        raise Refused("bad_value", f"state {state[:40]!r} is none of {', '.join(sorted(_STATES))}")
    return rp.ActuatorReport(
        *who, pin(data.gpio), data.actuator_type, state, _duty(state, data.value), data.value,
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


def _response(claim: Claim) -> rp.Report:
    data = m.ResponseData.model_validate(claim.body)
    who = claim.same(data.esp_id, data.gpio)
    return rp.CommandAck(
        *who, pin(data.gpio), data.command.upper(), data.success, data.message, data.correlation_id
    )


def _alert(claim: Claim) -> rp.Report:
    data = m.AlertData.model_validate(claim.body)
    return rp.Alert(*claim.same(data.esp_id, data.gpio), data.gpio, data.alert_type, data.message)


# ── emergency ──────────────────────────────────────────────────────────────────────────────────────────
def _stopped(claim: Claim) -> rp.Report:
    data = m.ConfirmData.model_validate(claim.body)
    return rp.StopAck(*claim.who, data.correlation_id)


def _cleared(claim: Claim) -> rp.Report:
    data = m.ConfirmData.model_validate(claim.body)
    return rp.ClearAck(*claim.who, ok=True, correlation=data.correlation_id)


def _not_cleared(claim: Claim) -> rp.Report:
    data = m.EmergencyErrorData.model_validate(claim.body)
    return rp.ClearAck(*claim.who, ok=False, message=f"{data.error} {data.message}".strip())


READERS: Final[dict[str, Reader]] = {
    "sensor_data": _sensor,
    "sensor_batch": _batch,
    "sensor_response": _measured,
    "actuator_status": _status,
    "actuator_response": _response,
    "actuator_alert": _alert,
    "emergency_ack": _stopped,
    "emergency_response": _cleared,
    "recovery_confirm": _cleared,
    "emergency_error": _not_cleared,
}
