"""What nodes say about themselves, and what became of a configuration (protocol 9 to 14)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, cast

from godkaiser.io.wire import message as m
from godkaiser.io.wire import message_system as s
from godkaiser.io.wire.claim import Claim, Reader, Refused
from godkaiser.model import report as rp
from godkaiser.model.ids import KaiserId, NodeId


# ── alive ──────────────────────────────────────────────────────────────────────────────────────────────
def _heartbeat(claim: Claim) -> rp.Report:
    data = m.HeartbeatData.model_validate(claim.body)
    modern = bool(data.boot_sequence_id) or data.time_valid is not None or bool(data.active_handover_epoch)
    state = data.config_status.get("state")
    return rp.Heartbeat(
        *claim.who, data.ts, data.uptime, data.heap_free, data.wifi_rssi, data.sensor_count,
        data.actuator_count, data.zone_assigned, data.boot_sequence_id, data.active_handover_epoch or 0, modern,
        data.reset_reason, state if type(state) is int else None, tuple(_degraded(data)),
        data.handover_contract_reject_count, data.zone_id, data.master_zone_id,
    )  # fmt: skip


def _degraded(data: m.HeartbeatData) -> Iterator[str]:
    if data.persistence_degraded:
        yield f"storage degraded: {data.persistence_degraded_reason or 'no reason given'}"
    flags = {
        "runtime state degraded": data.runtime_state_degraded,
        "MQTT circuit breaker open": data.mqtt_circuit_breaker_open,
        "Wi-Fi circuit breaker open": data.wifi_circuit_breaker_open,
        "network degraded": data.network_degraded,
    }
    yield from (words for words, set_ in flags.items() if set_)


def _metrics(claim: Claim) -> rp.Report:
    data = s.MetricsData.model_validate(claim.body)
    counters = {key: value for key, value in claim.body.items() if type(value) is int and key != "ts"}
    return rp.Metrics(
        *claim.who, data.handover_contract_reject_count, data.handover_contract_last_reject, counters
    )


def _announce(claim: Claim) -> rp.Report:
    data = m.AnnounceData.model_validate(claim.body)
    if data.handover_epoch is None and data.boot_ts is None:
        raise Refused("missing_field", "handover_epoch is missing")
    return rp.Announce(*claim.who, data.handover_epoch or 0)


def _will(claim: Claim) -> rp.Report:
    data = m.WillData.model_validate(claim.body)
    return rp.Will(*claim.who, claim.retained, data.timestamp)


def _discovery(claim: Claim) -> rp.Report:
    data = s.DiscoveryData.model_validate(claim.body)
    node, kaiser = NodeId.parse(data.esp_id), KaiserId.parse(claim.address.kaiser)
    return rp.Discovery(claim.at, kaiser, node, data.hardware_type, data.firmware_version)


# ── configuration and place ────────────────────────────────────────────────────────────────────────────
def _config(claim: Claim) -> rp.Report:
    data = s.ConfigResponseData.model_validate(claim.body)
    failures = [_failure(data.scope, item) for item in data.failures]
    if data.failed_item and not failures:
        failures = [_failure(data.scope, data.failed_item | {"error": data.error_code})]
    status = cast("Any", data.status)
    return rp.ConfigAnswer(
        *claim.who, status, data.scope, data.count, data.error_code, data.message, tuple(failures),
        data.correlation_id,
    )  # fmt: skip


def _failure(scope: str, item: dict[str, Any]) -> rp.ConfigFailure:
    gpio, kind = item.get("gpio"), item.get("type", scope)
    text = {key: value for key, value in item.items() if isinstance(value, str)}
    detail = text.get("detail") or text.get("reason", "")
    return rp.ConfigFailure(
        kind if isinstance(kind, str) else scope,
        gpio if type(gpio) is int else None,
        text.get("error", ""),
        detail,
    )


def _zone(claim: Claim) -> rp.Report:
    data = s.ZoneAckData.model_validate(claim.body)
    return rp.ZoneAck(
        *claim.who, cast("Any", data.status), data.zone_id, data.master_zone_id, data.reason_code,
        data.message, data.correlation_id,
    )  # fmt: skip


def _subzone(claim: Claim) -> rp.Report:
    data = s.SubzoneAckData.model_validate(claim.body)
    return rp.SubzoneAck(
        *claim.who, cast("Any", data.status), data.subzone_id, data.error_code, data.reason_code,
        data.message, data.correlation_id,
    )  # fmt: skip


# ── requests and outcomes ──────────────────────────────────────────────────────────────────────────────
def _outcome(claim: Claim) -> rp.Report:
    data = s.OutcomeData.model_validate(claim.body)
    return rp.IntentOutcome(
        *claim.who, data.flow, data.intent_id, data.correlation_id, cast("Any", data.outcome), data.code,
        data.reason, data.recovered, data.retryable, data.generation or 0,
    )  # fmt: skip


def _lifecycle(claim: Claim) -> rp.Report:
    data = s.LifecycleData.model_validate(claim.body)
    return rp.Lifecycle(*claim.who, data.schema_name, data.event_type, claim.body)


def _system(claim: Claim) -> rp.Report:
    """Two answers do not say `success`: a factory reset names no command, a scan says "ok"."""
    data = s.SystemResponseData.model_validate(claim.body)
    command, success = data.command, data.success
    if data.status == "factory_reset_initiated":
        command, success = "factory_reset", True
    elif success is None and (data.status == "ok" or data.error):
        success = not data.error
    error = "" if success else " ".join(filter(None, (data.error or data.message, data.reason_code)))
    return rp.SystemAnswer(*claim.who, command, success, error, claim.body)


def _scan(claim: Claim) -> rp.Report:
    data = s.ScanResultData.model_validate(claim.body)
    return rp.ScanResult(*claim.who, tuple(_probe(device) for device in data.devices), data.found_count)


def _probe(device: dict[str, Any]) -> rp.OneWireDevice:
    rom, kind, on = device.get("rom_code"), device.get("device_type"), device.get("pin")
    if not isinstance(rom, str):
        raise Refused("missing_field", "a device without rom_code")
    return rp.OneWireDevice(
        rom.upper(), kind if isinstance(kind, str) else "", on if type(on) is int else None
    )


# ── troubles ───────────────────────────────────────────────────────────────────────────────────────────
def _fault(claim: Claim) -> rp.Report:
    data = s.FaultData.model_validate(claim.body)
    uptime = data.context.get("uptime_ms")
    return rp.NodeFault(
        *claim.who, data.error_code, data.severity, data.category, data.message, data.ts,
        uptime if type(uptime) is int else None,
    )  # fmt: skip


def _diagnostics(claim: Claim) -> rp.Report:
    data = s.DiagnosticsData.model_validate(claim.body)
    return rp.Diagnostics(*claim.who, data.ts, data.heap_free, data.wifi_rssi, data.system_state, claim.body)


def _pressure(claim: Claim) -> rp.Report:
    data = s.PressureData.model_validate(claim.body)
    entered = data.event == "entered_pressure"
    return rp.QueuePressure(*claim.who, entered, data.fill_level, data.shed_count, data.drop_count)


READERS: Final[dict[str, Reader]] = {
    "heartbeat": _heartbeat,
    "heartbeat_metrics": _metrics,
    "announce": _announce,
    "will": _will,
    "discovery": _discovery,
    "config_response": _config,
    "zone_ack": _zone,
    "subzone_ack": _subzone,
    "intent_outcome": _outcome,
    "intent_lifecycle": _lifecycle,
    "system_response": _system,
    "onewire_scan_result": _scan,
    "system_error": _fault,
    "diagnostics": _diagnostics,
    "queue_pressure": _pressure,
}
