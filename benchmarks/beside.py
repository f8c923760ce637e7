"""A bare persistent subscriber, acknowledging at once: what can be had from a broker by who does nothing else."""

from __future__ import annotations

import json
import time
from typing import Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

READINGS = "kaiser/+/esp/+/sensor/+/data"
COMMANDS = "kaiser/+/esp/+/actuator/+/command"


class Beside:
    """`numbers`: of the readings it got; `commands`: when (epoch seconds) it saw one for an actuator."""

    def __init__(self, port: int) -> None:
        self.numbers: set[int] = set()
        self.commands: list[float] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, "beside", clean_session=False)
        self._client.reconnect_delay_set(1, 2)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port, keepalive=30)

    def _on_connect(self, *_: object) -> None:
        self._client.subscribe([(READINGS, 1), (COMMANDS, 1)])

    def _on_message(self, _: mqtt.Client, __: object, message: mqtt.MQTTMessage) -> None:
        if message.topic.endswith("/command"):
            self.commands.append(time.time())
        else:
            self.numbers.add(int(json.loads(message.payload)["seq"]))

    def __enter__(self) -> Self:
        self._client.loop_start()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()
