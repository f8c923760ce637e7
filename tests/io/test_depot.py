"""Acknowledged only when durable, in order, once: with the database away, deaf, slow, refusing, and a full disk."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.engine.effect import Audit, Record
from godkaiser.errors import StoreAwayError
from godkaiser.io.archive import Archive
from godkaiser.io.depot import STORE_WITHIN, Depot
from godkaiser.io.spool import Spool
from godkaiser.model.ids import NodeId, SeriesId
from godkaiser.model.quantity import Quality
from godkaiser.model.reading import Reading
from godkaiser.testing import MemoryStore, RecordingLink
from tests.examples import examples

AIR = SeriesId.of(NodeId.parse("ESP_AB12CD"), 0, "sht31_temp", "0x44")


def reading(number: int) -> Reading:
    return Reading(AIR, 1.0, 1.0, "°C", Quality.GOOD, "", number, number, None, 1, number, number)


async def until(check: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not check():
            await asyncio.sleep(0.002)


@asynccontextmanager
async def depot(
    store: MemoryStore,
    link: RecordingLink,
    spool: Spool | None,
    linger: float = 0.005,
    within: float = STORE_WITHIN,
) -> AsyncIterator[Depot]:
    made = Depot(Archive(store, spool), link, linger=linger, within=within)
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if spool is not None:
            spool.close()


def say(to: Depot, *numbers: int) -> None:
    for number in numbers:
        to.add(reading(number))
        to.add(Audit(number, "ann", str(number), "", ""))
        to.done_with(number)
        to.consider()


def audited(store: MemoryStore) -> list[int]:
    return [record.at for record in store.records if isinstance(record, Audit)]


async def test_away_it_waits_on_the_disk_and_the_broker_may_forget_it(tmp_path: Path) -> None:
    store, link = MemoryStore(away=True), RecordingLink(20)
    async with depot(store, link, Spool(tmp_path / "spool")) as it:
        say(it, 1, 2)
        await until(lambda: link.acknowledged == [1, 2])
        assert it.counts.spooled == 4
        assert "away" in it.problem
        say(it, 3)
        await until(lambda: link.acknowledged == [1, 2, 3])
        assert not store.readings
        store.away = False
        await until(lambda: len(store.readings) == 3)
        say(it, 4)
        await until(lambda: link.acknowledged == [1, 2, 3, 4])
        await until(lambda: audited(store) == [1, 2, 3, 4])
        await until(lambda: not (it.problem or it.archive.waiting))
        assert it.counts.spooled == 0
        assert list((tmp_path / "spool").iterdir()) == []


async def test_what_is_newer_waits_behind_what_is_in_the_spool(tmp_path: Path) -> None:
    store, link = MemoryStore(away=True), RecordingLink(20)
    async with depot(store, link, Spool(tmp_path / "spool")) as it:
        for number in range(40):
            say(it, number)
            store.away = number % 7 < 3
            await asyncio.sleep(0.01)
        store.away = False
        await until(lambda: len(store.readings) == 40)
        await it.drain()
    assert audited(store) == list(range(40))
    assert link.acknowledged == list(range(40))


async def test_what_was_committed_though_nobody_heard_of_it_is_there_once(tmp_path: Path) -> None:
    store, link = MemoryStore(deaf=True), RecordingLink(20)
    async with depot(store, link, Spool(tmp_path / "spool")) as it:
        say(it, 1)
        await until(lambda: link.acknowledged == [1])
        assert audited(store) == [1]
        store.deaf = False
        await until(lambda: not it.archive.waiting)
        say(it, 2)
        await until(lambda: audited(store) == [1, 2])


async def test_without_a_spool_the_broker_keeps_it() -> None:
    store, link = MemoryStore(deaf=True), RecordingLink(20)
    async with depot(store, link, None) as it:
        say(it, 1)
        await until(lambda: audited(store))
        await asyncio.sleep(0.1)
        assert link.acknowledged == []
        store.deaf = False
        await until(lambda: link.acknowledged == [1])
        assert audited(store) == [1]


async def test_a_full_disk_makes_the_broker_wait_and_loses_nothing(tmp_path: Path) -> None:
    full = True

    def sync(descriptor: int) -> None:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        os.fsync(descriptor)

    store, link = MemoryStore(away=True), RecordingLink(20)
    async with depot(store, link, Spool(tmp_path / "spool", sync=sync)) as it:
        say(it, 1)
        await until(lambda: "No space left" in it.problem)
        say(it, 2)
        await asyncio.sleep(0.05)
        assert link.acknowledged == []
        full = False
        await until(lambda: link.acknowledged == [1, 2])
        store.away = False
        await until(lambda: audited(store) == [1, 2])


async def test_a_record_no_database_takes_does_not_hold_up_the_spool(tmp_path: Path) -> None:
    store, link = MemoryStore(away=True, refused={2}), RecordingLink(20)
    async with depot(store, link, Spool(tmp_path / "spool")) as it:
        say(it, 1, 2, 3)
        await until(lambda: it.counts.spooled == 6)
        store.away = False
        await until(lambda: not it.archive.waiting)
        assert sorted(key[3] for key in store.readings) == [1, 3]
        assert audited(store) == [1, 2, 3]
        assert it.counts.unstorable == 1


@dataclass(slots=True)
class Hanging(MemoryStore):
    """Takes a batch and never answers."""

    hangs: bool = True

    async def append(self, records: Sequence[Record], batch: str = "") -> tuple[int, int]:
        if self.hangs:
            await asyncio.sleep(3600)
        return await MemoryStore.append(self, records, batch)


async def test_a_database_that_hangs_counts_as_away(tmp_path: Path) -> None:
    store, link = Hanging(), RecordingLink(20)
    async with depot(store, link, Spool(tmp_path / "spool"), within=0.1) as it:
        say(it, 1)
        await until(lambda: link.acknowledged == [1])
        assert "does not answer" in it.problem
        store.hangs = False
        await until(lambda: audited(store) == [1])


async def test_the_next_run_brings_back_first_what_the_last_left(tmp_path: Path) -> None:
    store = MemoryStore(away=True)
    async with depot(store, RecordingLink(20), Spool(tmp_path / "spool")) as it:
        say(it, 1, 2, 3)
        await until(lambda: it.counts.spooled == 6)
    store.away = False
    archive = Archive(store, Spool(tmp_path / "spool"))
    await archive.bring_back_all()
    archive.close()
    assert audited(store) == [1, 2, 3]
    store.away = True
    later = Archive(store, Spool(tmp_path / "spool"))
    assert not later.waiting
    later.close()


async def test_a_crash_between_commit_and_clearing_up_doubles_nothing(tmp_path: Path) -> None:
    """The files of what is committed are still there: the database knows the name of the last one."""
    store = MemoryStore()
    spool = Spool(tmp_path / "spool")
    for number in (1, 2, 3):
        await spool.put(f"r-{number}", [Audit(number, "ann", "", "", "")])
    kept = {path: path.read_bytes() for path in (tmp_path / "spool").iterdir()}
    first = Archive(store, spool)
    await first.bring_back_all()
    first.close()
    for path, data in kept.items():
        path.write_bytes(data)
    again = Archive(store, Spool(tmp_path / "spool"))
    await again.bring_back_all()
    again.close()
    assert audited(store) == [1, 2, 3]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.integers(1, 3)),
        st.tuples(st.sampled_from(["away", "back", "deaf", "hears", "crash", "rest"]), st.just(0)),
    ),
    max_size=14,
)


@given(steps=STEPS)
@examples(25)
def test_whatever_happens_in_whatever_order_all_is_there_once(
    steps: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What was acknowledged is never lost; what was not comes again from the broker. Nothing is doubled."""
    asyncio.run(_story(steps, tmp_path_factory.mktemp("depot")))


async def _story(steps: list[tuple[str, int]], folder: Path) -> None:
    store, said, acknowledged = MemoryStore(), 0, set[object]()
    todo = iter([*steps, ("crash", 0)])
    for _ in range(sum(kind == "crash" for kind, _ in steps) + 1):
        link = RecordingLink(4)
        async with depot(store, link, Spool(folder / "spool"), linger=0.001) as it:
            say(it, *(number for number in range(1, said + 1) if number not in acknowledged))
            for kind, count in todo:
                if kind == "crash":
                    break
                said += count
                say(it, *range(said - count + 1, said + 1))
                store.away = {"away": True, "back": False}.get(kind, store.away)
                store.deaf = {"deaf": True, "hears": False}.get(kind, store.deaf)
                await asyncio.sleep(0.004)
        acknowledged |= set(link.acknowledged)
    store.away = store.deaf = False
    last = Archive(store, Spool(folder / "spool"))
    await last.bring_back_all()
    last.close()
    there = {key[3] for key in store.readings}
    assert acknowledged <= there
    # An unacknowledged message that comes again is another event: only what was acknowledged must be there once.
    once = [number for number in audited(store) if number in acknowledged]
    assert acknowledged <= set(once)


async def test_a_store_that_is_away_raises_its_error() -> None:
    with pytest.raises(StoreAwayError):
        await MemoryStore(away=True).last_batch()
