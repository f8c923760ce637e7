"""``actuator/N/command``: searched as text, the first ``"key":`` wins, no JSON needed."""

from __future__ import annotations

from dataclasses import dataclass

from godkaiser.io.sim.text import numeric, scan_number, scan_raw, scan_text

from .flaw import Flaw, shown
from .intent import ID_LENGTH, intent_flaw, metadata
from .reading import Inbound, Reading, longer

MOST_BYTES = 511
VERBS = ("ON", "OFF", "PWM", "TOGGLE")
_LONGEST_S = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Command:
    """What the text search finds: ``value`` as printed in the answer, ``duration`` in s, 0 for unlimited."""

    word: str
    value: float
    duration: int
    correlation_id: str
    issued_by: str

    @property
    def verb(self) -> str:
        """The word in upper case."""
        return self.word.upper()


def scan(payload: bytes) -> Command:
    """Search a command; what is beyond the buffer is not seen."""
    found = _seen(payload)
    return Command(
        word=scan_text(found, "command"),
        # Printed back with three decimals: keep it within what a 32-bit float prints as a plain number.
        value=max(-1e9, min(1e9, scan_number(found, "value"))),
        duration=int(max(0, min(_LONGEST_S, scan_number(found, "duration")))),
        correlation_id=scan_text(found, "correlation_id")[:ID_LENGTH],
        issued_by=scan_text(found, "issued_by"),
    )


def _seen(payload: bytes) -> str:
    return payload[:MOST_BYTES].decode("utf-8", "replace")


def read_actuator(message: Inbound) -> Reading:
    """Read ``actuator/N/command``."""
    found, command = _seen(message.payload), scan(message.payload)
    flaw = (
        longer(message.payload, MOST_BYTES)
        or _verb(found, command)
        or _value(found, command)
        or _duration(found, command)
        or intent_flaw(metadata(message.payload))
    )
    return flaw or {
        "gpio": message.address.gpio,
        "command": command.verb,
        "value": command.value,
        "duration": command.duration,
        "correlation_id": command.correlation_id,
        "issued_by": command.issued_by,
    }


def _verb(found: str, command: Command) -> Flaw | None:
    raw = scan_raw(found, "command") or ""
    if not raw.startswith('"') or '"' not in raw[1:]:
        return Flaw("missing_field", "command", 'The text search finds no "command": with a string.')
    if command.verb in VERBS:
        return None
    problem = f"command must be one of {', '.join(VERBS)}, not {shown(command.word)}."
    return Flaw("unknown_command", "command", problem)


def _value(found: str, command: Command) -> Flaw | None:
    if command.verb != "PWM":
        return None
    if scan_raw(found, "value") is None:
        return Flaw("missing_field", "value", "value is missing: PWM needs one.")
    if not _numeric(found, "value"):
        return Flaw("wrong_type", "value", "value must be a number.")
    if not 0.0 <= command.value <= 1.0:
        return Flaw("bad_value", "value", f"value must be 0..1, not {shown(command.value)}.")
    return None


def _duration(found: str, command: Command) -> Flaw | None:
    if scan_raw(found, "duration") is None:
        return None
    if not _numeric(found, "duration"):
        return Flaw("wrong_type", "duration", "duration must be a number of seconds; this one reads as 0.")
    if scan_number(found, "duration") != command.duration:
        return Flaw("bad_value", "duration", "duration must be whole seconds, 0 or more, a year at most.")
    return None


def _numeric(found: str, key: str) -> bool:
    return numeric(scan_raw(found, key) or "")
