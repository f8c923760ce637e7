"""`godkaiser wire …`: for people who write or watch firmware."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any, Literal, TextIO

import typer

from godkaiser.cli.output import Json, say
from godkaiser.errors import DocumentError

app = typer.Typer(
    help="The wire: what we make of messages, and what we could not read.", no_args_is_help=True
)


@app.command()
def decode(
    file: Annotated[
        Path,
        typer.Argument(help="JSON lines with `topic` and `payload` or `payload_text`; - for standard input."),
    ],
    firmware: Annotated[
        Literal["2026", "seed"], typer.Option(help="Whose rules judge what goes to a node.")
    ] = "2026",
    board: Annotated[
        Literal["esp32_dev", "xiao_esp32c3"], typer.Option(help="The node's board.")
    ] = "esp32_dev",
    text: Annotated[bool, typer.Option("--text", help="One short line for people instead of JSON.")] = False,
    as_json: Json = False,
) -> None:
    """Judge recorded messages, one JSON verdict per line: valid, code, kind, why, content.

    What nodes say is judged by our rules, what a server says by the firmware's. Needs no controller. Ends with
    exit code 2 when a line of the file was no message at all.
    """
    from godkaiser.io.sim.firmware.profile import Firmware
    from godkaiser.io.verdict import judged

    bad = 0
    with _opened(file) as lines:
        for verdict in judged(lines, Firmware(firmware, board)):
            bad += verdict["code"] == "bad_line"
            if text and not as_json:
                say(_short(verdict))
            else:
                print(json.dumps(verdict, ensure_ascii=True, default=str, allow_nan=False))
    if bad:
        raise DocumentError(path=str(file), problem=f"{bad} lines are no recorded messages")


@contextmanager
def _opened(file: Path) -> Iterator[TextIO]:
    """Broken characters become halves of surrogates: the decoder must see that they are broken."""
    if str(file) == "-":
        if isinstance(sys.stdin, TextIOWrapper):
            sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")
        yield sys.stdin
        return
    try:
        with file.open(encoding="utf-8", errors="surrogateescape") as lines:
            yield lines
    except OSError as error:
        raise DocumentError(path=str(file), problem=error.strerror or str(error)) from None


def _short(verdict: dict[str, Any]) -> str:
    mark = "✔" if verdict["valid"] else "✘"
    why = f"{verdict['code']}: {verdict['why']}" if verdict["code"] else ""
    return f"{mark} {verdict['line']:5d} {verdict['topic']}  {verdict['kind']}  {why}".rstrip()
