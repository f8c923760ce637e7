"""Stop and clear: they work without a page's socket, for scripts and for plain forms."""

from __future__ import annotations

import json

import pytest
from godkaiser_dashboard.trail import FILE_MOST

from tests.dashboard.conftest import Running, Visitor, until
from tests.dashboard.fake_desk import FAN


async def press(visitor: Visitor, path: str, more: str = "", **headers: str) -> tuple[int, dict[str, object]]:
    answer = await visitor.ask(
        path, "POST", f"_xsrf={visitor.secret}{more}", Accept="application/json", **headers
    )
    return answer.code, json.loads(answer.body)


@pytest.mark.parametrize("name", ["ada", "olaf", "vera"])
async def test_everybody_who_is_signed_in_can_stop_with_one_request(running: Running, name: str) -> None:
    visitor = running.visitor()
    await visitor.sign_in(name)
    assert await press(visitor, "/stop") == (200, {"done": True})
    assert running.house.stop["phase"] == "ACTIVE"
    assert running.house.stop["by"] == name
    await until(lambda: running.dashboard.feed.view.actuators[FAN]["reported"] == 0.0)


async def test_a_plain_form_leads_back_to_its_page(running: Running) -> None:
    visitor = running.visitor()
    await visitor.sign_in()
    answer = await visitor.ask("/stop", "POST", f"_xsrf={visitor.secret}&page=%2Factuators")
    assert (answer.code, answer.headers["Location"]) == (303, "/actuators")
    answer = await visitor.ask("/stop", "POST", f"_xsrf={visitor.secret}&page=%2F%2Fevil.example")
    assert answer.headers["Location"] == "/"


async def test_the_controller_learns_where_it_was_pressed(running: Running) -> None:
    visitor = running.visitor()
    await visitor.sign_in()
    await press(visitor, "/stop")
    assert running.house.origins == ["127.0.0.1"]


async def test_the_controller_learns_where_a_file_was_asked_for_and_where_one_signed_out(
    running: Running,
) -> None:
    visitor = running.visitor()
    await visitor.sign_in()
    assert (await visitor.ask("/audit.csv")).code == 200
    assert running.house.origins == ["127.0.0.1"]
    await visitor.ask("/logout", "POST", f"_xsrf={visitor.secret}")
    assert running.house.origins == ["127.0.0.1"] * 2


async def test_a_file_that_was_cut_says_so_in_its_last_line(running: Running) -> None:
    row = {"at": "2026-05-01T10:00:00+00:00", "who": "ada", "action": "stop", "target": "all", "detail": ""}
    asked: list[int] = []

    def page(*, most: int, **_: object) -> dict[str, object]:
        asked.append(most)
        return {"rows": [row] * min(most, 7000), "next": [len(asked)]}

    running.house.answers["audit.page"] = page
    visitor = running.visitor()
    await visitor.sign_in()
    head, *rows, last = (await visitor.ask("/audit.csv?lang=en")).body.decode("utf-8-sig").splitlines()
    assert head == "at,who,action,target,detail"
    assert (len(rows), set(rows)) == (FILE_MOST, {"2026-05-01T10:00:00+00:00,ada,stop,all,"})
    assert "Not complete: these are the newest 100" in last


async def test_operators_clear(running: Running) -> None:
    visitor = running.visitor()
    await visitor.sign_in("olaf")
    await press(visitor, "/stop")
    assert await press(visitor, "/clear") == (200, {"done": True})
    assert running.house.stop["phase"] == "NORMAL"


@pytest.mark.parametrize(
    ("more", "force"),
    [
        ("", False),
        ("&force=all", True),
        ("&force=", False),
        ("&force=node%3AESP_A1B2C3", False),
        ("&scope=node%3AESP_A1B2C3&force=node%3AESP_A1B2C3", True),
        ("&scope=node%3AESP_A1B2C3&force=all", False),
    ],
)
async def test_insisting_is_a_box_to_tick(running: Running, more: str, force: bool) -> None:
    visitor = running.visitor()
    await visitor.sign_in()
    await press(visitor, "/clear", more)
    assert running.house.calls[-1][1]["force"] is force


async def test_a_part_is_stopped_and_cleared_by_itself(running: Running) -> None:
    visitor = running.visitor()
    await visitor.sign_in()
    await press(visitor, "/stop", "&scope=node%3AESP_A1B2C3")
    stop = running.house.stop
    assert (stop["phase"], [other["scope"] for other in stop["others"]]) == ("NORMAL", ["node:ESP_A1B2C3"])
    await press(visitor, "/clear", "&scope=node%3AESP_A1B2C3")
    assert running.house.stop["others"] == []


async def test_viewers_do_not_clear_and_are_told(running: Running) -> None:
    visitor = running.visitor()
    await visitor.sign_in("vera")
    await press(visitor, "/stop")
    code, said = await press(visitor, "/clear")
    assert code == 403
    assert "may not clear a stop" in str(said["problem"])
    assert running.house.stop["phase"] == "ACTIVE"


async def test_a_stop_that_reaches_nobody_says_so(running: Running) -> None:
    visitor = running.visitor()
    await visitor.sign_in()
    running.house.vanish()
    answer = await visitor.ask("/stop", "POST", f"_xsrf={visitor.secret}", Accept="application/json")
    assert answer.code == 503


async def test_the_reason_is_in_the_language_of_whoever_pressed(running: Running) -> None:
    visitor = running.visitor()
    await visitor.sign_in()
    await press(visitor, "/stop?lang=de")
    assert running.house.stop["reason"] == "Auf dem Dashboard gedrückt"
