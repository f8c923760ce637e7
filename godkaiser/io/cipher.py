"""The details of the audit, unreadable without a key that lies outside the database.

The key file has one Fernet key per line (AES-128-CBC with HMAC-SHA-256, https://github.com/fernet/spec). The first
locks what is written from now on, each opens what it locked: to change keys, put a new line on top.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken

from godkaiser.errors import CipherKeyError

LOCKED: Final = ("detail", "before", "after")
OTHERS: Final = 0o077
ENV: Final = "AUDIT_ENCRYPTION_KEY_FILE"


class Cipher:
    """Locks and opens; `name` says with which key. No key is in any repr."""

    def __init__(self, keys: list[str]) -> None:
        """At least one; a `ValueError` when one is no Fernet key."""
        self._keys = {_name_of(key): Fernet(key) for key in reversed(keys)}
        self.name = _name_of(keys[0])

    def lock(self, texts: dict[str, str]) -> str:
        """One text that tells nothing but about how much there is."""
        said = json.dumps(texts, separators=(",", ":")).encode()
        return self._keys[self.name].encrypt(said).decode()

    def open(self, name: str, locked: str) -> dict[str, str] | None:
        """None: no key here opens it."""
        key = self._keys.get(name)
        if key is None:
            return None
        try:
            found = json.loads(key.decrypt(locked.encode("utf-8", "surrogatepass")))
        except (InvalidToken, ValueError):
            return None
        return {part: str(found[part]) for part in LOCKED}


def _name_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def load_cipher(path: Path) -> Cipher:
    """Raises `CipherKeyError`."""
    try:
        mode = path.stat().st_mode
        keys = path.read_text().split()
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "is no text"
        raise CipherKeyError(path=str(path), problem=problem or str(error)) from None
    if mode & OTHERS:
        raise CipherKeyError(path=str(path), problem="can be read by others: chmod 600")
    try:
        return Cipher(keys)
    except (ValueError, IndexError):
        raise CipherKeyError(path=str(path), problem="holds no Fernet key in each of its lines") from None


def new_key(path: Path) -> str:
    """A new key on top of the file, which is made if it is not there; its name. Raises `CipherKeyError`."""
    key = Fernet.generate_key().decode()
    part = path.with_name(f"{path.name}.part")
    try:
        older = path.read_text() if path.exists() else ""
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{key}\n{older}")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "is no text"
        raise CipherKeyError(path=str(path), problem=problem or str(error)) from None
    return _name_of(key)
