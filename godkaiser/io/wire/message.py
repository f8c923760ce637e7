"""Shapes of the payloads nodes send, with the seeds' aliases. Strict: a text is not a number.

Field rules: protocol sections 6 to 9 and 19. Unknown keys are ignored, as firmware adds them freely.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

_NUMERAL = re.compile(r"[-+]?((\d+\.?\d*|\.\d+)(e[-+]?\d{1,3})?|nan|inf|infinity)", re.ASCII | re.IGNORECASE)
MAX_TEXT = 2048  # a node's longest message has 1536 bytes
INT64 = 2**63 - 1
Count = Annotated[int, Field(ge=-INT64, le=INT64)]
Whole = Annotated[int, Field(ge=0, le=INT64)]


def _numeric(value: Any) -> Any:
    """A numeric text is tolerated for `raw`: some libraries print it that way."""
    if isinstance(value, str) and _NUMERAL.fullmatch(value):
        return float(value)
    return value


def _lenient_text(value: Any) -> Any:
    return value if isinstance(value, str) and "\0" not in value else ""


def _lenient_flag(value: Any) -> bool:
    return value is True


def _lenient_truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _lenient_object(value: Any) -> Any:
    return value if isinstance(value, dict) else {}


def _lenient_count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= INT64 else None


def _no_nul(text: str) -> str:
    """PostgreSQL stores no NUL, and no honest node sends one."""
    if "\0" in text:
        raise ValueError("holds a NUL character")
    return text


Text = Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(_no_nul)]
Optional = Annotated[str, BeforeValidator(_lenient_text), Field(max_length=MAX_TEXT)]
Flag = Annotated[bool, BeforeValidator(_lenient_flag)]
Tally = Annotated[int | None, BeforeValidator(_lenient_count)]
# A wrong optional field must not cost a heartbeat: without its answer the node's actuators go off.
Told = Annotated[bool | None, BeforeValidator(_lenient_truth)]
Thing = Annotated[dict[str, Any], BeforeValidator(_lenient_object)]
Seconds = Annotated[float, Field(ge=-1e15, le=1e15)]
Raw = Annotated[float, BeforeValidator(_numeric)]


class Message(BaseModel):
    """Base of all payloads."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="ignore", allow_inf_nan=False, populate_by_name=True
    )


class SensorData(Message):
    """`sensor/N/data`."""

    esp_id: Text
    gpio: Whole
    sensor_type: Annotated[str, Field(min_length=1, max_length=40)]
    raw: Raw = Field(validation_alias=AliasChoices("raw", "raw_value"))
    ts: Seconds = Field(validation_alias=AliasChoices("ts", "timestamp"))
    raw_mode: bool
    value: float | None = None
    unit: Optional = ""
    quality: Optional = "unknown"
    time_valid: bool | None = None
    onewire_address: Optional = ""
    i2c_address: Whole | None = None
    seq: Count | None = None
    zone_id: Optional = ""
    error_code: int | None = None


class HeartbeatData(Message):
    """`system/heartbeat`; all else in it is telemetry."""

    ts: Count
    uptime: Whole
    heap_free: Whole = Field(validation_alias=AliasChoices("heap_free", "free_heap"))
    wifi_rssi: Count
    sensor_count: Tally = Field(default=None, validation_alias=AliasChoices("sensor_count", "active_sensors"))
    actuator_count: Tally = Field(
        default=None, validation_alias=AliasChoices("actuator_count", "active_actuators")
    )
    zone_assigned: Told = None
    zone_id: Optional = ""
    master_zone_id: Optional = ""
    boot_sequence_id: Optional = ""
    active_handover_epoch: Tally = None
    time_valid: Told = None
    reset_reason: Optional = ""
    config_status: Thing = Field(default_factory=dict)
    persistence_degraded: Flag = False
    persistence_degraded_reason: Optional = ""
    runtime_state_degraded: Flag = False
    mqtt_circuit_breaker_open: Flag = False
    wifi_circuit_breaker_open: Flag = False
    network_degraded: Flag = False
    handover_contract_reject_count: Tally = None


class AnnounceData(Message):
    """`session/announce`."""

    handover_epoch: Whole | None = Field(
        default=None, validation_alias=AliasChoices("handover_epoch", "session_epoch")
    )
    boot_ts: str | int | float | None = None


class WillData(Message):
    """`system/will`; the oldest nodes do not name themselves."""

    status: Text
    timestamp: Count


class StatusData(Message):
    """`actuator/N/status`."""

    esp_id: Text
    ts: Count
    gpio: Whole
    actuator_type: Text = Field(validation_alias=AliasChoices("actuator_type", "type"))
    state: bool | Text
    value: float = Field(validation_alias=AliasChoices("value", "pwm"), ge=0, le=65535)
    emergency: Optional = ""
    runtime_ms: Whole | None = None
    command_source: Optional = ""


class ResponseData(Message):
    """`actuator/N/response`."""

    esp_id: Text
    ts: Count
    gpio: Whole
    command: Text
    success: bool
    message: Optional = ""
    correlation_id: Optional = ""


class AlertData(Message):
    """`actuator/N/alert`."""

    esp_id: Text
    ts: Count
    gpio: Whole
    alert_type: Text = Field(validation_alias=AliasChoices("alert_type", "type"))
    message: Optional = ""


class EmergencyErrorData(Message):
    """`actuator/emergency/error`."""

    error: Text
    message: Optional = ""


class ConfirmData(Message):
    """`emergency/ack`, `emergency/response` and `recovery_confirm`: which command they answer, if they say."""

    correlation_id: Optional = ""


class SensorResponseData(Message):
    """`sensor/N/response`."""

    gpio: Whole
    success: bool
    request_id: Optional = ""
    timeout: bool = False
    reason_code: Optional = ""
    quality: Optional = "unknown"
    sensor_type: Optional = ""
    raw: Raw | None = None


class BatchData(Message):
    """`sensor/batch`: documented, never sent."""

    esp_id: Text
    ts: Seconds
    sensors: list[dict[str, Any]]
