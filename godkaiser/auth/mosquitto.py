"""The password file of Mosquitto 2 as text: who may connect, and with which password.

A line is `name:$7$iterations$salt$hash`: PBKDF2 with SHA-512, 64 bytes; salt and hash in base64. Mosquitto computes
it anew at every connection, in the one thread that also hands out messages.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from typing import Final

from godkaiser.errors import InvalidValueError

ITERATIONS: Final = 10_000  # some milliseconds for the broker; made passwords need no more
SALT_BYTES: Final = 12
PASSWORD_BYTES: Final = (12, 63)
_KIND: Final = "$7$"
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,63}")
_SIGNS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"  # none looks like another
_MADE: Final = 20  # signs: 116 bits


def password_line(name: str, password: str, salt: bytes) -> str:
    """One line, without its end. Raises `InvalidValueError`: a name with other signs, a password that is none."""
    _check(name, password)
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes, this one has {len(salt)}")
    hashed = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    return f"{name}:{_KIND}{ITERATIONS}${_text(salt)}${_text(hashed)}"


def names_of(text: str) -> list[str]:
    """Who has a line."""
    return [line.partition(":")[0] for line in text.splitlines() if ":" in line]


def with_line(text: str, line: str) -> str:
    """The file with this line instead of the one of the same name."""
    return f"{without(text, [line.partition(':')[0]])}{line}\n"


def without(text: str, names: Iterable[str]) -> str:
    """The file without these names; what others wrote stays as it is."""
    gone = set(names)
    return "".join(f"{line}\n" for line in text.splitlines() if line.partition(":")[0] not in gone)


def make_password(entropy: bytes) -> str:
    """Twenty letters and digits that are not mistaken for one another, from 32 random bytes."""
    number = int.from_bytes(entropy, "big")
    if len(entropy) < 32:
        raise ValueError(f"a password needs 32 bytes of entropy, got {len(entropy)}")
    signs = []
    for _ in range(_MADE):
        number, place = divmod(number, len(_SIGNS))
        signs.append(_SIGNS[place])
    return "".join(signs)


def _check(name: str, password: str) -> None:
    if not _NAME.fullmatch(name):
        allowed = "1 to 63 of letters, digits, _ . -"
        raise InvalidValueError(
            field="name", value=name[:80], problem="cannot be an account", allowed=allowed
        )
    least, most = PASSWORD_BYTES
    if not least <= len(password.encode("utf-8", "surrogatepass")) <= most or not password.isprintable():
        raise InvalidValueError(
            field="password",
            value="***",
            problem="cannot be used",
            allowed=f"{least} to {most} bytes that can be seen",
        )


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
