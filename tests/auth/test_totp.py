"""The second factor, against the figures of RFC 6238."""

from __future__ import annotations

import base64

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from godkaiser.auth.totp import STEP_S, address, make_secret, taken

SECOND = 1_000_000
SECRET = base64.b32encode(b"12345678901234567890").decode()  # the RFC's
NOW = 1_800_000_000 * SECOND


# Appendix B of the RFC for SHA-1 has eight digits; these are the last six.
@pytest.mark.parametrize(
    ("at", "code"),
    [
        (59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"),
        (2000000000, "279037"), (20000000000, "353130"),
    ],
)  # fmt: skip
def test_the_codes_of_the_rfc(at: int, code: str) -> None:
    assert taken(SECRET, code, 0, at * SECOND) == at // STEP_S


@pytest.mark.parametrize(("steps", "good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_phone_may_be_one_step_off(steps: int, good: bool) -> None:
    code = pyotp.TOTP(SECRET).at(NOW // SECOND + steps * STEP_S)
    assert (taken(SECRET, code, 0, NOW) is not None) is good


@given(st.integers(-1, 1), st.integers(-1, 1))
def test_no_code_is_taken_twice_nor_an_earlier_one_after_a_later_one(first: int, then: int) -> None:
    now, phone = NOW // SECOND, pyotp.TOTP(SECRET)
    step = taken(SECRET, phone.at(now + first * STEP_S), 0, NOW)
    assert step is not None
    again = taken(SECRET, phone.at(now + then * STEP_S), step, NOW)
    assert (again is not None) is (then > first)


@pytest.mark.parametrize("code", ["", "28708", "2870820", "٢٨٧٠٨٢", "28708x", "-28708", "²87082"])
def test_what_is_no_code(code: str) -> None:
    assert taken(SECRET, code, 0, 59 * SECOND) is None


def test_blanks_between_the_digits_do_not_matter() -> None:
    assert taken(SECRET, " 287 082 ", 0, 59 * SECOND) == 1


def test_a_secret_and_its_address_for_the_phone() -> None:
    secret = make_secret(bytes(range(20)))
    assert base64.b32decode(secret) == bytes(range(20))
    assert address(secret, "ada") == f"otpauth://totp/godkaiser:ada?secret={secret}&issuer=godkaiser"


@pytest.mark.parametrize("size", [0, 19, 21])
def test_too_little_entropy_makes_none(size: int) -> None:
    with pytest.raises(ValueError, match="20 bytes"):
        make_secret(bytes(size))
