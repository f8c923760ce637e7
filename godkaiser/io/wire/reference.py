"""The page `docs/reference/topics.md`, made from the tables and types themselves.

As a command: `python -m godkaiser.io.wire.reference`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pydantic import AliasChoices
from pydantic.fields import FieldInfo

from godkaiser.io.wire import message as m
from godkaiser.io.wire import message_system as s
from godkaiser.io.wire.limits import CONFIG_SEED, IDF_PAYLOAD, LIMITS, PACKET_DEV, PACKET_XIAO, TOPIC_BYTES
from godkaiser.io.wire.topic import TOPICS, Topic, Way

SHAPES: Final[dict[str, type[m.Message]]] = {
    "sensor_data": m.SensorData,
    "sensor_batch": m.BatchData,
    "sensor_response": m.SensorResponseData,
    "actuator_status": m.StatusData,
    "actuator_response": m.ResponseData,
    "actuator_alert": m.AlertData,
    "emergency_response": m.ConfirmData,
    "emergency_error": m.EmergencyErrorData,
    "emergency_ack": m.ConfirmData,
    "recovery_confirm": m.ConfirmData,
    "heartbeat": m.HeartbeatData,
    "heartbeat_metrics": s.MetricsData,
    "announce": m.AnnounceData,
    "will": m.WillData,
    "system_response": s.SystemResponseData,
    "onewire_scan_result": s.ScanResultData,
    "system_error": s.FaultData,
    "diagnostics": s.DiagnosticsData,
    "queue_pressure": s.PressureData,
    "intent_outcome": s.OutcomeData,
    "intent_lifecycle": s.LifecycleData,
    "config_response": s.ConfigResponseData,
    "zone_ack": s.ZoneAckData,
    "subzone_ack": s.SubzoneAckData,
    "discovery": s.DiscoveryData,
}
_HEAD: Final = """# Topics

Made from the code by `python -m godkaiser.io.wire.reference`; do not edit by hand.

`~` stands for `kaiser/{kaiser_id}/esp/{esp_id}/`, `#` for a pin number, `{k}` for a kaiser id. Firmware: *2026* means
that older firmware does not know the topic. `godkaiser wire decode FILE` judges recorded messages by these rules,
`godkaiser wire problems` shows what could not be read.
"""
_SIZES: Final = f"""
## Sizes

Nothing is sent that its node would drop or cut: it is an error that names what to shorten. Topics have at most
{TOPIC_BYTES} bytes. A payload has at most {IDF_PAYLOAD} bytes; firmware on the older MQTT client takes a whole
packet of {PACKET_DEV} bytes, on a XIAO ESP32-C3 of {PACKET_XIAO}. What we do not know of a node counts as the
smaller. A configuration for firmware before 2026 has {CONFIG_SEED.pool} bytes of parser memory. Parser memory is 16
bytes per object member and array element plus every different text once, with one byte more.
"""


def page() -> str:
    """The whole page."""
    return (
        "\n".join([_HEAD, *_index(Way.FROM_NODE), *_index(Way.TO_NODE), _SIZES, *_sizes(), *_fields()]) + "\n"
    )


def _index(way: Way) -> Iterator[str]:
    yield f"## {way.value}\n"
    yield "| topic | what it is for | kind | QoS | retained | firmware |"
    yield "|---|---|---|---|---|---|"
    for row in TOPICS:
        if row.way is way:
            yield _row(row)
    yield ""


def _row(row: Topic) -> str:
    retained, firmware = "yes" if row.retain else "no", "2026" if row.modern else "all"
    return f"| `{row.pattern}` | {row.what} | `{row.kind}` | {row.qos} | {retained} | {firmware} |"


def _sizes() -> Iterator[str]:
    yield "| kind | payload bytes | parser memory bytes |"
    yield "|---|---|---|"
    for kind, limit in LIMITS.items():
        yield f"| `{kind}` | {limit.payload or '–'} | {limit.pool or '–'} |"


def _fields() -> Iterator[str]:
    yield "\n## What is read from messages of nodes\n"
    yield "Other keys are ignored. A required field that is missing or has the wrong type makes the message"
    yield "unreadable: it is counted and shown with its reason, nothing is stored, nothing is sent."
    for kind, shape in SHAPES.items():
        yield f"\n### `{kind}`\n"
        yield "| field | also | required |"
        yield "|---|---|---|"
        yield from (_field(name, field) for name, field in shape.model_fields.items())


def _field(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    names = [str(choice) for choice in alias.choices] if isinstance(alias, AliasChoices) else [alias or name]
    also = ", ".join(f"`{other}`" for other in names[1:])
    return f"| `{names[0]}` | {also} | {'yes' if field.is_required() else 'no'} |"


if __name__ == "__main__":
    print(page(), end="")
