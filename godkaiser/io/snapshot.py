"""An engine's state, or an event, as bytes, and back: exactly, with everything that hangs together.

Pickled, because parts of the state are shared; what is read makes nothing but our own values, never calls a function
of anybody else's. What a program brings along (sensor types, the planner of pushes) is named, not copied. The fields
of every class in it stand beside it: a field that a class has got since takes its default; a program whose classes
differ otherwise refuses to read it.
"""

from __future__ import annotations

import enum
import io
import json
import pickle
import zlib
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, ClassVar, Final, cast
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
    ("builtins", "dict"), ("zoneinfo", "ZoneInfo"), ("pydantic_core._pydantic_core", "TzInfo"),
    ("datetime", "datetime"), ("datetime", "date"), ("datetime", "time"), ("datetime", "timedelta"),
    ("datetime", "timezone"),
}  # fmt: skip

_UNREADABLE: Final = (
    pickle.UnpicklingError, zlib.error, EOFError, AttributeError, ImportError, TypeError, ValueError, LookupError,
)  # fmt: skip
_CATALOGUE, _PLANNER = "catalogue", "planner"


def _id(kind: str, text: str) -> Any:
    """An id, by the name of its class."""
    found = getattr(ids, str(kind), None)
    if not isinstance(found, type) or not issubclass(found, str) or found.__module__ != ids.__name__:
        raise RecordingError(problem=f"nobody knows ids of the kind {kind!r}")
    return cast("Any", found).known(str(text))


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


# The one in C cannot be told what not to call.
_Unpickler: Any = pickle._Unpickler  # noqa: SLF001 - documented as what `pickle.Unpickler` falls back to
_NEVER: Final = (
    pickle.GLOBAL, pickle.INST, pickle.OBJ, pickle.EXT1, pickle.EXT2, pickle.EXT4, pickle.PERSID,
)  # fmt: skip


class _Reader(_Unpickler):  # type: ignore[misc]  # as above
    """Makes values of our own classes and plain collections. Nothing else can be called, no class be changed."""

    dispatch: ClassVar[dict[int, Any]] = {
        code: load for code, load in _Unpickler.dispatch.items() if bytes([code]) not in _NEVER
    }

    def __init__(self, file: io.BytesIO, catalogue: Catalogue) -> None:
        super().__init__(file)
        self._catalogue = catalogue
        self._known: list[Any] = []
        self._grown: dict[type, list[str]] = {}  # classes that have got more fields since, and what they had

    def expect(self, name: str, known: list[str]) -> None:
        """A class has the fields it had then; others only if they need not be said."""
        module, _, kind = name.partition(":")
        found = self.find_class(module, kind)
        if _fields(found) == known:
            return
        if not is_dataclass(found) or [*known] != [one.name for one in fields(found) if one.name in known]:
            raise RecordingError(problem=f"{kind} was made of other fields then")
        if any(_default(one) is MISSING for one in fields(found) if one.name not in known):
            raise RecordingError(problem=f"{kind} was made of other fields then")
        self._grown[cast("type", found)] = known

    def persistent_load(self, pid: Any) -> Any:
        """What was named."""
        if pid == (_CATALOGUE,):
            return self._catalogue
        if pid == (_PLANNER,):
            return plan_push
        if not isinstance(pid, str) or pid not in self._catalogue.types:
            raise RecordingError(problem=f"there is no sensor type {pid!r} here")
        return self._catalogue.types[pid]

    def find_class(self, module: str, name: str) -> Any:
        """Only where it is at home: what one of our modules imported is not ours."""
        found: Any = _id if (module, name) == (__name__, "_id") else None
        if (module, name) in PLAIN or (module.startswith(OURS) and "." not in name):
            found = super().find_class(module, name)
        if found is not _id and not _harmless(found, module, name):
            raise RecordingError(problem=f"{module}.{name} does not belong into a recording")
        self._known.append(found)
        return found

    def _demand(self, called: Any) -> None:
        if not any(called is one for one in self._known):
            raise RecordingError(problem="something is called that does not belong into a recording")

    def load_reduce(self) -> None:
        """Calls what `find_class` gave, nothing else."""
        self._demand(self.stack[-2])
        super().load_reduce()

    def load_newobj(self) -> None:
        """As `load_reduce`."""
        self._demand(self.stack[-2])
        super().load_newobj()

    def load_newobj_ex(self) -> None:
        """As `load_reduce`."""
        self._demand(self.stack[-3])
        super().load_newobj_ex()

    def load_build(self) -> None:
        """Fills values, never classes or functions."""
        if isinstance(self.stack[-2], type) or callable(self.stack[-2]):
            raise RecordingError(problem="a class is changed, which does not belong into a recording")
        value, had = self.stack[-2], self._grown.get(type(self.stack[-2]))
        if had is None:
            super().load_build()
            return
        said = self.stack.pop()  # a frozen value is a list, any other has its slots in the second place
        _fill(value, dict(zip(had, said, strict=True)) if isinstance(said, list) else said[1])

    dispatch[pickle.REDUCE[0]] = load_reduce
    dispatch[pickle.NEWOBJ[0]] = load_newobj
    dispatch[pickle.NEWOBJ_EX[0]] = load_newobj_ex
    dispatch[pickle.BUILD[0]] = load_build


def _harmless(found: Any, module: str, name: str) -> bool:
    if (module, name) in PLAIN:
        return True
    if not isinstance(found, type) or found.__module__ != module:
        return False
    return is_dataclass(found) or issubclass(found, (BaseModel, enum.Enum))


def _default(one: Field[Any]) -> Any:
    """A fresh one; MISSING where there is none."""
    return one.default if one.default_factory is MISSING else one.default_factory()


def _fill(value: Any, said: dict[str, Any]) -> None:
    """A value of a class that has got more fields since."""
    for one in fields(value):
        object.__setattr__(value, one.name, said[one.name] if one.name in said else _default(one))


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
            reader.expect(name, known)
        return cast("Any", reader.load())
    except _UNREADABLE as error:
        if isinstance(error, RecordingError):
            raise
        raise RecordingError(problem=f"a part of it cannot be read: {error}") from None
