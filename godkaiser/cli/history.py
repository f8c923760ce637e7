"""`godkaiser history SENSOR`: what was measured, part by part, to the terminal or into a file."""

from __future__ import annotations

import csv
import io
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from zoneinfo import ZoneInfo

import typer

from godkaiser.cli.output import Data, Json, as_line, plain, say
from godkaiser.errors import InvalidValueError
from godkaiser.model.instant import to_datetime

if TYPE_CHECKING:
    from godkaiser.frames import Stretch
    from godkaiser.handles.line import Line
    from godkaiser.handles.paging import Paging

Row = tuple[Any, ...]
Write = Callable[[str], object]
READINGS: Final = ("time", "value", "quality", "raw", "calibration")
BUCKETS: Final = ("time", "value", "min", "max", "std", "readings", "bad", "coverage")


def history(
    sensor: Annotated[str, typer.Argument(help="The sensor's id or name.")],
    since: Annotated[str, typer.Option(help='"-7d", "today" or ISO 8601 with a zone.')] = "-24h",
    until: Annotated[str | None, typer.Option(help="As since; now without.", show_default=False)] = None,
    every: Annotated[
        str | None, typer.Option(help='Buckets of that length, like "5min".', show_default=False)
    ] = None,
    tz: Annotated[str, typer.Option(help="By the clock of this time zone.")] = "UTC",
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Into this file; - for here.", show_default=False)
    ] = None,
    parquet_file: Annotated[
        Path | None, typer.Option("--parquet", help="Into this file (extra lab).", show_default=False)
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            help="sqlite:///… or postgresql://…, without a controller (extra lab).", show_default=False
        ),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """What a sensor measured, oldest first: each reading, or with --every its buckets."""
    from godkaiser.handles.deeds import How, bucket, zone
    from godkaiser.handles.paging import CHUNK, pages

    if (csv_file is not None) + (parquet_file is not None) + as_json > 1:
        raise InvalidValueError(
            field="csv, parquet, json", value="…", problem="are given together", allowed="one of them"
        )
    how = How(bucket(every), zone(tz))
    with _line(database, data) as line:
        paging = pages(_id_of(line, sensor), (since, until), how, CHUNK)
        if parquet_file is not None:
            _into_parquet(line, paging, parquet_file)
        elif csv_file is not None and str(csv_file) != "-":
            _into_csv(line, paging, csv_file)
        else:
            write = _json if as_json else _csv if csv_file is not None else _text
            write(_parts(line, paging), ZoneInfo(tz), sys.stdout.write)


@contextmanager
def _line(database: str | None, data: Path | None) -> Iterator[Line]:
    from godkaiser.kaiser.opening import make_line, make_reader

    line = make_reader(database) if database else make_line(data, None)
    line.owner.start()
    try:
        line.owner.opened.result()
        yield line
    finally:
        line.owner.leave()
        line.owner.join()


def _id_of(line: Line, sensor: str) -> str:
    from godkaiser.blocking import Farm

    return Farm(line).sensor(sensor).id


def _parts(line: Line, paging: Paging) -> Iterator[Stretch]:
    while (stretch := line.waited(paging.following, line)) is not None:
        yield stretch


def _into_parquet(line: Line, paging: Paging, file: Path) -> None:
    from godkaiser.handles.export import write_parquet

    rows = write_parquet(line, file, paging, None)
    say(f"{rows} rows are in {file}.")


def _into_csv(line: Line, paging: Paging, file: Path) -> None:
    from godkaiser.handles.export import whole_file

    with whole_file(file) as beside, beside.open("w", encoding="utf-8", newline="") as out:
        rows = _csv(_parts(line, paging), ZoneInfo(paging.how.tz), out.write)
    say(f"{rows} rows are in {file}.")


# ── rows ───────────────────────────────────────────────────────────────────────────────────────────────
def _columns(stretch: Stretch) -> tuple[str, ...]:
    if stretch.buckets is not None:
        return BUCKETS
    return (*READINGS, "coverage") if stretch.coverage else READINGS


def _rows(stretch: Stretch, zone: tzinfo) -> Iterator[Row]:
    """As `_columns`; None where there is no number."""
    times = (to_datetime(at).astimezone(zone) for at in stretch.times)
    if (buckets := stretch.buckets) is not None:
        numbers = map(_known, stretch.values), map(_known, buckets.minimum), map(_known, buckets.maximum)
        counts = map(_known, buckets.std), buckets.readings, buckets.bad, map(_known, stretch.coverage)
        return zip(times, *numbers, *counts, strict=True)
    from godkaiser.frames import QUALITIES

    words = (QUALITIES[rank] if isinstance(rank, int) else rank for rank in stretch.quality)
    columns = [map(_known, stretch.values), words, map(_known, stretch.raw), stretch.calibration]
    if stretch.coverage:
        columns.append(map(_known, stretch.coverage))
    return zip(times, *columns, strict=True)


def _known(number: float) -> float | None:
    return None if math.isnan(number) else number


# ── how they are written ───────────────────────────────────────────────────────────────────────────────
def _csv(parts: Iterator[Stretch], zone: tzinfo, write: Write) -> int:
    """Numbers with every digit; nothing where there is none."""
    count = 0
    for number, stretch in enumerate(parts):
        out = io.StringIO()
        lines = csv.writer(out, lineterminator="\n")
        if not number:
            lines.writerow(_columns(stretch))
        lines.writerows((at.isoformat(), *rest) for at, *rest in _rows(stretch, zone))
        write(out.getvalue())
        count += len(stretch.times)
    return count


def _json(parts: Iterator[Stretch], zone: tzinfo, write: Write) -> None:
    """One document, written as it comes: about the series, its columns, and a list per row."""
    count = 0
    for number, stretch in enumerate(parts):
        if not number:
            head: dict[str, Any] = {"series": stretch.series, "name": stretch.name, "unit": stretch.unit}
            head |= {"tz": str(zone), "marks": list(stretch.marks), "columns": _columns(stretch)}
            write(f'{as_line(head)[:-1]}, "rows": [')
        for at, *rest in _rows(stretch, zone):
            write(("," if count else "") + "\n" + as_line([at.isoformat(), *rest]))
            count += 1
    write("]}\n")


def _text(parts: Iterator[Stretch], zone: tzinfo, write: Write) -> None:
    """A line each, for people."""
    count = 0
    for stretch in parts:
        for row in _rows(stretch, zone):
            write(f"{_said(row, stretch)}\n")
            count += 1
    if not count:
        say("Nothing was measured in this time.")


def _said(row: Row, stretch: Stretch) -> str:
    at: datetime = row[0]
    value = "–" if row[1] is None else f"{row[1]:.6g} {stretch.unit}".rstrip()
    if stretch.buckets is None:
        about = "" if row[2] == "good" else row[2]
    elif row[1] is None:
        about = ""
    else:
        about = f"{row[2]:.6g} to {row[3]:.6g}, {row[5]} readings, {row[7]:.0%} covered"
    return plain(f"{at.isoformat(sep=' ', timespec='seconds')}  {value:<16} {about}".rstrip())
