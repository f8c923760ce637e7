"""Zones and subzones as they are assigned to a node."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial

from .bench import Bench
from .device import Device
from .firmware.flaw import Body, Flaw
from .firmware.place import (
    ASSIGN_POOL,
    REMOVE_POOL,
    SAFE_POOL,
    ZONE_POOL,
    gpios_flaw,
    subzone_flaw,
    zone_flaw,
)
from .lane import Job, Lane
from .outcome import Intent
from .session import CONFIG_PENDING, PENDING_APPROVAL, ZONE_CONFIGURED
from .setup import MOST_SUBZONES, Subzone
from .text import parse

Trouble = Mapping[str, object]
"""What an ack says went wrong; empty when nothing did."""

_BROKEN: Trouble = {"reason_code": "JSON_PARSE_ERROR", "message": "JSON parse error"}
_BUSY: Trouble = {"reason_code": "CONFIG_LANE_BUSY", "message": "Config lane busy"}
_PIN_TROUBLE = 2506


class Places:
    """Takes the zone and subzone messages of one node; they pass every admission."""

    def __init__(self, device: Device, bench: Bench, lane: Lane) -> None:
        self._device = device
        self._bench = bench
        self._lane = lane

    # -- zones -------------------------------------------------------------------------------------

    def zone(self, payload: bytes, now: int) -> None:
        """Take ``zone/assign``."""
        intent = self._device.intent(payload, "zone", "zone", now)
        run, refuse = partial(self._zone, payload, intent), partial(self._zone_refused, _BUSY, intent)
        self._lane.take(Job("place", run, refuse), now)

    def _zone(self, payload: bytes, intent: Intent, now: int) -> None:
        body = parse(payload, ZONE_POOL)
        if body is None:
            self._zone_refused(_BROKEN, intent, now)
            return
        wanted = {key: _read(body, key) for key in ("zone_id", "master_zone_id", "zone_name", "kaiser_id")}
        flaw = zone_flaw(wanted)
        if flaw:
            self._zone_refused(_flawed(flaw), intent, now)
            return
        self._settle(wanted, intent, now)

    def _settle(self, wanted: Mapping[str, str], intent: Intent, now: int) -> None:
        """Remember the zone. The kaiser id is kept and told, but topics stay where they are."""
        setup, voice = self._device.setup, self._device.voice
        assigned = bool(wanted["zone_id"])
        setup.zone, setup.zone_name = wanted["zone_id"], wanted["zone_name"]
        setup.master_zone, setup.kaiser = wanted["master_zone_id"], wanted["kaiser_id"] or "god"
        if not assigned:
            setup.subzones.clear()
        self._advance(assigned)
        if assigned or not self._device.firmware.seed:
            word = "zone_assigned" if assigned else "zone_removed"
            self._device.emit(voice.zone_ack(word, intent.correlation_id, {}, now))
        self._device.outcome(intent, "persisted", "NONE", "Zone stored", now)
        self._device.emit(voice.heartbeat(now))

    def _advance(self, assigned: bool) -> None:
        """A place makes up for a missing approval, not for a missing configuration."""
        session = self._device.session
        if not assigned:
            session.state = PENDING_APPROVAL
        elif session.state != CONFIG_PENDING:
            session.state = ZONE_CONFIGURED

    def _zone_refused(self, trouble: Trouble, intent: Intent, now: int) -> None:
        self._device.emit(self._device.voice.zone_ack("error", intent.correlation_id, trouble, now))
        code = str(trouble["reason_code"])
        self._device.outcome(intent, "rejected", code, str(trouble["message"]), now)

    # -- subzones ----------------------------------------------------------------------------------

    def assign(self, payload: bytes, now: int) -> None:
        """Take ``subzone/assign``."""
        self._line_up(self._assign, payload, "subzone_assign", now)

    def _assign(self, payload: bytes, intent: Intent, now: int) -> None:
        body = self._readable(payload, ASSIGN_POOL, self._unsuitable, intent, now)
        if body is None:
            return
        pins = body.get("assigned_gpios")
        gpios = tuple(pins) if isinstance(pins, list) else ()
        safe = body.get("safe_mode_active") is not False
        self._keep(body, Subzone(_text(body, "subzone_name"), gpios, safe), now)
        self._subzone_done("subzone_assigned", body, intent, now)

    def remove(self, payload: bytes, now: int) -> None:
        """Take ``subzone/remove``."""
        self._line_up(self._remove, payload, "subzone_remove", now)

    def _remove(self, payload: bytes, intent: Intent, now: int) -> None:
        body = self._readable(payload, REMOVE_POOL, self._unknown, intent, now)
        if body is not None:
            del self._device.setup.subzones[_name(body)]
            self._subzone_done("subzone_removed", body, intent, now)

    def safe(self, payload: bytes, now: int) -> None:
        """Take ``subzone/safe``: a success is not acknowledged but by its outcome."""
        self._line_up(self._safe, payload, "subzone_safe", now)

    def _safe(self, payload: bytes, intent: Intent, now: int) -> None:
        body = self._readable(payload, SAFE_POOL, self._unknown, intent, now)
        if body is not None:
            old = self._device.setup.subzones[_name(body)]
            safe = body.get("safe_mode") is True or body.get("action") != "disable"
            self._keep(body, Subzone(old.name, old.gpios, safe), now)
            self._device.outcome(intent, "applied", "NONE", "Subzone safe mode set", now)

    def _line_up(
        self, run: Callable[[bytes, Intent, int], None], payload: bytes, flow: str, now: int
    ) -> None:
        intent = self._device.intent(payload, flow, "sub", now)
        name = _name(parse(payload, ASSIGN_POOL) or {})
        refuse = partial(self._subzone_refused, name, _BUSY, intent)
        self._lane.take(Job("place", partial(run, payload, intent), refuse), now)

    def _readable(
        self, payload: bytes, pool: int, check: Callable[[Body], Trouble], intent: Intent, now: int
    ) -> Body | None:
        """The message, or None after a refusal."""
        body = parse(payload, pool)
        trouble = _BROKEN if body is None else _flawed(subzone_flaw(body)) or check(body)
        if body is None or trouble:
            self._subzone_refused(_name(body or {}), trouble, intent, now)
            return None
        return body

    def _unsuitable(self, body: Body) -> Trouble:
        setup = self._device.setup
        parent = body.get("parent_zone_id")
        if not setup.zone or (parent and parent != setup.zone):
            return {"reason_code": "VALIDATION_ERROR", "message": "The parent zone is not the node's zone."}
        flaw = gpios_flaw(body)
        if flaw:
            return {"error_code": _PIN_TROUBLE, "message": flaw.why}
        if len(setup.subzones) >= MOST_SUBZONES and _name(body) not in setup.subzones:
            return {"error_code": _PIN_TROUBLE, "message": f"A node keeps {MOST_SUBZONES} subzones."}
        return {}

    def _unknown(self, body: Body) -> Trouble:
        if _name(body) in self._device.setup.subzones:
            return {}
        return {"reason_code": "SUBZONE_NOT_FOUND", "message": "No such subzone."}

    def _keep(self, body: Body, subzone: Subzone, now: int) -> None:
        self._device.setup.subzones[_name(body)] = subzone
        if subzone.safe:
            self._bench.secure(subzone.gpios, now)

    def _subzone_done(self, status: str, body: Body, intent: Intent, now: int) -> None:
        fields = {"status": status, "subzone_id": _name(body)}
        self._device.emit(self._device.voice.subzone_ack(fields, intent.correlation_id, now))
        self._device.outcome(intent, "persisted", "NONE", "Subzones stored", now)

    def _subzone_refused(self, name: str, trouble: Trouble, intent: Intent, now: int) -> None:
        fields = {"status": "error", "subzone_id": name or "unknown"} | dict(trouble)
        self._device.emit(self._device.voice.subzone_ack(fields, intent.correlation_id, now))
        code = str(trouble.get("reason_code", "VALIDATION_FAILED"))
        self._device.outcome(intent, "rejected", code, str(trouble["message"]), now)


def _read(body: Body, key: str) -> str:
    """A key as text: the firmware reads an absent one as the word null."""
    value = body.get(key)
    return value if isinstance(value, str) else json.dumps(value)


def _text(body: Body, key: str) -> str:
    value = body.get(key)
    return value if isinstance(value, str) else ""


def _name(body: Body) -> str:
    return _text(body, "subzone_id")


def _flawed(flaw: Flaw | None) -> Trouble:
    return {"reason_code": "VALIDATION_ERROR", "message": flaw.why} if flaw else {}
