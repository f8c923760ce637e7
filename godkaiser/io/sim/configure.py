"""``config``: a push on its way into the node's tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from .bench import Bench
from .device import Device
from .firmware.actuator_item import actuator_item, actuator_refused
from .firmware.config import config_outgrown, correlation, section, sections
from .firmware.flaw import Body, Flaw, table
from .firmware.offline import rule_of
from .firmware.reading import opened
from .firmware.rules import rule_item
from .firmware.sensor_item import sensor_item, sensor_refused
from .lane import Job, Lane
from .outcome import Intent
from .probation import Probation
from .sensing import Sensing
from .tables import put_actuator, put_sensor
from .text import foreign

_TYPES = {"sensors": "sensor", "actuators": "actuator", "offline_rules": "system"}
_STALE = {
    "sensors": "STALE_SENSOR_SCOPE",
    "actuators": "STALE_ACTUATOR_SCOPE",
    "offline_rules": "STALE_OFFLINE_SCOPE",
}
_MOST_FAILURES = 10


@dataclass(frozen=True, slots=True)
class Failure:
    """An item that could not be configured, in the words and numbers of the firmware."""

    kind: str
    item: object
    error: str
    number: int
    why: str

    @property
    def gpio(self) -> int:
        """The pin of the item; 255 when it has none."""
        pin = self.item.get("gpio") if isinstance(self.item, dict) else None
        return pin if type(pin) is int else 255

    def fields(self) -> dict[str, object]:
        """The failure as an entry of a list."""
        return {
            "type": self.kind,
            "gpio": self.gpio,
            "error_code": self.number,
            "error": self.error,
            "detail": self.why,
        }


class Configurator:
    """Takes the configurations of one node."""

    def __init__(
        self, device: Device, bench: Bench, sensing: Sensing, lane: Lane, probation: Probation
    ) -> None:
        self._device = device
        self._bench = bench
        self._sensing = sensing
        self._lane = lane
        self._probation = probation

    def take(self, payload: bytes, now: int) -> None:
        """Take ``config``: admit, apply, answer."""
        device, intent = self._device, self._device.intent(payload, "config", "cfg", now)
        if config_outgrown(payload, device.firmware):
            self._refuse("PAYLOAD_TOO_LARGE", "PAYLOAD_TOO_LARGE", intent, now)
        elif not device.session.open:
            device.outcome(intent, "rejected", "REGISTRATION_PENDING", "Config rejected", now)
        else:
            self._open(payload, intent, now)

    def replay(self, now: int) -> None:
        """What was accepted and not applied before the last boot, once more and only once."""
        kept, self._device.setup.pending = self._device.setup.pending, []
        for payload in kept:
            intent = self._device.intent(payload, "config", "cfg", now)
            self._device.outcome(intent, "accepted", "REPLAY", "Pending config replayed", now)
            self._enqueue(payload, intent, now, again=True)

    def _open(self, payload: bytes, intent: Intent, now: int) -> None:
        firmware = self._device.firmware
        body = opened(payload, firmware.config_pool)
        if isinstance(body, Flaw):
            message = "NoMemory" if body.code == "too_large" else "InvalidInput"
            self._unreadable(message, intent, now)
        elif not firmware.seed and not correlation(body):
            self._refuse("CONTRACT_MISSING_CORRELATION", "CONTRACT_CORRELATION_MISSING", intent, now)
            self._device.error(4033, "COMMUNICATION", "Config without correlation_id", now)
        else:
            self._enqueue(payload, intent, now)

    def _unreadable(self, message: str, intent: Intent, now: int) -> None:
        """The older generation reads a message once for each section, and fails as often."""
        if self._device.firmware.seed:
            for kind in ("sensor", "actuator"):
                self._say(kind, "", _error("JSON_PARSE_ERROR", message))
        else:
            self._refuse("JSON_PARSE_ERROR", "JSON_PARSE_ERROR", intent, now, message)

    def _enqueue(self, payload: bytes, intent: Intent, now: int, *, again: bool = False) -> None:
        pending = self._device.setup.pending

        def placed(at: int) -> None:
            pending.append(payload)
            self._device.outcome(intent, "accepted", "CONFIG_ACCEPTED", "Config accepted", at)

        def run(at: int) -> None:
            if not again:
                pending.remove(payload)
            self._admitted(payload, intent, at)

        def refuse(at: int) -> None:
            self._refuse("QUEUE_FULL", "QUEUE_FULL", intent, at)

        job = Job("config", run, refuse, span=self._device.condition.configuring)
        self._lane.take(job if again else replace(job, placed=placed), now)

    def _admitted(self, payload: bytes, intent: Intent, now: int) -> None:
        body = opened(payload, self._device.firmware.config_pool)
        if intent.expired(self._device.voice.uptime(now)):
            self._device.outcome(intent, "expired", "TTL_EXPIRED", "Config expired", now)
        elif not isinstance(body, Flaw):
            self._push(body, intent, now)

    def _refuse(self, error: str, code: str, intent: Intent, now: int, message: str = "") -> None:
        self._say("system", intent.correlation_id, _error(error, message or error))
        self._device.outcome(intent, "rejected", code, "Config rejected", now)

    def _say(self, kind: str, correlation_id: str, fields: Mapping[str, object]) -> None:
        head = {"status": fields["status"], "type": kind}
        self._device.emit(self._device.voice.configured(head | dict(fields), correlation_id))

    # -- applying ----------------------------------------------------------------------------------

    def _push(self, body: Body, intent: Intent, now: int) -> None:
        fresh = self._fresh(body, intent, now)
        if not fresh:
            return
        failures = [failure for name in fresh for failure in self._apply(name, body)]
        self._bench.adopt(now)
        self._bench.expire(now)  # a shorter run time may be over already
        self._sensing.adopt(now)
        if failures:
            self._failed(correlation(body))
            self._device.outcome(intent, "failed", "COMMIT_FAILED", "Config commit failed", now)
            return
        if intent.generation:
            self._device.setup.generations |= dict.fromkeys(fresh, intent.generation)
        self._device.outcome(intent, "persisted", "NONE", "Config persisted", now)
        self._probation.committed(now)

    def _failed(self, correlation_id: str) -> None:
        if not self._device.firmware.seed:
            self._say("system", correlation_id, _error("COMMIT_FAILED", "Config commit failed"))

    def _fresh(self, body: Body, intent: Intent, now: int) -> list[str]:
        """The sections that are newer than what the device has; the others are refused by name."""
        last, generation = self._device.setup.generations, intent.generation
        present = [name for name in sections(self._device.firmware) if name in body]
        stale = [name for name in present if 0 < generation <= last.get(name, 0)]
        whole = bool(stale) and stale == present
        for name in stale:
            error = "STALE_SCOPE" if whole else _STALE[name]
            self._say(_TYPES[name], correlation(body), _error(error, "Config is not newer"))
            self._device.outcome(intent, "rejected", error, "Config is not newer", now)
        return [] if whole else [name for name in present if name not in stale]

    def _apply(self, name: str, body: Body) -> list[Failure]:
        flaw = table(body, name)
        if flaw:
            self._say(_TYPES[name], correlation(body), _error("TYPE_MISMATCH", flaw.why))
            return [_failure(_TYPES[name], body[name], flaw)]
        if name == "sensors":
            return self._sensors(section(body, name), correlation(body))
        if name == "actuators":
            return self._actuators(section(body, name), correlation(body))
        rules = [rule_of(rule_item(rule)) for rule in section(body, name) if isinstance(rule, dict)]
        self._device.setup.rules = rules[: self._device.firmware.most_rules]
        return []

    def _sensors(self, items: list[object], correlation_id: str) -> list[Failure]:
        """One answer for all of them."""
        failures = [failure for item in items if (failure := self._sensor(item))]
        count = len(items) - len(failures)
        status = self._verdict(failures, count)
        fields: dict[str, object] = {"status": status, "type": "sensor", "count": count}
        fields |= {"failed_count": len(failures), "message": f"{count} of {len(items)} sensors configured"}
        if failures:
            fields["error_code"] = failures[0].error
            fields["failures"] = [failure.fields() for failure in failures[:_MOST_FAILURES]]
        self._say("sensor", correlation_id, fields)
        return failures

    def _verdict(self, failures: list[Failure], count: int) -> str:
        """The older generation knows no half success."""
        if not failures:
            return "success"
        return "partial_success" if count and not self._device.firmware.seed else "error"

    def _sensor(self, item: object) -> Failure | None:
        device = self._device
        flaw = sensor_refused(item, device.firmware)
        if not flaw and isinstance(item, dict):
            flaw = put_sensor(device.setup, sensor_item(item, device.firmware), device.firmware.most_sensors)
        return _failure("sensor", item, flaw) if flaw else None

    def _actuators(self, items: list[object], correlation_id: str) -> list[Failure]:
        """One answer if all is well, else one for each that failed."""
        failures = [failure for item in items if (failure := self._actuator(item))]
        if not failures:
            done = {"status": "success", "type": "actuator", "count": len(items)}
            self._say("actuator", correlation_id, done | {"message": f"{len(items)} actuators configured"})
        for failure in failures:
            failed_item = {"failed_item": foreign(failure.item)} if isinstance(failure.item, dict) else {}
            self._say("actuator", correlation_id, _error(failure.error, failure.why) | failed_item)
        return failures

    def _actuator(self, item: object) -> Failure | None:
        device = self._device
        flaw = actuator_refused(item, device.firmware)
        if not flaw and isinstance(item, dict):
            flaw = put_actuator(
                device.setup, actuator_item(item, device.firmware), device.firmware.most_actuators
            )
        return _failure("actuator", item, flaw) if flaw else None


def _error(code: str, message: str) -> dict[str, object]:
    return {"status": "error", "count": 0, "message": message, "error_code": code}


def _failure(kind: str, item: object, flaw: Flaw) -> Failure:
    if flaw.code == "missing_field":
        return Failure(kind, item, "MISSING_FIELD", 2011, flaw.why)
    if flaw.code == "wrong_type":
        return Failure(kind, item, "TYPE_MISMATCH", 2010, flaw.why)
    if flaw.field == "gpio":
        return Failure(kind, item, "GPIO_CONFLICT", 1002, flaw.why)
    return Failure(kind, item, "VALIDATION_FAILED", 2010, flaw.why)
