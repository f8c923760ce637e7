"""Commands that ask or tell a running controller: nodes, sensors, set, stop, clear, why, status."""

from __future__ import annotations

import math
from typing import Annotated, Any

import typer

from godkaiser.cli.output import Data, Json, ask, say, show, table
from godkaiser.errors import InvalidValueError

nodes_app = typer.Typer(help="Nodes: who is there, who waits.", invoke_without_command=True)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(nodes_app, name="nodes")
    for command in (status, sensors, set_actuator, stop, clear, why):
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
    reason = (
        f": {stop['reason']} (by {stop['by']}, since {stop['since']})" if stop["phase"] != "NORMAL" else ""
    )
    say(f"software stop: {stop['phase']}{reason}" + (f" – {stop['problem']}" if stop["problem"] else ""))
    for rule in shot["rules"]:
        say(f"rule {rule['name']}: {rule['truth']}" + (f" – {rule['degraded']}" if rule["degraded"] else ""))
    say(
        ", ".join(
            f"{name.replace('_', ' ')} {count}" for name, count in counts.items() if isinstance(count, int)
        )
    )
    for bad in shot["malformed"]:
        say(f"unreadable ({bad['code']}): {bad['topic']} – {bad['why']}")


@nodes_app.callback()
def nodes(context: typer.Context, data: Data = None, as_json: Json = False) -> None:
    """List the nodes with their actuators."""
    if context.invoked_subcommand is not None:
        return
    shot = ask(data, "snapshot")
    shown = {"nodes": shot["nodes"], "actuators": shot["actuators"]}
    show(shown, as_json, _tell_nodes)


def _tell_nodes(shown: dict[str, Any]) -> None:
    rows = [
        (
            n["id"],
            n["name"],
            n["status"],
            _online(n),
            n["last_contact"],
            n["zone"],
            n["generation"],
            n["rssi"],
        )
        for n in shown["nodes"]
    ]
    head = ("node", "name", "status", "link", "last contact", "zone", "firmware", "RSSI")
    table(head, rows, "No node has been heard of yet. Nodes appear with their first heartbeat.")
    if shown["actuators"]:
        say("")
        acts = [
            (
                a["id"],
                a["name"],
                a["kind"],
                _level(a),
                "yes" if a["pending"] else "",
                a["lease_until"],
                _last(a),
            )
            for a in shown["actuators"]
        ]
        table(("actuator", "name", "kind", "reported", "pending", "ends at", "last command"), acts, "")


def _online(node: dict[str, Any]) -> str:
    return {True: "online", False: "offline", None: "not heard yet"}[node["online"]]


def _level(actuator: dict[str, Any]) -> str:
    reported = actuator["reported"]
    if reported is None:
        return "unknown"
    return "safe" if actuator["safe"] else f"{reported:.0%}"


def _last(actuator: dict[str, Any]) -> str:
    last = actuator["last_command"]
    return "–" if last is None else f"{last['value']:g} by {last['origin']}: {last['state']}"


@nodes_app.command()
def approve(node: str, data: Data = None, as_json: Json = False) -> None:
    """Let a pending node take part."""
    show(ask(data, "nodes.approve", node=node), as_json, lambda n: say(f"{n['id']} is {n['status']}."))


@nodes_app.command()
def reject(node: str, data: Data = None, as_json: Json = False) -> None:
    """Keep a node out; its data is counted, not stored."""
    show(ask(data, "nodes.reject", node=node), as_json, lambda n: say(f"{n['id']} is {n['status']}."))


def sensors(data: Data = None, as_json: Json = False) -> None:
    """List the sensors with their newest values."""
    show(ask(data, "snapshot")["sensors"], as_json, _tell_sensors)


def _tell_sensors(found: list[dict[str, Any]]) -> None:
    rows = [
        (s["id"], s["name"], _value(s), s["freshness"], s["quality"], s["measured_at"], s["reason"])
        for s in found
    ]
    head = ("sensor", "name", "value", "age", "quality", "measured at", "note")
    table(head, rows, "No sensor has reported yet. Only approved nodes count.")


def _value(sensor: dict[str, Any]) -> str:
    return "–" if sensor["value"] is None else f"{sensor['value']:.4g} {sensor['unit']}"


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


def stop(
    reason: Annotated[str, typer.Option(help="Why; shown to everybody.")] = "",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Software stop: everything to its safe value, nothing may be switched on. Does not replace a wired stop."""
    show(ask(data, "stop", reason=reason), as_json, _tell_stop)


def clear(
    force: Annotated[bool, typer.Option(help="Do not wait for nodes that do not confirm.")] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Lift the software stop. Switches nothing on by itself."""
    show(ask(data, "clear", force=force), as_json, _tell_stop)


def _tell_stop(stop: dict[str, Any]) -> None:
    waiting = f", waiting for {', '.join(stop['unconfirmed'])}" if stop["unconfirmed"] else ""
    say(f"Software stop: {stop['phase']}{waiting}." + (f" {stop['problem']}" if stop["problem"] else ""))
