"""Records as lines of JSON, and back: what the spool keeps must mean the same when it is read."""

from __future__ import annotations

import enum
import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, Final, get_args

from pydantic import BaseModel

from godkaiser.engine import effect as fx
from godkaiser.model.calibration import Calibration
from godkaiser.model.ids import ActuatorId, KaiserId, NodeId, SeriesId, ZoneId
from godkaiser.model.outcome import Fate, Finding, Severity
from godkaiser.model.quantity import Quality
from godkaiser.model.reading import Reading
from godkaiser.model.report import Heartbeat

_KINDS: Final = {kind.__name__: kind for kind in get_args(fx.Record)}


def _finding(data: dict[str, Any]) -> Finding:
    return Finding(**(data | {"severity": Severity(data["severity"])}))


# What is not a number, a text or a truth value comes back by its field's name.
_READ: Final[dict[str, Callable[[Any], Any]]] = {
    "series": SeriesId.known,
    "actuator": ActuatorId.known,
    "quality": Quality,
    "fate": Fate,
    "findings": lambda found: tuple(_finding(one) for one in found),
    "calibration": lambda it: Calibration.model_validate(it) if isinstance(it, dict) else it,
}
_OF: Final[dict[type[Any], dict[str, Callable[[str], Any]]]] = {
    Reading: {"zone": ZoneId.known},
    fx.NodeRecord: {"id": NodeId.known},
    fx.SeriesRecord: {"id": SeriesId.known},
    Heartbeat: {"kaiser": KaiserId.known, "node": NodeId.known, "degraded": tuple},
    fx.ActuatorGone: {"id": ActuatorId.known},
}


def to_line(record: fx.Record) -> bytes:
    """One record, its kind first; numbers keep every digit."""
    document = [type(record).__name__, _plain(record)]
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, enum.Enum):
        return value.value
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return [_plain(one) for one in value] if isinstance(value, (tuple, list)) else value


def from_line(line: bytes) -> fx.Record:
    """Raises `ValueError`, `KeyError` or `TypeError` when it is none."""
    name, data = json.loads(line)
    kind = _KINDS[name]
    if issubclass(kind, BaseModel):
        record: fx.Record = kind.model_validate(data)
        return record
    read = _READ | _OF.get(kind, {})
    values = {
        key: read[key](value) if key in read and value is not None else value for key, value in data.items()
    }
    made: fx.Record = kind(**values)
    return made
