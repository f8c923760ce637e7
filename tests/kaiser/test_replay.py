"""What was recorded is played again: the same words, byte for byte, from every file and over restarts."""

from __future__ import annotations

import asyncio
import base64
import copyreg
import gzip
import io
import json
import os
import pickle
import random
import zlib
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from godkaiser.cli.main import app
from godkaiser.engine.state import State
from godkaiser.errors import GodkaiserError, RecordingError
from godkaiser.io import snapshot
from godkaiser.io.recorder import PACKED, RECORDINGS, Recorder
from godkaiser.io.replay import Report, recordings, replay
from godkaiser.io.snapshot import from_bytes, to_bytes
from godkaiser.io.unpack import Source
from godkaiser.io.wire.encode import Tokens
from godkaiser.kaiser.simulation import simulation
from godkaiser.model.event import LinkDown, RulesChanged, SiteChanged
from godkaiser.model.ids import KaiserId
from godkaiser.model.instant import HOUR, MINUTE
from tests.kaiser.house import NODE, OTHER, T0, House, file, house

FAN = f"{NODE}/25"
RULE = {
    "name": "Water the bench",
    "conditions": [
        {"type": "sensor", "esp_id": NODE, "gpio": 34, "sensor_type": "moisture", "operator": "<", "value": 40},
    ],
    "actions": [{"type": "actuator", "esp_id": NODE, "gpio": 25, "command": "ON", "duration_seconds": 30}],
    "cooldown_seconds": 5,
}  # fmt: skip
PLENTY = 1 << 30


def played(data: Path) -> list[Report]:
    return [replay(path) for path in recordings(data / RECORDINGS)]


def lines(path: Path) -> list[list[Any]]:
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(one) for one in text.splitlines()]


def said(data: Path) -> list[tuple[str, str]]:
    found = (line for path in recordings(data / RECORDINGS) for line in lines(path) if line[0] == "said")
    return [(topic, payload) for _, topic, payload, _, _ in found]


async def something(home: House, dice: random.Random) -> None:
    """Whatever may happen in a house."""
    match dice.randrange(9):
        case 0 | 1:
            await home.beat(dice.choice([NODE, OTHER]))
        case 2 | 3:
            await home.soil(dice.choice([1200, 1900, 2400, 2800, 4095, 0]))
        case 4:
            home.pass_time(dice.choice([0.3, 5, 31, 200, 4000]))
        case 5:
            await home.call("set", actuator=FAN, value=float(dice.randrange(2)), reason="try")
        case 6:
            await home.call("stop", reason="smoke")
        case 7:
            await home.call("clear", force=True)
        case _:
            await home.leave()


@pytest.mark.parametrize("seed", range(4))
async def test_a_random_life_with_restarts_is_played_again_to_the_byte(seed: int, tmp_path: Path) -> None:
    dice, live = random.Random(seed), list[tuple[str, str]]()
    clock = None
    for _ in range(3):
        async with house(tmp_path, file(), clock=clock, record_most=PLENTY) as home:
            clock = home.clock
            await home.call("rules.import", documents=[RULE])
            for _ in range(60):
                try:
                    await something(home, dice)
                except GodkaiserError:  # refused, as it may be
                    continue
        live += [(topic, payload.decode()) for topic, payload in home.link.published]
    reports = played(tmp_path)
    assert len(reports) == 3
    assert [report.differences for report in reports] == [[], [], []]
    assert sum(report.events for report in reports) > 150
    assert sorted(said(tmp_path)) == sorted(live), (
        "nothing left that is not in a recording, and nothing besides"
    )


async def test_every_part_of_a_long_recording_stands_by_itself(tmp_path: Path) -> None:
    async with simulation(tmp_path, 5, lock_step=True, desk=False, record_most=PLENTY) as world:
        recorder = world.controller.recorder
        assert recorder is not None
        for _ in range(4):
            await world.pacer.run_until(world.clock.now() + HOUR // 2)
            recorder.turn()
        await world.finish()
    reports = played(tmp_path)
    assert len(reports) > 4
    assert sum(report.different for report in reports) == 0
    assert sum(report.said for report in reports) > 100
    ends = [report.last for report in reports]
    assert ends == sorted(ends)


async def test_a_changed_message_is_found(tmp_path: Path) -> None:
    """Else a replay that compares nothing would do."""
    async with house(tmp_path, file(), record_most=PLENTY) as home:
        await home.call("rules.import", documents=[RULE])
        await home.beat()
        home.pass_time(60)
        await home.soil(2800)
        assert [one["command"] for one in home.sent("actuator/25/command")][-1:] == ["ON"]
    (path,) = recordings(tmp_path / RECORDINGS)
    changed = [
        [*line[:3], line[3].replace('"raw": 2800', '"raw": 1200'), line[4]] if line[0] == "message" else line
        for line in lines(path)
    ]
    other = tmp_path / "changed.jsonl"
    other.write_text("".join(json.dumps(line) + "\n" for line in changed))
    report = replay(other)
    assert report.different > 0
    assert "/actuator/25/command" in str(report.differences[0])


async def test_what_a_crash_cut_off_is_told_and_the_rest_is_played(tmp_path: Path) -> None:
    async with house(tmp_path, file(), record_most=PLENTY) as home:
        for _ in range(20):
            await home.beat()
            home.pass_time(20)
    (path,) = recordings(tmp_path / RECORDINGS)
    text = gzip.decompress(path.read_bytes())
    for length in range(len(text) - 3000, len(text), 97):
        cut = tmp_path / "cut.jsonl"
        cut.write_bytes(text[:length])
        report = replay(cut)
        assert (report.different, report.cut) == (0, not text[:length].endswith(b"\n"))


async def test_whatever_was_written_can_be_played_also_without_an_end(tmp_path: Path) -> None:
    async with house(tmp_path, file(), record_most=PLENTY) as home:
        recorder = home.controller.recorder
        assert recorder is not None
        written = begun = 0
        for _ in range(3):
            for _ in range(20):
                await home.beat()
                home.pass_time(20)
            await recorder.flush()
            (path,) = recordings(tmp_path / RECORDINGS)
            report = replay(path)
            assert (report.different, report.cut) == (0, True)
            assert report.events >= written + 20
            written, begun = report.events, begun or path.stat().st_size
    whole, cut = path.read_bytes(), tmp_path / f"cut{PACKED}"
    assert not replay(path).cut
    for length in range(begun, len(whole), 61):
        cut.write_bytes(whole[:length])
        report = replay(cut)
        assert (report.different, report.cut) == (0, True)


JUNK = b"\x07\xff\x13[]{}\xfe" * 40


@pytest.mark.parametrize("packed", [True, False])
async def test_what_stands_behind_the_last_good_record_is_counted_and_not_played(
    packed: bool, tmp_path: Path
) -> None:
    async with house(tmp_path, file(), record_most=PLENTY) as home:
        for _ in range(40):
            await home.beat()
            home.pass_time(20)
    (path,) = recordings(tmp_path / RECORDINGS)
    whole, end = path.read_bytes(), PACKED
    if not packed:
        whole, end = gzip.decompress(whole), ".jsonl"
    good = replay(path)
    other = tmp_path / f"other{end}"
    other.write_bytes(whole + JUNK)
    report = replay(other)
    assert (report.events, report.different) == (good.events, 0)
    assert (report.left, report.left_from) == (len(JUNK), len(whole))
    assert report.document()["left_from"] == len(whole)
    other.write_bytes(whole + bytes(1000))
    assert (replay(other).events, replay(other).different) == (good.events, 0)
    middle = len(whole) - len(whole) // 8
    middle = middle if packed else whole.index(b"\n", middle) + 1
    other.write_bytes(whole[:middle] + JUNK + b"\n" + whole[middle:])
    report = replay(other)
    assert 0 < report.events < good.events
    assert report.different == 0
    assert report.left_from is not None
    assert abs(report.left_from - middle) <= len(JUNK) + 512
    assert report.left == other.stat().st_size - report.left_from


async def recorded(data: Path) -> list[bytes]:
    """The lines of a short life."""
    async with house(data, file(), record_most=PLENTY) as home:
        await home.call("rules.import", documents=[RULE])
        for _ in range(10):
            await home.beat()
            home.pass_time(20)
            await home.soil(2800)
    (path,) = recordings(data / RECORDINGS)
    return gzip.decompress(path.read_bytes()).splitlines(keepends=True)


def packed(value: Any) -> str:
    return base64.b64encode(zlib.compress(b"{}\n" + pickle.dumps(value))).decode()


NOT_OURS: list[tuple[Any, str]] = [
    ({"a": 1}, "nobody knows a line of the kind 'a'"),
    ([], "none of our lines"),
    (7, "none of our lines"),
    (["beam", 1, 2], "nobody knows a line of the kind 'beam'"),
    (["said", "topic"], "none of our lines"),
    (["message", "then", "a/b", "", False], "none of our lines"),
    (["event", 1, "x", packed(GodkaiserError)], "does not belong into a recording"),
    (["event", 1, "x", packed(["no", "event"])], "a list is no event"),
    (["begin", "1", 1, 2, 3, "x"], "nobody knows a line of the kind 'begin'"),
]


async def test_a_line_that_is_not_ours_ends_what_is_played(tmp_path: Path) -> None:
    whole = await recorded(tmp_path)
    other = tmp_path / "other.jsonl"
    other.write_bytes(b"".join(whole))
    assert (replay(other).different, replay(other).left_why) == (0, "")
    places = [1, len(whole) // 2, *range(len(whole) - len(NOT_OURS) + 3, len(whole) + 1)]
    for place, (line, why) in zip(places, NOT_OURS, strict=True):
        foreign = json.dumps(line).encode() + b"\n"
        before, after = b"".join(whole[:place]), b"".join(whole[place:])
        other.write_bytes(before + foreign + after)
        report = replay(other)
        assert report.different == 0
        assert report.events == sum(json.loads(one)[0] in ("event", "message") for one in whole[1:place])
        assert (report.left_from, report.left) == (len(before), len(foreign) + len(after))
        assert why in report.left_why
        assert report.document()["left_why"] == report.left_why
    said = CliRunner().invoke(app, ["replay", str(other)])
    assert said.exit_code == 0
    assert report.left_why in " ".join(said.stdout.split())
    assert "has no end" not in said.stdout


# ── of an earlier program ──────────────────────────────────────────────────────────────────────────────────
class Earlier(snapshot._Writer):
    """Writes as if nobody had ever heard of refused rules."""

    def reducer_override(self, value: Any) -> Any:
        made = super().reducer_override(value)
        if not isinstance(value, (State, RulesChanged, SiteChanged)):
            return made
        names = [one.name for one in fields(value) if one.name != "refused"]
        self.shapes[f"{type(value).__module__}:{type(value).__qualname__}"] = names
        had = {name: getattr(value, name) for name in names}
        frozen = not isinstance(value, State)
        return copyreg.__newobj__, (type(value),), [*had.values()] if frozen else (None, had)  # type: ignore[attr-defined]  # as pickle does


def as_then(line: bytes) -> bytes:
    kind, *rest = json.loads(line)
    if kind not in ("begin", "event"):
        return line
    stream = io.BytesIO()
    writer = Earlier(stream)
    writer.dump(from_bytes(base64.b64decode(rest[-1])))
    data = zlib.compress(json.dumps(writer.shapes).encode() + b"\n" + stream.getvalue())
    return json.dumps([kind, *rest[:-1], base64.b64encode(data).decode()]).encode() + b"\n"


async def test_what_was_recorded_before_values_got_more_fields_is_played(tmp_path: Path) -> None:
    whole = await recorded(tmp_path)
    then = [as_then(line) for line in whole]
    begun = zlib.decompress(base64.b64decode(json.loads(then[0])[-1])).partition(b"\n")[0]
    assert "refused" not in json.loads(begun)["godkaiser.engine.state:State"]
    assert sum(json.loads(one)[2] == "RulesChanged" for one in then if json.loads(one)[0] == "event") == 1
    now, old = tmp_path / "now.jsonl", tmp_path / "old.jsonl"
    now.write_bytes(b"".join(whole))
    old.write_bytes(b"".join(then))
    report = replay(old)
    assert (report.different, report.left, report.events) == (0, 0, replay(now).events)
    assert report.said > 0


def reshaped(value: Any, change: Any) -> bytes:
    shapes, _, rest = zlib.decompress(to_bytes(value)).partition(b"\n")
    known = json.loads(shapes)
    change(known["godkaiser.model.event:LinkDown"])
    return zlib.compress(json.dumps(known).encode() + b"\n" + rest)


@pytest.mark.parametrize(
    "change",
    [lambda had: had.remove("why"), lambda had: had.append("more"), lambda had: had.reverse()],
    ids=["one without a default", "one that is gone", "another order"],
)
def test_values_that_differ_otherwise_are_refused_by_name(change: Any) -> None:
    with pytest.raises(RecordingError, match="LinkDown was made of other fields"):
        from_bytes(reshaped(LinkDown(0, "away", "why"), change))


async def test_two_recordings_behind_each_other_are_read_as_one_stream(tmp_path: Path) -> None:
    text = b"".join(b'["a", %d]\n' % number for number in range(500))
    path = tmp_path / f"two{PACKED}"
    path.write_bytes(gzip.compress(text) + gzip.compress(b'["b"]\n') + bytes(300))
    source = Source(path, packed=True)
    assert [json.loads(line) for _, line in source.lines()][-2:] == [["a", 499], ["b"]]
    assert (source.cut, source.left) == (False, 0)


async def test_a_recording_takes_a_fraction_of_what_it_holds(tmp_path: Path) -> None:
    async with house(tmp_path, file(), record_most=PLENTY) as home:
        for _ in range(300):
            await home.beat()
            home.pass_time(20)
    (path,) = recordings(tmp_path / RECORDINGS)
    assert path.stat().st_size < len(gzip.decompress(path.read_bytes())) / 5


async def test_tokens_are_in_no_recording(tmp_path: Path) -> None:
    token = "a-secret-of-the-house"
    async with house(tmp_path, file(), record_most=PLENTY, tokens=Tokens(token, token)) as home:
        await home.beat()
        asking = asyncio.create_task(
            home.call("nodes.ask", node=NODE, command="set_emergency_token", params={"token": token})
        )
        async with asyncio.timeout(60):
            while not any(token in payload.decode() for _, payload in home.link.published):
                await asyncio.sleep(0.01)
        await home.call("stop", reason="smoke")
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    (path,) = recordings(tmp_path / RECORDINGS)
    texts = [json.dumps(line) for line in lines(path)]
    packed = [line[-1] for line in lines(path) if line[0] in ("begin", "event")]
    texts += [zlib.decompress(base64.b64decode(one)).decode("latin-1") for one in packed]
    assert not [text for text in texts if token in text]
    assert replay(path).different == 0


# ── files nobody should trust ──────────────────────────────────────────────────────────────────────────────


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("true",)


@pytest.mark.parametrize(
    "value",
    [Evil(), os.getcwd, pickle.Unpickler, json.JSONDecoder, GodkaiserError],
    ids=["call", "function", "foreign class", "another", "ours, but no value"],
)
def test_a_recording_makes_nothing_but_our_values(value: Any) -> None:
    with pytest.raises(RecordingError, match="does not belong into a recording"):
        from_bytes(zlib.compress(b"{}\n" + pickle.dumps(value)))


def pickled(*parts: bytes) -> bytes:
    return zlib.compress(b"{}\n" + b"\x80\x04" + b"".join(parts) + b".")


def text(word: str) -> bytes:
    return b"X" + len(word).to_bytes(4, "little") + word.encode()


def found(module: str, name: str) -> bytes:
    return text(module) + text(name) + b"\x93"


def called(function: bytes, *arguments: bytes) -> bytes:
    return function + b"(" + b"".join(arguments) + b"tR"


@pytest.mark.parametrize(
    "data",
    [
        # What a module of ours has imported leads to everything.
        pickled(called(found("godkaiser.engine.statistics", "attrgetter"), text("__init__.__globals__"))),
        pickled(b"c" + b"godkaiser.engine.statistics\nattrgetter\n"),
        # A value of ours is no function to be called, and no class to be changed.
        pickled(called(called(found("collections", "Counter")))),
        pickled(found("godkaiser.model.event", "LinkDown"), b"}", text("at"), b"K\x01sb"),
        pickled(called(found("godkaiser.io.snapshot", "_id"), text("re"), text("x"))),
        pickled(called(found("godkaiser.io.snapshot", "_id"), text("_Id"), text("x")), b"(tR"),
        pickled(found("builtins", "getattr")),
        pickled(found("godkaiser.model.ids", "NodeId")),
    ],
    ids=["attrgetter", "old opcode", "instance", "class", "no id", "id called", "getattr", "id class"],
)
def test_a_hostile_file_calls_nothing(data: bytes) -> None:
    with pytest.raises(RecordingError):
        from_bytes(data)


async def test_what_nodes_should_not_publish_is_not_kept(tmp_path: Path) -> None:
    async with house(tmp_path, file(), record_most=PLENTY) as home:
        await home.beat()
        await home.hear("nonsense", {"password": "hunter2", "auth_token": "s3cr\\et"})
        await home.hear("system/command/response", {"command": "status", "success": True, "token": "t0k3n"})
    (path,) = recordings(tmp_path / RECORDINGS)
    assert not [
        line for line in lines(path) if any(word in str(line) for word in ("hunter2", "s3cr", "t0k3n"))
    ]
    assert replay(path).different == 0


async def test_a_recorder_at_fault_does_not_end_control(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with house(tmp_path, file(), record_most=PLENTY) as home:
        await home.beat()
        recorder, state = home.controller.recorder, home.controller.engine.state
        assert recorder is not None
        recorder.turn()
        state.kaiser = cast("Any", lambda: None)  # nothing that can be kept
        home.pass_time(20)
        await home.beat()
        state.kaiser = KaiserId.parse("god")
        home.pass_time(20)
        await home.beat()
        assert len(home.sent("system/heartbeat/ack")) == 3
    assert any("is not recorded" in record.getMessage() for record in caplog.records)


async def test_a_journal_that_was_lost_overwrites_nothing(tmp_path: Path) -> None:
    clock = None
    for _ in range(2):
        (tmp_path / "safety.journal").unlink(missing_ok=True)
        async with house(tmp_path, file(), clock=clock, record_most=PLENTY) as home:
            await home.beat()
            home.pass_time(60)
            clock = home.clock
    assert len(recordings(tmp_path / RECORDINGS)) == 2
    assert [report.different for report in played(tmp_path)] == [0, 0]


async def test_something_foreign_in_the_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / RECORDINGS / "folder.jsonl.gz").mkdir(parents=True)
    async with house(tmp_path, file(), record_most=PLENTY) as home:
        await home.beat()
    assert [replay(path).different for path in recordings(tmp_path / RECORDINGS) if path.is_file()] == [0]


def test_other_fields_than_ours_are_refused() -> None:
    whole = zlib.decompress(to_bytes(LinkDown(T0, "broker", "gone")))
    shapes, _, rest = whole.partition(b"\n")
    shifted = json.dumps({name: [*known, "more"] for name, known in json.loads(shapes).items()}).encode()
    with pytest.raises(RecordingError, match="other fields"):
        from_bytes(zlib.compress(shifted + b"\n" + rest))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"nonsense\n",
        b'["said","a","b",1,false]\n',
        b"[]\n",
        b'{"a":1}\n',
        b'["begin","1",1,1,1,"AAAA"]\n',
    ],
)
def test_a_file_that_is_none_is_refused(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(text)
    with pytest.raises(RecordingError):
        replay(path)


# ── the disk ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_oldest_files_go_when_it_is_too_much(tmp_path: Path) -> None:
    async with house(tmp_path, file(), record_most=1) as home:
        recorder = home.controller.recorder
        assert recorder is not None
        for _ in range(5):
            recorder.turn()
            await home.beat()
            home.pass_time(20)
            await recorder.flush()
        assert len(recordings(tmp_path / RECORDINGS)) == 1
    assert [report.different for report in played(tmp_path)] == [0]


async def test_a_disk_that_refuses_stops_nothing_and_a_new_file_begins_when_it_takes_it_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / RECORDINGS
    place.write_text("no folder")
    async with house(tmp_path, file(), record_most=PLENTY) as home:
        recorder: Recorder | None = home.controller.recorder
        assert recorder is not None
        recorder.again = 0.0
        await home.beat()
        await recorder.flush()
        await recorder.flush()
        assert len([r for r in caplog.records if "not recorded" in r.getMessage()]) == 1
        place.unlink()
        home.pass_time(20)
        await home.beat()
        await home.soil(2000)
    (report,) = played(tmp_path)
    assert (report.different, report.events > 1) == (0, True)


async def test_minutes_of_silence_and_their_timers_are_played(tmp_path: Path) -> None:
    async with house(tmp_path, file(), record_most=PLENTY) as home:
        await home.beat()
        await home.soil(2000)
        for _ in range(5):
            home.pass_time(3 * MINUTE / 1e6)
            await home.controller.runner.settled()
    kinds = {
        line[2] for path in recordings(tmp_path / RECORDINGS) for line in lines(path) if line[0] == "event"
    }
    assert "Timer" in kinds
    assert [report.different for report in played(tmp_path)] == [0]
