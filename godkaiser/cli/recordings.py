"""`godkaiser replay`: what happened, once more through the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from godkaiser.cli.output import Data, Json, say, show, table, waiting
from godkaiser.errors import RecordingError

File = Annotated[
    Path | None, typer.Argument(help="A recording; without it, all of the data folder are listed.")
]


def replay(file: File = None, data: Data = None, as_json: Json = False) -> None:
    """Play a recording once more: does the engine say the same, to the last byte? Nothing is sent.

    Ends with 1 when something differs.
    """
    if file is None:
        show(_known(data), as_json, _tell_known)
        return
    from godkaiser.io.replay import replay as play
    from godkaiser.plugins import load as load_plugins

    if not file.is_file():
        raise RecordingError(problem=f"{file} is not there")
    with waiting(f"{file.name} is played"):
        report = play(file, load_plugins())
    show(report.document(), as_json, _tell)
    if report.different:
        raise typer.Exit(1)


def _known(data: Path | None) -> list[dict[str, Any]]:
    from godkaiser.io.recorder import RECORDINGS
    from godkaiser.io.replay import recordings
    from godkaiser.settings import load_settings

    folder = load_settings(godkaiser_data_dir=data).godkaiser_data_dir / RECORDINGS
    return [{"file": str(path), "bytes": path.stat().st_size} for path in recordings(folder)]


def _tell_known(known: list[dict[str, Any]]) -> None:
    rows = [(one["file"], f"{one['bytes'] / 1e6:.1f} MB") for one in known]
    table(("File", "Size"), rows, "Nothing was recorded here.")


def _tell(report: dict[str, Any]) -> None:
    say(f"{report['file']}: {report['events']} events from {report['first']} to {report['last']}.")
    if report["left"]:
        why = f" ({report['left_why']})" if report["left_why"] else ""
        say(
            f"From byte {report['left_from']} of the file on it cannot be read{why}: {report['left']} bytes were "
            "left out, and nothing behind them was played."
        )
    elif report["cut"]:
        say("It has no end: it is still written, or the program was killed. What is there was played.")
    if not report["different"]:
        say(f"All {report['said']} messages were said again, byte for byte.")
        return
    say(f"{report['different']} of {report['said']} messages differ:")
    for one in report["differences"]:
        say(one)
