"""A document as it may be told to others: what may be a secret in it is left out."""

from __future__ import annotations

import json
import re
from typing import Any, Final

LEFT_OUT: Final = "…"
# Short schemes only: a scheme without end would be looked for from every letter of a long text.
_WITH_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]{0,20}://)(?:[^/?#\s]*@)?([^/?#@\s]*)\S*", re.IGNORECASE)
_SECRET: Final = re.compile(
    r"passw|passphrase|pwd|secret|token|credential|auth(?!or)|bearer|psk|api_?key|private_?key", re.IGNORECASE
)


def discreet(value: Any) -> Any:
    """A copy. Of a URL only scheme and host are told: webhooks carry their secret in the path."""
    if isinstance(value, dict):
        return {
            name: LEFT_OUT if _SECRET.search(str(name)) and part else discreet(part)
            for name, part in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [discreet(part) for part in value]
    return _WITH_SCHEME.sub(rf"\1\2/{LEFT_OUT}", value) if isinstance(value, str) else value


def told(value: Any) -> str:
    """As JSON for the audit; empty for None."""
    return "" if value is None else json.dumps(discreet(value), separators=(",", ":"), default=str)
