"""The messages a node sends, field by field as the firmware composes them."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from .boot import Boot
from .dialect import old_words
from .driver import Driver
from .outcome import Intent
from .probe import Sample
from .session import Session
from .setup import Setup
from .spec import Publish, SensorSpec
from .text import compose, fixed


class Voice:
    """Composes the outbound messages of one node; counts ``seq`` over all kinds that carry it.

    With ``seed`` they are those of the older generation: fewer fields, and QoS 0 whatever is asked for.
    """

    def __init__(
        self, node: str, setup: Setup, session: Session, root: str, rng: Random, boot: Boot, *, seed: bool
    ) -> None:
        self._id = node
        self._setup = setup
        self._session = session
        self._rng = rng
        self._boot = boot
        self._boot_ts = session.clock(boot.at)
        self._seq = 0
        self._seed = seed
        self.root = root

    def uptime(self, now: int) -> int:
        """Milliseconds since boot."""
        return (now - self._boot.at) // 1000

    def say(self, suffix: str, fields: Mapping[str, object], qos: int = 1) -> Publish:
        """Any message under the node's own topic prefix."""
        if self._seed:
            return Publish(self.root + suffix, compose(old_words(fields)), 0)
        return Publish(self.root + suffix, compose(fields), qos)

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    @property
    def ip(self) -> str:
        """The node's address in its network."""
        return f"192.168.0.{10 + sum(self._id.encode()) % 200}"

    def will(self, now: int) -> Publish:
        """The last will, as registered when connecting at ``now``."""
        fields: dict[str, object] = {"status": "offline"}
        fields |= {} if self._seed else {"esp_id": self._id}
        fields |= {"reason": "unexpected_disconnect", "timestamp": self._session.clock(now)}
        return Publish(self.root + "system/will", compose(fields), 1, retain=True)

    @property
    def boot_id(self) -> str:
        """What tells this start of the node from all others."""
        return self._boot.sequence_id(self._id)

    def announce(self, now: int) -> Publish:
        """``session/announce``: always under the default kaiser id."""
        epoch = max(1, self._session.epoch)
        fields = {
            "esp_id": self._id,
            "handover_epoch": epoch,
            "session_epoch": epoch,
            "reason": "reconnect" if epoch > 1 else "boot",
            "ts_ms": self._session.instant(now) // 1000 or self.uptime(now),
            "boot_ts": str(self._boot_ts or self.uptime(now) // 1000),
        }
        return self._say_god("session/announce", fields)

    def _say_god(self, suffix: str, fields: Mapping[str, object]) -> Publish:
        return Publish(f"kaiser/god/esp/{self._id}/{suffix}", compose(fields), 1)

    def heartbeat(self, now: int) -> Publish:
        """``system/heartbeat``."""
        setup, session = self._setup, self._session
        fields = {
            "esp_id": self._id,
            "zone_id": setup.zone,
            "master_zone_id": setup.master_zone,
            "zone_assigned": bool(setup.zone),
            "ts": session.clock(now),
            "time_valid": session.synced,
            "boot_sequence_id": self.boot_id,
            "reset_reason": self._boot.reason,
            "segment_start_ts": self._boot_ts,
            "uptime": self.uptime(now) // 1000,
            "heap_free": 176_000 + self._rng.randrange(0, 4096, 4),
            "wifi_rssi": self._rng.randint(-66, -58),
            "sensor_count": len(setup.sensors),
            "actuator_count": len(setup.actuators),
            "wifi_ip": self.ip,
            "active_handover_epoch": session.epoch,
            "handover_completed_epoch": session.completed_epoch,
            "persistence_degraded": False,
            "persistence_degraded_reason": "NONE",
            "runtime_state_degraded": False,
            "mqtt_circuit_breaker_open": False,
            "wifi_circuit_breaker_open": False,
            "network_degraded": False,
            "config_status": self.config_status(),
        }
        return self.say("system/heartbeat", fields, qos=0)

    def config_status(self) -> dict[str, object]:
        """How far the node is set up."""
        return {
            "wifi_configured": True,
            "zone_assigned": bool(self._setup.zone),
            "system_configured": True,
            "subzone_count": len(self._setup.subzones),
            "boot_count": self._boot.count,
            "state": self._session.state,
        }

    def metrics(self, now: int, counters: Mapping[str, object]) -> Publish:
        """``system/heartbeat_metrics``: counters since boot."""
        head = {"esp_id": self._id, "ts": self._session.clock(now), "metrics_schema_version": 1}
        return self.say("system/heartbeat_metrics", head | dict(counters), qos=0)

    def reading(self, sensor: SensorSpec, sample: Sample, now: int) -> Publish:
        """``sensor/N/data``."""
        fields: dict[str, object] = {
            "esp_id": self._id,
            "seq": self._next(),
            "zone_id": self._setup.zone,
            "subzone_id": self._setup.subzone(sensor.gpio, sensor.subzone),
            "gpio": sensor.gpio,
            "sensor_type": sensor.type,
            "raw": sample.raw % 2**32 if self._seed else sample.raw,
            "value": fixed(sample.value, 2),
            "unit": sample.unit,
            "quality": sample.quality,
            "ts": self._session.clock(now),
            "time_valid": self._session.synced,
            "raw_mode": True,
        }
        if sensor.rom is not None:
            fields["onewire_address"] = sensor.rom
        if sensor.i2c is not None:
            fields["i2c_address"] = sensor.i2c
        return self.say(f"sensor/{sensor.gpio}/data", fields)

    def measured(self, gpio: int, answer: Mapping[str, object], intent: Intent, now: int) -> Publish:
        """``sensor/N/response``."""
        ids = {"intent_id": intent.intent_id, "correlation_id": intent.correlation_id}
        tail = {"ts": self._session.clock(now), "seq": self._next()} | ids | {"ttl_ms": intent.ttl_ms}
        return self.say(f"sensor/{gpio}/response", dict(answer) | tail)

    def status(self, driver: Driver, now: int) -> Publish:
        """``actuator/N/status``; ``command_source`` appears once somebody has commanded."""
        fields: dict[str, object] = {
            "esp_id": self._id,
            "seq": self._next(),
            "zone_id": self._setup.zone,
            "subzone_id": self._setup.subzone(driver.spec.gpio, driver.spec.subzone),
            "ts": self._session.clock(now),
            "gpio": driver.spec.gpio,
            "type": driver.spec.type,
            "state": driver.level > 0,
            "pwm": driver.duty,
            "runtime_ms": driver.runtime(now),
            "emergency": "active" if driver.latched else "normal",
        }
        if driver.source:
            fields["command_source"] = driver.source
        return self.say(f"actuator/{driver.spec.gpio}/status", fields)

    def alert(self, gpio: int, kind: str, message: str, now: int) -> Publish:
        """``actuator/N/alert``; gpio 255 means the whole device."""
        return self.say(f"actuator/{gpio}/alert", self._head(now) | {"gpio": gpio} | _alert(kind, message))

    def response(self, gpio: int, answer: Mapping[str, object], now: int) -> Publish:
        """``actuator/N/response``."""
        return self.say(f"actuator/{gpio}/response", self._head(now) | {"gpio": gpio} | dict(answer))

    def _head(self, now: int) -> dict[str, object]:
        ts = self._session.clock(now)
        return {"esp_id": self._id, "seq": self._next(), "zone_id": self._setup.zone, "ts": ts}

    def confirm(self, suffix: str, correlation_id: str, fields: Mapping[str, object], now: int) -> Publish:
        """``actuator/emergency/ack`` and ``actuator/recovery_confirm``."""
        head = {"ts": self._session.clock(now), "esp_id": self._id, "correlation_id": correlation_id}
        return self.say(f"actuator/{suffix}", head | dict(fields) | {"seq": self._next()})

    def numbered(self, suffix: str, fields: Mapping[str, object]) -> Publish:
        """A message that closes with its ``seq`` and has no time of its own."""
        return self.say(suffix, dict(fields) | {"seq": self._next()})

    def scanned(self, devices: list[dict[str, object]]) -> Publish:
        """``onewire/scan_result``: always under the default kaiser id."""
        found = {"devices": devices, "found_count": len(devices), "seq": self._next()}
        return self._say_god("onewire/scan_result", found)

    def configured(self, fields: Mapping[str, object], correlation_id: str) -> Publish:
        """``config_response``: one has no time and no node of its own."""
        tail = {"seq": self._next(), "correlation_id": correlation_id}
        return self.say("config_response", dict(fields) | tail)

    def zone_ack(self, status: str, correlation_id: str, trouble: Mapping[str, object], now: int) -> Publish:
        """``zone/ack``; ``trouble`` says what went wrong, if anything."""
        fields = {
            "esp_id": self._id,
            "status": status,
            "zone_id": self._setup.zone,
            "master_zone_id": self._setup.master_zone,
            "ts": self._session.clock(now),
            "seq": self._next(),
            "correlation_id": correlation_id,
        }
        return self.say("zone/ack", fields | dict(trouble))

    def subzone_ack(self, fields: Mapping[str, object], correlation_id: str, now: int) -> Publish:
        """``subzone/ack``: its time is called ``timestamp``."""
        when = self.uptime(now) // 1000 if self._seed else self._session.clock(now)
        head = {"esp_id": self._id} | dict(fields) | {"timestamp": when}
        tail = {"seq": self._next(), "correlation_id": correlation_id}
        return self.say("subzone/ack", head | tail)

    def outcome(self, intent: Intent, body: Mapping[str, object], now: int) -> Publish:
        """``system/intent_outcome``."""
        head = {"seq": self._next()} | intent.fields() | dict(body) | {"ts": self._session.clock(now)}
        return self.say("system/intent_outcome", head)

    def error(self, code: int, severity: int, category: str, message: str, now: int) -> Publish:
        """``system/error``; severity 1 warning, 2 error, 3 critical."""
        fields = {
            "error_code": code,
            "severity": severity,
            "category": category,
            "message": message,
            "context": {"esp_id": self._id, "uptime_ms": self.uptime(now)},
            "ts": self._session.clock(now),
        }
        return self.say("system/error", fields, qos=0)


def _alert(kind: str, message: str) -> dict[str, object]:
    return {"alert_type": kind, "message": message}
