"""An engine in a test's hand: short words for events, and timers that fire as the shell would let them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from godkaiser.engine.effect import (
    ActuatorGone,
    Answer,
    Decision,
    Effect,
    Journal,
    NodeRecord,
    Replied,
    Say,
    Send,
    Store,
    Tell,
)
from godkaiser.engine.engine import Engine
from godkaiser.engine.state import ActuatorState, NodeState, State, from_site
from godkaiser.model import event as ev
from godkaiser.model.command import Halt, HeartbeatAck, Move, Release
from godkaiser.model.ids import ActuatorId, KaiserId, NodeId, SeriesId
from godkaiser.model.instant import SECOND, parse_instant
from godkaiser.model.intent import Intent, Origin
from godkaiser.model.outcome import Fate, Outcome
from godkaiser.model.reading import Reading
from godkaiser.model.request import Inquiry, Measure, Reply, Request
from godkaiser.model.site import ActuatorSpec, Site
from godkaiser.rules.build import build_rule
from godkaiser.rules.document import read_document
from godkaiser.rules.rule import Rule
from godkaiser.sensors.types import canonical

GOD = KaiserId.parse("god")
CLIMATE = NodeId.parse("ESP_A1B2C3")
WATER = NodeId.parse("ESP_D4E5F6")
STRANGER = NodeId.parse("ESP_AB12CD")
AIR = SeriesId.of(CLIMATE, 0, "sht31_temp", "0x44")
SOIL = SeriesId.of(WATER, 34, "moisture")
FAN, HEATER = ActuatorId.of(CLIMATE, 25), ActuatorId.of(CLIMATE, 26)
PUMP, VENT = ActuatorId.of(WATER, 14), ActuatorId.of(WATER, 27)
START = parse_instant("2026-05-01T00:00:00Z", 0)

SITE = Site.model_validate(
    {
        "nodes": [
            {"id": CLIMATE, "name": "climate node", "zone": "bench", "approved": True},
            {"id": WATER, "approved": True},
        ],
        "sensors": [
            {"node": CLIMATE, "gpio": 0, "type": "temperature_sht31", "address": 68, "name": "bench air"},
            {"node": WATER, "gpio": 34, "type": "moisture", "calibration": {"dry": 2800, "wet": 1200}},
        ],
        "actuators": [
            {"node": CLIMATE, "gpio": 25, "type": "pwm", "kind": "fan", "name": "fan", "max_on_s": 1800},
            {"node": CLIMATE, "gpio": 26, "type": "relay", "kind": "heater", "max_on_s": 600},
            {"node": WATER, "gpio": 14, "type": "pump", "max_on_s": 120},
            {"node": WATER, "gpio": 27, "type": "pwm", "safe_value": 0.3, "max_on_s": 900},
        ],
    }
)
COOL: dict[str, Any] = {
    "name": "Cool the bench",
    "conditions": [
        {"type": "hysteresis", "esp_id": CLIMATE, "gpio": 0, "sensor_type": "sht31_temp",
         "activate_above": 28, "deactivate_below": 25},
    ],
    "actions": [{"type": "actuator", "esp_id": CLIMATE, "gpio": 25, "command": "PWM", "value": 0.8}],
    "cooldown_seconds": 60,
}  # fmt: skip
IRRIGATE: dict[str, Any] = {
    "name": "Irrigate",
    "conditions": [
        {"type": "hysteresis", "esp_id": WATER, "gpio": 34, "sensor_type": "moisture",
         "activate_below": 35, "deactivate_above": 55},
    ],
    "actions": [
        {"type": "actuator", "esp_id": WATER, "gpio": 14, "command": "ON", "duration_seconds": 60},
    ],
    "cooldown_seconds": 300,
}  # fmt: skip


def rule(document: dict[str, Any], **changes: Any) -> Rule:
    return build_rule(read_document(document | changes), timezone="UTC", canonical=canonical)


def fresh(run: int = 1, rules: Iterable[Rule] = (), site: Site = SITE) -> State:
    state = from_site(site)
    state.run = run
    state.set_rules(tuple(rules))
    return state


E = TypeVar("E")


def only(kind: type[E], effects: Iterable[Effect]) -> list[E]:
    return [effect for effect in effects if isinstance(effect, kind)]


def moves(effects: Iterable[Effect]) -> list[Move]:
    return [send.command.order for send in only(Send, effects) if isinstance(send.command.order, Move)]


def halts(effects: Iterable[Effect]) -> list[NodeId | None]:
    return [send.command.order.node for send in only(Send, effects) if isinstance(send.command.order, Halt)]


def releases(effects: Iterable[Effect]) -> list[NodeId]:
    return [
        send.command.order.node for send in only(Send, effects) if isinstance(send.command.order, Release)
    ]


def stored(kind: type[E], effects: Iterable[Effect]) -> list[E]:
    return [store.record for store in only(Store, effects) if isinstance(store.record, kind)]


def fates(effects: Iterable[Effect], actuator: ActuatorId | None = None) -> list[Fate]:
    outcomes = [answer.outcome for answer in only(Answer, effects)]
    return [outcome.fate for outcome in outcomes if actuator in (None, outcome.actuator)]


def notices(effects: Iterable[Effect], kind: type[E]) -> list[E]:
    return [say.notice for say in only(Say, effects) if isinstance(say.notice, kind)]


def replies(effects: Iterable[Effect]) -> list[Reply]:
    return [replied.reply for replied in only(Replied, effects)]


class Desk:
    """Events in, effects out. `now` moves with `wait`; everything said so far is in `log`."""

    def __init__(self, *rules: dict[str, Any] | Rule, site: Site = SITE) -> None:
        self.rules = tuple(one if isinstance(one, Rule) else rule(one) for one in rules)
        self.site = site
        self.state = fresh(1, self.rules, site)
        self.engine = Engine(self.state)
        self.now = START - SECOND  # START + 2 s when its nodes are `ready`
        self.log: list[Effect] = []
        self.journal: dict[tuple[str, str], dict[str, Any]] = {}

    def handle(self, event: ev.Event) -> list[Effect]:
        effects = self.engine.handle(event)
        for entry in only(Journal, effects):
            if entry.data is None:
                self.journal.pop((entry.kind, entry.key), None)
            else:
                self.journal[entry.kind, entry.key] = entry.data
        self.log += effects
        return effects

    def wait(self, seconds: float) -> list[Effect]:
        """Let time pass: every timer at its own time, as the shell does."""
        until = self.now + round(seconds * SECOND)
        said: list[Effect] = []
        turns = 0
        while (due := self.engine.next_wakeup) is not None and due <= until:
            self.now = max(self.now, due)
            said += self.handle(ev.Timer(self.now))
            turns += 1
            assert turns < 10_000, "a timer that arranges itself for now"
        self.now = until
        return said

    def restart(self) -> None:
        """A new process over the same journal and site."""
        self.state = fresh(self.state.run + 1, self.rules, self.site)
        self.engine = Engine(self.state)
        kept: dict[ActuatorId, ActuatorSpec] = {}
        for store in only(Store, self.log):
            if isinstance(record := store.record, ActuatorSpec):
                kept[record.id] = record
            elif isinstance(record, ActuatorGone):
                kept.pop(record.id, None)
            elif isinstance(record, NodeRecord):
                status: Any = record.status
                self.state.nodes[record.id] = NodeState(record.id, GOD, status, record.name, record.zone)
        self.state.actuators |= {actuator: ActuatorState(actuator, spec) for actuator, spec in kept.items()}
        self.engine.restore(dict(self.journal), self.now)

    # ── what happens ───────────────────────────────────────────────────────────────────────────────────
    def link(self, up: bool = True) -> list[Effect]:
        return self.handle(ev.LinkUp(self.now, "broker") if up else ev.LinkDown(self.now, "broker", "gone"))

    def beat(
        self,
        node: NodeId = CLIMATE,
        boot: str = "b1",
        uptime: int = 100,
        epoch: int = 0,
        *,
        kaiser: KaiserId = GOD,
        **more: Any,
    ) -> list[Effect]:
        modern = bool(boot)
        return self.handle(
            ev.Heartbeat(
                self.now, kaiser, node, 0, uptime, 9000, -60, 0, 0, None, boot, epoch, modern, **more
            )
        )

    def read(self, series: SeriesId, value: float, **fields: Any) -> list[Effect]:
        given: dict[str, Any] = {
            "kaiser": GOD, "node": series.node, "gpio": series.gpio, "sensor_type": series.sensor_type,
            "raw": value, "ts": self.now // SECOND, "raw_mode": False, "quality": "good", "value": None,
            "unit": "", "time_valid": True, "address": series.address, "seq": None, "zone": "",
        }  # fmt: skip
        return self.handle(ev.SensorReport(self.now, **(given | fields)))

    def report(self, actuator: ActuatorId, value: float | None, emergency: str = "normal") -> list[Effect]:
        kind = {14: "pump", 26: "relay"}.get(actuator.gpio, "pwm")
        return self.handle(
            ev.ActuatorReport(
                self.now, GOD, actuator.node, actuator.gpio, kind, "on" if value else "off", value,
                (value or 0) * 255, emergency, None, "",
            )
        )  # fmt: skip

    def ack(
        self, actuator: ActuatorId, command: str = "", verb: str = "", success: bool = True, message: str = ""
    ) -> list[Effect]:
        return self.handle(
            ev.CommandAck(self.now, GOD, actuator.node, actuator.gpio, verb, success, message, command)
        )

    def ask(self, actuator: ActuatorId, value: float, **fields: Any) -> list[Effect]:
        given: dict[str, Any] = {"origin": Origin.PERSON, "who": "ann", **fields}
        return self.handle(ev.Asked(self.now, Intent("i-ann", actuator, value, **given)))

    def stop(self, reason: str = "smoke") -> list[Effect]:
        return self.handle(ev.StopAsked(self.now, "ann", reason))

    def clear(self, force: bool = False) -> list[Effect]:
        return self.handle(ev.ClearAsked(self.now, "ann", force))

    def outcome(self, node: NodeId, outcome: str, correlation: str, **fields: Any) -> list[Effect]:
        """`system/intent_outcome`."""
        given: dict[str, Any] = {
            "flow": "command",
            "intent": correlation,
            "code": "NONE",
            "reason": "",
        } | fields
        said: Any = outcome
        return self.handle(
            ev.IntentOutcome(self.now, GOD, node, outcome=said, correlation=correlation, **given)
        )

    def request(self, ask: Measure | Inquiry, node: NodeId = CLIMATE, request: str = "q1") -> list[Effect]:
        """Someone asks a node something."""
        return self.handle(ev.RequestAsked(self.now, Request(request, node, "ann", ask)))

    # ── common stories ─────────────────────────────────────────────────────────────────────────────────
    def ready(self, *nodes: NodeId) -> Desk:
        """Linked, the nodes heard and adopted."""
        self.link()
        for node in nodes or (CLIMATE, WATER):
            self.beat(node)
        self.wait(3)
        return self

    def obey(self, effects: Iterable[Effect]) -> list[Effect]:
        """The nodes carry out what was sent and say so."""
        said: list[Effect] = []
        for send in only(Send, effects):
            if isinstance(move := send.command.order, Move):
                said += self.ack(move.actuator, send.command.id)
                said += self.report(move.actuator, move.value)
        return said

    def live(self, seconds: float, *nodes: NodeId) -> list[Effect]:
        """Time passes, nodes beat every minute."""
        said: list[Effect] = []
        while seconds > 0:
            said += self.wait(min(60, seconds))
            seconds -= 60
            for node in nodes or (CLIMATE, WATER):
                said += self.beat(node)
        return said


__all__ = [
    "AIR",
    "CLIMATE",
    "COOL",
    "FAN",
    "GOD",
    "HEATER",
    "IRRIGATE",
    "PUMP",
    "SITE",
    "SOIL",
    "START",
    "STRANGER",
    "VENT",
    "WATER",
    "Answer",
    "Decision",
    "Desk",
    "Fate",
    "HeartbeatAck",
    "Journal",
    "Outcome",
    "Reading",
    "Say",
    "Send",
    "Store",
    "Tell",
    "fates",
    "fresh",
    "halts",
    "moves",
    "notices",
    "only",
    "releases",
    "replies",
    "rule",
    "stored",
]  # fmt: skip
