"""Plug-ins: sensor types of other packages, by the entry point `godkaiser.sensors`.

A plug-in is a `SensorType` or several of them. One that cannot be loaded, or does not pass
`godkaiser.testing.check_sensor_type`, is left out with its reason and stops nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from godkaiser.errors import SensorTypeError
from godkaiser.sensors.acceptance import check_sensor_type
from godkaiser.sensors.catalogue import BUILT_IN, Catalogue, Fault
from godkaiser.sensors.types import SensorType

GROUP: Final = "godkaiser.sensors"


def load() -> Catalogue:
    """Everything that is installed, in a stable order."""
    catalogue = BUILT_IN
    for point in sorted(entry_points(group=GROUP), key=lambda point: (_package(point), point.name)):
        catalogue = _with(catalogue, point)
    return catalogue


def _with(catalogue: Catalogue, point: EntryPoint) -> Catalogue:
    package = _package(point)
    try:
        rows = _rows(point.load())
        for row in rows:
            check_sensor_type(row)
        return catalogue.with_types(package, rows)
    except (AssertionError, SensorTypeError) as error:
        problem = str(error)
    except Exception as error:  # noqa: BLE001 - a stranger's code may fail in any way, and must stop nothing
        problem = f"{type(error).__name__}: {error}"
    return catalogue.with_fault(Fault(package, point.name, problem))


def _rows(found: Any) -> tuple[SensorType, ...]:
    """One type or several; what else it may be the check says."""
    return tuple(found) if isinstance(found, Iterable) else (found,)


def _package(point: EntryPoint) -> str:
    return "" if point.dist is None else point.dist.name
