"""What someone asks of a node without moving anything: measure now, tell your state, look at your bus."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal, NoReturn

from godkaiser.errors import InvalidValueError
from godkaiser.model.ids import GPIO_MAX, NodeId
from godkaiser.model.instant import SECOND, Duration

Word = Literal["status", "diagnostics", "get_config", "set_log_level", "onewire/scan", "set_emergency_token"]
LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
MEASURE_WITHIN: Final[Duration] = 5 * SECOND
MEASURE_GRACE: Final[Duration] = 5 * SECOND  # on top of what the node was given
INQUIRY_WITHIN: Final[Duration] = 10 * SECOND


@dataclass(frozen=True, slots=True)
class Measure:
    """Read the sensors of one pin now. `within` is the node's own limit, 1 ms to 60 s."""

    gpio: int
    within: Duration = MEASURE_WITHIN


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A system command that moves nothing. `params` go to the node as they are; a token never shows in a repr."""

    word: Word
    params: dict[str, str | int] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks what of which node."""

    id: str
    node: NodeId
    who: str
    ask: Measure | Inquiry

    @property
    def what(self) -> str:
        """In words."""
        return f"measure on pin {self.ask.gpio}" if isinstance(self.ask, Measure) else self.ask.word

    @property
    def patience(self) -> Duration:
        """How long we wait for the answer."""
        return self.ask.within + MEASURE_GRACE if isinstance(self.ask, Measure) else INQUIRY_WITHIN


@dataclass(frozen=True, slots=True)
class Reply:
    """How a request ended: answered, refused (by the node, or by us before it was sent) or silent."""

    request: Request
    end: Literal["answered", "refused", "silent"]
    message: str = ""
    content: dict[str, Any] = field(default_factory=dict)


# ── from people ────────────────────────────────────────────────────────────────────────────────────────
TOKEN_MOST: Final = 64
TOKEN_TYPES: Final = ("esp", "broadcast")
_PARAMS: Final[dict[str, tuple[str, ...]]] = {
    "status": (),
    "diagnostics": (),
    "get_config": (),
    "set_log_level": ("level",),
    "onewire/scan": ("pin",),
    "set_emergency_token": ("token", "token_type"),
}


def read_inquiry(word: str, params: dict[str, Any]) -> Inquiry:
    """Checked as the node would check it. Raises `InvalidValueError`; a token never stands in it."""
    if word not in _PARAMS:
        _wrong("command", word, "is not one to ask", ", ".join(_PARAMS))
    for key in params:
        if key not in _PARAMS[word]:
            _wrong(f"params.{key}", "…", f"does not belong to {word}", ", ".join(_PARAMS[word]) or "none")
    if word == "set_log_level" and params.get("level") not in LEVELS:
        _wrong("params.level", repr(params.get("level"))[:40], "is no log level", ", ".join(LEVELS))
    if word == "onewire/scan" and not _is_pin(params.get("pin", 0)):
        _wrong("params.pin", repr(params["pin"])[:40], "is no pin", f"0..{GPIO_MAX}")
    if word == "set_emergency_token":
        _check_token(params)
    return Inquiry(word, dict(params))  # type: ignore[arg-type]  # it is one of the words


def _is_pin(pin: object) -> bool:
    return type(pin) is int and 0 <= pin <= GPIO_MAX


def _check_token(params: dict[str, Any]) -> None:
    token = params.get("token")
    if (
        not isinstance(token, str)
        or not token.isprintable()
        or not 1 <= len(token.encode("utf-8", "replace")) <= TOKEN_MOST
    ):
        _wrong("params.token", "…", "is no token", f"1..{TOKEN_MOST} printable bytes")
    if params.get("token_type", "esp") not in TOKEN_TYPES:
        _wrong(
            "params.token_type", repr(params["token_type"])[:40], "is no token type", ", ".join(TOKEN_TYPES)
        )


def _wrong(field_name: str, value: str, problem: str, allowed: str) -> NoReturn:
    raise InvalidValueError(field=field_name, value=value, problem=problem, allowed=allowed)
