"""SQL and worse in every text of every method, over the local socket, with SQLite and with PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path

import asyncpg
import pytest

from godkaiser.errors import GodkaiserError, Kind
from tests.attacks.stand import PASSWORD, PEOPLE, Stand, line, stand
from tests.attacks.words import HOSTILE, calls
from tests.dashboard.conftest import DEADLINE_S
from tests.secrets_seen import WATCH
from tests.services import Postgres

# An attack is answered with what is wrong with it, or with what was asked for.
INTERNAL = (Kind.INTERNAL, Kind.UNAVAILABLE)
TRIED_AT_LEAST = 2000


async def columns(data: Path, url: str | None) -> set[tuple[str, str]]:
    """Every table with its columns."""
    if url is None:
        with sqlite3.connect(data / "godkaiser.db") as base:
            tables = [row[0] for row in base.execute("select name from sqlite_master where type='table'")]
            found = {(t, row[1]) for t in tables for row in base.execute(f'pragma table_info("{t}")')}
        base.close()
        return found
    base = await asyncpg.connect(url)
    try:
        text = "select table_name, column_name from information_schema.columns where table_schema='public'"
        return {(row[0], row[1]) for row in await base.fetch(text)}
    finally:
        await base.close()


async def tried(besieged: Stand) -> tuple[int, list[str]]:
    """How many calls, and those with an answer that nobody had thought of."""
    count, wrong = 0, []
    for method, what, given in calls(besieged.home.controller.clerk.methods, "no token"):
        count += 1
        try:
            await besieged.call(method, **given)
        except GodkaiserError as error:
            if error.kind in INTERNAL:
                wrong.append(f"{method} {what}: {error!s:.200}")
        except TimeoutError:
            wrong.append(f"{method} {what}: no answer")
    return count, wrong


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_hostile_texts_in_every_parameter_are_only_texts(
    database: str, tmp_path: Path, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    url = None
    WATCH.open |= frozenset(HOSTILE.values())  # also tried as passwords
    if database == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        url = await server.fresh()
    async with stand(tmp_path / "data", pages=False, database=url) as besieged:
        await besieged.home.beat()
        await besieged.home.soil(2000)
        before = await columns(tmp_path / "data", url)
        count, wrong = await tried(besieged)
        assert wrong == []
        assert count >= TRIED_AT_LEAST
        await besieged.home.controller.runner.drained()
        assert await columns(tmp_path / "data", url) == before
        assert besieged.home.controller.runner.depot.counts.unstorable == 0
        # Nobody has come in or been made more than they were; who was taken away was so in plain words.
        people = {one["name"]: one["role"] for one in await besieged.call("users.list")}
        assert people["root"] == PEOPLE["root"].value
        assert set(people) <= {*PEOPLE, "new"}
        assert (await besieged.call("login", name="root", password=PASSWORD, address="10.1.1.1"))[
            "user"
        ] == "root"
    assert [record for record in caplog.records if "request failed" in record.message] == []


async def test_what_no_database_keeps_is_refused_by_its_place_and_never_done(socket_only: Stand) -> None:
    for name in ("a\0b", "a\ud800b"):
        error = await socket_only.fails("alarms.remove", key=name, reason="x")
        assert (error.code, "key" in str(error)) == ("invalid_value", True)
    assert await socket_only.rows("alarm.remove") == []
    error = await socket_only.fails("rules.import", documents=[{"name": "x", "actions": ["\0"]}])
    assert "documents.0.actions.0" in str(error)
    error = await socket_only.fails("site.apply", text='zones:\n  - {id: bench, name: "a\\0b"}\n')
    assert "line 2" in str(error)


async def test_who_fails_with_an_odd_name_is_in_the_audit_all_the_same(socket_only: Stand) -> None:
    """A name that is not kept must be no way to guess unseen."""
    for word in ("drop", "lines", "turned", "long"):
        name = HOSTILE[word]
        error = await socket_only.fails("login", name=name, password="Guess-123", address="")
        assert error.code in {"authentication_failed", "throttled"}
    rows = await socket_only.rows("login.failed")
    assert rows[0]["target"] == HOSTILE["drop"]
    assert all(len(row["target"]) <= 80 for row in rows)


@pytest.mark.parametrize(
    "text",
    [
        b'{"id": 1, "call": "set", "with": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n",
        b'{"id": 1, "call": "' + b"x" * 1_000_000 + b'"}\n',
        b'{"id": {"a": [1]}, "call": "stop", "with": []}\n',
        b'{"id": 1, "call": "stop", "with": {"reason": "\xff\xfe"}}\n',
        b"\x00\xff\xfe\n",
        b"GET / HTTP/1.1\r\n",
        json.dumps({"id": 1, "call": "__init__", "with": {"self": 1}}).encode() + b"\n",
        json.dumps({"id": 1, "call": "stop", "with": {"self": 1}}).encode() + b"\n",
        json.dumps({"id": 1, "call": "check", "with": {"actuator": {"a": 1}, "value": "x"}}).encode() + b"\n",
    ],
    ids=range(9),
)
async def test_lines_that_are_none_are_answered_and_hurt_nobody(text: bytes, socket_only: Stand) -> None:
    path = socket_only.data / "controller.sock"
    async with asyncio.timeout(DEADLINE_S):
        answer = json.loads(await asyncio.to_thread(line, path, text))
    assert set(answer) - {"correlation"} == {"id", "error"}
    assert len(answer["error"]["message"]) < 3000
    assert (await socket_only.call("stop", reason="goes on"))["phase"] == "ACTIVE"
