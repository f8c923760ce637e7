"""What the older generation of the firmware does not say."""

from __future__ import annotations

from collections.abc import Mapping

OFFLINE_BUFFER = 100
"""How many messages it keeps while it has no connection."""

_NEW_KEYS = frozenset(
    {
        # heartbeat
        "time_valid",
        "boot_sequence_id",
        "reset_reason",
        "segment_start_ts",
        "wifi_ip",
        "active_handover_epoch",
        "handover_completed_epoch",
        "persistence_degraded",
        "persistence_degraded_reason",
        "runtime_state_degraded",
        "mqtt_circuit_breaker_open",
        "wifi_circuit_breaker_open",
        "network_degraded",
        "config_status",
        # everything else
        "seq",
        "correlation_id",
        "issued_by",
        "command_source",
        "reason_code",
        "onewire_address",
        "i2c_address",
        "failed_count",
        "failures",
    }
)
_NEW_TOPICS = (
    "/session/announce",
    "/onewire/scan_result",
    "/system/heartbeat_metrics",
    "/system/intent_outcome",
    "/system/intent_outcome/lifecycle",
    "/system/error",
    "/system/queue_pressure",
    "/actuator/emergency/ack",
    "/actuator/recovery_confirm",
)


def old_words(fields: Mapping[str, object]) -> dict[str, object]:
    """The fields of a message as far as the older generation has them."""
    return {key: value for key, value in fields.items() if key not in _NEW_KEYS}


def old_topic(topic: str) -> bool:
    """Whether the older generation sends on this topic."""
    return not topic.endswith(_NEW_TOPICS)
