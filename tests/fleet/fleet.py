"""Thirteen emulated nodes and the engine, over bytes, in virtual time: a broker reduced to what matters.

Retained messages, last wills, sessions that end, and a controller that can be deaf, dead or started again. Nothing
here knows what should come out of it. Its doors are asynchronous only to be those of a fleet over a real link.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from godkaiser.engine.effect import Effect, Journal, Say, Send
from godkaiser.engine.engine import Engine
from godkaiser.engine.state import from_site
from godkaiser.io.sim.link import matches
from godkaiser.io.sim.node import VirtualNode
from godkaiser.io.sim.spec import Publish
from godkaiser.io.wire.config import plan_push
from godkaiser.io.wire.decode import decode
from godkaiser.io.wire.encode import Outgoing, encode_command, encode_notice, readdressed
from godkaiser.model import event as ev
from godkaiser.model.command import Move, ServerStatus
from godkaiser.model.ids import KaiserId, NodeId
from godkaiser.model.instant import SECOND
from godkaiser.rules.build import build_rule
from godkaiser.rules.document import read_document
from godkaiser.sensors.types import canonical
from tests.fleet.nodes import Ledger, WatchedNode, watched_nodes
from tests.fleet.site import SITE
from tests.sim.rig import START

GOD = KaiserId.parse("god")


def _engine(run: int) -> Engine:
    state = from_site(SITE)
    state.run, state.planner = run, plan_push
    documents = [read_document(rule) for rule in SITE.rules]
    rules = [build_rule(document, timezone="UTC", canonical=canonical) for document in documents]
    state.set_rules(tuple(rules))
    return Engine(state)


@dataclass
class BareFleet:
    """All of it. `up`: the broker; `alive`: the controller, `deaf` while it hangs."""

    engine: Engine = field(default_factory=lambda: _engine(1))
    ledger: Ledger = field(default_factory=Ledger)
    nodes: dict[str, WatchedNode] = field(default_factory=dict)
    now: int = START
    up: bool = True
    alive: bool = True
    deaf: bool = False
    runs: int = 1
    retained: dict[str, bytes] = field(default_factory=dict)
    online: set[str] = field(default_factory=set)
    journal: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    unheard: list[Publish] = field(default_factory=list)
    moves: list[tuple[int, Move]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Broker up, controller up, nodes out of the box."""
        self.nodes = watched_nodes(self.ledger, self.now)
        self._handle(ev.LinkUp(self.now, "fleet"))
        for name in self.nodes:
            self._connect(name)

    # ── the broker ─────────────────────────────────────────────────────────────────────────────────────
    def _publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        if not self.up:
            return
        if retain:
            self.retained[topic] = payload
        for name in sorted(self.online):
            self._deliver(self.nodes[name], topic, payload)

    def _deliver(self, node: VirtualNode, topic: str, payload: bytes) -> None:
        if any(matches(pattern, topic) for pattern, _ in node.subscriptions):
            self._hear(node, node.receive(topic, payload, self.now))

    def _hear(self, node: VirtualNode, said: Iterable[Publish]) -> None:
        for message in said:
            if self.up and node.id in self.online:
                self._to_controller(message)

    def _to_controller(self, message: Publish) -> None:
        if self.deaf:
            self.unheard.append(message)
        elif self.alive:
            self._handle(decode(message.topic, message.payload, self.now))

    def _connect(self, name: str) -> None:
        node = self.nodes[name]
        self.online.add(name)
        self._hear(node, node.connected(self.now))
        for topic, payload in sorted(self.retained.items()):
            self._deliver(node, topic, payload)

    def _disconnect(self, name: str, *, will: bool = True) -> None:
        node = self.nodes[name]
        message = node.will
        self.online.discard(name)
        node.disconnected(self.now)
        if will and self.up:
            self._to_controller(message)

    # ── the controller ─────────────────────────────────────────────────────────────────────────────────
    def _handle(self, event: ev.Event) -> None:
        for effect in self._handled(event):
            if isinstance(effect, Say):
                self._out(encode_notice(effect.notice), getattr(effect.notice, "node", None))
            elif isinstance(effect, Send):
                if isinstance(effect.command.order, Move):
                    self.moves.append((self.now, effect.command.order))
                self._out(encode_command(effect.command, GOD), None)

    def _handled(self, event: ev.Event) -> list[Effect]:
        effects = self.engine.handle(event)
        for effect in effects:
            if isinstance(effect, Journal) and effect.data is None:
                self.journal.pop((effect.kind, effect.key), None)
            elif isinstance(effect, Journal):
                self.journal[effect.kind, effect.key] = json.loads(json.dumps(effect.data))
        return effects

    def _out(self, message: Outgoing, node: NodeId | None) -> None:
        known = None if node is None else self.engine.state.nodes.get(node)
        if known is not None and known.board_id is not None:
            message = readdressed(message, known.id, known.board_id)
        self._publish(message.topic, message.payload, message.retain)

    # ── what may happen ────────────────────────────────────────────────────────────────────────────────
    async def hang(self, seconds: float) -> None:
        """The broker holds its connection; afterwards it hears what has come meanwhile."""
        self.deaf = True
        await self.live(seconds)
        self.deaf = False
        unheard, self.unheard = self.unheard, []
        # As the controller's inbox has it: of a node only the newest heartbeat counts, and comes first.
        beats = {message.topic: message for message in unheard if message.topic.endswith("/heartbeat")}
        for message in [*beats.values(), *(m for m in unheard if m.topic not in beats)]:
            self._to_controller(message)

    async def restart_controller(self, seconds: float) -> None:
        """Killed: the broker says so; then a new process over the same journal."""
        will = encode_notice(ServerStatus(GOD, False, self.now // SECOND, "unexpected_disconnect"))
        self.alive = False
        self._publish(will.topic, will.payload, retain=True)
        await self.live(seconds)
        self.runs += 1
        old = self.engine.state
        self.engine = _engine(self.runs)
        for node in old.nodes.values():  # what the database keeps
            kept = self.engine.state.nodes[node.id]
            kept.modern, kept.boot, kept.boot_id = node.modern, node.boot, node.boot_id
        self.engine.restore(self.journal, self.now)
        self.alive = True
        self._handle(ev.LinkUp(self.now, "fleet"))

    async def restart_broker(self, seconds: float) -> None:
        """Gone for a while; the controller is back at once, the nodes a little later, one after the other."""
        for name in self.nodes:
            self._disconnect(name, will=False)
        self.up = False
        self._handle(ev.LinkDown(self.now, "fleet", "gone"))
        await self.live(seconds)
        self.up = True
        self._handle(ev.LinkUp(self.now, "fleet"))
        for name in self.nodes:
            await self.live(5 / len(self.nodes))
            self._connect(name)

    async def flap(self, name: str, away: float, back: float) -> None:
        """Its connection breaks: the broker publishes its will."""
        self._disconnect(name)
        await self.live(away)
        self._connect(name)
        await self.live(back)

    async def reboot(self, name: str) -> None:
        """Power lost and back."""
        self._disconnect(name)
        self.nodes[name].reboot(self.now, "BROWNOUT")
        await self.live(4)
        self._connect(name)

    # ── time ───────────────────────────────────────────────────────────────────────────────────────────
    async def live(self, seconds: float) -> None:
        """Everything that is due, in order; the controller before the nodes."""
        until = self.now + round(seconds * SECOND)
        while (at := self._next()) <= until:
            self.now = max(self.now, at)
            self._act()
        self.now = until

    def _next(self) -> int:
        due = self._due
        nodes = min(node.next_wakeup for node in self.nodes.values())
        return nodes if due is None else min(due, nodes)

    @property
    def _due(self) -> int | None:
        return self.engine.next_wakeup if self.alive and not self.deaf else None

    def _act(self) -> None:
        due = self._due
        if due is not None and due <= self.now:
            self._handle(ev.Timer(self.now))
            return
        node = min(self.nodes.values(), key=lambda node: node.next_wakeup)
        self._hear(node, node.tick(self.now))
