"""Bytes → events. Never raises, whatever the bytes: what cannot be read becomes `Malformed`.

The payload is judged first, then the ids in the topic: a broken payload from a broken id is a broken payload.
Codes: bad_json, missing_field, wrong_type, bad_value, id_pattern, unknown_topic, too_large.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final, NoReturn

from pydantic import ValidationError

from godkaiser.errors import InvalidIdError
from godkaiser.io.wire import read_node, read_things
from godkaiser.io.wire.claim import Claim, Refused
from godkaiser.io.wire.topic import Address, Way, parse
from godkaiser.model import report as rp
from godkaiser.model.ids import NodeId
from godkaiser.model.instant import Instant

MAX_PAYLOAD: Final = 65536
EXCERPT: Final = 120
TOPIC_SHOWN: Final = 256
_HALF: Final = re.compile(rb"\\u[dD][89a-fA-F]")  # an escape that may stand for half a character
_NODE: Final = re.compile(r"kaiser/[^/]*/esp/([^/]*)/")
# Somebody may publish credentials where they do not belong; the last one may be cut by the excerpt's end.
SECRET: Final = re.compile(
    r'("(?:password|pass|token|auth_token|secret|psk)"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^,}\s]+)'
)
_MISSING = {"missing"}
_BAD_VALUE = {
    "greater_than_equal",
    "less_than_equal",
    "finite_number",
    "string_too_long",
    "string_too_short",
    "string_unicode",
    "value_error",
}


READERS: Final = read_things.READERS | read_node.READERS


def decode(topic: str, payload: bytes, at: Instant, *, retained: bool = False) -> rp.Report:
    """The event that a message means. `at` is the receive time."""
    address = parse(topic)
    if address is None:
        return _malformed(topic, None, payload, at, "unknown_topic", "no such topic in the wire contract")
    cleared = not payload and not retained and address.row.retain  # by us: a retained will
    if address.row.way is Way.TO_NODE or cleared:
        return rp.Echo(at, topic)
    try:
        return _read(address, payload, at, retained=retained)
    except Refused as refused:
        code, why = refused.code, refused.why
    except ValidationError as error:
        code, why = _verdict(error)
    except InvalidIdError as error:
        code, why = "id_pattern", f"{error} {error.remedy}"
    return _malformed(topic, address, payload, at, code, why)


def _read(address: Address, payload: bytes, at: Instant, *, retained: bool) -> rp.Report:
    if retained and not address.row.retain:
        raise Refused("bad_value", "retained: no node retains this, so nobody knows how old it is")
    return READERS[address.row.kind](Claim(address, _body(payload), at, retained))


def _malformed(
    topic: str, address: Address | None, payload: bytes, at: Instant, code: str, why: str
) -> rp.Malformed:
    excerpt = SECRET.sub(r"\1***", payload[:EXCERPT].decode("utf-8", "replace"))
    shown = topic[:TOPIC_SHOWN].encode("utf-8", "replace").decode()
    kind = "" if address is None else address.row.kind
    return rp.Malformed(at, shown, excerpt, code, _printable(why), _node_of(topic), kind)


def _printable(why: str) -> str:
    """Part of it may come from the message."""
    return why.encode("utf-8", "replace").decode()


def _node_of(topic: str) -> NodeId | None:
    """Whom to count it for, also when the rest of the topic is unknown."""
    match = _NODE.match(topic)
    try:
        return None if match is None else NodeId.parse(match[1])
    except InvalidIdError:
        return None


def _body(payload: bytes) -> dict[str, Any]:
    if len(payload) > MAX_PAYLOAD:
        raise Refused("too_large", f"{len(payload)} bytes, at most {MAX_PAYLOAD}")
    try:
        body = _JSON.decode(payload.decode("utf-8"))
        if _HALF.search(payload):
            json.dumps(body, ensure_ascii=False).encode()
    except UnicodeError:
        raise Refused("bad_json", "not UTF-8") from None
    except RecursionError:
        raise Refused("bad_json", "nested too deeply") from None
    except ValueError as error:
        raise Refused("bad_json", f"not JSON: {error}"[:160]) from None
    if not isinstance(body, dict):
        raise Refused("bad_json", f"a JSON object is expected, not {type(body).__name__}")
    return body


def _finite(text: str) -> float:
    """1e999 is no number anybody can store."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is beyond all measure")
    return value


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number of JSON")


_JSON: Final = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)


def _verdict(error: ValidationError) -> tuple[str, str]:
    first = min(error.errors(), key=lambda e: (e["type"] not in _MISSING, e["type"] in _BAD_VALUE))
    field = str(first["loc"][0]) if first["loc"] else "payload"
    if first["type"] in _MISSING:
        return "missing_field", f"{field} is missing"
    code = "bad_value" if first["type"] in _BAD_VALUE else "wrong_type"
    return code, f"{field}: {first['msg']}"[:200]
