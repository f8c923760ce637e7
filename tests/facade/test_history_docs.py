"""The page about taking history out says what really happens."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from godkaiser import blocking
from godkaiser.cli.history import history
from godkaiser.cli.main import app
from godkaiser.engine.effect import NodeRecord, SeriesRecord
from godkaiser.errors import FileWriteError, InvalidValueError, UnknownSensorError
from godkaiser.io.clock import WallClock
from godkaiser.io.sql.store import SqlStore
from godkaiser.model.instant import MINUTE, SECOND
from godkaiser.model.quantity import Quality
from tests.facade.process import Demo
from tests.io.test_sql_store import NODE, SERIES, reading

PAGE = (Path(__file__).parents[2] / "docs/how-to/history.md").read_text()
SINCE = "2020-01-01T00:00:00Z"
COUNT = 50  # a reading each half minute: less than an hour


@pytest.fixture
async def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    store = await SqlStore.open(None, tmp_path)
    first = WallClock().now() - 30 * MINUTE
    given = [replace(reading(n, n / 3), measured_at=first + n * 30 * SECOND) for n in range(COUNT)]
    given[7] = replace(given[7], value=None, quality=Quality.ERROR)
    node = NodeRecord(NODE, "approved", "bench", None, "b", 1, True, first)
    await store.append([node, SeriesRecord(SERIES, "°C", "bench air"), *given])
    await store.close()
    return f"sqlite:///{tmp_path / 'godkaiser.db'}"


def commands() -> list[list[str]]:
    (block,) = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    return [shlex.split(line.removeprefix("$ godkaiser "), comments=True) for line in block.splitlines()]


def run(words: list[str], database: str) -> None:
    app([*words, "--database", database], standalone_mode=False)


def page(text: str) -> str:
    """The page's sensor is ours."""
    return text.replace("bench air", SERIES)


def test_every_command_of_the_page_is_understood_and_answers(database: str, capsys: Any) -> None:
    said = []
    for words in commands():
        run([page(word) for word in words], database)
        said.append(capsys.readouterr().out)
    lines, hours, in_csv, in_parquet, document = said
    assert len(lines.splitlines()) == COUNT
    assert "°C" in lines
    assert "–" in lines
    assert "error" in lines
    assert 1 <= len(hours.splitlines()) <= 2
    assert in_csv == f"{COUNT} rows are in bench-air.csv.\n"
    assert re.fullmatch(r"\d rows are in bench-air.parquet.\n", in_parquet)
    shown = json.loads(document)
    assert (shown["unit"], len(shown["rows"])) == ("°C", COUNT)
    assert shown["rows"][7][1] is None


def test_files_hold_what_the_page_says(database: str, capsys: Any, tmp_path: Path) -> None:
    for words in commands():
        run([page(word) for word in words], database)
    capsys.readouterr()
    head, *rows = csv.reader(io.StringIO((tmp_path / "bench-air.csv").read_text()))
    assert head == ["time", "value", "quality", "raw", "calibration"]
    assert [row[1] for row in rows] == ["" if n == 7 else str(n / 3) for n in range(COUNT)]
    assert rows[7][2] == "error"
    buckets = pd.read_parquet(tmp_path / "bench-air.parquet")
    assert buckets["readings"].sum() == COUNT - 1
    assert set(buckets.columns) == {"value", "min", "max", "std", "readings", "bad", "coverage"}


def test_a_table_goes_to_the_terminal_as_well(database: str, capsys: Any) -> None:
    run(["history", SERIES, "--csv", "-", "--every", "10min"], database)
    head, *rows = csv.reader(io.StringIO(capsys.readouterr().out))
    assert head == ["time", "value", "min", "max", "std", "readings", "bad", "coverage"]
    assert sum(int(row[5]) for row in rows) == COUNT - 1
    run(["history", SERIES, "--until", "2001-01-01T00:00:00Z", "--since", "2000-01-01T00:00:00Z"], database)
    assert capsys.readouterr().out == "Nothing was measured in this time.\n"


def test_the_python_of_the_page_runs(database: str, capsys: Any, tmp_path: Path) -> None:
    names: dict[str, Any] = {"database": database}
    for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
        exec(page(block), names)  # noqa: S102 - our own page
    assert names["highest"] == (COUNT - 1) / 3
    assert names["rows"] == COUNT
    pd.testing.assert_frame_equal(names["again"].tail(COUNT), names["frame"])
    assert "°C" in capsys.readouterr().out


def test_what_cannot_be_done_is_said(database: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownSensorError):
        run(["history", "nobody"], database)
    with pytest.raises(InvalidValueError):
        run(["history", SERIES, "--json", "--csv", "a.csv"], database)
    for kind in ("--csv", "--parquet"):
        with pytest.raises(FileWriteError):
            run(["history", SERIES, kind, "none/a.file"], database)
    assert {one.suffix for one in tmp_path.iterdir()} <= {".db", ".db-shm", ".db-wal"}


def test_a_controller_that_runs_gives_the_same(demo: Demo, capsys: Any) -> None:
    demo.until_online()
    with blocking.connect(demo.folder) as farm:
        sensor = farm.sensors[0].id
        frame = farm.history(sensor, SINCE)
    history(sensor, since=SINCE, csv_file=Path("-"), data=demo.folder)
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))[1:]
    assert len(rows) >= len(frame) > 0
    assert [float(row[1]) for row in rows[: len(frame)]] == frame["value"].tolist()
