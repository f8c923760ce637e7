"""History into files: all of a file or nothing of it."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from godkaiser.errors import FileWriteError, GodkaiserError
from godkaiser.frames import at_least, in_zone, need, need_pandas, one_frame
from godkaiser.handles.bar import Bar
from godkaiser.handles.line import Line
from godkaiser.handles.owner import Progress
from godkaiser.handles.paging import Paging

if TYPE_CHECKING:
    from pandas import DataFrame

    from godkaiser.frames import Stretch


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A file beside it, which takes its name and place when all went well, and is gone otherwise.

    Raises `FileWriteError` for what the disk says inside.
    """
    wanted = Path(path).resolve()  # of a link, what it points to
    beside = wanted.with_name(f".{wanted.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        if not wanted.name or wanted.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        if wanted.exists() and not wanted.is_file():  # a pipe, /dev/null
            raise FileExistsError(None, "it is no plain file")
        # New, and ours: a link that somebody has laid there, in a folder of many, is not followed.
        beside.unlink(missing_ok=True)
        os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        yield beside
        with beside.open("rb+") as written:
            os.fsync(written.fileno())
        beside.replace(wanted)
    except OSError as error:
        if isinstance(error, FileWriteError):
            raise
        problem = os.strerror(error.errno) if error.errno else str(error)
        raise FileWriteError(path=str(path), problem=problem) from None
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def need_parquet() -> Any:
    """Load pyarrow. Raises `MissingExtraError`."""
    return need("pyarrow.parquet", "Parquet")


def frame_of(stretch: Stretch, paging: Paging, quality: str | None) -> DataFrame:
    """A part as a frame."""
    return in_zone(one_frame(stretch, paging.how.every, quality), paging.how.tz)


class ParquetWriter:
    """Frames, one row group each. What `attrs` says stands in the schema, so that pandas finds it again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parquet, self._arrow = need_parquet(), need("pyarrow", "Parquet")
        self._file: Any = None

    def write(self, frame: DataFrame) -> None:
        """The first one decides on the columns and on `attrs`."""
        if self._file is None:
            schema = self._arrow.Table.from_pandas(frame).schema
            said = schema.metadata | {b"PANDAS_ATTRS": json.dumps(frame.attrs).encode()}
            self._file = self._parquet.ParquetWriter(str(self._path), schema.with_metadata(said))
        table = self._arrow.Table.from_pandas(frame, schema=self._file.schema)
        self._file.write_table(table.replace_schema_metadata(self._file.schema.metadata))

    def close(self) -> None:
        """The end of the file is written only now."""
        if self._file is not None:
            self._file.close()


@contextmanager
def parquet(path: str | os.PathLike[str]) -> Iterator[ParquetWriter]:
    """A writer of a whole file. Raises `FileWriteError`, `MissingExtraError`."""
    need_parquet()
    with whole_file(path) as beside:
        writer = ParquetWriter(beside)
        try:
            yield writer
        finally:
            writer.close()


def write_parquet(
    line: Line,
    path: str | os.PathLike[str],
    paging: Paging,
    quality: str | None,
    given_up: threading.Event | None = None,
) -> int:
    """Part by part into a file; how many rows. From a plain thread."""
    need_pandas()
    at_least(quality)
    progress, rows = Progress(0.0, 100.0), 0
    with parquet(path) as writer, closing(Bar(progress, f"writing {Path(path).name}", "%")) as bar:
        while (stretch := line.waited(paging.following, line)) is not None:
            if given_up is not None and given_up.is_set():
                raise asyncio.CancelledError
            frame = frame_of(stretch, paging, quality)
            writer.write(frame)
            rows, progress.done = rows + len(frame), 100.0 * paging.done
            bar.draw()
    return rows


async def parquet_written(
    line: Line, path: str | os.PathLike[str], paging: Paging, quality: str | None
) -> int:
    """The same in a thread of its own. Who is cancelled leaves when nothing is left of the file."""
    given_up = threading.Event()
    work = asyncio.create_task(asyncio.to_thread(write_parquet, line, path, paging, quality, given_up))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        given_up.set()
        with suppress(asyncio.CancelledError, GodkaiserError):
            await work
        raise
