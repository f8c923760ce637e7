"""`godkaiser nodes …`: who is there, who waits, how each is, and what it answers when asked."""

from __future__ import annotations

import sys
from getpass import getpass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from godkaiser.cli.clients import tell_sensors
from godkaiser.cli.output import Data, Json, as_line, ask, say, show, table, waiting
from godkaiser.cli.problems import find_node, tell_reasons
from godkaiser.errors import InvalidValueError
from godkaiser.model.instant import SECOND, describe_duration
from godkaiser.model.request import LEVELS, read_inquiry

app = typer.Typer(help="Nodes: who is there, who waits, how they are.", invoke_without_command=True)
Node = Annotated[str, typer.Argument(help="The node's id or name.")]
Pin = Annotated[int | None, typer.Option(help="Pin of the bus; else the board's own.", show_default=False)]
APART: Final = "set_emergency_token"  # what it takes must not stand on a command line
_ONLINE: Final = {True: "online", False: "offline", None: "not heard yet"}
_GENERATIONS: Final = {"2026": "2026", "seed": "before 2026", None: None}


# ── looking ────────────────────────────────────────────────────────────────────────────────────────────
@app.callback()
def nodes(context: typer.Context, data: Data = None, as_json: Json = False) -> None:
    """List the nodes with their actuators."""
    if context.invoked_subcommand is not None:
        return
    shot = ask(data, "snapshot")
    shown = {"nodes": shot["nodes"], "actuators": shot["actuators"]}
    show(shown, as_json, _tell_nodes)


def _tell_nodes(shown: dict[str, Any]) -> None:
    rows = [_node_row(node) for node in shown["nodes"]]
    head = ("node", "name", "status", "link", "last contact", "zone", "firmware", "RSSI", "problems")
    table(head, rows, "No node has been heard of yet. Nodes appear with their first heartbeat.")
    if shown["actuators"]:
        say("")
        _tell_actuators(shown["actuators"])


def _node_row(n: dict[str, Any]) -> tuple[object, ...]:
    about = (n["last_contact"], n["zone"], _GENERATIONS[n["generation"]], n["rssi"])
    return n["id"], n["name"], n["status"], _ONLINE[n["online"]], *about, "; ".join(n["problems"])


def _tell_actuators(actuators: list[dict[str, Any]]) -> None:
    rows = [_actuator_row(actuator) for actuator in actuators]
    table(("actuator", "name", "kind", "reported", "pending", "ends at", "last command"), rows, "")


def _actuator_row(a: dict[str, Any]) -> tuple[object, ...]:
    pending = "yes" if a["pending"] else ""
    return a["id"], a["name"], a["kind"], _level(a), pending, a["lease_until"], _last(a)


def _level(actuator: dict[str, Any]) -> str:
    reported = actuator["reported"]
    if reported is None:
        return "unknown"
    return "safe" if actuator["safe"] else f"{reported:.0%}"


def _last(actuator: dict[str, Any]) -> str:
    last = actuator["last_command"]
    return "–" if last is None else f"{last['value']:g} by {last['origin']}: {last['state']}"


@app.command("show")
def show_node(node: Node, data: Data = None, as_json: Json = False) -> None:
    """Everything about one node: state, problems, what it said of itself, what could not be read of it."""
    shot = ask(data, "snapshot")
    found = find_node(shot["nodes"], node)
    things = {kind: [t for t in shot[kind] if t["node"] == found["id"]] for kind in ("sensors", "actuators")}
    show({"node": found} | things, as_json, _tell_node)


def _tell_node(shown: dict[str, Any]) -> None:
    node = shown["node"]
    table(("", ""), _facts(node), "")
    for problem in node["problems"]:
        say(f"problem: {problem}")
    say("\nWhat it said of itself:")
    notes = [(f"  {n['at']}", n["kind"], n["text"]) for n in node["notes"]]
    table(("", "", ""), notes, "  nothing that needs a person")
    say("\nWhat could not be read of it:")
    if not node["unreadable"]:
        say("  nothing")
    tell_reasons(node["unreadable"])
    say("")
    tell_sensors(shown["sensors"])
    if shown["actuators"]:
        say("")
        _tell_actuators(shown["actuators"])


def _facts(node: dict[str, Any]) -> list[tuple[str, object]]:
    name = None if node["name"] == node["id"] else node["name"]
    uptime = None if node["uptime"] is None else describe_duration(node["uptime"] * SECOND)
    return [
        ("node", node["id"]),
        ("name", name),
        ("zone", node["zone"]),
        ("status", node["status"]),
        ("link", _ONLINE[node["online"]]),
        ("last contact", node["last_contact"]),
        ("kaiser id", node["kaiser_id"]),
        ("board", node["board"]),
        ("board id", None if node["board_id"] == node["id"] else node["board_id"]),
        ("firmware", _GENERATIONS[node["generation"]]),
        ("configuration", _configuration(node["config"])),
        ("system state", node["system_state"]),
        ("RSSI", _with_unit(node["rssi"], "dBm")),
        ("free heap", _with_unit(node["heap"], "bytes")),
        ("uptime", uptime),
    ]


def _configuration(config: dict[str, Any]) -> str:
    if config["state"] == "pushing":
        return f"pushing, {config['left']} steps left, waits for {config['waits_for']}"
    since = f" since {config['converged_at']}" if config["state"] == "converged" else ""
    return f"{config['state']}{since}"


def _with_unit(value: int | None, unit: str) -> str | None:
    return None if value is None else f"{value} {unit}"


# ── deciding ───────────────────────────────────────────────────────────────────────────────────────────
@app.command()
def reject(node: Node, data: Data = None, as_json: Json = False) -> None:
    """Keep a node out; its data is counted, not stored."""
    show(ask(data, "nodes.reject", node=node), as_json, lambda n: say(f"{n['id']} is {n['status']}."))


# ── asking ─────────────────────────────────────────────────────────────────────────────────────────────
@app.command("ask")
def ask_node(
    node: Node,
    command: Annotated[
        str, typer.Argument(help="status, diagnostics, get_config, set_log_level or onewire/scan.")
    ],
    level: Annotated[str | None, typer.Option(help=f"For set_log_level: {', '.join(LEVELS)}.")] = None,
    pin: Pin = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Ask a node something that moves nothing, and show its answer. May take ten seconds."""
    if command == APART:
        raise InvalidValueError(
            field="command", value=command, problem="a token is no argument", allowed="`nodes set-token NODE`"
        )
    params: dict[str, Any] = {"level": None if level is None else level.upper(), "pin": pin}
    show(_answer(data, node, command, **params), as_json, _tell_answer)


def _answer(data: Path | None, node: str, command: str, **params: Any) -> dict[str, Any]:
    given = {key: value for key, value in params.items() if value is not None}
    read_inquiry(command, given)  # a mistake is told before anybody is asked
    with waiting(f"{node}: {command} …"):
        answer: dict[str, Any] = ask(data, "nodes.ask", node=node, command=command, params=given)
    return answer


def _tell_answer(answer: dict[str, Any]) -> None:
    rows = [(key, as_line(v) if isinstance(v, dict | list | bool) else v) for key, v in answer.items()]
    table(("", ""), rows, "It answered with nothing.")


@app.command()
def scan(node: Node, pin: Pin = None, data: Data = None, as_json: Json = False) -> None:
    """List the probes on a node's one-wire bus by their ROM: what a new sensor's address is."""
    show(_answer(data, node, "onewire/scan", pin=pin)["devices"], as_json, _tell_devices)


def _tell_devices(devices: list[dict[str, Any]]) -> None:
    rows = [(device["rom"], device["type"] or None, device["pin"]) for device in devices]
    table(("ROM", "type", "pin"), rows, "Nothing answers on that bus.")


@app.command("set-token")
def set_token(
    node: Node,
    kind: Annotated[Literal["esp", "broadcast"], typer.Option("--type", help="Which of its two.")] = "esp",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Give a node a token it then demands of emergency commands. Asked for unseen, or the first line of stdin."""
    _answer(data, node, APART, token=_token(), token_type=kind)
    stored = {"node": node, "token_type": kind, "stored": True}
    show(stored, as_json, lambda _: say(_stored(node, kind)))


def _stored(node: str, kind: str) -> str:
    return f"{node} has stored its {kind} token: it now refuses emergency commands without it."


def _token() -> str:
    """Twice and unseen from a terminal, else the first line of what comes in."""
    try:
        if not sys.stdin.isatty():
            return sys.stdin.buffer.readline().decode("utf-8").rstrip("\r\n")
        token, again = getpass("Token: "), getpass("Once more: ")
    except UnicodeDecodeError:
        raise _no_token("is not UTF-8") from None
    except EOFError:
        raise _no_token("was not given") from None
    if token != again:
        raise _no_token("was not the same twice")
    return token


def _no_token(problem: str) -> InvalidValueError:
    return InvalidValueError(field="token", value="…", problem=problem, allowed="1..64 bytes of UTF-8")
