"""Everything private of aiomqtt that we touch, in one place; its contract is `tests/io/test_manual_ack.py`.

aiomqtt acknowledges when a message arrives. We must not: the broker may forget a message only when it is on
disk, and acknowledging by hand is private in aiomqtt 2 (its issue 345). It also asks the kernel four times for each
message and keeps a queue that we do not need: together more than decoding and rules cost.

Subscribe with QoS 1 at most: paho answers a QoS 2 message by itself, and then the broker does not send it again.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import aiomqtt
from paho.mqtt.client import MQTTMessage
from paho.mqtt.enums import MessageType, MQTTErrorCode, MQTTProtocolVersion

from godkaiser.io.ahead import AheadSocket, Delivered, Take, acknowledge_at_once

HUNG_UP: Final = "it hangs up without a word"


_PUBACK: Final = bytes((MessageType.PUBACK, 2))  # of both versions, when there is no reason to name


@dataclass(eq=False, slots=True)
class Token:
    """One message waiting for its acknowledgement: itself and no other."""

    connection: object
    mid: int


class ManualAck:
    """The acknowledgements of one connection: make it before connecting, a new one with every client."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._paho = client._client
        self._paho.manual_ack_set(True)
        self._connection = object()
        self._waiting: deque[Token] = deque()
        self._durable: set[Token] = set()

    def expect(self, message: Delivered) -> Token | None:
        """The token of a message that has just come; None for QoS 0, which nobody acknowledges."""
        if message.qos == 0:
            return None
        token = Token(self._connection, message.mid)
        self._waiting.append(token)
        return token

    def acknowledge(self, tokens: Sequence[object]) -> None:
        """Acknowledge in the order the messages came, whatever order they became durable in.

        MQTT demands that order, and rumqttd hangs up otherwise. Tokens of an earlier connection are void: the
        broker delivers those messages again.
        """
        self._durable.update(
            token for token in tokens if isinstance(token, Token) and token.connection is self._connection
        )
        packets = []
        while self._waiting and self._waiting[0] in self._durable:
            token = self._waiting.popleft()
            self._durable.discard(token)
            packets.append(_PUBACK + token.mid.to_bytes(2, "big"))
        if packets:  # together: one by one each costs a packet of its own and a call to the kernel
            self._paho._packet_queue(MessageType.PUBACK, b"".join(packets), token.mid, 1)


def socket_of(client: aiomqtt.Client) -> socket.socket | None:
    """The socket below, with or without TLS; None when there is no connection."""
    connection: Any = client._client.socket()
    return connection if isinstance(connection, socket.socket) else None


def acknowledge_now(client: aiomqtt.Client) -> None:
    """As `acknowledge_at_once`, of a client's socket."""
    connection = socket_of(client)
    if connection is not None:
        acknowledge_at_once(connection)


def listen(client: aiomqtt.Client, take: Take, *, quiet: bool) -> None:
    """Hand every message on as it comes, without a queue, and read ahead; call it before connecting.

    Over a plain socket complete PUBLISH packets never reach paho, which needs longer to read one than we to judge it.
    `quiet`: paho need not make up two lines of a log for every message, which nobody reads.
    """
    paho = client._client
    if quiet:
        paho.disable_logger()
    paho.on_message = lambda _client, _data, message: take(_delivered(message))
    connect, read, modern = paho._create_socket, paho.loop_read, paho._protocol == MQTTProtocolVersion.MQTTv5

    def create() -> Any:
        made = connect()
        return AheadSocket(made) if type(made) is socket.socket else made

    def loop_read(max_packets: int = 1) -> MQTTErrorCode:
        connection = paho._sock
        between_packets = isinstance(connection, AheadSocket) and paho._in_packet["command"] == 0
        if between_packets and cast("AheadSocket", connection).deliver(take, modern=modern):
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        return read(max_packets)

    paho._create_socket = create  # type: ignore[method-assign]
    paho.loop_read = loop_read  # type: ignore[method-assign]


def _delivered(message: MQTTMessage) -> Delivered:
    """What paho has read: over TLS, and what came in pieces. Of a topic that is no text what can be shown."""
    topic = bytes(message._topic).decode("utf-8", "replace")
    return Delivered(topic, bytes(message.payload), message.retain, message.qos, message.mid)


def mend(client: aiomqtt.Client) -> None:
    """Two faults of aiomqtt that show when the broker closes early; call it before connecting."""
    _fail_on_hang_up(client)
    _watch_open_sockets(client)


def _watch_open_sockets(client: aiomqtt.Client) -> None:
    """A socket may be closed, and its number be another's, when the loop comes round to watching it."""
    loop, paho = asyncio.get_running_loop(), client._client

    def watch(connection: Any) -> None:
        if connection.fileno() >= 0:
            loop.add_writer(connection.fileno(), paho.loop_write)

    paho.on_socket_register_write = lambda _client, _data, connection: _soon(loop, watch, connection)


def _soon(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *arguments: object) -> None:
    loop.call_soon_threadsafe(call, *arguments)  # paho connects in a thread of its own


def _fail_on_hang_up(client: aiomqtt.Client) -> None:
    """Let connecting fail when the broker closes before its answer; aiomqtt alone waits for its time-out."""
    loop, told = asyncio.get_running_loop(), client._client.on_disconnect

    def fail() -> None:
        if not client._connected.done():
            client._connected.set_exception(aiomqtt.MqttError(HUNG_UP))
            client._connected.exception()  # marks it as seen: perhaps nobody waits any more

    def on_disconnect(*facts: Any) -> None:
        if told is not None:
            told(*facts)
        _soon(loop, fail)

    client._client.on_disconnect = on_disconnect


def hang_up(client: aiomqtt.Client) -> None:
    """Close what an attempt left open: aiomqtt abandons the socket of one that timed out or was cancelled.

    A connect may still run in its thread; the socket it brings is closed as well.
    """
    paho = client._client
    paho.on_socket_open = lambda _client, _data, connection: connection.close()
    paho.on_socket_register_write = None
    paho._sock_close()
