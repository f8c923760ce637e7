"""Records on the local disk: the same when they come back, whole or not there, in order, bounded."""

import errno
import os
import threading
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.engine import effect as fx
from godkaiser.errors import SpoolError
from godkaiser.io.line_format import from_line, to_line
from godkaiser.io.spool import Spool
from godkaiser.model.calibration import Calibration, Point
from godkaiser.model.ids import ActuatorId, KaiserId, NodeId, SeriesId, ZoneId
from godkaiser.model.outcome import Fate, Finding, Outcome, Severity
from godkaiser.model.quantity import Quality
from godkaiser.model.reading import Reading
from godkaiser.model.report import Heartbeat
from godkaiser.model.site import ActuatorSpec

NODE = NodeId.parse("ESP_AB12CD")
FAN = ActuatorId.of(NODE, 25)
AIR = SeriesId.of(NODE, 0, "sht31_temp", "0x44")
TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
TIME = st.integers(0, 4 * 10**15)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.dictionaries(
    TEXT, st.none() | NUMBER | TEXT | st.lists(st.dictionaries(TEXT, TEXT, max_size=2), max_size=2)
)
FINDING = st.builds(Finding, TEXT, TEXT, st.sampled_from(Severity), st.none() | TIME)
CALIBRATION = st.builds(
    Calibration,
    slope=st.none() | st.floats(-100, -0.1),
    offset=st.floats(-50, 50),
    version=st.integers(0, 99),
    points=st.tuples(st.builds(Point, raw=st.floats(0, 4095), value=st.none() | st.floats(0, 14))),
)
ALL: dict[type[Any], st.SearchStrategy[Any]] = {
    Reading: st.builds(
        Reading, st.just(AIR), st.none() | NUMBER, NUMBER, TEXT, st.sampled_from(Quality), TEXT, TIME, TIME,
        st.none() | st.just(ZoneId.parse("house")), st.integers(0, 2**62), st.integers(0, 2**62), st.integers(0),
        st.booleans(), st.booleans(), st.integers(0, 9), st.none() | st.floats(0, 1),
    ),
    fx.Decision: st.builds(fx.Decision, st.just("cool"), TIME, TEXT, st.booleans(), TEXT, TIME, TEXT),
    fx.RuleTrace: st.builds(
        fx.RuleTrace, st.just("cool"), TIME, TEXT, TEXT, st.booleans(), st.none() | PLAIN,
        st.lists(PLAIN, max_size=2), TIME, TEXT,
    ),
    Outcome: st.builds(
        Outcome, TEXT, st.just(FAN), NUMBER, st.sampled_from(Fate), TIME, TEXT, TEXT, TEXT,
        st.lists(FINDING, max_size=2).map(tuple), TEXT, TIME,
    ),
    fx.RuleNotice: st.builds(fx.RuleNotice, TIME, TEXT, TEXT, TEXT, TEXT, TIME),
    fx.NodeRecord: st.builds(
        fx.NodeRecord, st.just(NODE), TEXT, TEXT, st.none() | TEXT, TEXT, TIME, st.booleans(), TIME
    ),
    fx.SeriesRecord: st.builds(fx.SeriesRecord, st.just(AIR), TEXT, TEXT),
    fx.Audit: st.builds(fx.Audit, TIME, TEXT, TEXT, TEXT, TEXT),
    fx.AlarmChange: st.builds(fx.AlarmChange, TIME, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT),
    fx.ActuatorChange: st.builds(fx.ActuatorChange, TIME, st.just(FAN), st.none() | NUMBER, TEXT),
    fx.Watched: st.builds(fx.Watched, TIME),
    ActuatorSpec: st.builds(
        ActuatorSpec, node=st.just(NODE), gpio=st.just(25), type=st.just("relay"), max_on_s=st.integers(1, 99)
    ),
    fx.ActuatorGone: st.builds(fx.ActuatorGone, st.just(FAN)),
    Heartbeat: st.builds(
        Heartbeat, TIME, st.just(KaiserId.parse("god")), st.just(NODE), TIME, TIME, TIME, st.integers(-100, 0),
        st.none() | st.integers(0, 9), st.none(), st.none() | st.booleans(), TEXT, TIME, st.booleans(), TEXT,
        st.none() | st.integers(0, 9), st.lists(TEXT, max_size=2).map(tuple), st.none() | TIME,
    ),
    fx.Placed: st.builds(fx.Placed, TEXT, TIME, st.none() | TEXT),
    fx.CalibrationRecord: st.builds(fx.CalibrationRecord, st.just(AIR), CALIBRATION),
}  # fmt: skip


def test_every_kind_of_record_is_tried() -> None:
    assert set(ALL) == set(get_args(fx.Record))


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_a_record_comes_back_as_it_was(kind: type[Any], data: st.DataObject) -> None:
    record = data.draw(ALL[kind])
    line = to_line(record)
    back = from_line(line)
    assert line.count(b"\n") == 1
    assert back == record
    if is_dataclass(record):
        kinds = {field.name: type(getattr(record, field.name)) for field in fields(record)}
        assert kinds == {field.name: type(getattr(back, field.name)) for field in fields(record)}


def audits(*words: str) -> list[fx.Record]:
    return [fx.Audit(1, "ann", word, "", "") for word in words]


async def test_batches_come_back_in_order_also_by_another_process(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    for number in range(12):
        await spool.put(f"run-{number}", audits(str(number)))
    spool.close()
    (tmp_path / "spool" / "notes.txt").write_text("a stranger's file")
    (tmp_path / "spool" / "x.batch").write_text("another")
    again = Spool(tmp_path / "spool")
    assert [name.partition("-")[2] for name in again.names] == [f"run-{number}" for number in range(12)]
    assert [await again.get(name) for name in again.names] == [audits(str(number)) for number in range(12)]
    await again.drop(again.names[:11])
    await again.put("later-1", audits("last"))
    assert [await again.get(name) for name in again.names] == [audits("11"), audits("last")]
    again.close()
    assert oct((tmp_path / "spool").stat().st_mode & 0o777) == "0o700"


async def test_a_full_disk_keeps_nothing_and_says_so(tmp_path: Path) -> None:
    full = True

    def sync(descriptor: int) -> None:
        if full:
            raise OSError(errno.ENOSPC, "No space left on device")
        os.fsync(descriptor)

    spool = Spool(tmp_path / "spool", sync=sync)
    with pytest.raises(SpoolError, match="No space left"):
        await spool.put("a", audits("1"))
    assert list((tmp_path / "spool").iterdir()) == []
    full = False
    await spool.put("a", audits("1"))
    assert [await spool.get(name) for name in spool.names] == [audits("1")]
    spool.close()


async def test_it_does_not_grow_without_end(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", most=1 << 20)
    await spool.put("a", audits("x" * 700_000))
    with pytest.raises(SpoolError, match="1 MB already"):
        await spool.put("b", audits("x" * 700_000))
    await spool.drop(spool.names)
    await spool.put("b", audits("x" * 700_000))
    assert len(spool) == 1
    spool.close()


async def test_what_came_too_late_is_undone(tmp_path: Path) -> None:
    slow = threading.Event()

    def sync(descriptor: int) -> None:
        slow.wait(60)
        os.fsync(descriptor)

    spool = Spool(tmp_path / "spool", within=2.0, sync=sync)
    with pytest.raises(SpoolError, match="does not answer"):
        await spool.put("a", audits("1"))
    slow.set()
    await spool.put("a", audits("1"))  # waits in line behind the other
    assert len(spool) == 1
    assert len(list((tmp_path / "spool").iterdir())) == 1
    spool.close()


@pytest.mark.parametrize(
    "damage", [b"{", b'["Audit"]\n', b'["Nothing", {}]\n', b'["Audit", {"at": 1}]\n', b"\xff\n"]
)
async def test_what_cannot_be_read_is_put_aside_and_holds_nothing_up(damage: bytes, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    await spool.put("a", audits("1"))
    await spool.put("b", audits("2"))
    (first,) = (tmp_path / "spool").glob("*-a.batch")
    first.write_bytes(damage)
    assert [await spool.get(name) for name in spool.names] == [[], audits("2")]
    assert spool.damaged == 1
    (aside,) = (tmp_path / "spool").glob("*.damaged")
    assert aside.read_bytes() == damage
    spool.close()


def test_a_folder_nobody_may_write_is_named(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file")
    with pytest.raises(SpoolError, match="spool"):
        Spool(tmp_path / "spool")
