"""`godkaiser site …`: the site as a file: export it, compare, apply, check without a controller."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from godkaiser.cli.output import Data, Json, ask, say, show
from godkaiser.errors import DocumentError

app = typer.Typer(
    help="The site as a file: zones, nodes, sensors, actuators, limits, rules.", no_args_is_help=True
)
File = Annotated[Path, typer.Argument(help="Site file (YAML).")]


def read_text(path: Path) -> str:
    """A file's text. Raises `DocumentError`."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DocumentError(path=str(path), problem=error.strerror or str(error)) from None
    except UnicodeDecodeError:
        raise DocumentError(path=str(path), problem="is not UTF-8 text") from None


@app.command()
def export(
    data: Data = None,
    as_json: Json = False,
    to: Annotated[Path | None, typer.Option(help="Write to this file instead of the screen.")] = None,
) -> None:
    """The site as the controller holds it; `site apply` of that changes nothing."""
    answer = ask(data, "site.export")
    if to is None:
        show(answer["site"], as_json, lambda _: print(answer["text"], end=""))
        return
    try:
        to.write_text(answer["text"], encoding="utf-8")
    except OSError as error:
        raise DocumentError(path=str(to), problem=error.strerror or str(error)) from None
    show({"file": str(to)}, as_json, lambda _: say(f"Written to {to}."))


@app.command()
def diff(file: File, data: Data = None, as_json: Json = False) -> None:
    """Say where a file differs from what the controller holds. Changes nothing."""
    answer = ask(data, "site.diff", text=read_text(file), name=str(file))
    show(answer, as_json, _tell_diff)


def _tell_diff(answer: dict[str, Any]) -> None:
    for difference in answer["differences"]:
        say(f"{'  ' if difference['applied'] else '! '}{difference['meaning']}")
    if not answer["differences"]:
        say("No differences.")


@app.command()
def apply(
    file: File,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Bring the controller to what a file says, all of it or nothing. What `!` marks stays as it is."""
    answer = ask(data, "site.apply", text=read_text(file), name=str(file), dry_run=dry_run)
    show(answer, as_json, _tell_applied)


def _tell_applied(answer: dict[str, Any]) -> None:
    _tell_diff(answer)
    if answer["applied"]:
        say("Applied.")
    else:
        say("Nothing was changed: this was a dry run." if answer["changes"] else "Nothing to do.")


@app.command()
def check(file: File, as_json: Json = False) -> None:
    """Check a file as far as that can be done without a controller: pins, limits, names, rules."""
    from godkaiser.kaiser.site import check_site
    from godkaiser.plugins import load

    site = check_site(read_text(file), str(file), load())
    things = {kind: len(getattr(site, kind)) for kind in ("zones", "nodes", "sensors", "actuators", "rules")}
    counts = ", ".join(f"{count} {kind}" for kind, count in things.items())
    show({"file": str(file)} | things, as_json, lambda _: say(f"{file} is in order: {counts}."))
