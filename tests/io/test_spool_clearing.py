"""What is in the database but cannot be cleared from the spool is not written twice, and holds nothing up."""

import asyncio
import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from godkaiser.engine.effect import Audit
from godkaiser.errors import SpoolError
from godkaiser.io.archive import Archive
from godkaiser.io.spool import Spool
from godkaiser.testing import MemoryStore, RecordingLink
from tests.io.test_depot import audited, depot, say, until


@dataclass
class Disk:
    """Full, or one that keeps what it should delete."""

    full: bool = False
    keeps: bool = False

    def sync(self, descriptor: int) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        os.fsync(descriptor)


class Sticky(Spool):
    """Its files cannot be deleted while `disk.keeps`."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        super().__init__(folder, sync=disk.sync)
        self.disk = disk

    async def drop(self, names: Sequence[str]) -> None:
        if self.disk.keeps:
            raise SpoolError(path="spool", problem="Read-only file system")
        await super().drop(names)


async def put(spool: Spool, *numbers: int) -> None:
    for number in numbers:
        await spool.put(f"r-{number}", [Audit(number, "ann", "", "", "")])


async def test_what_is_committed_but_not_cleared_is_not_written_again(tmp_path: Path) -> None:
    store, disk = MemoryStore(), Disk(keeps=True)
    archive = Archive(store, Sticky(tmp_path / "spool", disk))
    assert archive.spool is not None
    await put(archive.spool, 1, 2)
    for _ in range(3):
        with pytest.raises(SpoolError):
            await archive.bring_back()
    await put(archive.spool, 3)
    disk.keeps = False
    await archive.bring_back_all()
    archive.close()
    assert audited(store) == [1, 2, 3]


async def test_a_file_that_was_deleted_late_holds_nothing_up(tmp_path: Path) -> None:
    store = MemoryStore()
    archive = Archive(store, Spool(tmp_path / "spool"))
    assert archive.spool is not None
    await put(archive.spool, 1, 2)
    next((tmp_path / "spool").glob("*-r-1.batch")).unlink()
    await archive.bring_back_all()
    archive.close()
    assert audited(store) == [2]


async def test_both_troubles_are_told_and_each_ends_by_itself(tmp_path: Path) -> None:
    store, link, disk = MemoryStore(away=True), RecordingLink(20), Disk(full=True)
    async with depot(store, link, Sticky(tmp_path / "spool", disk)) as it:
        say(it, 1)
        await until(lambda: "No space left" in it.problem)
        assert "away" in it.problem
        disk.full = False
        await until(lambda: link.acknowledged == [1])
        assert "No space left" not in it.problem
        assert "away" in it.problem
        store.away = False
        await until(lambda: audited(store) == [1])
        await until(lambda: not it.problem)


async def test_a_spool_that_keeps_its_files_is_told_and_control_waits_for_none(tmp_path: Path) -> None:
    store, link, disk = MemoryStore(away=True), RecordingLink(20), Disk(keeps=True)
    async with depot(store, link, Sticky(tmp_path / "spool", disk)) as it:
        say(it, 1)
        await until(lambda: link.acknowledged == [1])
        store.away = False
        await until(lambda: "Read-only" in it.problem)
        say(it, 2)
        await until(lambda: link.acknowledged == [1, 2])
        await asyncio.sleep(0.05)
        disk.keeps = False
        await until(lambda: audited(store) == [1, 2])
        await until(lambda: not it.problem)


async def test_a_full_disk_is_no_trouble_any_more_when_the_database_is_back(tmp_path: Path) -> None:
    store, link, disk = MemoryStore(away=True), RecordingLink(20), Disk(full=True)
    async with depot(store, link, Sticky(tmp_path / "spool", disk)) as it:
        say(it, 1)
        await until(lambda: "No space left" in it.problem)
        store.away = False
        await until(lambda: link.acknowledged == [1])
        assert it.problem == ""
