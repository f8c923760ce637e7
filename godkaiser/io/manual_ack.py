"""Everything private of aiomqtt that we touch, in one place; its contract is `tests/io/test_manual_ack.py`.

aiomqtt acknowledges when a message arrives. We must not: the broker may forget a message only when it is on
disk, and acknowledging by hand is private in aiomqtt 2 (its issue 345). It also asks the kernel four times for each
message and keeps a queue that we do not need: together more than decoding and rules cost.

Subscribe with QoS 1 at most: paho answers a QoS 2 message by itself, and then the broker does not send it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiomqtt
from paho.mqtt.client import MQTTMessage
from paho.mqtt.enums import MessageType

from godkaiser.ports import RawMessage

HUNG_UP: Final = "it hangs up without a word"
AHEAD: Final = 16 * 1024  # bytes, some 60 readings: the loop is ours for so long at a time


_PUBACK: Final = bytes((MessageType.PUBACK, 2))  # of both versions, when there is no reason to name


@dataclass(eq=False, slots=True)
class Token:
    """One message waiting for its acknowledgement: itself and no other."""

    connection: object
    mid: int


class AheadSocket(socket.socket):
    """Asks the kernel for all that has come, and hands it out in the small pieces paho asks for.

    TLS does so itself. aiomqtt goes on reading while something is `pending`.
    """

    def __init__(self, plain: socket.socket) -> None:
        timeout = plain.gettimeout()
        super().__init__(plain.family, plain.type, plain.proto, fileno=plain.detach())
        self.settimeout(timeout)
        self._data, self._at = b"", 0

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Up to `size` bytes; empty at the end of the connection."""
        if self._at >= len(self._data):
            self._data, self._at = super().recv(AHEAD, flags), 0
            acknowledge_at_once(self)
        begin = self._at
        self._at += size
        return self._data[begin : self._at]

    def pending(self) -> int:
        """How many bytes are here already."""
        return max(0, len(self._data) - self._at)


class ManualAck:
    """The acknowledgements of one connection: make it before connecting, a new one with every client."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._paho = client._client
        self._paho.manual_ack_set(True)
        self._connection = object()
        self._waiting: deque[Token] = deque()
        self._durable: set[Token] = set()

    def expect(self, message: MQTTMessage) -> Token | None:
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


def acknowledge_at_once(connection: socket.socket) -> None:
    """Ask the kernel to acknowledge what comes at once; it forgets the wish, so it is repeated.

    A broker without TCP_NODELAY holds its next message until the last is acknowledged, which Linux delays by 40 ms.
    """
    if hasattr(socket, "TCP_QUICKACK"):
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def listen(client: aiomqtt.Client, take: Callable[[MQTTMessage], None], *, quiet: bool) -> None:
    """Hand every message on as it comes, without a queue, and read ahead; call it before connecting.

    `quiet`: paho need not make up two lines of a log for every message, which nobody reads.
    """
    paho = client._client
    if quiet:
        paho.disable_logger()
    paho.on_message = lambda _client, _data, message: take(message)
    connect = paho._create_socket

    def create() -> Any:
        made = connect()
        return AheadSocket(made) if type(made) is socket.socket else made

    paho._create_socket = create  # type: ignore[method-assign]


def raw_message(message: MQTTMessage, token: object | None) -> RawMessage:
    """What a broker delivered. A topic that is no text is shown as well as it can be, and will be refused as such."""
    try:
        topic = message.topic
    except UnicodeDecodeError:
        topic = bytes(message._topic).decode("utf-8", "replace")
    return RawMessage(topic, bytes(message.payload), message.retain, token)


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
