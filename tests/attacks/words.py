"""Hostile texts for every string parameter of every method there is, found by the methods' own signatures."""

from __future__ import annotations

import copy
import inspect
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tests.kaiser.house import NODE, OTHER, SOIL, TEXT

HOSTILE: Final = {
    "drop": "'; DROP TABLE users; --",
    "or": "' OR '1'='1",
    "quotes": '"]}\\" UNION SELECT * FROM users --',
    "nul": "a\x00b",
    "surrogate": "a\ud800b",
    "lines": "x\r\nSet-Cookie: a=b\n\n",
    "turned": "\u202eabc\u2066\ufeff",
    "format": "%s%n{0}{x!r}$(id)`id`",
    "number": "1e999",
    "nothing": "",
    "long": "x" * 100_000,
}
DEEP: Final = 600
RULE: Final[dict[str, Any]] = {
    "name": "Mine",
    "description": "a rule",
    "conditions": [{"type": "time_window", "start_time": "06:00", "end_time": "22:00"}],
    "actions": [
        {"type": "actuator_command", "esp_id": NODE, "gpio": 25, "command": "ON"},
        {"type": "notification", "channel": "websocket", "target": "all", "message_template": "cold"},
    ],
}
SPAN: Final = {"since": "-1h", "until": "-1min"}
# What makes a call good but for the one text that is tried. Where a name means different things, by its method.
GOOD: Final[dict[str, Any]] = {
    "actuator": f"{NODE}/25",
    "actuators": [f"{NODE}/25"],
    "address": "10.0.0.9",
    "at": "-1h",
    "board": NODE,
    "code": "123456",
    "command": "status",
    "current": None,
    "cycle": "first",
    "documents": [RULE],
    "duration": "1min",
    "every": "5min",
    "hold": "1min",
    "how": {"method": "linear"},
    "key": f"node_silent:{NODE}",
    "kind": "page",
    "label": "logger",
    "lasting": "1d",
    "limit": 10,
    "most": 10,
    "name": "vera",
    "node": NODE,
    "nodes": [NODE],
    "overlap": "1h",
    "owner": "vera",
    "params": {},
    "password": None,
    "permissions": ["look"],
    "place": None,
    "points": [[2800, 0.0], [1200, 100.0]],
    "prefix": "gk_00000000",
    "quality": "good",
    "reason": "a drill",
    "role": "viewer",
    "rule": "Cool",
    "scope": "zone:bench",
    "sensor": SOIL,
    "series": SOIL,
    "since": "-1h",
    "span": SPAN,
    "text": TEXT,
    "trial": 1,
    "tz": "UTC",
    "until": "-1min",
    "valid_from": "-1h",
    "value": 0.0,
    "within": "1min",
    "zones": ["bench"],
}  # fmt: skip
OF: Final[dict[tuple[str, str], Any]] = {
    ("may", "right"): "look",
    ("may", "kind"): "node",
    ("may", "things"): [NODE],
    ("site.apply", "name"): "site file",
    ("site.diff", "name"): "site file",
    ("users.add", "name"): "new",
    ("users.add", "password"): "Pump-2026-house",
    ("login", "password"): "Guess-2026-house",
    ("setup", "password"): "Guess-2026-house",
    ("nodes.replace", "node"): NODE,
    ("nodes.replace", "board"): OTHER,
    ("nodes.ask", "command"): "set_log_level",
    ("history.page", "span"): SPAN,
    ("history.page", "place"): None,
}
# Texts inside what is given as a whole.
INSIDE: Final[dict[str, tuple[Any, ...]]] = {
    "wanted": ({"who": ""}, {"action": ""}, {"correlation": ""}),
    "place": ({"since": "", "until": "", "at": 0, "id": 0},),
    "params": ({"level": ""}, {"token": "", "token_type": "esp"}, {"token": "x", "token_type": ""}),
    "how": ({"method": ""}, {"method": "linear", "adc": ""}, {"method": "linear", "raw_mode": ""}),
    "points": ([["", ""]], [[2800, ""], [1200, 100.0]]),
    "text": (TEXT,),
}


def calls(methods: Mapping[str, Any], token: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, which parameter with which text, and everything that is given."""
    for method, does in sorted(methods.items()):
        found = list(inspect.signature(does).parameters.values())
        base = {
            one.name: _good(method, one.name)
            for one in found
            if one.default is one.empty and one.name != "token"
        }
        for one in found:
            if "str" not in str(one.annotation) and "Any" not in str(one.annotation):
                continue
            for word, text in HOSTILE.items():
                if one.name == "token" and one.default is not one.empty and word != "nul":
                    continue  # who comes with garbage gets no further: tests/kaiser/test_methods_ask_who.py
                for value in _values(str(one.annotation), one.name, text):
                    given = copy.deepcopy(base) | {one.name: value}
                    if one.default is one.empty and one.name != "token" and "token" in base:
                        given["token"] = token
                    yield method, f"{one.name}={word}", given


def _good(method: str, name: str) -> Any:
    return OF[method, name] if (method, name) in OF else GOOD[name]


def _values(kind: str, name: str, text: str) -> Iterator[Any]:
    """The text itself, and in the place of every text inside what is good there."""
    yield text
    if "str" not in kind or "list" in kind or "dict" in kind or "Mapping" in kind:
        yield _deep(text)
    good = GOOD.get(name)
    for whole in (*INSIDE.get(name, ()), *((good,) if isinstance(good, (list, dict)) else ())):
        if isinstance(whole, str):  # a file: each of its names
            yield from (
                whole.replace(part, _quoted(text)) for part in ("North bench", "climate node", "Cool", "soil")
            )
        else:
            yield from _replaced(whole, text)


def _deep(text: str) -> Any:
    """As deep as the reader of the lines goes, or nearly."""
    made: Any = text
    for number in range(DEEP):
        made = [made] if number % 2 else {"a": made}
    return made


def _quoted(text: str) -> str:
    return json.dumps(text)


def _replaced(whole: Any, text: str) -> Iterator[Any]:
    """Once for each text in it, and for each key."""
    if isinstance(whole, str):
        yield text
    elif isinstance(whole, Mapping):
        for key, part in whole.items():
            yield from ({**whole, key: made} for made in _replaced(part, text))
        yield {**whole, text: text}
    elif isinstance(whole, (list, tuple)):
        for number, part in enumerate(whole):
            for made in _replaced(part, text):
                yield [*whole[:number], made, *whole[number + 1 :]]
