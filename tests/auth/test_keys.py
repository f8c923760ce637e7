"""API tokens: what one may is never more than what it was given, nor than what its owner may."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.auth import keys
from godkaiser.auth.keys import Key, admit_key, common, hash_of, make, prefix_of, too_much
from godkaiser.auth.policy import POLICY, Permission, Role
from godkaiser.auth.session import Denial, Principal, User
from godkaiser.auth.tokens import SECOND

NOW = 1_800_000_000_000_000
PREFIX, TOKEN = make(bytes(range(36)))
OWNER = User(7, "ada", Role.OPERATOR, "", active=True, version=0)
P = Permission
KEY = Key(PREFIX, hash_of(TOKEN), "logger", 7, frozenset({P.LOOK, P.SWITCH}), None, NOW, NOW + 30 * keys.DAY)
ZONES = st.none() | st.frozensets(st.sampled_from("abc"))


def _come(key: Key | None = KEY, owner: User | None = OWNER, now: int = NOW) -> Principal:
    found = admit_key(TOKEN, key, owner, now)
    assert isinstance(found, Principal)
    return found


def test_its_form() -> None:
    assert PREFIX == "gk_00010203"
    assert TOKEN.startswith("gk_00010203_0405")
    assert prefix_of(TOKEN) == PREFIX
    assert TOKEN not in repr(KEY) + KEY.hash
    assert hash_of(TOKEN) not in repr(KEY)


@pytest.mark.parametrize(
    "text",
    ["", "esp_x", "gk_", TOKEN[:-1], f"{TOKEN}0", TOKEN.upper(), f" {TOKEN}", f"{TOKEN}\n"],
    ids=range(8),
)
def test_what_has_not_its_form(text: str) -> None:
    assert prefix_of(text) is None


@pytest.mark.parametrize("size", [0, 35, 37])
def test_it_is_made_of_36_bytes(size: int) -> None:
    with pytest.raises(ValueError, match="36 bytes"):
        make(bytes(size))


def test_who_comes_with_one_is_its_owner_by_this_token() -> None:
    found = _come()
    assert (found.user_id, found.name, found.who, found.key) == (7, "ada", f"user:ada/{PREFIX}", PREFIX)
    assert found.permissions == {P.LOOK, P.SWITCH}
    assert found.expires_at == KEY.expires_at


@pytest.mark.parametrize(
    ("key", "owner", "denial"),
    [
        (None, OWNER, Denial.UNKNOWN),
        (replace(KEY, revoked=True), OWNER, Denial.REVOKED),
        (replace(KEY, expires_at=NOW), OWNER, Denial.OVER),
        (replace(KEY, revoked=True, expires_at=NOW), OWNER, Denial.REVOKED),
        # Mistyped: whether the beginning is right, or whether that one has ended, is not told.
        (replace(KEY, hash=hash_of(TOKEN[:-1] + "0")), OWNER, Denial.UNKNOWN),
        (replace(KEY, hash=hash_of(TOKEN[:-1] + "0"), revoked=True), OWNER, Denial.UNKNOWN),
        (KEY, None, Denial.INVALID_USER),
        (KEY, replace(OWNER, active=False), Denial.INVALID_USER),
        (KEY, replace(OWNER, id=8), Denial.INVALID_USER),
    ],
)
def test_which_open_nothing(key: Key | None, owner: User | None, denial: Denial) -> None:
    assert admit_key(TOKEN, key, owner, NOW) is denial


@given(st.sampled_from(Role), st.frozensets(st.sampled_from(Permission)), ZONES, ZONES)
def test_it_never_may_more_than_its_owner_nor_than_it_was_given(
    role: Role, given_: frozenset[Permission], zones: frozenset[str] | None, own: frozenset[str] | None
) -> None:
    owner = replace(OWNER, role=role, zones=own or frozenset())
    found = _come(replace(KEY, permissions=given_, zones=zones), owner)
    person = Principal(7, "ada", role, "", 0, owner.reach, POLICY[role])
    for permission in Permission:
        for zone in ("a", "b", "c", None):
            may = found.may(permission, [zone])
            assert not may or (permission in given_ and person.may(permission, [zone]))
            far = zones is None or zone in zones or permission in (P.LOOK, P.STOP)
            assert may == (permission in given_ and far and person.may(permission, [zone]))


def test_no_zone_in_common_is_no_zone_at_all() -> None:
    """Not: every zone."""
    assert common(frozenset("a"), frozenset("b")) == frozenset()
    assert not _come(replace(KEY, zones=frozenset("a")), replace(OWNER, zones=frozenset("b"))).may(
        P.SWITCH, ["a"]
    )


@pytest.mark.parametrize(
    ("permissions", "zones", "said"),
    [
        ({P.LOOK, P.SWITCH}, None, ("", "")),
        ({P.LOOK}, {"a"}, ("", "")),
        ({P.LOOK, P.MANAGE_USERS}, None, ("permissions", "ada (operator) may not manage_users")),
        ({P.LOOK}, {"a", "b"}, ("zones", "ada may not act in b")),
    ],
)
def test_what_an_owner_cannot_give(permissions: set[Permission], zones: Any, said: tuple[str, str]) -> None:
    owner = replace(OWNER, zones=frozenset("a"))
    assert too_much(permissions, None if zones is None else frozenset(zones), owner) == said


def test_who_is_not_active_gives_nothing() -> None:
    assert too_much({P.LOOK}, None, replace(OWNER, active=False)) == ("owner", "ada is not active")


@pytest.mark.parametrize(
    ("lasting", "before"),
    [
        (3600 * SECOND, 360 * SECOND),
        (30 * keys.DAY, 3 * keys.DAY),
        (140 * keys.DAY, 14 * keys.DAY),
        (140 * keys.DAY + 10, 14 * keys.DAY),
        (366 * keys.DAY, 14 * keys.DAY),
        (9, 0),
    ],
)
def test_it_is_to_be_rotated_in_the_last_tenth_of_its_life_and_at_most_14_days_before(
    lasting: int, before: int
) -> None:
    key = replace(KEY, expires_at=NOW + lasting)
    end = key.expires_at
    assert keys.warned_before(lasting) == before
    assert not key.ends_soon(NOW)
    assert not key.ends_soon(end - before - 1)
    assert key.ends_soon(end - before) == (before > 0)
    assert key.ends_soon(end - 1) == (before > 0)
    assert not key.ends_soon(end)
    assert not replace(key, revoked=True).ends_soon(end - before)


def test_the_one_that_takes_its_place_is_known_by_its_beginning_and_not_from_what_is_shown() -> None:
    after = keys.successor_of(KEY)
    prefix, token = make(bytes(range(36)), after)
    assert (prefix, prefix_of(token), token[len(after) :]) == (after, after, TOKEN[len(PREFIX) :])
    assert after == keys.successor_of(replace(KEY, label="other", expires_at=NOW + 1, revoked=True))
    assert after != keys.successor_of(replace(KEY, hash=hash_of("other")))


def test_when_its_use_is_written() -> None:
    assert KEY.use_is_news(NOW)
    used = replace(KEY, last_used=NOW)
    assert not used.use_is_news(NOW + keys.USE_EVERY - 1)
    assert used.use_is_news(NOW + keys.USE_EVERY)
