"""An alarm as plain data, for the journal, and back."""

from __future__ import annotations

from typing import Any, Final

from godkaiser.alarms.alarm import Alarm, State
from godkaiser.alarms.kind import KINDS, Priority

_PLAIN: Final = (
    "text", "since", "holds", "latched", "count", "returned_at", "acked_by", "acked_at", "shelved_until",
    "suppressed_by", "reason",
)  # fmt: skip


def data_of(alarm: Alarm) -> dict[str, Any]:
    """Everything but what its key says."""
    plain = {name: getattr(alarm, name) for name in _PLAIN}
    return {"state": alarm.state.value, "priority": alarm.priority.word, **plain}


def alarm_of(key: str, data: dict[str, Any]) -> Alarm | None:
    """The alarm of a key; None for a kind this version does not know."""
    code, _, source = key.partition(":")
    if code not in KINDS:
        return None
    plain = {name: data[name] for name in _PLAIN}
    return Alarm(KINDS[code], source, State(data["state"]), Priority.of(data["priority"]), **plain)
