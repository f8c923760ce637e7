"""Shapes of the payloads nodes send, with the seeds' aliases. Strict: a text is not a number.

Field rules: protocol sections 6 to 9 and 19. Unknown keys are ignored, as firmware adds them freely.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

MAX_TEXT = 512
INT64 = 2**63 - 1
Count = Annotated[int, Field(ge=-INT64, le=INT64)]
Whole = Annotated[int, Field(ge=0, le=INT64)]


def _numeric(value: Any) -> Any:
    """A numeric text is tolerated for `raw`: some libraries print it that way."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _lenient_text(value: Any) -> Any:
    return value if isinstance(value, str) and "\0" not in value else ""


def _no_nul(text: str) -> str:
    """PostgreSQL stores no NUL, and no honest node sends one."""
    if "\0" in text:
        raise ValueError("holds a NUL character")
    return text


Text = Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(_no_nul)]
Optional = Annotated[str, BeforeValidator(_lenient_text), Field(max_length=MAX_TEXT)]
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
    ts: float = Field(validation_alias=AliasChoices("ts", "timestamp"), ge=-1e15, le=1e15)
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
    sensor_count: Whole = Field(default=0, validation_alias=AliasChoices("sensor_count", "active_sensors"))
    actuator_count: Whole = Field(
        default=0, validation_alias=AliasChoices("actuator_count", "active_actuators")
    )
    zone_assigned: bool | None = None
    boot_sequence_id: Optional = ""
    active_handover_epoch: Whole = 0
    time_valid: bool | None = None


class AnnounceData(Message):
    """`session/announce`."""

    handover_epoch: Whole | None = Field(
        default=None, validation_alias=AliasChoices("handover_epoch", "session_epoch")
    )
    boot_ts: str | None = None


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


class OutcomeData(Message):
    """`system/intent_outcome`."""

    flow: Optional = ""
    outcome: Text
    code: Optional = ""


class EmergencyErrorData(Message):
    """`actuator/emergency/error`."""

    error: Text
    message: Optional = ""


class SensorResponseData(Message):
    """`sensor/N/response`."""

    gpio: Whole
    success: bool


class MetricsData(Message):
    """`system/heartbeat_metrics`."""

    esp_id: Text
    ts: Count


class BatchData(Message):
    """`sensor/batch`: documented, never sent."""

    esp_id: Text
    ts: Count
    sensors: list[dict[str, Any]]


class AnyData(Message):
    """Known topics whose content gets its type with the rest of the wire contract."""
