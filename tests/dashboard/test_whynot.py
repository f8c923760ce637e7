"""What would flip a rule and what stands in its way, in German as in English."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from godkaiser_dashboard.ruling import tree
from godkaiser_dashboard.whynot import why_not
from godkaiser_dashboard.words import Words

from godkaiser.safety.finding import FINDINGS
from tests.kaiser.house import NODE, TEXT, file, house

DRY = f'[{{type: sensor, esp_id: {NODE}, gpio: 34, sensor_type: moisture, operator: "<", value: 35}}]'
CLOCKED = '[{type: time_window, start_time: "06:00", end_time: "22:00"}]'


async def test_the_page_says_it_in_its_own_language(tmp_path: Path) -> None:
    async with house(tmp_path, file(TEXT.replace(CLOCKED, DRY))) as home:
        await home.beat()
        await home.soil(1360)
        await home.call("rules.disable", rule="cool")
        await home.call("rules.enable", rule="cool")
        await home.call("stop", reason="smoke")
        told = await home.call("rules.trace", rule="cool")
    german, english = why_not(Words("de"), told), why_not(Words("en"), told)
    assert german.startswith(
        "Sie würde wahr: mit soil unter 35,0 % (jetzt 90,0 %). Im Weg: ein Software-Stopp hält fan"
    )
    assert english.startswith(
        "It would become true: with soil below 35.0 % (now 90.0 %). In the way: a software stop"
    )
    assert "would" not in german
    assert "Sie würde wahr" in tree(Words("de"), told)


CHANGE: dict[str, Any] = {
    "kind": "value", "name": "air", "unit": "°C", "word": "=", "bound": 20.0, "target": 20.0, "present": 19.0,
    "times": 3, "online": None, "at": None,
}  # fmt: skip


def flip(*changes: dict[str, Any], silent: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"wait_s": 240.0, "silent": list(silent), "changes": list(changes)}


def blocker(code: str, text: str = "", **more: Any) -> dict[str, Any]:
    given = {
        "code": code,
        "text": text,
        "lifts": "Wait.",
        "actuator": None,
        "name": None,
        "who": None,
        "who_name": None,
    }
    return given | {"since": None, "until": None} | more


def test_every_kind_of_change_has_its_german() -> None:
    told = {
        "becomes": True,
        "acting": False,
        "outcome": None,
        "flips": [
            flip(CHANGE, CHANGE | {"kind": "reading", "present": None, "times": 1}),
            flip(CHANGE | {"kind": "presence", "online": True}),
            flip(CHANGE | {"kind": "presence", "online": False}),
            flip(CHANGE | {"kind": "time", "at": "2026-05-01T10:00:00Z"}, silent=("soil",)),
        ],
        "blockers": [
            blocker("rule_hold", name="fan", who_name="Night", until="2026-05-01T10:00:00Z"),
            blocker("disabled", since="2026-05-01T09:00:00Z"),
            blocker("disabled", name="fan", actuator="a"),
            blocker("new_one", "as the controller says"),
        ],
    }  # fmt: skip
    assert why_not(Words("de"), told) == (
        "Sie würde wahr: mit air bei 20,0 °C (jetzt 19,0 °C), 3-mal hintereinander und mit einer Messung von air, "
        "etwa 20,0 °C; oder mit air am Netz; oder mit air nicht am Netz; oder in 4 min (um 2026-05-01 10:00:00 "
        "UTC), wenn nichts von soil gemessen wird. Im Weg: Regel „Night“ hat fan eben erst geschaltet bis "
        "2026-05-01 10:00:00 UTC. Im Weg: die Regel ist ausgeschaltet seit 2026-05-01 09:00:00 UTC. "
        "Im Weg: fan ist gesperrt. Im Weg: as the controller says."
    )
    nothing = {"becomes": True, "flips": [], "blockers": [], "acting": False, "outcome": None}
    assert why_not(Words("de"), nothing) == "Es wurde nichts gefunden, was sie wahr machte."
    true = nothing | {"becomes": False}
    assert why_not(Words("de"), true) == "Nichts steht ihr im Weg."
    assert why_not(Words("de"), true | {"acting": True}) == "Ihr Befehl ist unterwegs."
    assert why_not(Words("de"), true | {"outcome": "carried out"}).startswith("Ihre Knoten haben bestätigt")
    assert why_not(Words("de"), true | {"outcome": "not carried out"}) == "Sie will etwas und konnte nicht."


def test_what_safety_refuses_while_a_rule_waits_has_its_sentence() -> None:
    refusing = (
        "stop_active",
        "node_offline",
        "interlock",
        "permissive",
        "cooldown",
        "start_budget",
        "on_budget",
        "min_off",
    )
    for code in refusing:
        assert code in FINDINGS
        assert Words("de").known(f"why.block.{code}", "") != ""
