"""One MQTT client for one connection: the way in, the session, TCP_NODELAY, and what aiomqtt gets wrong mended."""

from __future__ import annotations

import logging
import socket
from typing import Any, Final

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from godkaiser.io.address import BrokerAddress, MqttVersion
from godkaiser.io.ahead import Take
from godkaiser.io.manual_ack import listen, mend
from godkaiser.io.wire.encode import Outgoing

KEEPALIVE: Final = 20
CONNECT_WITHIN: Final = 10.0
SESSION_DAYS: Final = 7  # how long a broker keeps messages for us; MQTT 3.1.1 leaves that to the broker
NODELAY: Final = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
# What paho complains of we say ourselves, in sentences; set a lower level to see its lines as well.
_log = logging.getLogger(__name__)
_log.setLevel(logging.CRITICAL)


def new_client(
    address: BrokerAddress,
    name: str,
    take: Take,
    will: Outgoing | None = None,
    *,
    keep: bool = False,
) -> aiomqtt.Client:
    """A client, not connected yet. `keep`: the broker keeps the session while we are away."""
    client = aiomqtt.Client(
        address.host,
        address.port,
        username=address.username,
        password=address.password,
        tls_context=address.tls,
        identifier=name,
        logger=_log,
        keepalive=KEEPALIVE,
        timeout=CONNECT_WITHIN,
        will=None if will is None else aiomqtt.Will(will.topic, will.payload, will.qos, will.retain),
        socket_options=[NODELAY],
        **_session(address.version, keep),
    )
    mend(client)
    listen(client, take, quiet=not _log.isEnabledFor(logging.DEBUG))
    return client


def _session(version: MqttVersion, keep: bool) -> dict[str, Any]:
    if version == "3.1.1":
        return {"protocol": aiomqtt.ProtocolVersion.V311, "clean_session": not keep}
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = SESSION_DAYS * 86400 if keep else 0
    return {"protocol": aiomqtt.ProtocolVersion.V5, "clean_start": not keep, "properties": properties}
