"""What its receiver makes of a recorded message: ours for what nodes say, the firmware's for what we say."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from typing import Any

from godkaiser.io.sim.firmware.judge import judge
from godkaiser.io.sim.firmware.profile import Firmware
from godkaiser.io.wire.decode import decode
from godkaiser.io.wire.topic import Way, parse
from godkaiser.model.report import Echo, Malformed

NEWEST = Firmware()


def verdict(
    topic: str, payload: bytes, firmware: Firmware = NEWEST, *, retained: bool = False
) -> dict[str, Any]:
    """`valid`, `code`, `kind`, `why` and the typed content; `receiver` says whose rules judged. Never raises."""
    address = parse(topic)
    if address is not None and address.row.way is Way.TO_NODE:
        ruling = judge(topic, payload, firmware)
        return _verdict("node", ruling.valid, ruling.code, ruling.kind, ruling.why, ruling.content)
    report = decode(topic, payload, 0, retained=retained)
    kind = "" if address is None else address.row.kind
    if isinstance(report, Malformed):
        return _verdict("server", False, report.code, kind, report.why, {})
    if isinstance(report, Echo):
        return _verdict("server", True, "", kind, "our own removal of a retained will", {})
    content = dataclasses.asdict(report)
    del content["at"]
    return _verdict("server", True, "", kind, "", {"type": type(report).__name__} | content)


def _verdict(
    receiver: str, valid: bool, code: str, kind: str, why: str, content: dict[str, Any]
) -> dict[str, Any]:
    return {
        "valid": valid, "code": code, "kind": kind, "why": why, "receiver": receiver, "content": content,
    }  # fmt: skip


def judged(lines: Iterable[str], firmware: Firmware = NEWEST) -> Iterator[dict[str, Any]]:
    """One verdict per line of a recording.

    A line is an object with `topic` and either `payload_text` (exact text) or `payload`: an object, or, as
    `mosquitto_sub -F %j` writes it, the exact text. Blank lines are skipped; a line that is none of this gets a
    verdict with the code `bad_line`.
    """
    for number, text in enumerate(lines, 1):
        if text.strip():
            yield {"line": number} | _line(text, firmware)


def _line(text: str, firmware: Firmware) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        return _bad_line("", f"not JSON: {str(error)[:100]}")
    if not isinstance(data, dict) or not isinstance(data.get("topic"), str):
        return _bad_line("", "an object with topic and payload is expected")
    topic, exact = data["topic"], data.get("payload_text", data.get("payload"))
    if exact is None:
        return _bad_line(topic, "payload or payload_text is missing")
    body = exact if isinstance(exact, str) else json.dumps(exact, ensure_ascii=False)
    payload = body.encode("utf-8", "surrogatepass")
    return {"topic": topic} | verdict(topic, payload, firmware, retained=data.get("retain") in (True, 1))


def _bad_line(topic: str, why: str) -> dict[str, Any]:
    return {"topic": topic} | _verdict("", False, "bad_line", "", why, {})
