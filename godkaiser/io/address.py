"""Where the broker is and how to get in: one value for everything that connects."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import Final, Literal

MqttVersion = Literal["3.1.1", "5"]
DEFAULT_WINDOW: Final = 20  # Mosquitto's default max_inflight_messages


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Host, port, credentials, and what is spoken there. `tls` None: in clear. The password never shows."""

    host: str = "127.0.0.1"
    port: int = 1883
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None
    window: int = DEFAULT_WINDOW
    version: MqttVersion = "3.1.1"

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"
