"""The secrets in files of the data folder: what signs sessions, and what seals the audit."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import Final

from godkaiser.auth.tokens import weakness
from godkaiser.errors import DataFolderError, KeyFileError, WeakSecretError

AUDIT_KEY: Final = "audit.key"  # of the data folder
SIGNING_KEY: Final = "secret.key"
_MADE: Final = re.compile(r"[0-9a-f]{64}")


def installation_secret(data: Path, configured: str | None) -> str:
    """The configured secret, or one made for this data folder and kept there. Raises `WeakSecretError`."""
    secret = configured or _kept(data / SIGNING_KEY)
    if problem := weakness(secret):
        raise WeakSecretError(name="JWT_SECRET_KEY" if configured else SIGNING_KEY, problem=problem)
    return secret


def audit_key(data: Path) -> bytes:
    """What the audit is sealed with; made if there is none: only for who writes rows. Raises `DataFolderError`.

    It is not in the database, so that who has that cannot forge a row.
    """
    _kept(data / AUDIT_KEY)
    return read_audit_key(data / AUDIT_KEY)


def read_audit_key(path: Path) -> bytes:
    """A key of the audit as it lies there; none is made. Raises `KeyFileError`."""
    found = _read(path)
    if not _MADE.fullmatch(found):
        problem = "is no key of the audit, which has 64 of the signs 0-9 and a-f"
        raise KeyFileError(path=str(path), problem=problem)
    return found.encode()


def key_file_of(data: Path, key: bytes) -> str:
    """What `audit.key` is to the key in use: `same`, `other`, `missing`, or `unreadable` (no key is in it)."""
    path = data / AUDIT_KEY
    try:
        return "same" if read_audit_key(path) == key else "other"
    except KeyFileError:
        return "unreadable" if os.path.lexists(path) else "missing"


def _kept(path: Path) -> str:
    """Made at the first run, mode 0600, whole or not there. Raises `DataFolderError`."""
    try:
        if not path.exists():
            part = path.with_name(f"{path.name}.part")
            part.unlink(missing_ok=True)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(32))
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
    except OSError as error:
        raise DataFolderError(path=str(path), problem=error.strerror or str(error)) from None
    return _read(path)


def _read(path: Path) -> str:
    try:
        found = path.read_text().strip()
    except OSError as error:
        raise KeyFileError(path=str(path), problem=error.strerror or str(error)) from None
    except UnicodeDecodeError:
        raise KeyFileError(path=str(path), problem="is no text") from None
    if not found:  # nothing may be signed or sealed with what everybody knows
        raise KeyFileError(path=str(path), problem="is empty; without it a new one is made")
    return found
