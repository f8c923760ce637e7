"""Calibrations as rows of their table, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from godkaiser.engine.effect import CalibrationRecord
from godkaiser.errors import DatabaseBrokenError
from godkaiser.model.calibration import Calibration
from godkaiser.model.ids import SeriesId
from godkaiser.model.instant import Instant, from_datetime


def row_of(record: CalibrationRecord) -> dict[str, Any]:
    """The document is the whole; the other columns are for people who look into the database."""
    made = record.calibration
    return {
        "series": str(record.series),
        "version": made.version,
        "document": made.model_dump_json(exclude_defaults=True),
        "valid_from": made.since,
        "by": made.by,
        "made_at": _instant(made.made_at),
        "undone_at": _instant(made.undone_at),
    }


def versions_of(rows: Iterable[Mapping[str, Any]]) -> dict[SeriesId, list[Calibration]]:
    """By series, in the order of `rows`, which is that of the versions. Raises `DatabaseBrokenError`."""
    found: dict[SeriesId, list[Calibration]] = {}
    for row in rows:
        try:
            made = Calibration.model_validate_json(row["document"])
        except ValidationError as error:
            where = f"calibration {row['version']} of {row['series']}"
            raise DatabaseBrokenError(where=where, problem=error.errors()[0]["msg"]) from None
        found.setdefault(SeriesId.parse(row["series"]), []).append(made)
    return found


def _instant(when: datetime | None) -> Instant | None:
    return None if when is None else from_datetime(when)
