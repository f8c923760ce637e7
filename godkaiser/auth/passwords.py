"""Names and passwords: the policy, hashing with bcrypt, and readable generated ones.

bcrypt reads 72 bytes and the library refuses more, so the length is checked before, in bytes of UTF-8.
Hashing takes about a quarter of a second on purpose: call it in a thread.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Final

import bcrypt

MIN_CHARACTERS: Final = 8
MAX_BYTES: Final = 72
SALT_BYTES: Final = 16
ENTROPY_BYTES: Final = 32
COST: Final = 12

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")

# A valid hash of nothing anybody knows. Verifying against it when the name is unknown costs the same time,
# so that an outsider cannot tell an unknown name from a wrong password.
NOBODY: Final = "$2b$12$uoVqHMQU44zWMNyMjUQXM.HTBm85cVEyqBmKaHNQ5/8FbPMg2LDm."

# Letters and digits that are not mistaken for one another when read from a screen and typed on a phone.
_UPPER: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_LOWER: Final = "abcdefghijkmnopqrstuvwxyz"
_DIGITS: Final = "23456789"
_SPECIAL: Final = "+=*#%"
_GROUPS: Final = 4
_GROUP_LENGTH: Final = 4

_STANDARD_64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BCRYPT_64: Final = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_TO_BCRYPT: Final = bytes.maketrans(_STANDARD_64, _BCRYPT_64)


def good_name(username: str) -> bool:
    """May an account have this name: 1 to 64 letters, digits and `. _ @ -`, the first a letter or digit?"""
    return _NAME.fullmatch(username) is not None


def check_policy(password: str, username: str) -> list[str]:
    """Every objection to a password, as sentences for people; an empty list means it is good."""
    return [sentence for objects, sentence in _objections(password, username) if objects]


def hash_password(password: str, salt: bytes, cost: int = COST) -> str:
    """The bcrypt hash of a password, with 16 random bytes as salt. Raises ValueError beyond 72 bytes."""
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes, this one has {len(salt)}")
    spelled = base64.b64encode(salt).rstrip(b"=").translate(_TO_BCRYPT)
    return bcrypt.hashpw(password.encode(), b"$2b$%02d$%s" % (cost, spelled)).decode("ascii")


def verify_password(password: str, hashed: str) -> bool:
    """Does the password belong to the hash? Whatever cannot be a password or a hash is simply not it."""
    try:
        return bcrypt.checkpw(password.encode(), hashed.encode())
    except ValueError:
        return False


def generate_password(entropy: bytes) -> str:
    """A readable password that meets the policy, like ``Kf4m-wqT7-h#xa-9PzE``, from 32 random bytes."""
    if len(entropy) < ENTROPY_BYTES:
        raise ValueError(f"a password needs {ENTROPY_BYTES} bytes of entropy, got {len(entropy)}")
    draws = _Draws(int.from_bytes(entropy, "big"))
    alphabet = _UPPER + _LOWER + _DIGITS
    letters = [draws.pick(alphabet) for _ in range(_GROUPS * _GROUP_LENGTH)]
    places = list(range(len(letters)))
    for kind in (_UPPER, _LOWER, _DIGITS, _SPECIAL):
        letters[places.pop(draws.below(len(places)))] = draws.pick(kind)
    return "-".join("".join(letters[i : i + _GROUP_LENGTH]) for i in range(0, len(letters), _GROUP_LENGTH))


def _objections(password: str, username: str) -> Iterator[tuple[bool, str]]:
    size = len(password.encode("utf-8", "surrogatepass"))
    named = len(username) > 2 and username.casefold() in password.casefold()
    yield len(password) < MIN_CHARACTERS, f"It needs at least {MIN_CHARACTERS} characters."
    yield size > MAX_BYTES, f"It may have at most {MAX_BYTES} bytes, this one has {size}."
    yield not any(c.isupper() for c in password), "It needs an upper-case letter."
    yield not any(c.islower() for c in password), "It needs a lower-case letter."
    yield not any(c.isdigit() for c in password), "It needs a digit."
    yield all(c.isalnum() or c.isspace() for c in password), "It needs a special character such as - or #."
    yield not password.isprintable(), "It may hold only characters that can be seen or spaces."
    yield named, "It must not contain the user name."


class _Draws:
    """Numbers taken one after the other out of one big random number, so nothing is drawn twice."""

    def __init__(self, pool: int) -> None:
        self._pool = pool

    def below(self, bound: int) -> int:
        self._pool, drawn = divmod(self._pool, bound)
        return drawn

    def pick(self, alphabet: str) -> str:
        return alphabet[self.below(len(alphabet))]
