"""No row of the audit can be changed, taken out or put in without being found, also when old ones are erased."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.auth.chain import SHOWN, Check
from godkaiser.auth.retention import ERASABLE, Permit, written
from godkaiser.auth.seals import (
    CONTENT,
    ERASED,
    FIELDS,
    FIRST,
    Former,
    digest,
    former_seal,
    name_of,
    seal,
)
from godkaiser.model.audited import KEY_CHANGED, RETAINED, AuditSeverity

KEY = b"a key that is not in the database"
LAST = 1 << 50
Row = dict[str, Any]
TEXTS = st.text(max_size=12)
BODIES = st.lists(
    st.fixed_dictionaries(
        {"at": st.integers(0, LAST), "severity": st.sampled_from([one.value for one in AuditSeverity])}
        | dict.fromkeys(CONTENT, TEXTS)
        | {"action": st.text(min_size=1, max_size=12)}
    ),
    min_size=1,
    max_size=8,
)
BODY: Row = (
    {"at": 1, "severity": "critical"} | dict(ERASED) | {"who": "ann", "action": "stop", "target": "all"}
)


def chained(bodies: list[Row], key: bytes = KEY, last: str = FIRST, begin: int = 1) -> list[Row]:
    rows = []
    for place, body in enumerate(bodies, start=begin):
        row = body | {"place": place, "digest": digest(key, place, body)}
        last = row["seal"] = seal(key, last, place, row)
        rows.append(row)
    return rows


def former(bodies: list[Row]) -> list[Row]:
    """As they were sealed before they had a digest."""
    rows, last = [], FIRST
    for place, body in enumerate(bodies, start=1):
        row = body | dict.fromkeys(("severity", "address", "correlation", "before", "after", "cipher"), "")
        last = former_seal(KEY, last, place, row)
        rows.append(row | {"place": place, "seal": last, "digest": None})
    return rows


def checked(
    rows: list[Row], key: bytes = KEY, former: str = "", noted: str = "", others: Sequence[bytes] = ()
) -> Check:
    check = Check(key, former, noted, others)
    for row in rows:
        check.take(row)
    check.finish()
    return check


def allowing(rows: list[Row], permit: Permit) -> list[Row]:
    """With the row of a run at the end."""
    run = BODY | {"action": RETAINED, "target": written(permit)}
    return [*rows, *chained([run], last=rows[-1]["seal"], begin=len(rows) + 1)]


def noted(rows: list[Row]) -> str:
    """What is kept of rows that had no seal when the chain began."""
    former = Former(KEY)
    for row in rows:
        former.take(row)
    return former.note()


def places(check: Check) -> list[int | None]:
    return [one.place for one in check.breaks]


@given(BODIES)
def test_what_was_not_touched_is_whole(bodies: list[Row]) -> None:
    rows = chained(bodies)
    check = checked(rows)
    assert (check.rows, check.broken, check.unsealed, check.erased) == (len(rows), 0, 0, 0)
    assert check.last == rows[-1]["seal"]
    forged = checked(rows, b"another key", noted=name_of(b"another key"))
    assert (forged.broken, forged.same_key) == (len(rows), True)


@given(BODIES, st.data())
def test_one_bit_is_found_and_named(bodies: list[Row], data: st.DataObject) -> None:
    rows = chained(bodies)
    number = data.draw(st.integers(0, len(rows) - 1))
    name = data.draw(st.sampled_from([*FIELDS, "digest"]))
    rows[number][name] = (
        rows[number]["at"] ^ (1 << data.draw(st.integers(0, 49)))
        if name == "at"
        else _flipped(rows[number][name], data.draw(st.integers(0, 6)))
    )
    check = checked(rows)
    assert places(check) == [number + 1]
    assert check.breaks[0].problem == "is not what was sealed"
    if name != "digest":
        assert check.breaks[0].row[name] == rows[number][name]


def _flipped(text: str, bit: int) -> str:
    return chr(ord(text[0]) ^ (1 << bit)) + text[1:] if text else "x"


# ── another key ────────────────────────────────────────────────────────────────────────────────────────
OTHER = b"one that was made when the first was lost"


def rekeyed(old: list[Row], bodies: list[Row], key: bytes = OTHER, before: str = name_of(KEY)) -> list[Row]:
    """Rows of before, then those of another key; the first of them says so, and the name of the one `before`."""
    said = BODY | {"action": KEY_CHANGED, "target": name_of(key), "before": before}
    return [*old, *chained([said, *bodies], key, old[-1]["seal"], old[-1]["place"] + 1)]


@given(BODIES, BODIES)
def test_what_a_lost_key_sealed_is_not_called_changed(old: list[Row], new: list[Row]) -> None:
    rows = rekeyed(chained(old), new)
    check = checked(rows, OTHER)
    assert (check.broken, check.other_key, check.breaks) == (0, len(old), [])
    assert check.document()["other_key"] == len(old)
    back = checked(rows)
    assert (back.broken, back.other_key, back.same_key) == (0, len(new) + 1, False), "it is the old key"
    both = checked(rows, OTHER, others=[KEY])
    assert (both.broken, both.other_key, both.same_key) == (0, 0, True)
    turned = checked(rows, KEY, others=[OTHER])
    assert (turned.broken, turned.other_key, turned.same_key) == (0, 0, False)


@given(BODIES, BODIES, BODIES)
def test_also_when_it_was_lost_twice(first: list[Row], second: list[Row], third: list[Row]) -> None:
    rows = rekeyed(rekeyed(chained(first), second), third, b"a third", name_of(OTHER))
    assert (checked(rows, b"a third").broken, checked(rows, b"a third").other_key) == (
        0,
        len(first) + len(second) + 1,
    )


@given(BODIES, BODIES, st.data())
def test_what_is_changed_of_the_new_key_is_found_all_the_same(
    old: list[Row], new: list[Row], data: st.DataObject
) -> None:
    rows = rekeyed(chained(old), new)
    number = data.draw(st.integers(len(old) + 1, len(rows) - 1))
    rows[number]["detail"] += "x"
    check = checked(rows, OTHER)
    assert (places(check), check.other_key) == ([number + 1], len(old))


def test_rows_that_are_missing_are_told_behind_any_number_of_a_lost_key() -> None:
    old = chained([BODY] * 60)
    del old[50]
    check = checked(rekeyed(old, [BODY]), OTHER)
    assert [(one.place, one.problem) for one in check.breaks] == [(52, "1 before it are missing")]
    assert check.other_key == 58


def test_rows_without_a_seal_of_before_a_lost_key_cannot_be_told_either() -> None:
    bare = [BODY | {"place": None, "seal": None, "digest": None}] * 3
    rows = [*bare, *rekeyed(chained([BODY]), [BODY])]
    check = checked(rows, OTHER, noted(bare))
    assert (check.broken, check.other_key) == (0, 4)


@given(BODIES, BODIES, BODIES)
def test_a_key_that_was_found_again_checks_its_rows_on_both_sides(
    first: list[Row], second: list[Row], third: list[Row]
) -> None:
    rows = rekeyed(rekeyed(chained(first), second), third, KEY, name_of(OTHER))
    check = checked(rows)
    assert (check.broken, check.other_key, check.same_key) == (0, len(second) + 1, True)
    whole = checked(rows, others=[OTHER, KEY])
    assert (whole.broken, whole.other_key) == (0, 0)
    rows[0]["detail"] += "x"
    assert places(checked(rows)) == [1], "nothing pardons what this key sealed before"


def changed(row: Row, **values: str) -> None:
    """As somebody with the database does it who wants it to look like a row of another key."""
    row |= values | {"digest": "0" * 64, "seal": "1" * 64}


@given(BODIES, BODIES, st.data())
def test_a_changed_row_among_whole_ones_is_never_pardoned(
    old: list[Row], new: list[Row], data: st.DataObject
) -> None:
    """However the row that says that the key was changed came about."""
    rows = rekeyed(chained([BODY, *old]), new, KEY, data.draw(st.sampled_from(["", name_of(OTHER)])))
    number = data.draw(st.integers(1, len(old)))
    rows[number] |= {"who": "somebody else"}
    check = checked(rows)
    assert (places(check), check.other_key) == ([number + 1], 0)


def test_rows_changed_right_before_the_key_was_said_to_be_changed_are_not_pardoned() -> None:
    old = chained([BODY] * 5)
    changed(old[3], who="bob")
    changed(old[4], who="bob")
    for before in ("", name_of(OTHER)):
        assert places(checked(rekeyed(old, [BODY], KEY, before))) == [4, 5], "no other key began there"
    old[3]["action"] = KEY_CHANGED
    assert places(checked(rekeyed(old, [BODY], KEY, name_of(KEY)))) == [4, 5], "its own key was there before"
    told = checked(rekeyed(old, [BODY], KEY, name_of(OTHER)))
    assert (told.broken, told.other_key) == (0, 2), (
        "nobody can tell that from another key: it is not called whole"
    )


def test_a_row_that_fits_ends_what_is_pardoned() -> None:
    old = chained([BODY] * 5, OTHER)
    second = rekeyed(old, [BODY] * 3, KEY, name_of(KEY))
    assert (checked(second).broken, checked(second).other_key) == (5, 0)
    third = rekeyed(second, [BODY], KEY, name_of(OTHER))
    assert (checked(third).broken, checked(third).other_key) == (5, 0), "they do not stand directly before it"


def test_a_row_whose_seal_or_content_fits_is_of_this_key() -> None:
    for name in ("seal", "digest", "who"):
        rows = chained([BODY] * 3)
        rows[0][name] = "0" * 64
        found = checked(rekeyed(rows, [], KEY, name_of(OTHER)))
        assert (found.other_key, found.broken >= 1) == (0, True), name


def test_rows_at_the_end_that_fit_no_key() -> None:
    rows = chained([BODY] * 5)
    changed(rows[4], who="bob")
    for noted in ("", name_of(KEY), name_of(OTHER)):
        check = checked(rows, noted=noted)
        assert (places(check), check.same_key) == ([5], True), "one that was changed is no other key"
    wrong = checked(chained([BODY] * 5), OTHER, noted=name_of(KEY))
    assert (wrong.broken, wrong.other_key, wrong.same_key) == (0, 5, False)
    assert checked([], OTHER, noted=name_of(KEY)).same_key is False
    assert checked([], OTHER).same_key is True


def test_a_name_of_the_key_that_does_not_fit_the_rows_is_a_break() -> None:
    check = checked(chained([BODY] * 3), noted=name_of(OTHER))
    assert (check.broken, check.other_key, check.same_key) == (1, 0, True)
    assert "the name of the key" in check.breaks[0].problem


def test_with_the_old_key_what_was_changed_under_it_is_found() -> None:
    old = chained([BODY] * 5)
    changed(old[2], who="bob")
    changed(old[4], who="bob")
    check = checked(rekeyed(old, [BODY]), OTHER, others=[KEY])
    assert (places(check), check.other_key) == ([3, 4, 5], 0), (
        "the row after a seal that was changed is told, too"
    )


def test_a_key_of_before_seals_nothing_any_more() -> None:
    """It may have been changed because somebody else had it."""
    rows = rekeyed(chained([BODY] * 2), [BODY])
    rows += chained([BODY] * 2, KEY, rows[-1]["seal"], 5)
    check = checked(rows, OTHER, others=[KEY])
    assert (places(check), check.same_key) == ([5, 6], False)
    assert "a key of before" in check.breaks[0].problem


def test_rows_without_a_seal_are_not_pardoned_where_something_fits_from_that_time() -> None:
    bare = [BODY | {"place": None, "seal": None, "digest": None}] * 3
    rows = rekeyed(rekeyed(chained([BODY]), [BODY]), [BODY], KEY, name_of(OTHER))
    assert checked([*bare, *rows], former=noted(bare)).broken == 0
    forged = checked([*bare[:2], *rows], former=noted(bare))
    assert (forged.broken, forged.other_key) == (1, 2)


def test_rows_without_a_seal_are_of_before_a_key_that_sealed_nothing_yet() -> None:
    bare = [BODY | {"place": None, "seal": None, "digest": None}] * 3
    said = chained([BODY | {"action": KEY_CHANGED, "before": name_of(KEY)}], OTHER)
    check = checked([*bare, *said], OTHER, noted(bare))
    assert (check.broken, check.other_key) == (0, 3)
    assert checked([*bare, *said], OTHER, noted(bare), others=[KEY]).other_key == 0
    assert checked(bare, OTHER, noted(bare), name_of(KEY)).other_key == 3, "before it was said"


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
    forged = chained([bodies[-1] | {"who": who}], b"no key", rows[-1]["seal"], len(rows) + 1)[0]
    assert places(checked([*rows, forged])) == [len(rows) + 1]
    assert places(checked([*rows, rows[-1]])) == [len(rows)]
    assert places(checked([*rows, forged | {"place": None, "seal": None}])) == [None]


@given(BODIES, st.data())
def test_what_is_in_two_rows_cannot_be_exchanged(bodies: list[Row], data: st.DataObject) -> None:
    rows = chained([bodies[0] | {"who": "ann"}, *bodies, bodies[0] | {"who": "bob"}])
    names = data.draw(st.sampled_from([(*CONTENT, "digest"), CONTENT, ("digest",)]))
    first, last = ({name: rows[place][name] for name in names} for place in (0, -1))
    rows[0], rows[-1] = rows[0] | last, rows[-1] | first
    assert places(checked(rows)) == [1, len(rows)]


# ── erasing ────────────────────────────────────────────────────────────────────────────────────────────
PERMITS = st.dictionaries(st.sampled_from(ERASABLE), st.integers(0, LAST + 1))
ALL = dict.fromkeys(ERASABLE, LAST + 1)


@given(BODIES, PERMITS)
def test_what_was_erased_as_allowed_leaves_the_chain_whole(bodies: list[Row], permit: Permit) -> None:
    rows = allowing(chained(bodies), permit)
    gone = [n for n, row in enumerate(rows) if row["at"] < permit.get(row["severity"], 0)]
    for number in gone:
        rows[number] |= ERASED
    check = checked(rows)
    assert (check.broken, check.erased, check.last) == (0, len(gone), rows[-1]["seal"])
    assert check.document()["erased"] == len(gone)


@given(BODIES, st.data())
def test_what_nothing_allowed_to_erase_is_named(bodies: list[Row], data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(bodies) - 1))
    severity, at = AuditSeverity(bodies[number]["severity"]), bodies[number]["at"]
    permit: dict[AuditSeverity, int] = {**ALL, severity: data.draw(st.integers(0, at))}
    if severity is AuditSeverity.CRITICAL or data.draw(st.booleans()):
        del permit[severity]
    rows = allowing(chained(bodies), permit)
    rows[number] |= ERASED
    check = checked(rows)
    assert places(check) == [number + 1]
    assert check.breaks[0].problem == "was erased, and nothing in the audit allowed it"


@given(BODIES, st.sampled_from(["unsealed", "forged", "changed"]), st.data())
def test_only_a_row_that_was_sealed_itself_allows_anything(
    bodies: list[Row], how: str, data: st.DataObject
) -> None:
    rows = chained(bodies)
    number = data.draw(st.integers(0, len(rows) - 1))
    rows[number] |= ERASED
    place, last = len(rows) + 1, rows[-1]["seal"]
    run = BODY | {"action": RETAINED, "target": written(ALL)}
    if how == "unsealed":
        rows.insert(0, run | {"place": None, "seal": None, "digest": None})
    elif how == "forged":
        rows += chained([run], b"no key", last, place)
    else:
        rows += [chained([run | {"target": "nothing"}], last=last, begin=place)[0] | {"target": written(ALL)}]
    assert number + 1 in places(checked(rows))


@given(BODIES, st.data())
def test_what_is_left_of_an_erased_row_cannot_be_changed(bodies: list[Row], data: st.DataObject) -> None:
    rows = allowing(chained([body | {"severity": "info"} for body in bodies]), ALL)
    number = data.draw(st.integers(0, len(bodies) - 1))
    rows[number] |= ERASED
    assert not checked(rows).broken
    name = data.draw(st.sampled_from([*FIELDS, "digest"]))
    rows[number][name] = rows[number]["at"] ^ 1 if name == "at" else _flipped(rows[number][name], 1)
    assert places(checked(rows)) == [number + 1]


# ── rows of before ─────────────────────────────────────────────────────────────────────────────────────
UNSEALED = {"place": None, "seal": None, "digest": None}


@given(BODIES, BODIES, st.data())
def test_rows_of_before_the_chain_are_those_that_were_noted_and_no_other(
    olds: list[Row], news: list[Row], data: st.DataObject
) -> None:
    old, rows = [body | UNSEALED for body in olds], chained(news)
    note = noted(old)
    check = checked([*old, *rows], former=note)
    assert (check.rows, check.unsealed, check.broken) == (len(old) + len(rows), len(old), 0)
    number = data.draw(st.integers(0, len(old) - 1))
    name = data.draw(st.sampled_from(FIELDS))
    changed = [dict(row) for row in old]
    changed[number][name] = changed[number]["at"] ^ 1 if name == "at" else _flipped(changed[number][name], 1)
    for forged in (changed, [*old, BODY | UNSEALED], [BODY | UNSEALED, *old], old[1:]):
        assert bool(places(checked([*forged, *rows], former=note))) == bool(forged)
    assert places(checked([*old, *rows])) == [None], "nothing was noted: a chain that began with nothing"
    stripped = [row | UNSEALED for row in rows]
    assert places(checked(stripped)) == [None], "all seals were taken off"


def test_a_seal_that_was_emptied_is_found() -> None:
    rows = chained([BODY] * 3)
    rows[1]["seal"] = None
    assert places(checked(rows)) == [2, 3]
    assert "which were not there when the chain began" in checked([BODY | UNSEALED]).breaks[0].problem


@given(BODIES, BODIES, st.data())
def test_rows_sealed_as_a_whole_go_on_into_the_chain_of_today(
    olds: list[Row], news: list[Row], data: st.DataObject
) -> None:
    old = former(olds)
    rows = [*old, *chained(news, last=old[-1]["seal"], begin=len(old) + 1)]
    assert not checked(rows).broken
    number = data.draw(st.integers(0, len(old) - 1))
    name = data.draw(st.sampled_from(FIELDS))
    rows[number][name] = rows[number]["at"] ^ 1 if name == "at" else _flipped(rows[number][name], 1)
    assert places(checked(rows)) == [number + 1], "a column that came later is empty, or it was written since"


@pytest.mark.parametrize("erased", [dict(ERASED), dict(ERASED) | {"digest": "0" * 64}])
def test_a_row_sealed_as_a_whole_cannot_be_erased(erased: Row) -> None:
    rows = former([BODY] * 2)
    rows[0] |= erased
    assert places(checked(allowing(rows, ALL)))[0] == 1


# ── what is told ───────────────────────────────────────────────────────────────────────────────────────
def test_what_is_told_has_a_limit_and_says_how_much_there_is() -> None:
    body = BODY | {"at": 1_800_000_000_000_000}
    check = checked(chained([body] * (SHOWN + 5)), b"another key", noted=name_of(b"another key"))
    told = check.document()
    assert (told["broken"], len(told["breaks"])) == (SHOWN + 5, SHOWN)
    assert told["breaks"][0]["row"] == body | {"at": "2027-01-15T08:00:00Z"}


def test_breaks_that_no_key_explains_have_the_same_limit() -> None:
    rows = chained([BODY] * (SHOWN + 5))
    for row in rows:
        row["who"] = "bob"
    check = checked(rows)
    assert (check.broken, places(check)) == (SHOWN + 5, list(range(1, SHOWN + 1)))


def test_the_key_is_in_no_repr() -> None:
    assert "a key" not in repr(Check(KEY, others=[KEY]))


def test_what_no_column_should_hold_is_broken_and_can_be_told() -> None:
    """SQLite keeps anything in any column."""
    for name, value in [
        ("at", "x"), ("place", "x"), ("seal", b"x"), ("detail", b"x"), ("who", None),
        ("digest", 1), ("severity", None),
    ]:  # fmt: skip
        rows = chained([BODY] * 2)
        rows[0][name] = value
        check = checked(rows)
        assert check.broken >= 1
        assert check.breaks[0].problem == "holds what nobody can have written"
        assert check.document()["breaks"][0]["row"]["action"] == "stop"
    rows = chained([BODY])
    rows[0]["at"] = (1 << 63) - 1
    assert checked(rows).document()["breaks"][0]["row"]["at"] == str((1 << 63) - 1)
