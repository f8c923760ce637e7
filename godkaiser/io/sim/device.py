"""What every part of a node shares: its session, its voice, its account of intents, and the way out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from .boot import Boot
from .condition import Condition
from .dialect import OFFLINE_BUFFER, old_topic
from .driver import NEVER
from .firmware.judge import packet_size
from .firmware.profile import Firmware
from .outbox import Entry, Outbox
from .outcome import Intent, Ledger
from .session import OpenSession, Session
from .setup import Setup
from .spec import MINUTE, NodeSpec, Publish
from .voice import Voice

_GATE_ENDS = ("/response", "/config_response", "/zone/ack", "/subzone/ack", "/session/announce")
_GATE_PARTS = ("/system/heartbeat", "/error")


class Device:
    """Collects the messages of one call; what the registration gate holds back is lost, as on the device."""

    def __init__(
        self, spec: NodeSpec, setup: Setup, rng: Random, boot: Boot, condition: Condition, root: str
    ) -> None:
        self.spec = spec
        self.boot = boot
        self.setup = setup
        self.condition = condition
        self.safety_epoch = 0
        self.reset_at = NEVER
        self.firmware = Firmware(spec.generation, spec.board)
        kind = OpenSession if self.firmware.seed else Session
        self.session: Session = kind(spec.synced, boot.at, condition)
        self.voice = Voice(spec.id, setup, self.session, root, rng, boot, seed=self.firmware.seed)
        self.ledger = Ledger(spec.id)
        self.outbox = Outbox(condition)
        self._errors: dict[int, int] = {}
        self._out: list[Entry] = []

    def drain(self, now: int) -> list[Publish]:
        """The messages collected since the last call, as far as the broker takes them."""
        if not self.session.connected:
            return []
        out, self._out = self._out, []
        if self.firmware.seed:
            return [entry.message for entry in out]
        left = self.outbox.pass_on(out, now)
        edges = self.outbox.edges()
        for edge in edges if self.session.open else ():
            left += self.outbox.pass_on([Entry(self._pressure(edge, now))], now)
        return left

    def _pressure(self, edge: str, now: int) -> Publish:
        fields = {"event": edge} | self.outbox.report() | {"ts": self.session.clock(now)}
        return self.voice.say("system/queue_pressure", fields, qos=0)

    def emit(self, message: Publish, lost: Callable[[], None] | None = None) -> None:
        """Send, if there is a connection and the gate lets this topic through; ``lost`` when it never left."""
        if self.firmware.seed:
            self._emit_old(message)
        elif self.session.connected and (self.session.open or _passes(message.topic)):
            self._out.append(Entry(message) if lost is None else Entry(message, lost))

    def _emit_old(self, message: Publish) -> None:
        """No gate, but a client with one buffer for a whole packet, and a list for bad times."""
        limit = self.firmware.packet_limit or 0
        full = not self.session.connected and len(self._out) >= OFFLINE_BUFFER
        if old_topic(message.topic) and packet_size(message.topic, message.payload) <= limit and not full:
            self._out.append(Entry(message))

    def cut(self) -> None:
        """The connection is gone."""
        self.outbox.clear()
        if not self.firmware.seed:
            self._out.clear()

    def intent(self, payload: bytes, flow: str, prefix: str, now: int) -> Intent:
        """The identity of an inbound request; the older generation knows of none."""
        payload = b"" if self.firmware.seed else payload
        return self.ledger.intent(payload, flow, prefix, self.voice.uptime(now), self.safety_epoch)

    def outcome(self, intent: Intent, outcome: str, code: str, reason: str, now: int) -> None:
        """Report what became of a request, now or once the gate opens."""
        body = self.ledger.enter(intent, outcome, code, reason)
        if body is None:
            return
        if self.session.open:
            self._report(intent, body, now)
        else:
            self.ledger.keep(intent, body)

    def _report(self, intent: Intent, body: dict[str, object], now: int) -> None:
        self.ledger.confirm(body)
        self.emit(self.voice.outcome(intent, body, now), lambda: self.ledger.keep(intent, body))

    def replay(self, now: int) -> None:
        """Send the outcomes that had to wait for the gate."""
        for intent, body in self.ledger.replay():
            self._report(intent, body, now)

    def error(self, code: int, category: str, message: str, now: int, severity: int = 2) -> None:
        """Publish ``system/error``, at most once a minute for each of 32 slots."""
        if now - self._errors.get(code % 32, -MINUTE) >= MINUTE:
            self._errors[code % 32] = now
            self.emit(self.voice.error(code, severity, category, message, now))

    def counters(self) -> Mapping[str, object]:
        """What ``system/heartbeat_metrics`` counts since boot."""
        session, tally = self.session, self.outbox.tally
        return {
            "offline_enter_count": session.offline_count,
            "adopting_enter_count": session.adopting_count,
            "adoption_noop_count": session.adopting_count,
            "adoption_delta_count": 0,
            "handover_abort_count": 0,
            "handover_contract_reject_count": session.rejected_acks,
            "handover_contract_last_reject": session.last_reject,
            "persistence_drift_count": 0,
            "critical_outcome_drop_count": 0,
            "publish_outbox_drop_count": 0,
            "publish_queue_fill": self.outbox.fill,
            "publish_queue_hwm": tally.high_water,
            "publish_queue_shed_count": tally.shed,
            "publish_queue_drop_count": tally.dropped,
            "sensor_command_queue_overflow_count": 0,
            "safe_publish_retry_count": tally.retried,
            "emergency_rejected_no_token_total": 0,
        }


def _passes(topic: str) -> bool:
    return topic.endswith(_GATE_ENDS) or any(part in topic for part in _GATE_PARTS)
