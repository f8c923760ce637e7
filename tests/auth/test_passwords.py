"""The password policy, hashing, and generated passwords."""

from __future__ import annotations

import hashlib

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.auth.passwords import (
    ENTROPY_BYTES,
    MAX_BYTES,
    NOBODY,
    check_policy,
    generate_password,
    hash_password,
    verify_password,
)

SALT = bytes(range(16))
FAST = 4


def test_a_good_password_meets_no_objection() -> None:
    assert check_policy("Tomato-42", "grower") == []


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("Ab-1", "at least 8 characters"),
        ("tomato-42", "upper-case"),
        ("TOMATO-42", "lower-case"),
        ("Tomato-red", "digit"),
        ("Tomato 42", "special character"),
        ("Grower-42", "user name"),
        ("Tomato-42\0", "can be seen"),
        ("Tomato-42" + "é" * 32, "at most 72 bytes, this one has 73"),
    ],
)
def test_each_weakness_is_named_alone(password: str, words: str) -> None:
    objections = check_policy(password, "grower")
    assert len(objections) == 1
    assert words in objections[0]


def test_all_objections_are_listed_together() -> None:
    assert len(check_policy("", "grower")) == 5


def test_the_limit_counts_bytes_not_characters() -> None:
    just_fits = "Aa1-" + "é" * 34
    assert len(just_fits.encode()) == MAX_BYTES
    assert check_policy(just_fits, "") == []
    assert check_policy(just_fits + "x", "") != []


def test_a_lone_surrogate_is_an_objection_not_a_crash() -> None:
    assert check_policy("Tomato-42\ud800", "grower") != []


def test_a_short_user_name_may_occur_by_chance() -> None:
    assert check_policy("Tomato-42", "to") == []


def test_hash_and_verify() -> None:
    hashed = hash_password("Tomato-42", SALT, FAST)
    assert hashed.startswith("$2b$04$")
    assert verify_password("Tomato-42", hashed)
    assert not verify_password("tomato-42", hashed)


def test_the_default_cost_is_twelve() -> None:
    hashed = hash_password("Tomato-42", SALT)
    assert hashed.startswith("$2b$12$")
    assert verify_password("Tomato-42", hashed)


@given(st.binary(min_size=16, max_size=16))
def test_our_spelling_of_a_salt_is_the_librarys(salt: bytes) -> None:
    hashed = hash_password("Tomato-42", salt, FAST)
    assert bcrypt.hashpw(b"Tomato-42", hashed.encode()[:29]).decode() == hashed


def test_different_salts_give_different_hashes() -> None:
    assert hash_password("Tomato-42", SALT, FAST) != hash_password("Tomato-42", SALT[::-1], FAST)


def test_a_salt_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        hash_password("Tomato-42", b"short", FAST)


def test_more_than_72_bytes_cannot_be_hashed_and_never_match() -> None:
    with pytest.raises(ValueError, match="72 bytes"):
        hash_password("x" * 73, SALT, FAST)
    assert not verify_password("x" * 73, hash_password("x" * 72, SALT, FAST))


@given(st.text(max_size=80), st.text(max_size=70))
def test_a_malformed_hash_is_false_and_never_an_exception(password: str, hashed: str) -> None:
    assert verify_password(password, hashed) is False


@given(st.text(alphabet="./$2bAz09\x00é", max_size=60))
def test_nearly_a_hash_is_still_no_hash(tail: str) -> None:
    assert verify_password("Tomato-42", "$2b$04$" + tail) is False


@given(st.text(alphabet=st.characters(categories=["Cs"]), min_size=1, max_size=3))
def test_a_password_no_bytes_can_spell_is_wrong(password: str) -> None:
    assert verify_password(password, NOBODY) is False


def test_nobody_is_a_real_hash_of_the_default_cost() -> None:
    assert bcrypt.checkpw(b"Tomato-42", NOBODY.encode()) is False
    assert NOBODY.startswith("$2b$12$")


@given(st.binary(min_size=ENTROPY_BYTES, max_size=64))
def test_generated_passwords_meet_the_policy_and_can_be_read(entropy: bytes) -> None:
    password = generate_password(entropy)
    assert check_policy(password, "admin") == []
    assert not set(password) & set("0O1lI")
    assert len(password) == 19


def test_no_two_generated_passwords_are_alike() -> None:
    drawn = {generate_password(hashlib.sha256(str(i).encode()).digest()) for i in range(500)}
    assert len(drawn) == 500


def test_too_little_entropy_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        generate_password(bytes(31))
