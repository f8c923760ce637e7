"""The recorded messages: one JSON line each, judged by the receiver's rules of the wire contract."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "corpus"


@dataclass(frozen=True)
class Line:
    """One line: where it stands, the message, and how it must be judged."""

    file: str
    number: int
    topic: str
    payload: bytes
    valid: bool
    code: str
    why: str

    @property
    def label(self) -> str:
        return f"{self.file}:{self.number}"

    @property
    def body(self) -> dict[str, Any]:
        loaded = json.loads(self.payload)
        assert isinstance(loaded, dict)
        return loaded


def _line(file: str, number: int, text: str) -> Line:
    data = json.loads(text)
    exact = data.get("payload_text")
    payload = exact if exact is not None else json.dumps(data["payload"], ensure_ascii=False)
    return Line(
        file,
        number,
        data["topic"],
        payload.encode(),
        data["valid"],
        data.get("code", ""),
        data.get("why", ""),
    )


def lines(file: str) -> list[Line]:
    """Every line of one file."""
    texts = (FOLDER / f"{file}.jsonl").read_text(encoding="utf-8").splitlines()
    return [_line(file, number, text) for number, text in enumerate(texts, 1)]
