"""Would a device take this message?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from .actuator import read_actuator
from .config import read_config
from .emergency import read_broadcast, read_emergency
from .flaw import Flaw
from .liveness import read_ack, read_server_status
from .place import read_subzone_assign, read_subzone_remove, read_subzone_safe, read_zone
from .profile import Firmware
from .reading import Inbound, Reading, longer
from .sensor import read_sensor
from .system import read_system
from .topics import LONGEST, locate

_READERS: Final[dict[str, Callable[[Inbound], Reading]]] = {
    "sensor_command": read_sensor,
    "actuator_command": read_actuator,
    "emergency": read_emergency,
    "broadcast_emergency": read_broadcast,
    "heartbeat_ack": read_ack,
    "server_status": read_server_status,
    "system_command": read_system,
    "config": read_config,
    "zone_assign": read_zone,
    "subzone_assign": read_subzone_assign,
    "subzone_remove": read_subzone_remove,
    "subzone_safe": read_subzone_safe,
}
_NEWEST: Final = Firmware()
_NO_PIN_ABOVE = 255


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a device takes a message, and what it reads out of it (nothing when it does not).

    ``kind`` is empty for a topic that no device hears; ``code`` is empty for a valid message; ``why`` is a
    sentence that names the field.
    """

    kind: str
    valid: bool
    code: str = ""
    why: str = ""
    content: dict[str, object] = field(default_factory=dict)


def judge(topic: str, payload: bytes, firmware: Firmware = _NEWEST) -> Verdict:
    """Judge a message in the direction server to device. Never raises."""
    if len(topic) > LONGEST:
        problem = f"The topic has {len(topic)} characters, the device keeps {LONGEST}."
        return _refused("", Flaw("too_large", "topic", problem))
    address = locate(topic, firmware)
    if address is None:
        return _refused("", Flaw("unknown_topic", "topic", "No device subscribes to this topic."))
    reading = transport_flaw(topic, payload, firmware) or _READERS[address.kind](
        Inbound(address, payload, firmware)
    )
    flaw = reading if isinstance(reading, Flaw) else _pin_flaw(address.gpio) or address.id_flaw
    if isinstance(reading, Flaw) or flaw:
        return _refused(address.kind, flaw)
    return Verdict(address.kind, valid=True, content=reading)


def transport_flaw(topic: str, payload: bytes, firmware: Firmware) -> Flaw | None:
    """Whether the MQTT client of the device drops a message for its size."""
    if firmware.payload_limit is not None:
        return longer(payload, firmware.payload_limit)
    size, most = packet_size(topic, payload), firmware.packet_limit
    if most is None or size <= most:
        return None
    return Flaw("too_large", "", f"The MQTT packet has {size} bytes, the device takes {most}.")


def packet_size(topic: str, payload: bytes) -> int:
    """Bytes of the whole PUBLISH packet; all our messages carry a packet id, being of QoS 1 or 2."""
    rest = 2 + len(topic.encode("utf-8", "surrogatepass")) + 2 + len(payload)
    return 1 + max(1, -(-rest.bit_length() // 7)) + rest


def _pin_flaw(gpio: int) -> Flaw | None:
    if gpio <= _NO_PIN_ABOVE:
        return None
    return Flaw("bad_value", "gpio", f"The gpio {gpio} of the topic is above {_NO_PIN_ABOVE}.")


def _refused(kind: str, flaw: Flaw | None) -> Verdict:
    return Verdict(kind, valid=False, code=flaw.code, why=flaw.why) if flaw else Verdict(kind, valid=True)
