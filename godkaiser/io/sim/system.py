"""``system/command``: the commands a node answers today. The rest of the table comes with configuration."""

from __future__ import annotations

from .bench import Bench
from .device import Device
from .outcome import Intent
from .text import parse

SYSTEM_POOL = 256
_KNOWN_ELSEWHERE = ("diagnostics", "get_config", "set_log_level", "onewire/scan", "factory_reset")
_LIMITED = ("status", "diagnostics", "get_config", "set_log_level", "safe_mode")
_TOKENS = ("esp", "broadcast")


def obey(device: Device, bench: Bench, payload: bytes, now: int) -> None:
    """Admit, execute and answer one system command."""
    fields = parse(payload, SYSTEM_POOL)
    if fields is None:
        _reply(device, {"command": "", "success": False, "error": "JSON_PARSE_ERROR"})
        return
    command = fields.get("command")
    word = command if isinstance(command, str) else ""
    intent = device.intent(payload, "command", "sys", now)
    code = _blocked(device, word)
    if code:
        _reject(device, word, code, intent, now)
    elif word not in _KNOWN_ELSEWHERE:
        device.outcome(intent, "accepted", "COMMAND_ACCEPTED", "System command accepted", now)
        _execute(device, bench, word, fields, intent, now)


def _blocked(device: Device, word: str) -> str:
    code = device.session.blocked()
    return "" if device.session.open and word in _LIMITED else code


def _reject(device: Device, word: str, code: str, intent: Intent, now: int) -> None:
    reason = f"System command rejected (reason_code={code})"
    state = "CONFIG_PENDING_AFTER_RESET"
    _reply(
        device,
        {"command": word, "success": False, "error": reason, "reason_code": code, "state": state},
    )
    device.outcome(intent, "rejected", code, reason, now)


def _execute(
    device: Device, bench: Bench, word: str, fields: dict[str, object], intent: Intent, now: int
) -> None:
    if word == "status":
        _reply(device, _status(device, bench, now))
    elif word == "safe_mode":
        bench.stop("EMERGENCY_STOP_TRIGGERED", intent, now)
        _reply(device, {"command": word, "success": True, "message": "All actuators stopped"})
    elif word == "exit_safe_mode":
        if bench.may_clear(now):
            bench.unlatch()
        _reply(device, {"command": word, "success": True, "message": "Safe mode left"})
    elif word == "set_emergency_token":
        _reply(device, _token(bench, fields))
    else:
        _reply(device, {"command": word, "success": False, "error": "Unknown command"})
        device.outcome(intent, "failed", "UNKNOWN_COMMAND", "Unknown system command", now)
        return
    device.outcome(intent, "applied", "NONE", "System command executed", now)


def _status(device: Device, bench: Bench, now: int) -> dict[str, object]:
    spec = device.spec
    return {
        "command": "status",
        "success": True,
        "esp_id": spec.id,
        "state": device.session.state,
        "uptime": device.voice.uptime(now) // 1000,
        "heap_free": 176_000,
        "wifi_rssi": -61,
        "sensor_count": len(spec.sensors),
        "actuator_count": len(bench.drivers),
        "zone_id": spec.zone,
        "zone_assigned": bool(spec.zone),
        "ts": device.session.clock(now),
    }


def _token(bench: Bench, fields: dict[str, object]) -> dict[str, object]:
    token, kind = fields.get("token"), fields.get("token_type", "esp")
    good = isinstance(token, str) and 1 <= len(token) <= 64 and kind in _TOKENS
    if good and kind == "broadcast":
        bench.broadcast_token = str(token)
    elif good:
        bench.token = str(token)
    message = "Token stored" if good else "Invalid token"
    return {"command": "set_emergency_token", "success": good, "token_type": str(kind), "message": message}


def _reply(device: Device, fields: dict[str, object]) -> None:
    device.emit(device.voice.numbered("system/command/response", fields))
