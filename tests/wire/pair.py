"""Engine and firmware face to face over bytes, in virtual time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from godkaiser.engine.effect import Effect, Journal, Replied, Say, Send
from godkaiser.engine.engine import Engine
from godkaiser.engine.state import Confirmed, from_site
from godkaiser.io.sim.spec import Publish
from godkaiser.io.wire.decode import decode
from godkaiser.io.wire.encode import Outgoing, encode_command, encode_notice
from godkaiser.model import event as ev
from godkaiser.model.ids import ActuatorId, KaiserId, NodeId
from godkaiser.model.instant import SECOND
from godkaiser.model.intent import Intent, Origin
from godkaiser.model.request import Reply
from godkaiser.model.site import Site
from tests.sim.rig import NODE, SERVER, SPEC, Rig

GOD = KaiserId.parse("god")
FAN = ActuatorId.of(NodeId.parse(NODE), 25)
SITE = Site.model_validate(
    {
        "nodes": [{"id": NODE, "approved": True}],
        "actuators": [
            {"node": NODE, "gpio": 25, "type": "pwm", "max_on_s": 86400},
            {"node": NODE, "gpio": 26, "type": "relay", "safe_value": 1.0, "max_on_s": 86400},
        ],
    }
)
# The firmware's own limit on run time is an hour unless it is told otherwise.
PATIENT = replace(SPEC, actuators=tuple(replace(a, max_runtime=86_400_000) for a in SPEC.actuators))
DAY_OF_HOLD = 86_400 * SECOND


@dataclass
class Pair:
    """A controller and a node. `deaf`: we do not hear it; `withhold`: a topic on which it does not hear us."""

    rig: Rig = field(default_factory=lambda: Rig(PATIENT))
    engine: Engine = field(default_factory=lambda: Engine(from_site(SITE)))
    deaf: bool = False
    withhold: str = ""
    only: str = ""
    mutate: Callable[[str, dict[str, Any]], dict[str, Any]] = lambda topic, body: body
    twice: bool = False
    replies: list[Reply] = field(default_factory=list)
    sent: list[Outgoing] = field(default_factory=list)
    retained: bytes = b""
    journal: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def start(self) -> Pair:
        """Up and heard; without a planner the node counts as told already."""
        state = self.engine.state
        if state.planner is None:
            state.nodes[NodeId.parse(NODE)].confirmed = Confirmed(config="as it is")
        self.handle(ev.LinkUp(self.rig.now, "pair"))
        self.hear(self.rig.connect())
        self.deliver(SERVER, self.retained)
        return self.live(10)

    def hear(self, said: Iterable[Publish]) -> None:
        for message in said:
            for _ in range(1 + self.twice):
                if not self.deaf:
                    self.handle(decode(message.topic, message.payload, self.rig.now))

    def handle(self, event: ev.Event) -> None:
        effects = self.engine.handle(event)
        self.keep(effects)
        for effect in effects:
            if isinstance(effect, Say):
                self.say(encode_notice(effect.notice))
            elif isinstance(effect, Send):
                self.say(encode_command(effect.command, GOD))
            elif isinstance(effect, Replied):
                self.replies.append(effect.reply)

    def keep(self, effects: list[Effect]) -> None:
        for entry in effects:
            if isinstance(entry, Journal) and entry.data is None:
                self.journal.pop((entry.kind, entry.key), None)
            elif isinstance(entry, Journal):
                self.journal[entry.kind, entry.key] = entry.data  # type: ignore[assignment]

    def say(self, message: Outgoing) -> None:
        self.sent.append(message)
        if message.retain and message.topic == SERVER:
            self.retained = message.payload
        if message.topic != self.withhold and (not self.only or message.topic == self.only):
            self.deliver(message.topic, self._spoilt(message))

    def _spoilt(self, message: Outgoing) -> bytes:
        """What arrives when our duties are done wrongly on purpose."""
        body = json.loads(message.payload) if message.payload else None
        changed = body if body is None else self.mutate(message.topic, dict(body))
        return message.payload if changed == body else json.dumps(changed, separators=(",", ":")).encode()

    def deliver(self, topic: str, payload: bytes) -> None:
        self.hear(self.rig.node.receive(topic, payload, self.rig.now))

    def live(self, seconds: float) -> Pair:
        until = self.rig.now + round(seconds * SECOND)
        while (due := min(self.rig.node.next_wakeup, self.engine.next_wakeup or until + 1)) <= until:
            self.rig.now = max(self.rig.now, due)
            if self.rig.node.next_wakeup <= self.rig.now:
                self.hear(self.rig.node.tick(self.rig.now))
            elif not self.deaf:
                self.handle(ev.Timer(self.rig.now))
            else:
                break
        self.rig.now = max(self.rig.now, until)
        return self

    def pause(self, seconds: float) -> Pair:
        """The controller hangs: nothing is heard, nothing said, no timer of ours fires."""
        until = self.rig.now + round(seconds * SECOND)
        while self.rig.node.next_wakeup <= until:
            self.rig.now = max(self.rig.now, self.rig.node.next_wakeup)
            self.rig.node.tick(self.rig.now)
        self.rig.now = until
        return self

    def fan_on(self) -> Pair:
        intent = Intent("i1", FAN, 0.8, Origin.PERSON, "ann", duration=DAY_OF_HOLD, hold=DAY_OF_HOLD)
        self.handle(ev.Asked(self.rig.now, intent))
        return self.live(1)

    @property
    def fan(self) -> float:
        return self.rig.node.level(25)

    @property
    def mode(self) -> str:
        return str(self.rig.node._session.mode)

    @property
    def counters(self) -> dict[str, Any]:
        return dict(self.rig.node._metrics())
