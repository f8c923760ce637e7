"""Calibrating a sensor over a line, and its calibrations as the same objects that `godkaiser.calibration` makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from godkaiser.handles.deeds import When, moment
from godkaiser.handles.line import Line

if TYPE_CHECKING:
    from godkaiser.model.calibration import Calibration
    from godkaiser.sensors.points import Given


def fitting(method: str | None, gain: float | None, raw_mode: bool) -> dict[str, Any]:
    """How to fit, as far as something is said about it."""
    said: dict[str, Any] = {"method": method, "gain": gain, "raw_mode": raw_mode}
    return {key: value for key, value in said.items() if value is not None}


async def calibrate(
    line: Line,
    sensor: str,
    points: Sequence[Given],
    how: Mapping[str, Any],
    valid_from: When | None,
    dry_run: bool,
) -> Calibration:
    """Fit and keep it, or only fit."""
    params: dict[str, Any] = {"points": _plain(points), "how": dict(how), "dry_run": dry_run}
    if valid_from is not None:
        params["valid_from"] = moment(valid_from, "valid_from")
    return _made(await line.ask("sensors.calibrate", sensor=sensor, **params))


async def calibrations(line: Line, sensor: str) -> tuple[Calibration, ...]:
    """Every version there ever was."""
    return tuple(_made(shot) for shot in await line.ask("sensors.calibrations", sensor=sensor))


async def undo(line: Line, sensor: str) -> Calibration | None:
    """Take the newest back; what counts instead."""
    back = (await line.ask("sensors.undo", sensor=sensor))["calibration"]
    return None if back is None else _made(back)


# What checks values is loaded when the first sensor is calibrated: whoever only looks does without.
def _plain(points: Sequence[Given]) -> list[dict[str, Any]]:
    read = import_module("godkaiser.sensors.calibration").read_points(points)
    return [point.model_dump(exclude_none=True) for point in read]


def _made(shot: Mapping[str, Any]) -> Calibration:
    made: Calibration = import_module("godkaiser.model.calibration").Calibration.model_validate(dict(shot))
    return made
