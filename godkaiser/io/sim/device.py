"""What every part of a node shares: its session, its voice, its account of intents, and the way out."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from .firmware.profile import Firmware
from .outcome import Intent, Ledger
from .session import Session
from .setup import Setup
from .spec import MINUTE, NodeSpec, Publish
from .voice import Voice

_GATE_ENDS = ("/response", "/config_response", "/zone/ack", "/subzone/ack", "/session/announce")
_GATE_PARTS = ("/system/heartbeat", "/error")


class Device:
    """Collects the messages of one call; what the registration gate holds back is lost, as on the device."""

    def __init__(self, spec: NodeSpec, kaiser_id: str, rng: Random, boot: int) -> None:
        self.spec = spec
        self.safety_epoch = 0
        self.root = f"kaiser/{kaiser_id}/esp/{spec.id}/"
        self.firmware = Firmware(board=spec.board)
        self.session = Session(spec.synced)
        self.setup = Setup(spec, kaiser_id)
        self.voice = Voice(spec.id, self.setup, self.session, self.root, rng, boot)
        self._ledger = Ledger(spec.id)
        self._errors: dict[int, int] = {}
        self._out: list[Publish] = []

    def drain(self) -> list[Publish]:
        """The messages collected since the last call."""
        out, self._out = self._out, []
        return out

    def emit(self, message: Publish) -> None:
        """Send, if there is a connection and the gate lets this topic through."""
        if self.session.connected and (self.session.open or _passes(message.topic)):
            self._out.append(message)

    def intent(self, payload: bytes, flow: str, prefix: str, now: int) -> Intent:
        """The identity of an inbound request."""
        return self._ledger.intent(payload, flow, prefix, self.voice.uptime(now), self.safety_epoch)

    def outcome(self, intent: Intent, outcome: str, code: str, reason: str, now: int) -> None:
        """Report what became of a request, now or once the gate opens."""
        body = self._ledger.enter(intent, outcome, code, reason)
        if body is None:
            return
        if self.session.open:
            self._report(intent, body, now)
        else:
            self._ledger.keep(intent, body)

    def _report(self, intent: Intent, body: Mapping[str, object], now: int) -> None:
        self._ledger.confirm(body)
        self.emit(self.voice.outcome(intent, body, now))

    def replay(self, now: int) -> None:
        """Send the outcomes that had to wait for the gate."""
        for intent, body in self._ledger.replay():
            self._report(intent, body, now)

    def error(self, code: int, category: str, message: str, now: int, severity: int = 2) -> None:
        """Publish ``system/error``, at most once a minute for each of 32 slots."""
        if now - self._errors.get(code % 32, -MINUTE) >= MINUTE:
            self._errors[code % 32] = now
            self.emit(self.voice.error(code, severity, category, message, now))


def _passes(topic: str) -> bool:
    return topic.endswith(_GATE_ENDS) or any(part in topic for part in _GATE_PARTS)
