"""An engine's state, or an event, as bytes, and back: exactly, with everything that hangs together.

Pickled, because parts of the state are shared; what is read makes nothing but our own values, never calls a function
of anybody else's. What a program brings along (sensor types, the planner of pushes) is named, not copied. The fields
of every class in it stand beside it: a program whose classes have others refuses to read it.
"""

from __future__ import annotations

import io
import json
import pickle
import zlib
from dataclasses import fields, is_dataclass
from typing import Any, Final, cast
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from godkaiser.errors import RecordingError
from godkaiser.io.utter import LEFT_OUT
from godkaiser.io.wire.config import plan_push
from godkaiser.model import ids
from godkaiser.model.request import Inquiry
from godkaiser.sensors.catalogue import BUILT_IN, Catalogue
from godkaiser.sensors.types import SensorType

OURS: Final = ("godkaiser.model.", "godkaiser.engine.", "godkaiser.rules.", "godkaiser.safety.",
               "godkaiser.alarms.", "godkaiser.sensors.")  # fmt: skip
PLAIN: Final = {
    ("collections", "deque"), ("collections", "Counter"), ("collections", "defaultdict"),
    ("collections", "OrderedDict"), ("builtins", "set"), ("builtins", "frozenset"), ("builtins", "list"),
    ("builtins", "dict"), ("builtins", "int"), ("zoneinfo", "ZoneInfo"), ("pydantic_core._pydantic_core", "TzInfo"),
    ("datetime", "datetime"), ("datetime", "date"), ("datetime", "time"), ("datetime", "timedelta"),
    ("datetime", "timezone"),
}  # fmt: skip

_UNREADABLE: Final = (
    pickle.UnpicklingError, zlib.error, EOFError, AttributeError, ImportError, TypeError, ValueError, LookupError,
)  # fmt: skip
_CATALOGUE, _PLANNER = "catalogue", "planner"


def _id(kind: str, text: str) -> Any:
    """An id, by the name of its class."""
    return getattr(ids, kind).known(text)


def _fields(kind: type[Any]) -> list[str] | None:
    """What a value of ours consists of; None: it is none of ours."""
    if not kind.__module__.startswith(OURS):
        return None
    if is_dataclass(kind):
        return [one.name for one in fields(kind)]
    return list(kind.model_fields) if issubclass(kind, BaseModel) else []


class _Writer(pickle.Pickler):
    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=5)
        self.shapes: dict[str, list[str]] = {}

    def persistent_id(self, value: Any) -> Any:
        """What is named instead of copied."""
        if isinstance(value, SensorType):
            return value.name
        if isinstance(value, Catalogue):
            return (_CATALOGUE,)
        return (_PLANNER,) if value is plan_push else None

    def reducer_override(self, value: Any) -> Any:
        """Ids are made by `known`, which a reader must not be able to ask of anything else. Tokens are left out."""
        if isinstance(value, Inquiry) and "token" in value.params:
            return Inquiry, (value.word, value.params | {"token": LEFT_OUT})
        if isinstance(value, str) and type(value).__module__ == ids.__name__:
            return _id, (type(value).__name__, str(value))
        if isinstance(value, ZoneInfo):
            return ZoneInfo, (value.key,)
        kind = type(value)
        if (known := _fields(kind)) is not None:
            self.shapes[f"{kind.__module__}:{kind.__qualname__}"] = known
        return NotImplemented


class _Reader(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, catalogue: Catalogue) -> None:
        super().__init__(file)
        self._catalogue = catalogue

    def persistent_load(self, pid: Any) -> Any:
        """What was named."""
        if pid == (_CATALOGUE,):
            return self._catalogue
        if pid == (_PLANNER,):
            return plan_push
        if pid not in self._catalogue.types:
            raise RecordingError(problem=f"there is no sensor type {pid!r} here")
        return self._catalogue.types[pid]

    def find_class(self, module: str, name: str) -> Any:
        """Our own values and plain collections; nothing else."""
        if (module, name) == (__name__, "_id"):
            return _id
        if (module, name) in PLAIN or (module.startswith(OURS) and "." not in name):
            found = super().find_class(module, name)
            if isinstance(found, type):
                return found
        raise RecordingError(problem=f"{module}.{name} does not belong into a recording")


def to_bytes(value: Any) -> bytes:
    """Of a state or an event."""
    file = io.BytesIO()
    writer = _Writer(file)
    writer.dump(value)
    shapes = json.dumps(writer.shapes, separators=(",", ":")).encode()
    return zlib.compress(shapes + b"\n" + file.getvalue())


def from_bytes(data: bytes, catalogue: Catalogue = BUILT_IN) -> Any:
    """Raises `RecordingError`."""
    try:
        shapes, _, pickled = zlib.decompress(data).partition(b"\n")
        reader = _Reader(io.BytesIO(pickled), catalogue)
        for name, known in json.loads(shapes).items():
            module, _, kind = name.partition(":")
            if _fields(reader.find_class(module, kind)) != known:
                raise RecordingError(problem=f"{kind} was made of other fields then")
        return cast("Any", reader.load())
    except _UNREADABLE as error:
        if isinstance(error, RecordingError):
            raise
        raise RecordingError(problem=f"a part of it cannot be read: {error}") from None
