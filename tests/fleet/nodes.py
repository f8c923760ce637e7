"""The thirteen nodes, and what happens to them as they see it themselves: nothing here knows of a link."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from godkaiser.io.sim.boot import Reason
from godkaiser.io.sim.node import VirtualNode
from godkaiser.io.sim.spec import Publish
from tests.fleet.site import ALL, bare, relay_of
from tests.sim.rig import Dummy


@dataclass
class Ledger:
    """All nodes' log. `beats`: the first heartbeat of each since the dictionary was emptied."""

    beats: dict[str, int] = field(default_factory=dict)
    alerts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    configs: list[tuple[int, str, bytes]] = field(default_factory=list)
    went_dark: set[str] = field(default_factory=set)
    contradicted: list[tuple[int, str, bytes]] = field(default_factory=list)

    def told(self, node: VirtualNode, topic: str, payload: bytes, now: int) -> None:
        """A message has come to a node."""
        if topic.endswith("/config"):
            self.configs.append((now, node.id, payload))
        elif topic.endswith("/command") and "/actuator/" in topic:
            self._judge(node, int(topic.split("/")[5]), payload, now)

    def _judge(self, node: VirtualNode, gpio: int, payload: bytes, now: int) -> None:
        """A command that changes what an adopting node has just reported."""
        on = json.loads(payload)["command"] != "OFF"
        if node._session.mode == "ADOPTING" and on != (node.level(gpio) > 0):
            self.contradicted.append((now, node.id, payload))

    def said(self, node: VirtualNode, messages: Iterable[Publish], now: int) -> None:
        """A node has said something, and looks as it looks now."""
        for message in messages:
            if message.topic.endswith("/system/heartbeat"):
                self.beats.setdefault(node.id, now)
            if message.topic.endswith("/alert"):
                self.alerts.append((node.id, json.loads(message.payload)))
        self.look(node)

    def look(self, node: VirtualNode) -> None:
        """Is its lamp off?"""
        if not lit(node):
            self.went_dark.add(node.id)

    def forced(self) -> set[str]:
        """Nodes that said they let go by themselves."""
        kinds = ("safety_forced_off", "runtime_protection")
        return {node for node, alert in self.alerts if alert["alert_type"] in kinds}


def lit(node: VirtualNode) -> bool:
    """Is its lamp on? One that is not configured yet has none."""
    return node.level(relay_of(node.id)) == 1.0


class WatchedNode(VirtualNode):
    """A node that keeps a ledger."""

    def __init__(self, name: str, ledger: Ledger, *, seed: int, boot: int) -> None:
        self._ledger = ledger
        super().__init__(bare(name), Dummy(), seed=seed, boot=boot)

    def connected(self, now: int) -> list[Publish]:
        return self._noted(super().connected(now), now)

    def tick(self, now: int) -> list[Publish]:
        return self._noted(super().tick(now), now)

    def receive(self, topic: str, payload: bytes, now: int) -> list[Publish]:
        self._timers(now)  # what ends at this instant has ended when the message comes
        self._ledger.told(self, topic, payload, now)
        return self._noted(super().receive(topic, payload, now), now)

    def disconnected(self, now: int) -> None:
        super().disconnected(now)
        self._ledger.look(self)

    def reboot(self, now: int, reason: Reason = "BROWNOUT") -> None:
        super().reboot(now, reason)
        self._ledger.look(self)

    def _noted(self, messages: list[Publish], now: int) -> list[Publish]:
        self._ledger.said(self, messages, now)
        return messages


def watched_nodes(ledger: Ledger, boot: int) -> dict[str, WatchedNode]:
    """All thirteen, out of the box."""
    return {name: WatchedNode(name, ledger, seed=n, boot=boot) for n, name in enumerate(ALL)}
