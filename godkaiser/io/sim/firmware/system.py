"""``system/command``: words are matched as they are written, in lower case."""

from __future__ import annotations

from collections.abc import Callable

from .flaw import Body, Flaw, required, shown, text, whole, word
from .intent import intent_flaw
from .profile import Firmware
from .reading import Inbound, Reading, opened, pick

POOL = 256
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
TOKEN_TYPES = ("esp", "broadcast")
TOKEN_LENGTH = 64


def parameters(body: Body) -> Body:
    """``params``, or nothing when it is no object."""
    params = body.get("params")
    return params if isinstance(params, dict) else {}


def level_place(body: Body) -> Body:
    """Where ``level`` stands: at the top or in ``params``."""
    return body if "level" in body else parameters(body)


def level_flaw(body: Body) -> Flaw | None:
    """Whether the level is one."""
    place = level_place(body)
    return required(place, "level") or word(place, "level", LEVELS)


def token_flaw(body: Body) -> Flaw | None:
    """Whether ``token`` and ``token_type`` can be stored."""
    token = body.get("token")
    flaw = required(body, "token") or text(body, "token", TOKEN_LENGTH)
    if not flaw and token == "":
        flaw = Flaw("bad_value", "token", f"token must have 1..{TOKEN_LENGTH} characters.")
    return flaw or word(body, "token_type", TOKEN_TYPES)


def scan_pin(body: Body, firmware: Firmware) -> int:
    """The pin a OneWire scan uses: ``params.pin`` or ``pin``, else the board's own."""
    pin = _pin_place(body).get("pin")
    return pin if type(pin) is int else firmware.pins.onewire


def pin_flaw(body: Body, firmware: Firmware) -> Flaw | None:
    """Whether the pin of a OneWire scan can be scanned."""
    pin = scan_pin(body, firmware)
    if pin in firmware.pins.readable:
        return whole(_pin_place(body), "pin")
    return Flaw("bad_value", "pin", f"pin {shown(pin)} is no free pin of this board.")


def _pin_place(body: Body) -> Body:
    return parameters(body) if "pin" in parameters(body) else body


def reset_flaw(body: Body) -> Flaw | None:
    """A factory reset wants to be confirmed."""
    if body.get("confirm") is True:
        return None
    return Flaw("missing_field", "confirm", "confirm: true is missing at the top level.")


_Check = Callable[[Body, Firmware], Flaw | None]
_CHECKS: dict[str, _Check] = {
    "status": lambda body, firmware: None,
    "diagnostics": lambda body, firmware: None,
    "get_config": lambda body, firmware: None,
    "safe_mode": lambda body, firmware: None,
    "exit_safe_mode": lambda body, firmware: None,
    "set_log_level": lambda body, firmware: level_flaw(body),
    "set_emergency_token": lambda body, firmware: token_flaw(body),
    "onewire/scan": pin_flaw,
    "factory_reset": lambda body, firmware: reset_flaw(body),
}
_SEED_WORDS = ("factory_reset",)


def command_word(body: Body, firmware: Firmware) -> str | Flaw:
    """The command, if this firmware knows it."""
    command = body.get("command")
    known = _SEED_WORDS if firmware.seed else tuple(_CHECKS)
    if isinstance(command, str) and command in known:
        return command
    return Flaw("unknown_command", "command", f"command {shown(command)} is unknown to the firmware.")


def read_system(message: Inbound) -> Reading:
    """Read ``system/command``."""
    body = opened(message.payload, POOL)
    if isinstance(body, Flaw):
        return body
    command = command_word(body, message.firmware)
    if isinstance(command, Flaw):
        return command
    keys = (
        "command",
        "level",
        "token",
        "token_type",
        "pin",
        "confirm",
        "params",
        "correlation_id",
        "intent_id",
    )
    return _CHECKS[command](body, message.firmware) or intent_flaw(body) or pick(body, *keys)
