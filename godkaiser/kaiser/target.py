"""What `connect` is told: nothing or a data folder, `sim://…`; what is not there yet is refused by name."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from godkaiser.errors import InvalidValueError
from godkaiser.model.instant import HOUR, Duration, parse_duration

ALLOWED: Final = 'nothing, a data folder, or "sim://greenhouse?seed=7&history=24h&speed=60"'
SPEED_MOST: Final = 3600.0
HISTORY_MOST: Final = 60 * 24 * HOUR
_LATER: Final = {
    "http": "the gateway is not there yet in this version",
    "https": "the gateway is not there yet in this version",
    "mqtt": "observing a broker without a controller is not there yet in this version",
    "mqtts": "observing a broker without a controller is not there yet in this version",
}


@dataclass(frozen=True, slots=True)
class OnThisMachine:
    """The controller of a data folder; None: the only one running here."""

    folder: Path | None = None


@dataclass(frozen=True, slots=True)
class Simulated:
    """A greenhouse of one's own: `history` is simulated first, then `speed` seconds go by in each second."""

    seed: int = 1
    history: Duration = 24 * HOUR
    speed: float = 60.0


Target = OnThisMachine | Simulated


def read_target(target: object) -> Target:
    """Raises `InvalidValueError` naming what is wrong with it."""
    if target is None or isinstance(target, os.PathLike):
        return OnThisMachine(None if target is None else Path(target))
    if not isinstance(target, str) or not target.strip():
        raise _wrong("target", target, "is neither a data folder nor an address")
    scheme, separator, _ = target.partition("://")
    if not separator:
        return OnThisMachine(Path(target).expanduser())
    if scheme in _LATER:
        raise _wrong("target", target, _LATER[scheme])
    if scheme != "sim":
        raise _wrong("target", target, f"{scheme}:// is not known")
    return _simulated(target)


def _simulated(target: str) -> Simulated:
    parts = urlsplit(target)
    if parts.netloc != "greenhouse" or parts.path not in ("", "/"):
        raise _wrong("target", target, "the only simulation is sim://greenhouse")
    made = Simulated()
    asked = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in asked:
        if name not in ("seed", "history", "speed"):
            raise _wrong("target", target, f"{name!r} is not known")
    history = parse_duration(asked.get("history", "24h"), "history")
    if history > HISTORY_MOST:
        raise _wrong("history", asked["history"], "is too long", "at most 60d")
    speed = _number("speed", asked.get("speed", made.speed), f"more than 0, at most {SPEED_MOST:g}")
    if not 0 < speed <= SPEED_MOST:
        raise _wrong("speed", asked["speed"], "is out of range", f"more than 0, at most {SPEED_MOST:g}")
    seed = _number("seed", asked.get("seed", made.seed), "a whole number")
    if seed != int(seed):
        raise _wrong("seed", asked["seed"], "is not a whole number", "a whole number")
    return Simulated(int(seed), history, speed)


def _number(field: str, text: str | float, allowed: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if abs(number) < 1e15:
        return number
    raise _wrong(field, text, "is not a number", allowed)


def _wrong(field: str, value: object, problem: str, allowed: str = ALLOWED) -> InvalidValueError:
    return InvalidValueError(field=field, value=repr(value), problem=problem, allowed=allowed)
