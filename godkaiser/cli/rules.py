"""`godkaiser rules …`: check, try on history, import, export."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import yaml

from godkaiser.cli.database import place
from godkaiser.cli.output import Data, Json, ask, passing, run, say, show, table
from godkaiser.errors import DocumentError, NoControllerError
from godkaiser.kaiser.yamltext import load_yaml
from godkaiser.rules.bounded import check_bounds

app = typer.Typer(
    help="Rules: list them, check a file, try it on history, compare, import it, export what runs.",
    no_args_is_help=True,
)
SHOWN: Final = 20
SHORT_S: Final = 60.0  # of gaps people need not hear of
_WORD: Final = {True: "it began", False: "it ended", None: "nothing"}
File = Annotated[Path, typer.Argument(help="JSON or YAML: one rule, a list, or a document with `rules`.")]


def read_rules(path: Path) -> list[Any]:
    """The rules of a file. Raises `DocumentError`."""
    try:
        data = load_yaml(path.read_text(), str(path))
    except OSError as error:
        raise DocumentError(path=str(path), problem=error.strerror or str(error)) from None
    except UnicodeDecodeError as error:
        raise DocumentError(path=str(path), problem=" ".join(str(error).split())) from None
    if isinstance(data, dict):
        data = data["rules"] if set(data) == {"rules"} else [data]
    if not isinstance(data, list) or not data:
        raise DocumentError(path=str(path), problem="holds no rule")
    for number, rule in enumerate(data):
        check_bounds(rule, f"rules[{number}]")
    return data


@app.command("list")
def list_(data: Data = None, as_json: Json = False) -> None:
    """Every rule: can it work, what did it decide last, what became of that, and how often nodes carried it out.

    One that is stored and that this program does not take is `refused`, with the path in its document and the reason.
    """
    show(ask(data, "snapshot")["rules"], as_json, _tell_list)


def _tell_list(rules: list[dict[str, Any]]) -> None:
    rows = [
        (r["name"], r["state"], r["truth"], _last(r), r["carried_out"], r["not_carried_out"], r["degraded"])
        for r in rules
    ]
    head = ("rule", "state", "truth", "last decision", "carried out", "not", "why it cannot work")
    table(head, rows, "No rules yet. `godkaiser rules import FILE` brings some.")


def _last(rule: dict[str, Any]) -> str:
    last = rule["last_outcome"]
    if last is None:
        return "–"
    return f"{last['decided']}: {last['outcome']}" + (f" ({last['reason']})" if last["reason"] else "")


@app.command()
def why(
    rule: Annotated[str, typer.Argument(help="The rule's id or name; `godkaiser rules list` has them.")],
    at: Annotated[
        str | None, typer.Option(help="Of the past, by what was stored: -2h, or an ISO time.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Say why a rule does nothing: what would flip its condition, and what else stands in its way."""
    show(ask(data, "rules.why", rule=rule, at=at), as_json, _tell_why)


def _tell_why(answer: dict[str, Any]) -> None:
    text, *obstacles = answer["text"].split(" In the way: ")
    say(text)
    for obstacle in obstacles:
        say(f"  ✘ {obstacle}")


@app.command()
def notices(
    since: Annotated[str, typer.Option(help='"-7d", "today" or ISO 8601 with a zone.')] = "-24h",
    until: Annotated[str | None, typer.Option(help="As since; now without.", show_default=False)] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """What rules told people by their notifications, oldest first; the newest 100,000."""
    show(ask(data, "notices", since=since, until=until), as_json, _tell_notices)


def _tell_notices(rows: list[dict[str, Any]]) -> None:
    told = [(row["at"], row["rule"], row["text"], row["target"] or None, _way(row)) for row in rows]
    table(("at", "rule", "told", "for", "by"), told, "No rule told anything in this time.")


def _way(notice: dict[str, Any]) -> str:
    return notice["channel"] if notice["sent"] else f"{notice['channel']}: not sent"


@app.command()
def check(file: File, data: Data = None, as_json: Json = False) -> None:
    """Say in plain words what each rule of a file does, or what is wrong with it. Changes nothing.

    Without a controller the documents alone are judged; what only a site can tell is said to be open.
    """
    documents = read_rules(file)
    try:
        checked = ask(data, "rules.check", documents=documents)
    except NoControllerError:
        checked = _alone(documents)
    _warn(checked)
    show(checked, as_json, _tell_rules)


def _alone(documents: list[Any]) -> list[dict[str, Any]]:
    """What can be said of rules without a site. Raises `DocumentError` for the first that is wrong."""
    from godkaiser.kaiser.alone import judge_all_alone

    return judge_all_alone(documents, "rules")


@app.command("try")
def try_(
    file: Annotated[
        Path | None, typer.Argument(help="JSON or YAML; without it, the rules that run.", show_default=False)
    ] = None,
    since: Annotated[str, typer.Option(help="From when on: -7d, or an ISO time.")] = "-7d",
    until: Annotated[str | None, typer.Option(help="Until when; default: now.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Say what rules would have done on the readings that are stored. Changes nothing, needs no controller."""
    documents = None if file is None else read_rules(file)
    show(run(_tried(documents, since, until, data)), as_json, _tell_trial)


async def _tried(
    documents: list[Any] | None, since: str, until: str | None, data: Path | None
) -> dict[str, Any]:
    from godkaiser.io.clock import WallClock
    from godkaiser.io.sql.store import SqlStore
    from godkaiser.kaiser.trial import try_rules
    from godkaiser.model.instant import parse_instant
    from godkaiser.plugins import load

    url, folder = place(data)
    now = WallClock().now()
    end = now if until is None else parse_instant(until, now, "until")
    span = parse_instant(since, now, "since"), end
    store = await SqlStore.look(url or f"sqlite:///{folder / 'godkaiser.db'}")
    try:
        with passing("Tried", span) as on_progress:
            trial = await try_rules(store, documents, span, catalogue=load(), on_progress=on_progress)
    finally:
        await store.close()
    return trial.document()


def _tell_trial(trial: dict[str, Any]) -> None:
    say(f"{trial['readings']} readings from {trial['since']} to {trial['until']}.")
    rows = [(r["rule"], r["starts"], _hours(r["true_s"]), _hours(r["unknown_s"])) for r in trial["rules"]]
    table(("Rule", "Starts", "True", "Unknown"), rows, "No rule decided anything.")
    moved = [(a["actuator"], a["switches"], _hours(a["on_s"])) for a in trial["actuators"]]
    table(("Actuator", "Commands", "Away from safe"), moved, "Nothing would have been switched.")
    for what, seconds in _longest(trial["gaps"]):
        say(
            f"Nothing usable of {what} for {_hours(seconds)} in all; rules that read it did what they say for that."
        )
    for words in trial["assumed"]:
        say(f"Assumed: {words}.")
    for one in trial["departures"][:SHOWN]:
        then, now = (_did(one, one[key]) for key in ("then", "now"))
        say(f"{one['at']}  {one['rule']}: then {then}, now {now}; {one['cause']}.")
    if len(trial["departures"]) > SHOWN:
        say(f"… and {len(trial['departures']) - SHOWN} more; --json has all of them.")


def _did(departure: dict[str, Any], value: bool | float | None) -> str:
    if departure["actuator"] is None or value is None:
        return _WORD[None if value is None else bool(value)]
    return f"{departure['actuator']} to {value:.0%}"


def _longest(gaps: list[dict[str, Any]]) -> list[tuple[str, float]]:
    total: dict[str, float] = {}
    for gap in gaps:
        total[gap["series"]] = total.get(gap["series"], 0.0) + gap["seconds"]
    return sorted(((name, s) for name, s in total.items() if s >= SHORT_S), key=lambda item: -item[1])


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"


def _tell_rules(rules: list[dict[str, Any]]) -> None:
    for rule in rules:
        say(f"{rule['name']}: {rule['sentence'] or 'can be read'}")
        if rule.get("open"):
            say(f"  not judged without a controller: {rule['open']}")


def _warn(rules: list[dict[str, Any]]) -> None:
    """Beside the answer: what is accepted, and does not do all that one may expect."""
    for rule in rules:
        for warning in rule["warnings"]:
            typer.echo(f"warning: {warning}", err=True)


RuleName = Annotated[str, typer.Argument(help="The rule's id or name.")]


@app.command()
def enable(rule: RuleName, data: Data = None, as_json: Json = False) -> None:
    """Switch a rule on: it decides again. It stays so over restarts."""
    show(ask(data, "rules.enable", rule=rule), as_json, _tell_switched)


@app.command()
def disable(rule: RuleName, data: Data = None, as_json: Json = False) -> None:
    """Switch a rule off: it decides nothing, and what it wanted is withdrawn at once. It stays so over restarts."""
    show(ask(data, "rules.disable", rule=rule), as_json, _tell_switched)


@app.command()
def remove(rule: RuleName, data: Data = None, as_json: Json = False) -> None:
    """Take a rule out for good: what it wanted is withdrawn at once. Also one that is stored and refused."""
    show(ask(data, "rules.remove", rule=rule), as_json, _tell_removed)


def _tell_removed(answer: dict[str, Any]) -> None:
    say(f"{answer['name']} is removed; {answer['rules']} rules run.")


def _tell_switched(rule: dict[str, Any]) -> None:
    say(f"{rule['name']} is switched {'on' if rule['enabled'] else 'off'}.")


@app.command()
def schema() -> None:
    """The JSON schema of a rule, for editors and other programs."""
    from godkaiser.rules.schema import rule_schema

    print(json.dumps(rule_schema(), ensure_ascii=False, indent=2))


Earlier = Annotated[Path, typer.Argument(help="JSON or YAML, as it was.")]
Later = Annotated[Path, typer.Argument(help="JSON or YAML, as it is.")]


@app.command()
def diff(old: Earlier, new: Later, as_json: Json = False) -> None:
    """What is different between the rules of two files, in plain words. Needs no controller."""
    from godkaiser.rules.differ import differences
    from godkaiser.rules.document import read_document

    sides = (
        [read_document(data, f"{path}: rules[{number}]") for number, data in enumerate(read_rules(path))]
        for path in (old, new)
    )
    found = differences(*sides)
    rows = [{"path": one.path, "old": one.old, "new": one.new, "meaning": one.meaning} for one in found]
    show(rows, as_json, _tell_differences)


def _tell_differences(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        say(row["meaning"])
    if not rows:
        say("No difference.")


@app.command("import")
def import_(file: File, data: Data = None, as_json: Json = False) -> None:
    """Import rules: all or none. A rule of the same name is replaced, the others stay."""
    show(ask(data, "rules.import", documents=read_rules(file)), as_json, _tell_import)


def _tell_import(answer: dict[str, Any]) -> None:
    say(f"Imported {', '.join(answer['imported'])}; {answer['rules']} rules run.")
    for line in (*answer["declared"], *answer["warnings"]):
        say(f"  note: {line}")
    for rule in answer["refused"]:
        say(f"  note: the stored rule {rule['rule']} stays refused: {rule['path']}: {rule['problem']}")


@app.command()
def export(
    data: Data = None,
    as_json: Json = False,
    to: Annotated[Path | None, typer.Option(help="Write to this file instead of the screen.")] = None,
) -> None:
    """All rules as they are stored, as YAML (or JSON); `rules import` takes those that run back unchanged."""
    rules = ask(data, "rules.export")
    text = (
        json.dumps(rules, ensure_ascii=False)
        if as_json
        else yaml.safe_dump(rules, sort_keys=False, allow_unicode=True)
    )
    if to is None:
        print(text, end="" if text.endswith("\n") else "\n")
    else:
        try:
            to.write_text(text)
        except OSError as error:
            raise DocumentError(path=str(to), problem=error.strerror or str(error)) from None
