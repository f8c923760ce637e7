"""The password file's text; that a broker reads it is tested in tests/kaiser/test_broker_accounts.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.auth.mosquitto import make_password, names_of, password_line, with_line, without
from godkaiser.errors import InvalidValueError

SALT = b"twelve bytes"


def test_a_line_is_what_mosquitto_reads() -> None:
    """Made by `mosquitto_passwd -I 10000` with this salt."""
    line = password_line("ESP_AB12CD", "a long password", SALT)
    head, _, hashed = line.rpartition("$")
    assert head == "ESP_AB12CD:$7$10000$dHdlbHZlIGJ5dGVz"
    assert len(hashed) == 88
    assert line != password_line("ESP_AB12CD", "a long passwore", SALT)
    assert line != password_line("ESP_AB12CD", "a long password", SALT[::-1])


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\nb", "ü", "x" * 64])
def test_a_name_that_would_break_the_file_is_refused(name: str) -> None:
    with pytest.raises(InvalidValueError, match="cannot be an account"):
        password_line(name, "a long password", SALT)


@pytest.mark.parametrize(
    "password", ["", "eleven char", "x" * 64, "with a \n newline", "twelve \ud800 signs"]
)
def test_a_password_that_is_none_is_refused_and_not_repeated(password: str) -> None:
    with pytest.raises(InvalidValueError) as raised:
        password_line("pump", password, SALT)
    assert "12 to 63" in str(raised.value) + raised.value.remedy
    assert not password or password not in str(raised.value)


def test_a_salt_of_another_length_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="12 bytes"):
        password_line("pump", "a long password", b"short")


def test_a_new_line_takes_the_place_of_the_old_one_and_leaves_the_others() -> None:
    text = "# mine\nalice:$6$x$y\nESP_AB12CD:old\n"
    changed = with_line(text, "ESP_AB12CD:new")
    assert changed == "# mine\nalice:$6$x$y\nESP_AB12CD:new\n"
    assert with_line("alice:a", "bob:b") == "alice:a\nbob:b\n"
    assert names_of(changed) == ["alice", "ESP_AB12CD"]
    assert without(changed, ["alice", "nobody"]) == "# mine\nESP_AB12CD:new\n"


@given(st.binary(min_size=32, max_size=40))
def test_a_made_password_is_accepted_and_can_be_typed(entropy: bytes) -> None:
    made = make_password(entropy)
    assert len(made) == 20
    assert made.isalnum()
    assert not set(made) & set("0O1lI")
    password_line("pump", made, SALT)


def test_two_made_passwords_differ_and_little_entropy_is_refused() -> None:
    assert make_password(bytes(range(32))) != make_password(bytes(range(1, 33)))
    with pytest.raises(ValueError, match="32 bytes"):
        make_password(bytes(31))
