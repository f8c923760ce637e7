"""A greenhouse on the wire: each node a client of its own, driven from outside tick by tick."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from godkaiser.io.ending import ended

from .greenhouse import Greenhouse
from .link import Connect, Wire, matches
from .node import VirtualNode
from .spec import Publish

BACK_OFF_FIRST, BACK_OFF_LAST = 1.0, 12.0

Pause = Callable[[str, float], Awaitable[None]]
"""How the node of that id waits so many seconds before it tries to connect again."""


@dataclass
class _Member:
    node: VirtualNode
    outbox: asyncio.Queue[Publish] = field(default_factory=asyncio.Queue)
    wire: Wire | None = None
    up: bool = False


@dataclass(frozen=True, slots=True)
class _Arrival:
    member: _Member
    topic: str
    payload: bytes


class Farm:
    """Runs the nodes of a greenhouse over wires made by ``connect``.

    ``clock`` gives the present instant (microseconds) for what the network brings unasked. With
    :attr:`hold` set, arrivals wait for :meth:`release` and are then taken in an order that no network can
    change. ``pause`` is for a driver whose time is not that of the wall.
    """

    def __init__(
        self,
        greenhouse: Greenhouse,
        connect: Connect,
        clock: Callable[[], int],
        pause: Pause = lambda node, seconds: asyncio.sleep(seconds),
    ) -> None:
        self.greenhouse = greenhouse
        self.now = clock
        self.hold = False
        self.published = 0
        self.dropped = 0
        self.received = {node.id: 0 for node in greenhouse.nodes}
        self._connect, self._pause = connect, pause
        self._members = [_Member(node) for node in greenhouse.nodes]
        self._held: list[_Arrival] = []
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def next_wakeup(self) -> int:
        """The earliest instant at which a node has something to do."""
        return min(node.next_wakeup for node in self.greenhouse.nodes)

    @property
    def holding(self) -> bool:
        """Whether anything is held back."""
        return bool(self._held)

    @property
    def connected(self) -> bool:
        """Whether every node has its connection."""
        return all(member.up for member in self._members)

    def listeners(self, topic: str) -> int:
        """How many connected nodes hear what is said on a topic."""
        there = (member.node for member in self._members if member.up)
        return sum(any(matches(pattern, topic) for pattern, _ in node.subscriptions) for node in there)

    # -- driven from outside -----------------------------------------------------------------------

    async def start(self) -> None:
        """Connect and subscribe every node, then let them announce themselves; raises ConnectionError."""
        opened = await asyncio.gather(*map(self._open, self._members), return_exceptions=True)
        if any(opened):
            await self.stop()
            _raise_first(opened)
        self._tasks = [asyncio.create_task(self._live(member)) for member in self._members]
        for member in self._members:
            self._welcome(member)
        await self._settle()

    async def tick(self, now: int) -> None:
        """Advance the physics to ``now`` and let every due node act; returns when the broker has it all."""
        self.greenhouse.plant.advance(now)
        for member in self._members:
            if member.node.next_wakeup <= now:
                self._send(member, member.node.tick(now))
        await self._settle()

    async def release(self, now: int) -> None:
        """Let the nodes take what was held back: by node id, then topic, then arrival."""
        self.greenhouse.plant.advance(now)
        self._hand_over(now)
        await self._settle()

    def _hand_over(self, now: int) -> None:
        held = [arrival for arrival in self._held if arrival.member.up]
        self._held = [arrival for arrival in self._held if not arrival.member.up]
        held.sort(key=lambda arrival: (arrival.member.node.id, arrival.topic))
        for arrival in held:
            self._send(arrival.member, arrival.member.node.receive(arrival.topic, arrival.payload, now))

    async def stop(self) -> None:
        """Leave the broker in order. The outputs of the nodes stay as they are."""
        left = await ended(self._tasks)
        self._tasks.clear()
        await asyncio.gather(*(self._close(member) for member in self._members))
        _raise_first(left)

    async def _settle(self) -> None:
        """Wait until every outbox is empty, or a task of ours has died of something unforeseen."""
        sent = asyncio.create_task(self._all_sent())
        try:
            await asyncio.wait([sent, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
        finally:
            sent.cancel()
        _raise_first(task.exception() for task in self._tasks if task.done() and not task.cancelled())

    async def _all_sent(self) -> None:
        for member in self._members:
            await member.outbox.join()

    # -- one node's connection ---------------------------------------------------------------------

    async def _live(self, member: _Member) -> None:
        while True:
            if member.wire is not None:
                await self._carry(member, member.wire)
            await self._close(member)
            self._forget(member)
            self.greenhouse.plant.advance(self.now())
            member.node.disconnected(self.now())
            await self._reopen(member)
            self._welcome(member)

    async def _carry(self, member: _Member, wire: Wire) -> None:
        """Publish what the node says until the connection is lost."""
        pump = asyncio.create_task(self._pump(member, wire))
        lost = asyncio.create_task(wire.lost())
        try:
            await asyncio.wait([pump, lost], return_when=asyncio.FIRST_COMPLETED)
        finally:
            left = await ended([pump, lost])
        _raise_first(left)

    async def _pump(self, member: _Member, wire: Wire) -> None:
        while True:
            batch = [await member.outbox.get()]
            while not member.outbox.empty():
                batch.append(member.outbox.get_nowait())
            try:
                await asyncio.gather(*(self._publish(wire, message) for message in batch))
            except asyncio.CancelledError:
                _tick_off(member.outbox, len(batch))
                raise
            # Not in a finally: after a fault of ours nothing counts as sent, and whoever waits learns of it.
            _tick_off(member.outbox, len(batch))

    async def _publish(self, wire: Wire, message: Publish) -> None:
        # What was on its way when the link broke is lost, as it is on a device.
        try:
            await wire.publish(message)
            self.published += 1
        except ConnectionError:
            self.dropped += 1

    def _forget(self, member: _Member) -> None:
        """Nothing under way survives a lost connection: the session is clean."""
        self._held = [arrival for arrival in self._held if arrival.member is not member]
        while not member.outbox.empty():
            member.outbox.get_nowait()
            member.outbox.task_done()
            self.dropped += 1

    async def _open(self, member: _Member) -> None:
        node = member.node
        member.wire = self._connect(node.id, lambda *message: self._arrived(member, *message))
        await member.wire.open(node.will, node.subscriptions)

    async def _reopen(self, member: _Member) -> None:
        pause = BACK_OFF_FIRST
        while True:
            await self._pause(member.node.id, pause)
            pause = min(BACK_OFF_LAST, pause * 2)
            if not member.node.reachable:
                continue
            with contextlib.suppress(ConnectionError):
                await self._open(member)
                return
            await self._close(member)

    async def _close(self, member: _Member) -> None:
        wire, member.wire, member.up = member.wire, None, False
        if wire is not None:
            await wire.close()

    def _welcome(self, member: _Member) -> None:
        """The node learns that it is connected, then of what came while it was subscribing."""
        now = self.now()
        self.greenhouse.plant.advance(now)
        member.up = True
        self._send(member, member.node.connected(now))
        if not self.hold:
            self._hand_over(now)

    def _arrived(self, member: _Member, topic: str, payload: bytes, retained: bool) -> None:
        self.received[member.node.id] += not retained
        self._held.append(_Arrival(member, topic, payload))
        if not self.hold and member.up:
            now = self.now()
            self.greenhouse.plant.advance(now)
            self._hand_over(now)

    def _send(self, member: _Member, messages: Iterable[Publish]) -> None:
        for message in messages:
            member.outbox.put_nowait(message)
        if member.up and not member.node.linked and member.wire is not None:
            member.wire.sever()


def _tick_off(outbox: asyncio.Queue[Publish], count: int) -> None:
    for _ in range(count):
        outbox.task_done()


def _raise_first(ended: Iterable[object]) -> None:
    """Raise what a task of ours died of; being cancelled is no cause."""
    for error in ended:
        if isinstance(error, BaseException) and not isinstance(error, asyncio.CancelledError):
            raise error
