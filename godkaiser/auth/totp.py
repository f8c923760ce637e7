"""The second factor: six digits of a phone that change every thirty seconds (RFC 6238).

A code is good once: the time-step of the last one taken is kept, and neither it nor an earlier one is taken again.
"""

from __future__ import annotations

import base64
import hmac
from typing import Final

import pyotp

from .tokens import SECOND

ENTROPY_BYTES: Final = 20
STEP_S: Final = 30
WINDOW: Final = 1  # a phone may be a step ahead or behind
ISSUER: Final = "godkaiser"
_DIGITS: Final = 6


def make_secret(entropy: bytes) -> str:
    """Base32, from 20 random bytes."""
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"a secret is made of {ENTROPY_BYTES} bytes of entropy, got {len(entropy)}")
    return base64.b32encode(entropy).decode("ascii")


def address(secret: str, name: str) -> str:
    """What a phone reads from a QR code: `otpauth://…`."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def taken(secret: str, code: str, last: int, now: int) -> int | None:
    """The time-step this code is of, or None if it is not good now. `last`: that of the last one taken."""
    digits = "".join(code.split())
    if len(digits) != _DIGITS or not (digits.isascii() and digits.isdigit()):
        return None
    middle = now // SECOND // STEP_S
    steps = [step for step in range(middle - WINDOW, middle + WINDOW + 1) if step > last]
    good = [step for step in steps if hmac.compare_digest(pyotp.TOTP(secret).generate_otp(step), digits)]
    return good[0] if good else None
