"""History in parts and in files: the same as at once, in bounded memory, and nothing half done."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pandas import DataFrame

import godkaiser
from godkaiser import blocking
from godkaiser.engine.effect import SeriesRecord
from godkaiser.errors import FileWriteError, InvalidValueError, MissingExtraError, UnknownSensorError
from godkaiser.io.sql.store import SqlStore
from tests.facade.test_open import SPAN, url
from tests.io.test_sql_store import SERIES, reading

__all__ = ["url"]  # the fixture: 300 readings in SQLite and PostgreSQL
ASKED = (SPAN["since"], SPAN["until"])


def left(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def same(one: DataFrame, other: DataFrame) -> None:
    pd.testing.assert_frame_equal(one, other)
    for frame in (one, other):
        for told in frame.attrs["provenance"].values():
            told["as_of"] = "now"
    assert one.attrs == other.attrs


@pytest.mark.parametrize("chunk", [1, 7, 150, 299, 300, 500_000])
async def test_the_parts_are_the_whole(url: str, chunk: int) -> None:
    async with godkaiser.open(url) as farm:
        whole = await farm.history(SERIES, *ASKED)
        found = [frame async for frame in farm.iter_history(SERIES, *ASKED, chunk=chunk)]
    assert [len(frame) for frame in found[:-1]] == [chunk] * (len(found) - 1)
    assert 0 < len(found[-1]) <= chunk
    attrs = found[0].attrs
    joined = pd.concat(found)
    joined.attrs = attrs
    same(joined, whole)


@pytest.mark.parametrize("how", [{"quality": "good"}, {"every": "5min"}, {"tz": "Europe/Berlin"}])
async def test_the_same_questions_can_be_asked(url: str, how: dict[str, Any]) -> None:
    async with godkaiser.open(url) as farm:
        whole = await farm.history(SERIES, *ASKED, **how)
        found = [frame async for frame in farm.iter_history(SERIES, *ASKED, chunk=20, **how)]
        assert max(map(len, found)) <= 20
        pd.testing.assert_frame_equal(pd.concat(found), whole)
        assert [
            frame async for frame in farm.iter_history(SERIES, until=SPAN["since"], since="2020-01-01T00:00Z")
        ] == []


async def test_without_await_and_left_early(url: str) -> None:
    def look() -> list[int]:
        with blocking.open(url) as farm:
            parts = farm.iter_history(SERIES, *ASKED, chunk=100)
            first = len(next(parts))
            parts.close()  # type: ignore[attr-defined]  # it is a generator
            return [first, *(len(frame) for frame in farm.iter_history(SERIES, *ASKED, chunk=200))]

    assert await asyncio.to_thread(look) == [100, 200, 100]


async def test_what_cannot_be_asked(url: str) -> None:
    async with godkaiser.open(url) as farm:
        for chunk in (0, -1, 500_001, True, 2.5):
            with pytest.raises(InvalidValueError) as caught:
                await anext(farm.iter_history(SERIES, chunk=chunk))  # type: ignore[arg-type]
            assert "chunk" in str(caught.value)
        with pytest.raises(UnknownSensorError):
            await anext(farm.iter_history("nobody"))


async def test_a_running_controller_gives_the_same_parts(farm: godkaiser.Farm) -> None:
    sensor = farm.sensors[0]
    until = farm.now
    span = ("2020-01-01T00:00:00Z", until.isoformat())
    whole = await farm.history(sensor, *span)
    found = [frame async for frame in farm.iter_history(sensor, *span, chunk=50)]
    assert len(whole) > 100
    attrs, joined = found[0].attrs, pd.concat(found)
    joined.attrs = attrs
    same(joined, whole)


async def test_no_more_than_a_part_is_in_memory(tmp_path: Path) -> None:
    """Ten times as many readings take no more of it."""
    address = f"sqlite:///{tmp_path / 'godkaiser.db'}"
    store = await SqlStore.open(address, tmp_path)
    await store.append([SeriesRecord(SERIES, "°C", "")])
    for first in range(0, 100_000, 10_000):
        await store.append([reading(n, n / 7) for n in range(first, first + 10_000)])
    await store.close()
    span = ("2027-01-15T08:00:00Z", "2027-02-15T08:00:00Z")
    async with godkaiser.open(address) as farm:

        async def peak(chunk: int) -> int:
            tracemalloc.start()
            try:
                rows = 0
                async for frame in farm.iter_history(SERIES, *span, chunk=chunk):
                    rows += len(frame)
                assert rows == 100_000
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

        assert await peak(5_000) < await peak(100_000) / 5


# ── files ──────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("how", [{}, {"every": "5min", "tz": "Europe/Berlin"}, {"quality": "good"}])
async def test_pandas_reads_the_same_frame_again(url: str, how: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "air.parquet"
    async with godkaiser.open(url) as farm:
        whole = await farm.history(SERIES, *ASKED, **how)
        assert await farm.to_parquet(file, SERIES, *ASKED, **how) == len(whole)
    same(pd.read_parquet(file), whole)
    assert [name for name in left(tmp_path) if ".par" in name] == ["air.parquet"]


async def test_a_file_without_await_replaces_the_one_before(url: str, tmp_path: Path) -> None:
    file = tmp_path / "air.parquet"

    def write() -> int:
        file.write_text("old")
        with blocking.open(url) as farm:
            return farm.to_parquet(str(file), SERIES, *ASKED)

    assert await asyncio.to_thread(write) == 300
    assert len(pd.read_parquet(file)) == 300


async def test_what_cannot_be_written_leaves_nothing(url: str, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    async with godkaiser.open(url) as farm:
        for path in (folder / "none" / "air.parquet", folder):
            with pytest.raises(FileWriteError) as caught:
                await farm.to_parquet(path, SERIES, *ASKED)
            assert str(path) in str(caught.value)
        kept = folder / "air.parquet"
        await asyncio.to_thread(kept.write_text, "old")
        with pytest.raises(UnknownSensorError):
            await farm.to_parquet(kept, "nobody")
    assert await asyncio.to_thread(kept.read_text) == "old"
    assert left(folder) == ["air.parquet"]


FULL = """
import resource, sys
from godkaiser import blocking
from godkaiser.errors import FileWriteError
with blocking.open(sys.argv[1]) as farm:
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, resource.RLIM_INFINITY))
    try:
        farm.to_parquet(sys.argv[2], sys.argv[3], *sys.argv[4:6])
    except FileWriteError as error:
        print(error)
"""


async def test_a_disk_that_takes_no_more_leaves_no_half_file(url: str, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    command = [sys.executable, "-c", FULL, url, str(folder / "air.parquet"), SERIES, *ASKED]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=120)
    assert "air.parquet could not be written" in done.stdout, done.stderr
    assert left(folder) == []


async def test_who_gives_up_finds_nothing(farm: godkaiser.Farm, tmp_path: Path) -> None:
    task = asyncio.create_task(farm.to_parquet(tmp_path / "air.parquet", farm.sensors[0], "-3h"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left(tmp_path) == []


def test_without_pyarrow_the_extra_is_named(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['pyarrow'] = sys.modules['pyarrow.parquet'] = None\n"
        "from godkaiser.handles.export import need_parquet\n"
        "try: need_parquet()\nexcept Exception as error: print(type(error).__name__, error.remedy)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.startswith(f"{MissingExtraError.__name__} "), done.stderr
    assert "godkaiser[lab]" in done.stdout


@pytest.mark.parametrize(
    "place", [{}, 7, {"after": [1, 2]}, {"after": [1, 1, "x"], "until": 1, "covered": False}]
)
async def test_a_place_that_is_none_is_refused(url: str, place: Any) -> None:
    async with godkaiser.open(url) as farm:
        ask = farm._line.ask
        with pytest.raises(InvalidValueError) as caught:
            await farm._line.awaited(ask, "history.page", series=SERIES, most=5, place=place)
        assert "place" in str(caught.value)
        for most in (0, 500_001, "5", True):
            with pytest.raises(InvalidValueError):
                await farm._line.awaited(ask, "history.page", series=SERIES, most=most)
