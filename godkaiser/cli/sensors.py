"""`godkaiser sensors …`: which there are, calibrating one, and which calibrations it had."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from godkaiser.cli.clients import tell_sensors
from godkaiser.cli.output import Data, Json, ask, say, show, table
from godkaiser.errors import CalibrationError

if TYPE_CHECKING:
    from godkaiser.sensors.catalogue import Catalogue
    from godkaiser.sensors.types import SensorType

app = typer.Typer(
    help="Sensors: which there are, their newest values, and calibration.", invoke_without_command=True
)
Sensor = Annotated[str, typer.Argument(help="NODE/GPIO/TYPE or the sensor's name.")]
FIELDS = ("raw", "value", "temperature_c", "role")


@app.callback()
def sensors(context: typer.Context, data: Data = None, as_json: Json = False) -> None:
    """List the sensors with their newest values."""
    if context.invoked_subcommand is None:
        show(ask(data, "snapshot")["sensors"], as_json, tell_sensors)


@app.command()
def calibrate(
    sensor: Sensor,
    point: Annotated[
        list[str],
        typer.Option(help="raw=2150,value=7,temperature_c=25 or raw=2800,role=dry; once per point."),
    ],
    method: Annotated[
        str | None,
        typer.Option(help="ph, ec, moisture, linear or offset; else the type's own.", show_default=False),
    ] = None,
    adc: Annotated[
        str | None, typer.Option(help="esp32 or ads1115, as the sensor is declared.", show_default=False)
    ] = None,
    gain: Annotated[
        float | None,
        typer.Option(help="Of the pH amplifier, negative when it inverts.", show_default=False),
    ] = None,
    converted: Annotated[
        bool, typer.Option("--converted", help="The node sends values instead of counts.")
    ] = False,
    valid_from: Annotated[
        str | None, typer.Option(help="ISO 8601 with a zone; now without.", show_default=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be made.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Fit a calibration to reference points; new readings use it, stored ones stay as they are."""
    said = {"method": method, "adc": adc, "gain": gain, "raw_mode": not converted}
    how = {key: value for key, value in said.items() if value is not None}
    points = [read_point(number, text) for number, text in enumerate(point)]
    more = {} if valid_from is None else {"valid_from": valid_from}
    made = ask(data, "sensors.calibrate", sensor=sensor, points=points, how=how, dry_run=dry_run, **more)
    show(made, as_json, lambda shot: _tell_made(shot, dry_run))


def read_point(number: int, text: str) -> dict[str, Any]:
    """`raw=2150,value=7` → a point. Raises `CalibrationError`."""
    made: dict[str, Any] = {}
    for part in text.split(","):
        name, sign, value = (word.strip() for word in part.partition("="))
        if not sign or name not in FIELDS or name in made:
            way = f"Write raw=2800,role=dry: each of {', '.join(FIELDS)} at most once."
            raise CalibrationError(field=f"point {number + 1}", problem=f"{part.strip()[:40]!r}", way=way)
        made[name] = value if name == "role" else _number(f"point {number + 1}.{name}", value)
    return made


def _number(field: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise CalibrationError(
            field=field, problem=f"{text[:40]!r} is no finite number", way="Give a number."
        )
    return value


def _tell_made(made: dict[str, Any], dry_run: bool) -> None:
    say(f"{'Would be' if dry_run else 'Calibrated'}: {_numbers(made)}")
    for name, unit in (("slope_mv_per_ph", "mV/pH"), ("slope_percent", "% of the theory")):
        if name in made:
            say(f"Slope {made[name]:.4g} {unit}.")
    if any(made.get("residuals", ())):
        say(f"Residuals: {', '.join(f'{value:+.3g}' for value in made['residuals'])}.")
    for note in made.get("notes", ()):
        say(f"! {note}")
    say("Nothing was changed." if dry_run else f"Version {made['version']}, from {made['valid_from']} on.")


def _numbers(made: dict[str, Any]) -> str:
    found = [f"{name} {made[name]:.6g}" for name in ("slope", "offset", "dry", "wet") if name in made]
    return ", ".join(found) or "no correction"


@app.command()
def calibrations(sensor: Sensor, data: Data = None, as_json: Json = False) -> None:
    """Every version of a sensor's calibration, oldest first."""
    show(ask(data, "sensors.calibrations", sensor=sensor), as_json, _tell_all)


def _tell_all(found: list[dict[str, Any]]) -> None:
    rows = [
        (m["version"], m["method"], _numbers(m), m.get("valid_from"), m.get("by"), m.get("undone_at"))
        for m in found
    ]
    head = ("version", "method", "calibration", "valid from", "by", "undone at")
    table(head, rows, "It was never calibrated.")


@app.command()
def undo(sensor: Sensor, data: Data = None, as_json: Json = False) -> None:
    """Take the newest calibration back: the one before counts again for new readings."""
    show(ask(data, "sensors.undo", sensor=sensor), as_json, _tell_undone)


def _tell_undone(answer: dict[str, Any]) -> None:
    back = answer["calibration"]
    now = "none counts now" if back is None else f"version {back['version']} counts again: {_numbers(back)}"
    say(f"Version {answer['undone']['version']} is undone; {now}.")


@app.command()
def types(as_json: Json = False) -> None:
    """Every sensor type there is, the package it comes from, and plug-ins that were left out. Needs no controller."""
    from godkaiser.plugins import load

    catalogue = load()
    rows = [_type_picture(catalogue, row) for row in catalogue.types.values() if not row.derived]
    show({"types": rows, "left_out": [asdict(fault) for fault in catalogue.faults]}, as_json, _tell_types)


def _type_picture(catalogue: Catalogue, row: SensorType) -> dict[str, Any]:
    return {
        "name": row.name,
        "label": row.label,
        "unit": row.unit,
        "low": row.low,
        "high": row.high,
        "fresh_for_s": row.stale_s,
        "bus": row.bus,
        "mode": row.mode,
        "aliases": sorted(alias for alias, name in catalogue.aliases.items() if name == row.name),
        "package": catalogue.package_of(row.name),
    }


def _tell_types(said: dict[str, Any]) -> None:
    columns = ("name", "label", "unit", "low", "high", "fresh_for_s", "bus", "mode", "package")
    rows = [tuple(row[column] for column in columns) for row in said["types"]]
    table(("type", "measures", "unit", "from", "to", "fresh for s", "bus", "mode", "package"), rows, "")
    for fault in said["left_out"]:
        say(f"! {fault['plugin']} of {fault['package']} is left out: {fault['problem']}")
