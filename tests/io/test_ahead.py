"""Messages are found in what the kernel hands over, however it is cut; the rest reaches the library untouched."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.io.ahead import AheadSocket, Delivered

PONG = b"\xd0\x00"


def length(number: int) -> bytes:
    """Seven bits a byte."""
    found = b""
    while True:
        number, low = divmod(number, 128)
        found += bytes([low | (128 if number else 0)])
        if not number:
            return found


def packet(message: Delivered, *, modern: bool, properties: bytes = b"", dup: bool = False) -> bytes:
    topic = message.topic.encode()
    body = len(topic).to_bytes(2, "big") + topic
    body += message.mid.to_bytes(2, "big") if message.qos else b""
    body += length(len(properties)) + properties if modern else b""
    body += message.payload
    return bytes([0x30 | dup << 3 | message.qos << 1 | message.retain]) + length(len(body)) + body


@contextmanager
def pair() -> Iterator[tuple[socket.socket, AheadSocket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    ahead = AheadSocket(ours)
    try:
        yield theirs, ahead
    finally:
        theirs.close()
        ahead.close()


class Library:
    """Reads what is not handed on, as an MQTT library does: a byte, a length, the rest; it may have to wait."""

    def __init__(self, ahead: AheadSocket, *, modern: bool) -> None:
        self.ahead, self.modern = ahead, modern
        self.partly = b""
        self.seen: list[Delivered | bytes] = []

    def readable(self) -> None:
        while True:
            done = not self.partly and self.ahead.deliver(self.seen.append, modern=self.modern)
            if not done and not self._read():
                return
            if not self.ahead.pending():
                return

    def _read(self) -> bool:
        try:
            while not self._whole():
                byte = self.ahead.recv(1)
                if not byte:
                    self.seen.append(b"the end")
                    return False
                self.partly += byte
        except BlockingIOError:
            return False
        self.seen.append(self.partly)
        self.partly = b""
        return True

    def _whole(self) -> bool:
        number = shift = 0
        for place, byte in enumerate(self.partly[1:], 2):
            number |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return len(self.partly) == place + number
        return False


TOPICS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)
MESSAGES = st.builds(
    lambda topic, payload, retain, qos, mid: Delivered(topic, payload, retain, qos, mid if qos else 0),
    TOPICS, st.binary(max_size=300), st.booleans(), st.integers(0, 1), st.integers(1, 65535),
)  # fmt: skip


@given(
    messages=st.lists(st.one_of(MESSAGES, st.just(PONG)), max_size=12),
    cuts=st.lists(st.integers(1, 400), min_size=1, max_size=12),
    modern=st.booleans(),
    properties=st.binary(max_size=200),
)
def test_however_it_is_cut_everything_arrives_once_and_in_order(
    messages: list[Delivered | bytes], cuts: list[int], modern: bool, properties: bytes
) -> None:
    whole = {packet(m, modern=modern, properties=properties): m for m in messages if isinstance(m, Delivered)}
    stream = b"".join(
        m if isinstance(m, bytes) else packet(m, modern=modern, properties=properties) for m in messages
    )
    with pair() as (theirs, ahead):
        library, at, turn = Library(ahead, modern=modern), 0, 0
        while at < len(stream):
            theirs.sendall(stream[at : at + cuts[turn % len(cuts)]])
            at, turn = at + cuts[turn % len(cuts)], turn + 1
            library.readable()
        theirs.close()
        library.readable()
    assert library.seen.pop() == b"the end"
    # What came in pieces was left to the library, which reads the same packet.
    assert [one if isinstance(one, Delivered) else whole.get(one, one) for one in library.seen] == messages


def test_what_comes_in_one_piece_never_reaches_the_library() -> None:
    given = [Delivered(f"k/{n}", b"x" * n, n % 2 == 0, n % 2, n if n % 2 else 0) for n in range(1, 40)]
    with pair() as (theirs, ahead):
        theirs.sendall(b"".join(packet(m, modern=False, dup=m.qos == 1) for m in given))
        seen: list[Delivered] = []
        assert ahead.deliver(seen.append, modern=False)
        assert seen == given
        assert ahead.deliver(seen.append, modern=False)  # nothing there, and it is not the end
        assert ahead.pending() == 0


@pytest.mark.parametrize(
    "data",
    [
        b"\x34\x06\x00\x01k\x00\x01x",  # QoS 2: a dialogue of four packets, the library's
        b"\x36\x06\x00\x01k\x00\x01x",  # both bits: no QoS at all
        b"\x30\xff\xff\xff\xff\x01",  # a length of five bytes
        b"\x30\x03\x00\x09k",  # a topic longer than the packet
        b"\x32\x03\x00\x01k",  # QoS 1 without its number
        b"\x30\x00",
        b"\x90\x03\x00\x01\x00",  # SUBACK
    ],
)
def test_whatever_is_no_message_is_left_where_it_is(data: bytes) -> None:
    with pair() as (theirs, ahead):
        theirs.sendall(data)
        assert not ahead.deliver(lambda _: pytest.fail("no message"), modern=False)
        assert b"".join(ahead.recv(1) for _ in data) == data


def test_the_end_and_a_broken_line_are_the_librarys() -> None:
    with pair() as (theirs, ahead):
        theirs.close()
        assert not ahead.deliver(lambda _: None, modern=False)
        assert ahead.recv(1) == b""


def test_a_listener_that_fails_has_had_the_message() -> None:
    """It is not acknowledged, so the broker sends it again; the ones behind it are still here."""
    first, second = Delivered("k/1", b"a", False, 1, 7), Delivered("k/2", b"b", False, 1, 8)

    def fail(_: Delivered) -> None:
        raise LookupError("a mistake")

    with pair() as (theirs, ahead):
        theirs.sendall(packet(first, modern=True) + packet(second, modern=True))
        with pytest.raises(LookupError):
            ahead.deliver(fail, modern=True)
        seen: list[Delivered] = []
        assert ahead.deliver(seen.append, modern=True)
        assert seen == [second]
