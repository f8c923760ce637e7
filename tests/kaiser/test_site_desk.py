"""The site at the desk: said, applied, kept over restarts; a board replaced with its history going on."""

from __future__ import annotations

import asyncio
import logging
import re
from pathlib import Path
from typing import Any

import pytest

from godkaiser.auth.policy import Role
from godkaiser.errors import (
    BoardUnfitError,
    DatabaseBrokenError,
    DocumentError,
    ForbiddenError,
    InvalidIdError,
    InvalidValueError,
    UnknownNodeError,
)
from godkaiser.io.desk import Desk, DeskServer
from godkaiser.kaiser.site import demo_site, parse_site
from tests.kaiser.house import BOARD, NODE, OTHER, SOIL, TEXT, House, file, house

FAN = f"{NODE}/25"
SHORTER = TEXT.replace("max_on_s: 1800", "max_on_s: 600")
PASSPHRASE = "Long-enough-7"


async def actuator(made: House, thing: str = FAN) -> dict[str, Any]:
    shot = await made.call("snapshot")
    return next(a for a in shot["actuators"] if a["id"] == thing)


async def changed(made: House, text: str, **more: Any) -> Any:
    return await made.call("site.apply", text=text, name="new.yaml", **more)


# ── export, diff, apply ────────────────────────────────────────────────────────────────────────────────
async def test_an_exported_file_changes_nothing(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        exported = await made.call("site.export")
        assert parse_site(exported["text"], "x").actuators == file().site.actuators
        assert exported["site"]["zones"] == [{"id": "bench", "name": "North bench"}]
        before = await made.audit()
        answer = await changed(made, exported["text"])
        assert answer == {"differences": [], "changes": False, "applied": False}
        assert await made.audit() == before


async def test_the_demo_exports_what_changes_nothing(tmp_path: Path) -> None:
    async with house(tmp_path, first=demo_site()) as made:
        text = (await made.call("site.export"))["text"]
        assert (await changed(made, text))["differences"] == []


async def test_diff_and_dry_run_say_everything_and_change_nothing(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        words = f"fan {FAN} (fan): max_on_s 1800 → 600; a run in progress ends earlier"
        assert await made.sentences(SHORTER) == [words]
        answer = await changed(made, SHORTER, dry_run=True)
        assert (answer["changes"], answer["applied"]) == (True, False)
        assert answer["differences"] == [
            {"path": f"actuators.{FAN}.max_on_s", "old": 1800, "new": 600, "meaning": words, "applied": True}
        ]
        assert (await actuator(made))["max_on_s"] == 1800
        assert await made.sentences(SHORTER) == [words]


async def test_applied_it_counts_at_once_and_after_a_restart(tmp_path: Path) -> None:
    text = SHORTER.replace("North bench", "South bench").replace("name: Cool", "name: Heat")
    async with house(tmp_path, file()) as made:
        answer = await changed(made, text)
        assert answer["applied"]
        assert (await actuator(made))["max_on_s"] == 600
        assert await made.sentences(text) == []
        assert [rule["name"] for rule in await made.call("rules.export")] == ["Heat"]
        audit = await made.audit()
        assert audit[-1][0].startswith("local:")
        actions = [(action, target) for _, action, target in audit]
        assert ("site.applied", "all") in actions
        assert ("site.changed", f"actuators.{FAN}.max_on_s") in actions
    async with house(tmp_path) as made:
        assert await made.sentences(text) == []
        shot = await made.call("snapshot")
        assert shot["zones"] == [{"id": "bench", "name": "South bench"}]
        assert (await actuator(made))["max_on_s"] == 600
        assert [rule["name"] for rule in await made.call("rules.export")] == ["Heat"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TEXT.replace("gpio: 34,", "gpio: 25,"), "pin 25 of a ESP32-WROOM has no converter"),
        (TEXT.replace('command: "ON"', "command: TURN"), r"rules\.0\.actions\.0\.command \(line 11 of new"),
        (TEXT.replace("kind: fan", "kind: doser").replace(", max_on_s: 1800", ""),
         r"actuators\.0 \(line 7 of new.yaml\): a pump or doser must state max_on_s"),
        ("actuators: []", r"switches ESP_AB12CD/25, which is no longer declared"),
        ("kaiser_id: hall", r"kaiser_id \(line 1 of new.yaml\): hall is not ours \(god\)"),
        (f"sensors: [{{node: {NODE}, gpio: 25, type: ph}}]", "no converter"),
        (f"nodes: [{{id: {NODE}, board: xiao_esp32c3}}]", "a XIAO ESP32-C3 has no usable pin"),
        ("rules: [{name: Cool}]", "line 1 of new.yaml"),
    ],
)  # fmt: skip
async def test_a_file_that_cannot_be_changes_nothing(tmp_path: Path, text: str, words: str) -> None:
    async with house(tmp_path, file()) as made:
        before = await made.call("site.export"), await made.audit()
        for method in ("site.diff", "site.apply"):
            with pytest.raises(DocumentError, match=words):
                await made.call(method, text=text, name="new.yaml")
        assert (await made.call("site.export"), await made.audit()) == before


async def test_the_safe_value_of_what_is_stopped_stays(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await made.call("stop", reason="leak")
        with pytest.raises(DocumentError, match=r"actuators\.0\.safe_value .*is stopped: clear the stop"):
            await changed(made, TEXT.replace("max_on_s: 1800", "max_on_s: 1800, safe_value: 1"))
        assert (await actuator(made))["safe_value"] == 0.0


async def test_nothing_is_changed_that_cannot_be_kept(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await made.controller.store.close()
        (tmp_path / "godkaiser.db").unlink()
        (tmp_path / "godkaiser.db").mkdir()
        with pytest.raises(Exception, match="The database is away"):
            await changed(made, SHORTER)
        assert (await actuator(made))["max_on_s"] == 1800
        (tmp_path / "godkaiser.db").rmdir()


async def test_only_those_who_may_change_rules_and_nodes(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        tokens = {}
        for role in (Role.VIEWER, Role.OPERATOR):
            await made.controller.accounts.add(role.value, PASSPHRASE, role)
            login = await made.call("login", name=role.value, password=PASSPHRASE, address="here")
            tokens[role] = login["token"]
        viewer, operator = tokens[Role.VIEWER], tokens[Role.OPERATOR]
        calls: list[tuple[str, dict[str, Any]]] = [
            ("site.apply", {"text": SHORTER}),
            ("nodes.approve_all", {"nodes": [NODE]}),
            ("nodes.remove", {"node": NODE}),
            ("nodes.replace", {"node": NODE, "board": BOARD}),
        ]
        for method, params in calls:
            with pytest.raises(ForbiddenError):
                await made.call(method, **params, token=viewer)
        assert (await made.call("site.diff", text=SHORTER, token=viewer))["changes"]
        assert (await made.call("site.apply", text=SHORTER, token=operator))["applied"]
        assert ("user:operator", "site.applied", "all") in await made.audit()


async def test_two_who_apply_at_once_do_not_mix(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        other = TEXT.replace("name: Cool", "name: Other").replace("max_on_s: 1800", "max_on_s: 300")
        await asyncio.gather(changed(made, SHORTER), changed(made, other))
        left = [await made.sentences(text) for text in (SHORTER, other)]
        assert [] in left, "one of the two counts, whole"


async def test_who_watches_sees_the_new_site(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        feed = made.controller.clerk.watch()
        async with asyncio.timeout(60):
            await anext(feed)
            next_change = asyncio.ensure_future(anext(feed))
            await changed(made, TEXT.replace("North bench", "Roof"))
            seen = await next_change
            while seen["kind"] != "snapshot":
                seen = await anext(feed)
        assert seen["data"]["zones"] == [{"id": "bench", "name": "Roof"}]


async def test_over_the_socket(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        server = DeskServer(tmp_path, made.controller.clerk)
        await server.start()
        desk = await Desk.open(tmp_path)
        with pytest.raises(DocumentError, match=r"line 1 of x\.yaml"):
            await desk.call("site.apply", text="[", name="x.yaml")
        assert (await desk.call("site.apply", text=SHORTER))["applied"]
        await desk.close()
        await server.stop()


# ── at the start ───────────────────────────────────────────────────────────────────────────────────────
async def test_the_file_is_applied_at_the_start_and_said_line_by_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with house(tmp_path, file()) as made:
        await made.beat()
        await made.call("nodes.reject", node=NODE)
    caplog.set_level(logging.INFO)
    text = SHORTER.replace("rules:", "x:").partition("x:")[0]
    async with house(tmp_path, file(text)) as made:
        async with asyncio.timeout(60):
            await made.controller.runner.drained()
        assert (await actuator(made))["max_on_s"] == 600
        assert [rule["name"] for rule in await made.call("rules.export")] == ["Cool"], "left out, left alone"
        said = [r.getMessage() for r in caplog.records if r.name == "godkaiser.kaiser.sitedesk"]
        assert said == [
            f"site.yaml: node {NODE}: rejected by a person: stays out; `godkaiser nodes approve {NODE}` lets it in",
            f"site.yaml: fan {FAN} (fan): max_on_s 1800 → 600; a run in progress ends earlier",
        ]
        audit = await made.audit()
        assert ("site file", "site.changed", f"actuators.{FAN}.max_on_s") in audit
        assert ("site file", "site.differs", f"nodes.{NODE}.approved") in audit


async def test_a_lease_of_the_run_before_keeps_to_the_new_limit(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await made.beat()
        made.pass_time(3)
        async with asyncio.timeout(60):
            await made.controller.runner.settled()
        task = asyncio.create_task(made.call("set", actuator=FAN, value=1.0, duration="20min"))
        async with asyncio.timeout(60):
            while not made.sent("actuator/25/command"):
                await asyncio.sleep(0.005)
        task.cancel()
        began = made.controller.engine.state.actuators[FAN].lease  # type: ignore[index]
        assert began is not None
        kept, clock = dict(made.controller._journal.content), made.clock
    assert ("lease", FAN) in kept
    async with house(tmp_path, file(SHORTER), clock=clock) as made:
        async with asyncio.timeout(60):
            await made.controller.runner.settled()
        again = made.controller.engine.state.actuators[FAN].lease  # type: ignore[index]
        assert again is None or again.until - again.since <= 600_000_000


async def test_a_file_that_cannot_be_applied_ends_the_start(tmp_path: Path) -> None:
    async with house(tmp_path, file()):
        pass
    with pytest.raises(DocumentError, match="which is no longer declared"):
        async with house(tmp_path, file("actuators: []")):
            pytest.fail("it started")
    async with house(tmp_path) as made:
        assert (await actuator(made))["max_on_s"] == 1800
        assert await made.sentences(TEXT) == []


async def test_another_kaiser_id_is_taken_at_the_start_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with house(tmp_path, file()):
        pass
    caplog.set_level(logging.INFO)
    async with house(tmp_path, file("kaiser_id: hall\n" + TEXT)) as made:
        assert made.controller.engine.state.kaiser == "hall"
        assert "kaiser_id god → hall" in caplog.text
        assert ("site file", "site.changed", "kaiser_id") in await made.audit()
    async with house(tmp_path) as made:
        assert made.controller.engine.state.kaiser == "hall"


async def test_a_kept_site_that_is_damaged_is_named(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await made.controller.store.save_site('{"zones": 1}', [])
    with pytest.raises(DatabaseBrokenError, match="kept site"):
        async with house(tmp_path):
            pytest.fail("it started")


async def test_what_people_decided_outlives_the_file(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await made.beat()
        await made.beat(OTHER)
        await made.call("nodes.approve", node=OTHER)
        await made.call("nodes.remove", node="climate node")
    async with house(tmp_path, file()) as made:
        nodes = {n["id"]: n["status"] for n in (await made.call("snapshot"))["nodes"]}
        assert nodes == {OTHER: "approved"}
        assert "approved: true}" in (await made.call("site.export"))["text"]
        assert (await made.call("nodes.approve", node=NODE))["status"] == "approved"
        assert await made.sentences(TEXT) == [
            f"node {OTHER}: approved here and not in the file: stays; `godkaiser nodes remove {OTHER}` takes it out"
        ]


# ── nodes ──────────────────────────────────────────────────────────────────────────────────────────────
async def test_several_are_let_in_or_none(tmp_path: Path) -> None:
    async with house(tmp_path) as made:
        for node in (NODE, OTHER):
            await made.beat(node)
        with pytest.raises(UnknownNodeError, match="ESP_FFFFFF, ESP_EEEEEE"):
            await made.call("nodes.approve_all", nodes=[NODE, "ESP_FFFFFF", OTHER, "ESP_EEEEEE"])
        assert {n["status"] for n in (await made.call("snapshot"))["nodes"]} == {"pending"}
        answer = await made.call("nodes.approve_all", nodes=[NODE, OTHER, NODE])
        assert [(n["id"], n["status"]) for n in answer] == [(NODE, "approved"), (OTHER, "approved")]
        nothing: list[Any] = [[], "x", None]
        for names in nothing:
            with pytest.raises(InvalidValueError, match="names no node"):
                await made.call("nodes.approve_all", nodes=names)


async def test_a_removed_node_is_out_of_sight_and_its_history_stays(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await made.beat()
        await made.soil(2000)
        answer = await made.call("nodes.remove", node="climate node")
        assert answer["status"] == "removed"
        assert (await made.call("snapshot"))["nodes"] == []
        assert (await made.call("history", series=SOIL))["values"] == [50.0]
        for node in (NODE, "nobody"):
            with pytest.raises(UnknownNodeError):
                await made.call("nodes.remove", node=node)
            with pytest.raises(UnknownNodeError):
                await made.call("nodes.replace", node=node, board=BOARD)


async def test_a_replaced_board_is_one_series_with_a_mark(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await made.beat()
        await made.soil(2000)
        made.pass_time(30)
        await made.leave()
        made.pass_time(30)
        await made.beat(BOARD)
        await made.soil(1000, BOARD)
        answer = await made.call("nodes.replace", node="climate node", board=BOARD)
        assert (answer["id"], answer["board_id"], answer["zone"]) == (NODE, BOARD, "bench")
        made.pass_time(30)
        await made.beat(BOARD)
        assert made.sent("system/heartbeat/ack", BOARD)[-1]["status"] == "online"
        await made.soil(1200, BOARD)
        history = await made.call("history", series=SOIL, since="-1h")
        assert history["values"] == [50.0, 100.0], (
            "calibrated as before; what it said as a stranger is not in"
        )
        (mark,) = history["marks"]
        assert mark["text"] == f"board {NODE} was replaced by {BOARD}"
        assert history["times"][0] < mark["at"] < history["times"][1]
        packed = await made.call("history", series=SOIL, since="-1h", packed=True)
        assert packed["marks"] == [mark]
        assert (await made.call("history", series=SOIL, since="-10s"))["marks"] == []
        clock = made.clock
    async with house(tmp_path, clock=clock) as made:
        await made.beat(BOARD)
        made.pass_time(30)
        await made.soil(2800, BOARD)
        shot = await made.call("snapshot")
        assert [(n["id"], n["online"]) for n in shot["nodes"]] == [(NODE, True)]
        history = await made.call("history", series=SOIL, since="-1h")
        assert history["values"] == [50.0, 100.0, 0.0]
        assert history["marks"] == [mark]


async def test_a_new_calibration_leaves_a_mark_too(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await made.beat()
        await made.soil(2000)
        made.pass_time(10)
        await changed(made, TEXT.replace("dry: 2800", "dry: 3200"))
        await made.soil(2000)
        history = await made.call("history", series=SOIL, since="-1h")
        assert history["values"] == [50.0, 60.0]
        assert [m["text"] for m in history["marks"]] == [
            "calibration changed: dry 2800, wet 1200 → dry 3200, wet 1200"
        ]


async def test_a_board_that_cannot_take_the_place_is_refused_by_name(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        for node in (NODE, OTHER):
            await made.beat(node)
        await made.call("nodes.approve", node=OTHER)

        async def refused(board: str, words: str, node: str = NODE) -> None:
            with pytest.raises(BoardUnfitError, match=words) as caught:
                await made.call("nodes.replace", node=node, board=board)
            assert caught.value.remedy

        await refused(BOARD, "the board it is to replace is still online")
        await made.leave()
        await refused(NODE, "it is that node's board already")
        await refused(OTHER, "it is a node of its own")
        with pytest.raises(InvalidIdError):
            await made.call("nodes.replace", node=NODE, board="esp")
        await made.call("nodes.replace", node=NODE, board=BOARD)
        await made.leave(OTHER)
        await refused(BOARD, f"it stands for {NODE}", OTHER)
        await refused(BOARD, "it is that node's board already")
        assert (await made.call("nodes.replace", node=NODE, board=NODE))["board_id"] == NODE


# ── what nodes are told ────────────────────────────────────────────────────────────────────────────────
async def test_nodes_are_configured(tmp_path: Path) -> None:
    async with house(tmp_path, file()) as made:
        await made.beat()
        made.pass_time(3)
        async with asyncio.timeout(60):
            await made.controller.runner.settled()
        assert [told["zone_id"] for told in made.sent("zone/assign")] == ["bench"]
        told = made.sent("zone/assign")[0]
        body = {"status": "zone_assigned", "zone_id": "bench", "master_zone_id": ""}
        await made.hear("zone/ack", body | {"esp_id": NODE, "correlation_id": told["correlation_id"]})
        (config,) = made.sent("config")
        assert [sensor["gpio"] for sensor in config["sensors"]] == [34]


SWITCH = '{type: actuator, esp_id: ESP_AB12CD, gpio: 25, command: "ON"}'
STEPS = f"{{type: sequence, steps: [{{type: delay, seconds: 5}}, {SWITCH}]}}"


@pytest.mark.parametrize(("action", "place"), [(SWITCH, "actions.1"), (STEPS, "actions.1.steps.1")])
async def test_the_place_of_what_is_taken_out_is_that_in_the_document(
    action: str, place: str, tmp_path: Path
) -> None:
    old = 'actions: [{type: actuator_command, esp_id: ESP_AB12CD, gpio: 25, command: "ON"}]'
    text = TEXT.replace(old, f"actions: [{{type: delay, seconds: 5}}, {action}]")
    assert text != TEXT
    bare = "".join(line for line in text.splitlines(keepends=True) if "kind: fan" not in line)
    async with house(tmp_path, file()) as made:
        with pytest.raises(DocumentError, match=rf"rules\.0\.{re.escape(place)} .*no longer declared"):
            await made.call("site.diff", text=bare.replace("actuators:", "actuators: []"))


async def test_what_only_a_failover_switches_cannot_be_taken_out_either(tmp_path: Path) -> None:
    spare = f"  - {{node: {NODE}, gpio: 26, type: relay, kind: fan, name: spare, max_on_s: 600}}\n"
    policy = f"    escalation_policy: {{failover_actions: [{SWITCH.replace('25', '26')}]}}\n"
    text = TEXT.replace("rules:\n", f"{spare}rules:\n") + policy
    async with house(tmp_path, file(text)) as made:
        place = r"rules\.0\.escalation_policy\.failover_actions\.0 .*26, which is no longer declared"
        with pytest.raises(DocumentError, match=place):
            await made.call("site.diff", text=text.replace(spare, ""))


CALIBRATED = "calibration: {dry: 2800, wet: 1200}"
NEW_SENSOR = f"  - {{node: {NODE}, gpio: 35, type: moisture, name: other%s}}\nactuators:\n"


@pytest.mark.parametrize(
    ("text", "calibrates"),
    [
        (TEXT.replace(CALIBRATED, "calibration: {dry: 3000, wet: 1200}"), True),
        (TEXT.replace(f", {CALIBRATED}", ""), True),
        (TEXT.replace("actuators:\n", NEW_SENSOR % f", {CALIBRATED}"), True),
        (TEXT.replace("name: soil", "name: soil, adc: esp32"), True),
        (TEXT.replace("actuators:\n", NEW_SENSOR % ""), False),
        (TEXT.replace("name: soil", "name: bed"), False),
        (TEXT.replace("North bench", "South bench"), False),
        (TEXT, False),
    ],
)
async def test_a_file_that_calibrates_asks_for_that_right(
    text: str, calibrates: bool, tmp_path: Path
) -> None:
    async with house(tmp_path, file()) as home:
        await home.controller.accounts.table.add("olaf", Role.OPERATOR, "!")
        await home.controller.accounts.load()
        rights = ["edit_rules", "approve"]
        tokens = [
            (await home.call("tokens.add", owner="olaf", label="x", permissions=more))["token"]
            for more in (rights, [*rights, "calibrate"])
        ]
        before = await home.call("site.export")
        if calibrates:
            for dry in (True, False):
                with pytest.raises(ForbiddenError, match="may not calibrate"):
                    await home.call("site.apply", text=text, dry_run=dry, token=tokens[0])
            assert await home.call("site.export") == before
        else:
            await home.call("site.apply", text=text, token=tokens[0])
        done = await home.call("site.apply", text=text, token=tokens[1])
        assert done["applied"] is calibrates
