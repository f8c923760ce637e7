"""Thirteen emulated nodes and the engine, over bytes, in virtual time: a broker reduced to what matters.

Retained messages, last wills, sessions that end, and a controller that can be deaf, dead or started again. Nothing
here knows what should come out of it.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from godkaiser.engine.effect import Effect, Journal, Say, Send, Store
from godkaiser.engine.engine import Engine
from godkaiser.engine.state import NodeState, from_site
from godkaiser.io.sim.link import matches
from godkaiser.io.sim.node import VirtualNode
from godkaiser.io.sim.spec import NodeSpec, Publish
from godkaiser.io.wire.config import plan_push
from godkaiser.io.wire.decode import decode
from godkaiser.io.wire.encode import Outgoing, encode_command, encode_notice, readdressed
from godkaiser.model import event as ev
from godkaiser.model.command import Move, ServerStatus
from godkaiser.model.ids import KaiserId, NodeId
from godkaiser.model.instant import SECOND
from godkaiser.model.site import Site
from godkaiser.rules.build import build_rule
from godkaiser.rules.document import read_document
from godkaiser.sensors.types import canonical
from tests.sim.rig import START, Dummy

GOD = KaiserId.parse("god")
STATUS = "kaiser/god/server/status"
MODERN = [f"ESP_A0000{n:X}" for n in range(10)]
SEED = [f"ESP_B0000{n:X}" for n in range(3)]
XIAO = {"ESP_A00008", "ESP_A00009"}
RELAY = {True: 10, False: 16}
FAN = {True: 7, False: 25}
PROBE = {True: 6, False: 4}


def relay_of(node: str) -> int:
    """The pin of the lamp that a rule keeps on all day."""
    return RELAY[node in XIAO]


def _site() -> dict[str, Any]:
    nodes: list[dict[str, Any]] = [
        {
            "id": node,
            "approved": True,
            "zone": f"zone_{node[-1].lower()}",
            "board": "xiao_esp32c3" if node in XIAO else "esp32_dev",
        }
        for node in [*MODERN, *SEED]
    ]
    sensors = [
        {
            "node": node["id"],
            "gpio": PROBE[node["id"] in XIAO],
            "type": "ds18b20",
            "address": "28FF641E8D160301",
        }
        for node in nodes
    ]
    sensors += [
        {"node": n["id"], "gpio": 0, "type": "sht31_temp", "address": 0x44, "name": "air"} for n in nodes
    ]
    actuators = [
        {"node": n["id"], "gpio": relay_of(n["id"]), "type": "relay", "kind": "light", "max_on_s": 86400}
        for n in nodes
    ]
    actuators += [
        {"node": n["id"], "gpio": FAN[n["id"] in XIAO], "type": "pwm", "max_on_s": 3600} for n in nodes
    ]
    zones = [{"id": zone} for zone in sorted({n["zone"] for n in nodes})]
    return {"zones": zones, "nodes": nodes, "sensors": sensors, "actuators": actuators}


SITE = Site.model_validate(_site())


def _always_on(node: str) -> dict[str, Any]:
    """A lamp that is on from midnight to midnight."""
    return {
        "name": f"lamp of {node}",
        "conditions": [{"type": "time_window", "start_time": "00:00", "end_time": "24:00"}],
        "actions": [{"type": "actuator_command", "esp_id": node, "gpio": relay_of(node), "command": "ON"}],
        "cooldown_seconds": 5,
    }


def _engine(run: int) -> Engine:
    state = from_site(SITE)
    state.run, state.planner = run, plan_push
    documents = [read_document(_always_on(node)) for node in [*MODERN, *SEED]]
    rules = [build_rule(document, timezone="UTC", canonical=canonical) for document in documents]
    state.set_rules(tuple(rules))
    return Engine(state)


def _bare(node: str) -> NodeSpec:
    """Out of the box: it is told everything by the controller."""
    board: Any = "xiao_esp32c3" if node in XIAO else "esp32_dev"
    return NodeSpec(node, board, "", generation="seed" if node in SEED else "2026")


@dataclass
class Fleet:
    """All of it. `up`: the broker; `alive`: the controller."""

    engine: Engine = field(default_factory=lambda: _engine(1))
    nodes: dict[str, VirtualNode] = field(default_factory=dict)
    now: int = START
    up: bool = True
    alive: bool = True
    runs: int = 1
    retained: dict[str, bytes] = field(default_factory=dict)
    online: set[str] = field(default_factory=set)
    journal: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    records: list[NodeState] = field(default_factory=list)
    alerts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    configs: list[tuple[int, str, bytes]] = field(default_factory=list)
    moves: list[tuple[int, Move]] = field(default_factory=list)
    sent: int = 0
    beats: dict[str, int] = field(default_factory=dict)
    went_dark: set[str] = field(default_factory=set)
    contradicted: list[tuple[int, str, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for number, node in enumerate([*MODERN, *SEED]):
            self.nodes[node] = VirtualNode(_bare(node), Dummy(), seed=number, boot=self.now)

    # ── the broker ─────────────────────────────────────────────────────────────────────────────────────
    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        if not self.up:
            return
        if retain:
            self.retained[topic] = payload
        for name in sorted(self.online):
            node = self.nodes[name]
            if any(matches(pattern, topic) for pattern, _ in node.subscriptions):
                self._judge(node, topic, payload)
                self.hear(node, node.receive(topic, payload, self.now))

    def _judge(self, node: VirtualNode, topic: str, payload: bytes) -> None:
        """A command that changes what an adopting node has just reported."""
        if node._session.mode != "ADOPTING" or not topic.endswith("/command") or "/actuator/" not in topic:
            return
        gpio, on = int(topic.split("/")[5]), json.loads(payload)["command"] != "OFF"
        if on != (node.level(gpio) > 0):
            self.contradicted.append((self.now, node.id, payload))

    def hear(self, node: VirtualNode, said: Iterable[Publish]) -> None:
        for message in said:
            self.sent += 1
            below = message.topic.split("/", 4)[-1]
            if below == "system/heartbeat":
                self.beats.setdefault(node.id, self.now)
            if below.endswith("/alert"):
                self.alerts.append((node.id, json.loads(message.payload)))
            if self.up and node.id in self.online and self.alive:
                self.handle(decode(message.topic, message.payload, self.now))

    def _look(self) -> None:
        self.went_dark |= {name for name in self.nodes if not self.lit(name)}

    def reboot(self, name: str) -> None:
        """Power lost and back."""
        self.disconnect(name)
        node = self.nodes[name]
        node.reboot(self.now, "BROWNOUT")
        self._look()
        self.live(4)
        self.connect(name)

    def connect(self, name: str) -> None:
        node = self.nodes[name]
        self.online.add(name)
        self.hear(node, node.connected(self.now))
        for topic, payload in sorted(self.retained.items()):
            if any(matches(pattern, topic) for pattern, _ in node.subscriptions):
                self.hear(node, node.receive(topic, payload, self.now))

    def disconnect(self, name: str, *, will: bool = True) -> None:
        node = self.nodes[name]
        message = node.will
        self.online.discard(name)
        node.disconnected(self.now)
        self._look()
        if will and self.up and self.alive:
            self.handle(decode(message.topic, message.payload, self.now))

    # ── the controller ─────────────────────────────────────────────────────────────────────────────────
    def handle(self, event: ev.Event) -> None:
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
            elif isinstance(effect, Store):
                pass  # readings have their own tests
        return effects

    def _out(self, message: Outgoing, node: NodeId | None) -> None:
        known = None if node is None else self.engine.state.nodes.get(node)
        if known is not None and known.board_id is not None:
            message = readdressed(message, known.id, known.board_id)
        if message.topic.endswith("/config"):
            self.configs.append((self.now, message.topic.split("/")[3], message.payload))
        self.publish(message.topic, message.payload, message.retain)

    def start(self) -> Fleet:
        """Broker up, controller up, nodes out of the box."""
        self.handle(ev.LinkUp(self.now, "fleet"))
        for name in self.nodes:
            self.connect(name)
        return self

    def hang(self, seconds: float) -> None:
        """The controller neither hears nor says anything; the broker holds its connection."""
        self.alive = False
        self.live(seconds)
        self.alive = True

    def restart_controller(self, seconds: float) -> None:
        """Killed: the broker says so; then a new process over the same journal."""
        will = encode_notice(ServerStatus(GOD, False, self.now // SECOND, "unexpected_disconnect"))
        self.alive = False
        self.publish(will.topic, will.payload, retain=True)
        self.live(seconds)
        self.runs += 1
        old = self.engine.state
        self.engine = _engine(self.runs)
        for node in old.nodes.values():  # what the database keeps
            kept = self.engine.state.nodes[node.id]
            kept.modern, kept.boot, kept.boot_id = node.modern, node.boot, node.boot_id
        self.engine.restore(self.journal, self.now)
        self.alive = True
        self.handle(ev.LinkUp(self.now, "fleet"))

    def restart_broker(self, seconds: float, back: float = 5.0) -> None:
        """Gone for a while; the controller is back at once, the nodes a little later, one after the other."""
        names = sorted(self.online)
        for name in names:
            self.disconnect(name, will=False)
        self.up = False
        self.handle(ev.LinkDown(self.now, "fleet", "gone"))
        self.live(seconds)
        self.up = True
        self.handle(ev.LinkUp(self.now, "fleet"))
        for name in names:
            self.live(back / len(names))
            self.connect(name)

    # ── time ───────────────────────────────────────────────────────────────────────────────────────────
    def live(self, seconds: float) -> Fleet:
        """Everything that is due, in order."""
        until = self.now + round(seconds * SECOND)
        queue = [(node.next_wakeup, name) for name, node in self.nodes.items()]
        heapq.heapify(queue)
        while True:
            at, name = queue[0]
            due = self.engine.next_wakeup if self.alive else None
            if due is not None and due <= min(at, until):
                self.now = max(self.now, due)
                self.handle(ev.Timer(self.now))
                queue = [(node.next_wakeup, n) for n, node in self.nodes.items()]
                heapq.heapify(queue)
                continue
            if at > until:
                break
            self.now = max(self.now, at)
            node = self.nodes[name]
            self.hear(node, node.tick(self.now))
            self._look()
            queue = [(node.next_wakeup, n) for n, node in self.nodes.items()]
            heapq.heapify(queue)
        self.now = until
        return self

    # ── what one looks at ──────────────────────────────────────────────────────────────────────────────
    @property
    def converged(self) -> set[str]:
        return {str(n.id) for n in self.engine.state.nodes.values() if n.lane.converged_at is not None}

    def lit(self, node: str) -> bool:
        """Is its lamp on? One that is not configured yet has none."""
        try:
            return self.nodes[node].level(relay_of(node)) == 1.0
        except KeyError:
            return False

    def forced(self, since: int = 0) -> set[str]:
        """Nodes that said they let go by themselves."""
        kinds = ("safety_forced_off", "runtime_protection")
        return {node for node, alert in self.alerts[since:] if alert["alert_type"] in kinds}
