"""The fold from snapshot and changes to what is shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from godkaiser_dashboard.view import (
    View,
    age_s,
    answered,
    fold,
    homeless,
    in_zone,
    lost,
    moment,
    newest_notices,
    reminded,
    who,
)
from hypothesis import given
from hypothesis import strategies as st

START = datetime(2026, 5, 1, tzinfo=UTC)
TABLES = {
    "zone": "zones",
    "node": "nodes",
    "sensor": "sensors",
    "actuator": "actuators",
    "rule": "rules",
}


def snapshot(**more: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {name: [] for name in TABLES.values()}
    said = {"now": START.isoformat(), "speed": 1.0, "simulated": True, "malformed": []}
    return empty | said | {"link": {"state": "up"}, "stop": {"phase": "NORMAL"}, "counters": {}} | more


def whole(**more: Any) -> dict[str, Any]:
    return {"kind": "snapshot", "id": "", "data": snapshot(**more)}


def test_nothing_is_known_at_first() -> None:
    view = View()
    assert view.gone
    assert not view.known
    assert not view.sensors


def test_a_snapshot_replaces_everything() -> None:
    view = fold(View(), whole(sensors=[{"id": "a"}, {"id": "b"}]), 10.0)
    assert set(view.sensors) == {"a", "b"}
    assert view.known
    assert not view.gone
    assert set(fold(view, whole(sensors=[{"id": "c"}]), 11.0).sensors) == {"c"}


@pytest.mark.parametrize(("kind", "table"), TABLES.items())
def test_a_change_replaces_its_object_only(kind: str, table: str) -> None:
    before = fold(View(), whole(**{table: [{"id": "a", "n": 1}, {"id": "b", "n": 1}]}), 0.0)
    after = fold(before, {"kind": kind, "id": "a", "data": {"id": "a", "n": 2}}, 1.0)
    assert dict(getattr(after, table)) == {"a": {"id": "a", "n": 2}, "b": {"id": "b", "n": 1}}
    assert getattr(before, table)["a"]["n"] == 1


@pytest.mark.parametrize("kind", ["link", "stop", "counters"])
def test_single_things_are_replaced(kind: str) -> None:
    view = fold(View(), {"kind": kind, "id": "", "data": {"phase": "ACTIVE"}}, 0.0)
    assert getattr(view, kind) == {"phase": "ACTIVE"}


def test_an_object_without_data_is_gone() -> None:
    view = fold(View(), whole(nodes=[{"id": "a"}, {"id": "b"}]), 0.0)
    assert set(fold(view, {"kind": "node", "id": "a", "data": None}, 0.0).nodes) == {"b"}


def test_the_counters_bring_the_last_malformed_messages_along() -> None:
    view = fold(View(), {"kind": "counters", "id": "", "data": {"malformed_last": [{"n": 1}]}}, 0.0)
    assert view.malformed == ({"n": 1},)
    assert fold(view, {"kind": "counters", "id": "", "data": {"malformed": 1}}, 0.0).malformed == ({"n": 1},)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"kind": "weather", "id": "x", "data": {}},
        {"kind": "snapshot", "data": 3},
        {"kind": "stop", "data": 3},
    ],
)
def test_what_is_not_understood_changes_nothing(change: dict[str, Any]) -> None:
    view = fold(View(), whole(), 0.0)
    assert fold(view, change, 1.0) is view


def test_site_time_runs_with_our_clock_and_the_controllers_speed() -> None:
    view = fold(View(), whole(speed=60.0), 100.0)
    assert view.now(100.0) == START
    assert view.now(101.5) == START + timedelta(seconds=90)
    assert view.now(99.0) == START


def test_losing_the_controller_keeps_what_was_known_and_its_ages_tick_on() -> None:
    view = lost(fold(View(), whole(speed=60.0, sensors=[{"id": "a"}]), 0.0), 1.0)
    assert view.gone
    assert view.gone_since == START + timedelta(seconds=60)
    assert "a" in view.sensors
    assert view.now(11.0) == START + timedelta(seconds=70)
    assert lost(view, 20.0) is view


def test_the_desk_says_when_the_controller_is_gone() -> None:
    view = fold(fold(View(), whole(), 0.0), {"kind": "gone", "id": "", "data": {"code": "x"}}, 2.0)
    assert view.gone
    assert view.gone_since == START + timedelta(seconds=2)


def test_changes_carry_the_controllers_clock() -> None:
    later = (START + timedelta(hours=1)).isoformat()
    view = fold(fold(View(), whole(), 0.0), {"kind": "stop", "id": "", "data": {}, "now": later}, 2.0)
    assert view.now(5.0) == START + timedelta(hours=1, seconds=3)


def test_a_controller_never_seen_cannot_be_lost() -> None:
    view = View()
    assert lost(view, 5.0) is view


def test_an_answer_brings_the_controller_back_and_what_no_change_tells() -> None:
    away = lost(fold(View(), whole(), 0.0), 1.0)
    back = answered(away, snapshot(malformed=[{"n": 1}], counters={"malformed": 1}), 2.0)
    assert not back.gone
    assert back.gone_since is None
    assert back.malformed == ({"n": 1},)
    assert back.version > away.version


def test_an_answer_that_says_nothing_new_only_sets_the_clock() -> None:
    view = fold(View(), whole(), 0.0)
    again = answered(view, snapshot(now=(START + timedelta(seconds=5)).isoformat()), 3.0)
    assert again.version == view.version
    assert again.now(3.0) == START + timedelta(seconds=5)


def test_a_snapshot_without_a_usable_clock_leaves_the_clock_alone() -> None:
    view = fold(fold(View(), whole(), 0.0), whole(now="soon", speed=None), 2.0)
    assert view.now(2.0) == START + timedelta(seconds=2)


@pytest.mark.parametrize("text", [None, 5, "", "yesterday", "2026-13-01T00:00:00Z"])
def test_no_moment(text: object) -> None:
    assert moment(text) is None
    assert age_s(text, START) is None


def test_moments_are_utc_and_ages_never_negative() -> None:
    assert moment("2026-05-01T00:00:00") == moment("2026-05-01T00:00:00Z") == START
    assert moment("2026-05-01T02:00:00+02:00") == START
    assert age_s("2026-05-01T00:00:00Z", START - timedelta(seconds=5)) == 0.0
    assert age_s("2026-05-01T00:00:00Z", START + timedelta(seconds=5)) == 5.0


def test_things_by_zone() -> None:
    there = [{"id": "1", "name": "b", "zone": "z"}, {"id": "2", "name": "A", "zone": "z"}]
    lonely = {"id": "3", "name": "c", "zone": "nowhere"}
    view = fold(View(), whole(zones=[{"id": "z", "name": "Z"}], sensors=[*there, lonely]), 0.0)
    assert [s["id"] for s in in_zone(view.sensors, "z")] == ["2", "1"]
    assert homeless(view) == ([lonely], [])


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ("user:ada", "ada"),
        ("local:root", "root"),
        ("rule:cool", "Cool the bench"),
        ("rule:gone", "gone"),
        ("safety", "safety"),
        (None, "?"),
    ],
)
def test_who(origin: str | None, name: str) -> None:
    view = fold(View(), whole(rules=[{"id": "cool", "name": "Cool the bench"}]), 0.0)
    assert who(origin, view) == name


keys = st.sampled_from(["a", "b", "c"])
changes = st.one_of(
    st.builds(
        lambda kind, key, n: {"kind": kind, "id": key, "data": {"id": key, "n": n}},
        st.sampled_from([*TABLES, "unheard"]),
        keys,
        st.integers(),
    ),
    st.builds(lambda found: whole(sensors=[{"id": key, "n": 0} for key in found]), st.sets(keys, max_size=3)),
)


@given(st.lists(changes, max_size=30))
def test_the_view_is_the_last_word_on_every_object(story: list[dict[str, Any]]) -> None:
    view, expected, versions = View(), dict[tuple[str, str], int](), [0]
    for at, change in enumerate(story):
        view = fold(view, change, float(at))
        versions.append(view.version)
        if change["kind"] == "snapshot":
            expected = {("sensor", s["id"]): s["n"] for s in change["data"]["sensors"]}
        elif change["kind"] in TABLES:
            expected[change["kind"], change["id"]] = change["data"]["n"]
    shown = {(k, i): t["n"] for k, table in TABLES.items() for i, t in getattr(view, table).items()}
    assert shown == expected
    assert versions == sorted(versions)


def test_what_is_stored_and_what_only_its_rule_tells_of_is_one_notice_newest_first() -> None:
    words = [{"at": (START + timedelta(minutes=n)).isoformat(), "text": f"told {n}"} for n in range(8)]
    view = reminded(View(), [word | {"id": n, "rule": "hot"} for n, word in enumerate(words[:7])])
    view = fold(
        view, whole(rules=[{"id": "hot", "notice": words[6]}, {"id": "dry", "notice": words[7]}]), 0.0
    )
    view = fold(view, {"kind": "rule", "id": "wet", "data": {"id": "wet", "notice": None}}, 0.0)
    assert [(one["rule"], one["text"]) for one in newest_notices(view)] == [
        ("dry", "told 7"), *(("hot", f"told {n}") for n in (6, 5, 4, 3)),
    ]  # fmt: skip
    assert reminded(view, view.notices) is view


@given(st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=5), max_size=4))
def test_no_change_however_odd_breaks_the_fold(change: dict[str, Any]) -> None:
    assert isinstance(fold(View(), change, 0.0), View)
