"""Everything private of aiomqtt that we touch, in one place; its contract is `tests/io/test_manual_ack.py`.

aiomqtt acknowledges when a message arrives. We must not: the broker may forget a message only when it is on
disk, and acknowledging by hand is private in aiomqtt 2 (its issue 345).

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

HUNG_UP: Final = "it hangs up without a word"


@dataclass(frozen=True, slots=True)
class Token:
    """One message waiting for its acknowledgement. `connection` is only compared."""

    connection: object
    mid: int
    qos: int


class ManualAck:
    """The acknowledgements of one connection: make it before connecting, a new one with every client."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._paho = client._client
        self._paho.manual_ack_set(True)
        self._connection = object()
        self._waiting: deque[Token] = deque()
        self._durable: set[Token] = set()

    def expect(self, message: aiomqtt.Message) -> Token | None:
        """The token of a message that has just come; None for QoS 0, which nobody acknowledges."""
        if message.qos == 0:
            return None
        token = Token(self._connection, message.mid, message.qos)
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
        while self._waiting and self._waiting[0] in self._durable:
            token = self._waiting.popleft()
            self._durable.discard(token)
            self._paho.ack(token.mid, token.qos)


def socket_of(client: aiomqtt.Client) -> socket.socket | None:
    """The socket below, with or without TLS; None when there is no connection."""
    connection: Any = client._client.socket()
    return connection if isinstance(connection, socket.socket) else None


def acknowledge_now(client: aiomqtt.Client) -> None:
    """Ask the kernel to acknowledge at once; it forgets the wish, so it is repeated.

    A broker without TCP_NODELAY holds its next message until the last is acknowledged, which Linux delays by 40 ms.
    """
    connection = socket_of(client)
    if connection is not None and hasattr(socket, "TCP_QUICKACK"):
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


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
