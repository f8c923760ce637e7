"""The safety journal: durable, last line wins, torn tail dropped, damage never guessed."""

import asyncio
import contextlib
import errno
import os
import stat
import threading
from pathlib import Path

import pytest

from godkaiser.engine.effect import Journal
from godkaiser.errors import JournalError
from godkaiser.io.journal import JournalFile

STOP = Journal("stop", "", {"phase": "ACTIVE", "reason": "smoke ✓", "by": "me", "since": 1})
LEASE = Journal("lease", "ESP_AB12CD/25", {"until": 5})


async def test_what_was_written_is_there_after_a_kill(tmp_path: Path) -> None:
    first = JournalFile(tmp_path / "j", within=60)
    await first.write([STOP, LEASE])
    await first.write([Journal("lease", "ESP_AB12CD/25", None)])
    second = JournalFile(tmp_path / "j")  # the first was never closed, as after kill -9
    assert second.content == {("stop", ""): STOP.data}
    first.close()
    second.close()


@pytest.mark.parametrize("cut", range(1, 60))
async def test_a_torn_last_line_is_dropped_and_the_rest_stands(cut: int, tmp_path: Path) -> None:
    journal = JournalFile(tmp_path / "j")
    journal.write_now([LEASE, STOP])
    journal.close()
    whole = (tmp_path / "j").read_bytes()
    (tmp_path / "j").write_bytes(whole[:-cut])
    again = JournalFile(tmp_path / "j")
    assert again.content[("lease", "ESP_AB12CD/25")] == {"until": 5}
    assert ("stop", "") not in again.content
    again.close()


@pytest.mark.parametrize("line", ["{}", "nonsense", '{"kind": "stop", "key": ""}', "[1]", "\x00\x00"])
def test_damage_in_the_middle_is_an_error(line: str, tmp_path: Path) -> None:
    (tmp_path / "j").write_text(f'{line}\n{{"kind":"run","key":"","data":{{"number":1}}}}\n')
    with pytest.raises(JournalError, match="line 1 is damaged"):
        JournalFile(tmp_path / "j")


class Disk:
    """What brings a file to the disk, in a test's hand."""

    def __init__(self) -> None:
        self.full = False
        self.synced = 0
        self.free = threading.Event()
        self.free.set()

    def __call__(self, descriptor: int) -> None:
        assert self.free.wait(20)
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        os.fsync(descriptor)
        self.synced += 1


def test_a_journal_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    with pytest.raises(JournalError):
        JournalFile(tmp_path / "missing" / "j")
    disk = Disk()
    disk.full = True
    with pytest.raises(JournalError, match="No space left"):
        JournalFile(tmp_path / "j", sync=disk)


async def test_every_write_is_brought_to_the_disk(tmp_path: Path) -> None:
    disk = Disk()
    journal = JournalFile(tmp_path / "j", within=60, sync=disk)
    before = disk.synced
    await journal.write([STOP])
    assert disk.synced == before + 1
    journal.write_now([LEASE])
    assert disk.synced == before + 2
    journal.close()


async def test_a_full_disk_loses_nothing_and_leaves_no_half_line(tmp_path: Path) -> None:
    disk = Disk()
    journal = JournalFile(tmp_path / "j", within=60, sync=disk)
    await journal.write([LEASE])
    whole = (tmp_path / "j").read_bytes()
    disk.full = True
    with pytest.raises(JournalError, match="No space left"):
        await journal.write([STOP])
    with pytest.raises(JournalError, match="No space left"):
        journal.write_now([])
    assert (tmp_path / "j").read_bytes() == whole
    with pytest.raises(JournalError):
        await journal.write([Journal("lease", "ESP_AB12CD/25", None)])
    disk.full = False
    await journal.write([])
    journal.close()
    again = JournalFile(tmp_path / "j")
    assert again.content == {("stop", ""): STOP.data}
    again.close()


async def test_a_slow_disk_is_waited_for_once_and_then_gets_everything_in_order(tmp_path: Path) -> None:
    disk = Disk()
    journal = JournalFile(tmp_path / "j", within=0.05, sync=disk)
    disk.free.clear()
    with pytest.raises(JournalError, match="not written within 50 ms"):
        await journal.write([LEASE])
    with pytest.raises(JournalError, match="still does not answer"):
        await journal.write([STOP])
    disk.free.set()
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(JournalError):
                await journal.write([Journal("lease", "ESP_AB12CD/25", {"until": 7})])
                break
            await asyncio.sleep(0.01)
    journal.close()
    again = JournalFile(tmp_path / "j")
    assert again.content == {("stop", ""): STOP.data, ("lease", "ESP_AB12CD/25"): {"until": 7}}
    again.close()


async def test_two_who_write_at_once_both_know(tmp_path: Path) -> None:
    journal = JournalFile(tmp_path / "j", within=60)
    async with asyncio.timeout(60):
        await asyncio.gather(*(journal.write([Journal("run", str(n), {"number": n})]) for n in range(50)))
    journal.close()
    again = JournalFile(tmp_path / "j")
    assert [again.content["run", str(n)]["number"] for n in range(50)] == list(range(50))
    again.close()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_failed_tidying_up_loses_nothing_and_stops_nothing(kind: str, tmp_path: Path) -> None:
    """Above all, nothing may be written to a file that has no name any more."""
    calm = True

    def sync(descriptor: int) -> None:
        folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        beside = not folder and os.fstat(descriptor).st_size < 1000 and (tmp_path / "j.new").exists()
        if not calm and (folder if kind == "folder" else beside):
            raise OSError(errno.ENOSPC, "No space left on device")

    journal = JournalFile(tmp_path / "j", within=60, sync=sync)
    journal.write_now([STOP])
    calm = False
    for number in range(9000):
        journal.write_now([Journal("run", "", {"number": number})])
    journal.close()
    again = JournalFile(tmp_path / "j")
    assert again.content == {("stop", ""): STOP.data, ("run", ""): {"number": 8999}}
    again.close()


@pytest.mark.parametrize("other", [None, b"", b'{"kind":"run","key":"","data":{"number":1}}\n'])
def test_a_file_that_is_deleted_or_replaced_is_written_anew_with_all_that_stands(
    other: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "j"
    journal = JournalFile(path)
    journal.write_now([STOP])
    path.unlink()
    if other is not None:
        path.write_bytes(other)
    journal.write_now([LEASE])
    again = JournalFile(path)
    assert again.content == {("stop", ""): STOP.data, ("lease", "ESP_AB12CD/25"): LEASE.data}
    again.close()
    journal.close()


async def test_as_long_as_its_folder_is_gone_nothing_counts_as_written(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    journal = JournalFile(folder / "j", within=60)
    await journal.write([STOP])
    (folder / "j").unlink()
    folder.rmdir()
    for _ in range(2):
        with pytest.raises(JournalError, match="No such file"):
            await journal.write([LEASE])
    folder.mkdir()
    await journal.write([])
    again = JournalFile(folder / "j")
    assert again.content == {("stop", ""): STOP.data, ("lease", "ESP_AB12CD/25"): LEASE.data}
    again.close()
    journal.close()


def test_it_stays_small_while_it_runs(tmp_path: Path) -> None:
    journal = JournalFile(tmp_path / "j", within=60, sync=lambda descriptor: None)
    journal.write_now([STOP])
    for number in range(9000):
        journal.write_now([Journal("run", "", {"number": number})])
    assert (tmp_path / "j").stat().st_size < 300_000
    journal.close()
    again = JournalFile(tmp_path / "j")
    assert again.content == {("stop", ""): STOP.data, ("run", ""): {"number": 8999}}
    again.close()


def test_it_stays_small(tmp_path: Path) -> None:
    journal = JournalFile(tmp_path / "j", within=60)
    for number in range(200):
        journal.write_now([Journal("run", "", {"number": number})])
    journal.close()
    assert len((tmp_path / "j").read_bytes().splitlines()) == 200
    JournalFile(tmp_path / "j").close()
    assert len((tmp_path / "j").read_bytes().splitlines()) == 1
