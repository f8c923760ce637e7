"""``system/command``: what a node tells about itself, and the few things it does on request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .about import configuration, diagnostics, status
from .bench import Bench
from .device import Device
from .firmware.flaw import Body, Flaw
from .firmware.system import (
    POOL,
    command_word,
    level_flaw,
    level_place,
    reset_flaw,
    scan_pin,
    token_flaw,
)
from .outcome import Intent
from .spec import SECOND
from .text import parse

_LIMITED = ("status", "diagnostics", "get_config", "set_log_level", "safe_mode")
_MOST_FOUND = 10
UNKNOWN = "UNKNOWN_COMMAND"
DONE = "NONE"
RESET_DELAY = 3 * SECOND


@dataclass(frozen=True, slots=True)
class Request:
    """A system command on its way through the node."""

    device: Device
    bench: Bench
    fields: Body
    word: str
    intent: Intent
    now: int

    def reply(self, **fields: object) -> None:
        """Answer with the command's own name first."""
        _reply(self.device, {"command": self.word} | fields)


def obey(device: Device, bench: Bench, payload: bytes, now: int) -> None:
    """Admit, execute and answer one system command."""
    fields = parse(payload, POOL)
    if fields is None:
        _reply(device, {"command": "", "success": False, "error": "JSON_PARSE_ERROR"})
        return
    command = fields.get("command")
    word = command if isinstance(command, str) else ""
    intent = device.intent(payload, "command", "sys", now)
    code = _blocked(device, word)
    if code:
        _reject(device, word, code, intent, now)
        return
    device.outcome(intent, "accepted", "COMMAND_ACCEPTED", "System command accepted", now)
    _execute(Request(device, bench, fields, word, intent, now))


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


def _execute(request: Request) -> None:
    known = command_word(request.fields, request.device.firmware)
    code = _unknown(request) if isinstance(known, Flaw) else _ACTIONS[known](request)
    if code == DONE:
        request.device.outcome(request.intent, "applied", code, "System command executed", request.now)
    else:
        request.device.outcome(request.intent, "failed", code, "System command failed", request.now)


def _unknown(request: Request) -> str:
    request.reply(success=False, error="Unknown command")
    return UNKNOWN


def _status(request: Request) -> str:
    request.reply(**status(request.device, request.now))
    return DONE


def _diagnostics(request: Request) -> str:
    request.reply(**diagnostics(request.device, request.now))
    return DONE


def _get_config(request: Request) -> str:
    request.reply(**configuration(request.device))
    return DONE


def _safe_mode(request: Request) -> str:
    request.bench.stop("EMERGENCY_STOP_TRIGGERED", request.intent, request.now)
    request.reply(success=True, message="All actuators stopped")
    return DONE


def _exit_safe_mode(request: Request) -> str:
    if request.bench.may_clear(request.now):
        request.bench.unlatch()
    request.reply(success=True, message="Safe mode left")
    return DONE


def _set_log_level(request: Request) -> str:
    level = level_place(request.fields).get("level", "")
    if level_flaw(request.fields):
        request.reply(success=False, error="Invalid log level", requested_level=str(level))
        return "VALIDATION_FAILED"
    request.device.setup.log_level = str(level)
    request.reply(success=True, level=level, persisted=True)
    return DONE


def _set_token(request: Request) -> str:
    fields, setup = request.fields, request.device.setup
    kind, good = fields.get("token_type", "esp"), not token_flaw(fields)
    if good and kind == "broadcast":
        setup.broadcast_token = str(fields["token"])
    elif good:
        setup.token = str(fields["token"])
    message = "Token stored" if good else "Invalid token"
    request.reply(success=good, token_type=str(kind), message=message)
    return DONE


def _scan(request: Request) -> str:
    """What answers on a OneWire bus is what was soldered to it, configured or not."""
    device, pin = request.device, scan_pin(request.fields, request.device.firmware)
    if pin not in device.firmware.pins.readable:
        request.reply(error="Failed to initialize OneWire bus", pin=pin)
        return "EXECUTE_FAIL"
    roms = [sensor.rom for sensor in device.spec.sensors if sensor.rom and sensor.gpio == pin]
    found: list[dict[str, object]] = [
        {"rom_code": rom, "device_type": "ds18b20", "pin": pin} for rom in roms[:_MOST_FOUND]
    ]
    request.reply(status="ok", found_count=len(found), pin=pin)
    device.emit(device.voice.scanned(found))
    return DONE


def _factory_reset(request: Request) -> str:
    """Announced now, done in a moment."""
    if reset_flaw(request.fields):
        return _unknown(request)
    request.reply(status="factory_reset_initiated", esp_id=request.device.spec.id)
    request.device.reset_at = request.now + RESET_DELAY
    return DONE


_ACTIONS: dict[str, Callable[[Request], str]] = {
    "status": _status,
    "diagnostics": _diagnostics,
    "get_config": _get_config,
    "safe_mode": _safe_mode,
    "exit_safe_mode": _exit_safe_mode,
    "set_log_level": _set_log_level,
    "set_emergency_token": _set_token,
    "onewire/scan": _scan,
    "factory_reset": _factory_reset,
}


def _reply(device: Device, fields: dict[str, object]) -> None:
    device.emit(device.voice.numbered("system/command/response", fields))
