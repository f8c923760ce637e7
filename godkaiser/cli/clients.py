"""Commands that ask or tell a running controller: status, measure, set, stop, clear, why."""

from __future__ import annotations

import math
from typing import Annotated, Any

import typer

from godkaiser.cli.output import Data, Json, ask, run, say, show, table, waiting
from godkaiser.errors import ControllerGoneError, InvalidValueError, NoControllerError
from godkaiser.model.scope import reach


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (status, measure, set_actuator, stop, clear, why):
        name = "set" if command is set_actuator else command.__name__
        app.command(name)(command)


# ── looking ────────────────────────────────────────────────────────────────────────────────────────────
def status(data: Data = None, as_json: Json = False) -> None:
    """Is all well: link, stop, counters, messages nobody could read."""
    shot = ask(data, "snapshot")
    shown = {key: shot[key] for key in ("now", "kaiser_id", "link", "stop", "counters", "malformed", "rules")}
    show(shown, as_json, _tell_status)


def _tell_status(shot: dict[str, Any]) -> None:
    link, stop, counts = shot["link"], shot["stop"], shot["counters"]
    say(f"broker {link['broker'] or '–'}: {link['state']}" + (f" ({link['error']})" if link["error"] else ""))
    say(f"database: {_database(counts)}")
    reason = (
        f": {stop['reason']} (by {stop['by']}, since {stop['since']})" if stop["phase"] != "NORMAL" else ""
    )
    say(f"software stop: {stop['phase']}{reason}" + (f" – {stop['problem']}" if stop["problem"] else ""))
    for other in stop["others"]:
        _tell_stop(other)
    for rule in shot["rules"]:
        say(f"rule {rule['name']}: {rule['truth']}, {rule_note(rule)}")
    say(
        ", ".join(
            f"{name.replace('_', ' ')} {count}" for name, count in counts.items() if isinstance(count, int)
        )
    )
    for bad in shot["malformed"]:
        say(f"unreadable ({bad['code']}): {bad['topic']} – {bad['why']}")


def rule_note(rule: dict[str, Any]) -> str:
    """Whether it can work, and what became of its decisions."""
    done, missed = rule["carried_out"], rule["not_carried_out"]
    counted = f"; {done} decisions carried out, {missed} not" if done or missed else ""
    return f"{rule['state']}{counted}" + (f" – {rule['degraded']}" if rule["degraded"] else "")


def _database(counts: dict[str, Any]) -> str:
    waiting = f"; {counts['spooled']} records wait on the disk" if counts["spooled"] else ""
    return (counts["database"] or "up") + waiting


def tell_sensors(found: list[dict[str, Any]]) -> None:
    """Sensors as a table."""
    rows = [
        (s["id"], s["name"], _value(s), s["freshness"], s["quality"], s["measured_at"], _note(s))
        for s in found
    ]
    head = ("sensor", "name", "value", "age", "quality", "measured at", "note")
    table(head, rows, "No sensor has reported yet. Only approved nodes count.")


def _note(sensor: dict[str, Any]) -> str:
    """Why it is not good, and that its calibration is due."""
    age = sensor.get("calibration_age")
    return "; ".join(filter(None, (sensor["reason"], age["text"] if age is not None and age["due"] else "")))


def _value(sensor: dict[str, Any]) -> str:
    word = sensor.get("state")
    if word is not None:
        return str(word)
    return "–" if sensor["value"] is None else f"{sensor['value']:.4g} {sensor['unit']}"


def measure(
    sensor: Annotated[str, typer.Argument(help="NODE/GPIO/TYPE or the sensor's name.")],
    within: Annotated[
        str | None, typer.Option(help='What the node is given for it, "1ms" to "60s" (default 5s).')
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Have a sensor read now and show its new reading. The node must be online and of the 2026 firmware."""
    with waiting(f"{sensor}: measuring …"):
        shot = ask(data, "measure", sensor=sensor, within=within)
    show(shot, as_json, _tell_measured)


def _tell_measured(sensor: dict[str, Any]) -> None:
    why = f" ({sensor['reason']})" if sensor["reason"] else ""
    say(f"{sensor['name']}: {_value(sensor)}, {sensor['quality']}{why}, measured at {sensor['measured_at']}")


def why(actuator: str, data: Data = None, as_json: Json = False) -> None:
    """What an actuator does, and the chain that led there."""
    show(ask(data, "why", actuator=actuator), as_json, _tell_why)


def _tell_why(answer: dict[str, Any]) -> None:
    say(answer["text"])
    marks = {True: "✔", False: "✘", None: "·"}
    for step in answer["steps"]:
        say(f"  {marks[step['ok']]} {step['at']}  {step['what']:9s} {step['text']}")


# ── acting ─────────────────────────────────────────────────────────────────────────────────────────────
def set_actuator(
    actuator: Annotated[str, typer.Argument(help="NODE/GPIO or the actuator's name.")],
    value: Annotated[str, typer.Argument(help="0 to 1, or on/off.")],
    duration: Annotated[str | None, typer.Option(help='At most this long: "90s", "5min".')] = None,
    hold: Annotated[
        str | None, typer.Option(help="Rules wait this long (default: duration, else 15 min).")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Set an actuator and wait for the node's word. The safety gate may refuse, and says why."""
    outcome = ask(data, "set", actuator=actuator, value=_level_of(value), duration=duration, hold=hold)
    show(outcome, as_json, lambda o: say(f"{o['actuator']}: {o['state']}. {o['message']}"))


def _level_of(text: str) -> float:
    words = {"on": 1.0, "off": 0.0}
    try:
        value = words[text.lower()] if text.lower() in words else float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InvalidValueError(
            field="value", value=text, problem="is no level", allowed="on, off, or 0 to 1"
        )
    return value


Node = Annotated[str | None, typer.Option(help="Only this node; the rest goes on.")]
Zone = Annotated[str | None, typer.Option(help="Only this zone; the rest goes on.")]


def stop(
    reason: Annotated[str, typer.Option(help="Why; shown to everybody.")] = "",
    node: Node = None,
    zone: Zone = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Software stop: everything to its safe value, nothing may be switched on. Does not replace a wired stop.

    Works without a running controller, too: it is told to the nodes directly and stands at the next start.
    """
    scope = reach(node, zone)
    try:
        said = ask(data, "stop", reason=reason, scope=scope)
    except (NoControllerError, ControllerGoneError):
        from godkaiser.cli.control import stop_directly

        said = run(stop_directly(data, scope, reason))
    show(said, as_json, _tell_stop)


def clear(
    force: Annotated[bool, typer.Option(help="Do not wait for nodes that do not confirm.")] = False,
    node: Node = None,
    zone: Zone = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Lift the software stop. Switches nothing on by itself. Each stop is lifted by itself."""
    show(ask(data, "clear", force=force, scope=reach(node, zone)), as_json, _tell_stop)


def _tell_stop(stop: dict[str, Any]) -> None:
    waiting = f", waiting for {', '.join(stop['unconfirmed'])}" if stop["unconfirmed"] else ""
    where = "" if stop["scope"] == "all" else f" of {stop['scope']}"
    say(
        f"Software stop{where}: {stop['phase']}{waiting}."
        + (f" {stop['problem']}" if stop["problem"] else "")
    )
    if stop.get("broker_reached") is False:
        say(
            "No controller runs and the broker cannot be reached: the nodes do NOT know. It stands at the next start."
        )
    if stop["not_offline_proof"]:
        names = ", ".join(stop["not_offline_proof"])
        say(f"Not offline-proof yet: {names} may still have switching rules of their own.")
