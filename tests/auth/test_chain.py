"""No row of the audit can be changed, taken out or put in without being found."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from godkaiser.auth.chain import FIELDS, FIRST, SHOWN, Check, seal

KEY = b"a key that is not in the database"
Row = dict[str, Any]
TEXTS = st.text(max_size=12)
BODIES = st.lists(
    st.fixed_dictionaries({"at": st.integers(0, 1 << 50), **dict.fromkeys(FIELDS[1:], TEXTS)}),
    min_size=1,
    max_size=8,
)


def chained(bodies: list[Row], key: bytes = KEY) -> list[Row]:
    rows, last = [], FIRST
    for place, body in enumerate(bodies, start=1):
        last = seal(key, last, place, body)
        rows.append(body | {"place": place, "seal": last})
    return rows


def checked(rows: list[Row], key: bytes = KEY) -> Check:
    check = Check(key)
    for row in rows:
        check.take(row)
    return check


def places(check: Check) -> list[int | None]:
    return [one.place for one in check.breaks]


@given(BODIES)
def test_what_was_not_touched_is_whole(bodies: list[Row]) -> None:
    rows = chained(bodies)
    check = checked(rows)
    assert (check.rows, check.broken, check.unsealed) == (len(rows), 0, 0)
    assert check.last == rows[-1]["seal"]
    assert checked(rows, b"another key").broken == len(rows)


@given(BODIES, st.data())
def test_one_bit_is_found_and_named(bodies: list[Row], data: st.DataObject) -> None:
    rows = chained(bodies)
    number = data.draw(st.integers(0, len(rows) - 1))
    name = data.draw(st.sampled_from(FIELDS))
    rows[number][name] = (
        rows[number]["at"] ^ (1 << data.draw(st.integers(0, 49)))
        if name == "at"
        else _flipped(rows[number][name], data.draw(st.integers(0, 6)))
    )
    check = checked(rows)
    assert places(check) == [number + 1]
    assert check.breaks[0].problem == "is not what was sealed"
    assert check.breaks[0].row[name] == rows[number][name]


def _flipped(text: str, bit: int) -> str:
    return chr(ord(text[0]) ^ (1 << bit)) + text[1:] if text else "x"


@given(BODIES, st.data())
def test_a_row_that_was_taken_out_is_found(bodies: list[Row], data: st.DataObject) -> None:
    rows = chained([*bodies, bodies[0]])
    number = data.draw(st.integers(0, len(rows) - 2))
    del rows[number]
    check = checked(rows)
    assert places(check) == [number + 2]
    assert check.breaks[0].problem == "1 before it are missing"


@given(BODIES, TEXTS)
def test_a_row_that_was_put_in_is_found(bodies: list[Row], who: str) -> None:
    rows = chained(bodies)
    forged = rows[-1] | {"who": who, "place": len(rows) + 1}
    forged["seal"] = seal(b"no key", rows[-1]["seal"], forged["place"], forged)
    assert places(checked([*rows, forged])) == [len(rows) + 1]
    assert places(checked([*rows, rows[-1]])) == [len(rows)]
    assert places(checked([*rows, forged | {"place": None, "seal": None}])) == [None]


def test_rows_of_before_the_chain_are_counted_and_a_seal_that_was_emptied_is_found() -> None:
    body = {"at": 1, "who": "ann", "action": "stop", "target": "all", "detail": ""}
    old = body | {"place": None, "seal": None}
    rows = chained([body] * 3)
    check = checked([old, old, *rows])
    assert (check.rows, check.unsealed, check.broken) == (5, 2, 0)
    rows[1]["seal"] = None
    assert places(checked(rows)) == [2, 3]


def test_what_is_told_has_a_limit_and_says_how_much_there_is() -> None:
    body = {"at": 1_800_000_000_000_000, "who": "ann", "action": "stop", "target": "all", "detail": ""}
    check = checked(chained([body] * (SHOWN + 5)), b"another key")
    told = check.document()
    assert (told["broken"], len(told["breaks"])) == (SHOWN + 5, SHOWN)
    assert told["breaks"][0]["row"] == body | {"at": "2027-01-15T08:00:00Z"}


def test_the_key_is_in_no_repr() -> None:
    assert "a key" not in repr(Check(KEY))


def test_what_no_column_should_hold_is_broken_and_can_be_told() -> None:
    """SQLite keeps anything in any column."""
    body = {"at": 1, "who": "ann", "action": "stop", "target": "all", "detail": ""}
    for name, value in [("at", "x"), ("place", "x"), ("seal", b"x"), ("detail", b"x"), ("who", None)]:
        rows = chained([body] * 2)
        rows[0][name] = value
        check = checked(rows)
        assert check.broken >= 1
        assert check.breaks[0].problem == "holds what nobody can have written"
        assert check.document()["breaks"][0]["row"]["action"] == "stop"
    rows = chained([body])
    rows[0]["at"] = (1 << 63) - 1
    assert checked(rows).document()["breaks"][0]["row"]["at"] == str((1 << 63) - 1)
