"""Shapes of what nodes say about themselves, their configuration and their place (protocol 9 to 14).

What the contract requires is strict; telemetry beside it is taken when it has the right type and left when not.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field

from godkaiser.io.wire.message import Count, Flag, Message, Optional, Seconds, Tally, Text, Thing, Whole

OUTCOMES: Final = ("accepted", "processing", "applied", "persisted", "rejected", "failed", "expired")
CONFIG_STATUS: Final = ("success", "partial_success", "error", "failed")
ZONE_STATUS: Final = ("zone_assigned", "zone_removed", "error")
SUBZONE_STATUS: Final = ("subzone_assigned", "subzone_removed", "error")
PRESSURE: Final = ("entered_pressure", "recovered")
SEVERITIES: Final = range(4)


def one_of(*words: str) -> AfterValidator:
    """One of these words, and nothing else."""

    def check(text: str) -> str:
        if text not in words:
            raise ValueError(f"{text[:40]!r} is none of {', '.join(words)}")
        return text

    return AfterValidator(check)


def _severity(value: Any) -> Any:
    if type(value) is not int or value not in SEVERITIES:
        raise ValueError(f"{str(value)[:40]!r} is no severity 0..3")
    return value


def _objects(value: Any) -> Any:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


Objects = Annotated[list[dict[str, Any]], BeforeValidator(_objects)]


class MetricsData(Message):
    """`system/heartbeat_metrics`."""

    esp_id: Text
    ts: Count
    handover_contract_reject_count: Tally = None
    handover_contract_last_reject: Optional = ""


class OutcomeData(Message):
    """`system/intent_outcome`. Unknown codes are fine, unknown outcomes are not."""

    flow: Text
    intent_id: Text
    outcome: Annotated[Text, one_of(*OUTCOMES)]
    correlation_id: Optional = ""
    code: Optional = ""
    reason: Optional = ""
    recovered: Flag = False
    retryable: Flag = False
    generation: Tally = None


class LifecycleData(Message):
    """`system/intent_outcome/lifecycle`."""

    event_type: Optional = ""
    schema_name: Optional = Field(default="", validation_alias="schema")


class ConfigResponseData(Message):
    """`config_response`."""

    status: Annotated[Text, one_of(*CONFIG_STATUS)]
    scope: Text = Field(validation_alias=AliasChoices("type", "config_type"))
    count: Tally = None
    message: Optional = ""
    error_code: Optional = ""
    failed_item: Thing = Field(default_factory=dict)
    failures: Objects = Field(default_factory=list)
    correlation_id: Optional = ""


class ZoneAckData(Message):
    """`zone/ack`."""

    status: Annotated[Text, one_of(*ZONE_STATUS)]
    ts: Count
    zone_id: Optional = ""
    master_zone_id: Optional = ""
    reason_code: Optional = ""
    message: Optional = ""
    correlation_id: Optional = ""


class SubzoneAckData(Message):
    """`subzone/ack`; its time is called `timestamp`."""

    status: Annotated[Text, one_of(*SUBZONE_STATUS)]
    subzone_id: Text
    error_code: Tally = None
    reason_code: Optional = ""
    message: Optional = ""
    correlation_id: Optional = ""


class SystemResponseData(Message):
    """`system/command/response`: each command has its own fields."""

    command: Optional = ""
    status: Optional = ""
    success: bool | None = None
    error: Optional = ""
    message: Optional = ""
    reason_code: Optional = ""
    found_count: Tally = None


class ScanResultData(Message):
    """`onewire/scan_result`."""

    devices: list[dict[str, Any]]
    found_count: Whole


class FaultData(Message):
    """`system/error`."""

    error_code: Count
    severity: Annotated[int, BeforeValidator(_severity)]
    category: Optional = ""
    message: Optional = ""
    ts: Seconds = 0.0
    context: Thing = Field(default_factory=dict)


class DiagnosticsData(Message):
    """`system/diagnostics`."""

    heap_free: Whole
    wifi_rssi: Count
    ts: Seconds = 0.0
    system_state: Optional = ""


class PressureData(Message):
    """`system/queue_pressure`."""

    event: Annotated[Text, one_of(*PRESSURE)]
    fill_level: Tally = None
    shed_count: Tally = None
    drop_count: Tally = None


class DiscoveryData(Message):
    """`discovery/esp32_nodes`: it names itself, as its topic does not."""

    esp_id: Text
    hardware_type: Text
    firmware_version: Optional = ""
