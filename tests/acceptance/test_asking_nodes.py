"""The commands that ask nodes and show what could not be read, against a running demo over a real broker."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.station import NODE, Outsider, Station, ask, eventually, godkaiser, untraced
from tests.facade.process import running_demo

CLIMATE = "ESP_A1B2C3"
ROM = "28FF641E8D3C0C79"
TOKEN = "correct-horse-battery"
HOSTILE = '\x1b[2J\x1b]0;owned\x07[bold red]{"raw": nan}\u202egnp.exe\\'


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data folder of a running demo whose nodes have all been heard."""
    with running_demo(tmp_path_factory.mktemp("demo") / "data") as running:
        running.until_online()
        yield running.folder


def said(*arguments: str, data: Path, code: int = 0) -> str:
    """What a command says to people; errors stand on stderr."""
    done = godkaiser(*arguments, data=data)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stderr if code else done.stdout


def test_a_sensor_is_read_now(demo: Path) -> None:
    before = {s["name"]: s for s in ask("sensors", data=demo)}["bench air"]
    # The demo's clock stands still between its steps: wait for the next one, or both have the same moment.
    eventually(lambda: ask("status", data=demo)["now"] > before["received_at"])
    shot = ask("measure", "bench air", "--within", "2s", data=demo)
    assert shot["id"] == before["id"]
    assert shot["received_at"] > before["received_at"]  # nodes tell whole seconds only
    text = said("measure", "bench air", data=demo)
    assert text.startswith("bench air: ")
    assert "°C, good, measured at " in text
    assert text.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("measure", "bench ari"), 5, "godkaiser sensors"),
        (("measure", "bench air", "--within", "2h"), 2, "1 ms to 60 s"),
        (("nodes", "ask", CLIMATE, "reboot"), 2, "status, diagnostics"),
        (("nodes", "ask", CLIMATE, "status", "--pin", "4"), 2, "does not belong to status"),
        (("nodes", "ask", CLIMATE, "set_log_level", "--level", "loud"), 2, "DEBUG, INFO"),
        (("nodes", "ask", "ESP_FFFFFF", "status"), 5, "godkaiser nodes"),
        (("nodes", "ask", CLIMATE, "set_emergency_token"), 2, "nodes set-token NODE"),
        (("nodes", "scan", CLIMATE, "--pin", "200"), 2, "0.."),
        (("nodes", "show", "nobody"), 5, "No node 'nobody'"),
        (("wire", "problems", "nobody"), 5, "No node 'nobody'"),
    ],
)
def test_mistakes_are_one_line_with_a_remedy(
    demo: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    text = said(*arguments, data=demo, code=code)
    assert words in text
    assert text.count("\n") == 1
    error = json.loads(godkaiser(*arguments, "--json", data=demo).stdout)["error"]
    assert error["hint"]


def test_a_node_answers(demo: Path) -> None:
    assert ask("nodes", "ask", CLIMATE, "status", data=demo)["esp_id"] == CLIMATE
    assert "wifi_rssi" in said("nodes", "ask", "climate node", "diagnostics", data=demo)
    answer = ask("nodes", "ask", CLIMATE, "set_log_level", "--level", "debug", data=demo)
    assert answer["level"] == "DEBUG"


def test_a_bus_is_scanned(demo: Path) -> None:
    assert [device["rom"] for device in ask("nodes", "scan", CLIMATE, data=demo)] == [ROM]
    text = said("nodes", "scan", "climate node", "--pin", "4", data=demo)
    assert text.split()[:3] == ["ROM", "type", "pin"]
    assert ROM in text


def test_a_node_is_shown_whole(demo: Path) -> None:
    shown = ask("nodes", "show", "Climate Node", data=demo)
    assert shown["node"]["id"] == CLIMATE
    assert {thing["node"] for thing in shown["sensors"] + shown["actuators"]} == {CLIMATE}
    text = said("nodes", "show", CLIMATE, data=demo)
    for words in ("climate node", "approved", "online", "2026", "dBm", "bytes", "bench air", "exhaust fan"):
        assert words in text
    assert "bench soil" not in text


def test_strangers_write_into_no_terminal(house: Station, outsider: Outsider) -> None:
    data = house.data
    assert said("wire", "problems", data=data) == "Every message could be read.\n"
    outsider.say("sensor/0/data", HOSTILE.encode())
    outsider.client.publish("kaiser/god/esp/ESP_FFFFFF/sensor/0/data", b"stranger", 1).wait_for_publish(5)
    found = eventually(lambda: len(every := ask("wire", "problems", data=data)) == 2 and every)
    assert [each["node"] for each in found] == ["", NODE]
    reason = found[1]["reasons"][0]
    assert (reason["code"], reason["count"]) == ("bad_json", 1)
    assert reason["last"][0]["excerpt"] == HOSTILE
    everything = said("wire", "problems", data=data)
    assert "nodes we do not know" in everything
    assert "stranger" in everything
    mine = said("wire", "problems", "First Node", data=data)
    assert "bad_json: 1" in mine
    assert "stranger" not in mine
    for text in (everything, mine, said("nodes", "show", NODE, data=data)):
        assert r"\x1b[2J\x1b]0;owned\x07[bold red]" in text
        assert r"\u202egnp.exe" in text
        assert not set("\x1b\x07\u202e") & set(text)
    document = godkaiser("wire", "problems", "--json", data=data).stdout
    assert not set("\x1b\x07\u202e") & set(document)


# ── the token: neither an argument nor anything anybody could see ──────────────────────────────────────
def command(data: Path, *more: str) -> list[str]:
    start = [sys.executable, "-m", "godkaiser.cli.main", "nodes", "set-token", "irrigation node"]
    return [*start, *more, "--data", str(data)]


def test_a_token_comes_from_stdin_and_must_be_the_controllers_own(demo: Path) -> None:
    for more, kind in (((), "NODE"), (("--type", "broadcast"), "BROADCAST")):
        done = subprocess.run(
            command(demo, "--json", *more),
            input=f"{TOKEN}\r\n",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=untraced(),
        )
        assert done.returncode == 2
        assert json.loads(done.stdout)["error"]["code"] == "invalid_value"
        assert f"GODKAISER_{kind}_TOKEN" in done.stderr
        assert TOKEN not in done.stdout + done.stderr


@pytest.mark.parametrize("given", [b"", b"\n", b"x" * 65 + b"\n", b"\xff\xfe\n"])
def test_no_token_is_a_mistake_that_reaches_no_node(demo: Path, given: bytes) -> None:
    done = subprocess.run(
        command(demo), input=given, capture_output=True, timeout=60, check=False, env=untraced()
    )
    assert done.returncode == 2
    assert b"token" in done.stderr
    assert b"1..64" in done.stderr
    assert b"xxx" not in done.stderr


@pytest.mark.parametrize(
    ("again", "words", "code"),
    [(TOKEN, b"GODKAISER_NODE_TOKEN", 2), (TOKEN[::-1], b"was not the same twice", 2)],
    ids=["the same", "another"],
)
def test_a_token_is_asked_for_twice_and_never_shown(demo: Path, again: str, words: bytes, code: int) -> None:
    master, terminal = pty.openpty()
    process = subprocess.Popen(
        command(demo),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        env=untraced(),
    )
    os.close(terminal)
    shown = b""
    try:
        for question, answer in ((b"Token: ", TOKEN), (b"Once more: ", again)):
            shown = _until(master, question, shown)
            os.write(master, answer.encode() + b"\n")
        shown = _until(master, words, shown)
        assert process.wait(30) == code
    finally:
        process.kill()
        process.wait()
        os.close(master)
    assert TOKEN.encode() not in shown
    assert again.encode() not in shown


def _until(terminal: int, words: bytes, shown: bytes) -> bytes:
    """Read until the words come; fails at the deadline."""
    end = time.monotonic() + 30
    while words not in shown:
        ready, _, _ = select.select([terminal], [], [], max(0.0, end - time.monotonic()))
        assert ready, shown
        shown += os.read(terminal, 4096)
    return shown


def test_help_names_every_door() -> None:
    words: dict[tuple[str, ...], tuple[Any, ...]] = {
        (): ("measure", "nodes", "wire"),
        ("nodes",): ("ask", "scan", "show", "set-token"),
        ("wire",): ("problems", "decode"),
    }
    for group, names in words.items():
        text = godkaiser(*group, "--help", traced=False).stdout
        assert [name for name in names if f" {name} " not in text] == []
