"""Commands that start something: demo, run, dashboard. Their work is imported only when they are called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from godkaiser.cli.output import Json
from godkaiser.cli.output import run as run_until_done

Folder = Annotated[Path | None, typer.Option("--data", help="Data folder.", show_default=False)]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(demo)
    app.command()(run)
    app.command()(dashboard)


def demo(
    port: Annotated[int, typer.Option(help="Port of the pages.", min=1, max=65535)] = 5006,
    mqtt_port: Annotated[
        int, typer.Option(help="Port of the private broker; 0 takes a free one.", min=0, max=65535)
    ] = 0,
    data: Annotated[
        Path | None, typer.Option(help="Keep everything here; else a temporary folder.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Weather, plants and noise.")] = 1,
    speed: Annotated[
        float | None, typer.Option(help="Simulated seconds per second (default 60).", min=0.1, max=3600)
    ] = None,
    headless: Annotated[bool, typer.Option(help="No pages; runs in lock-step as fast as it can.")] = False,
    host: Annotated[
        str, typer.Option(help="Address of the pages; 0.0.0.0 for phones on the LAN.")
    ] = "127.0.0.1",
    lasting: Annotated[
        str | None, typer.Option("--for", help='Simulated time, then end: "24h" (headless default).')
    ] = None,
    as_json: Json = False,
) -> None:
    """A simulated greenhouse over real MQTT with rules and pages: one command, nothing to set up."""
    from godkaiser.cli.demo import Demo

    wanted = Demo(
        port=port,
        mqtt_port=mqtt_port,
        data=data,
        seed=seed,
        speed=speed,
        headless=headless,
        host=host,
        lasting=lasting,
        as_json=as_json,
    )
    run_until_done(wanted.run())


def run(
    data: Folder = None,
    site: Annotated[Path | None, typer.Option(help="Site file (YAML).", show_default=False)] = None,
    dashboard: Annotated[bool, typer.Option("--dashboard", help="Serve the pages, too.")] = False,
    port: Annotated[int, typer.Option(help="Port of the pages.", min=1, max=65535)] = 5006,
    host: Annotated[str, typer.Option(help="Address of the pages.")] = "127.0.0.1",
    standby: Annotated[
        bool,
        typer.Option("--standby", help="If one runs over this data folder, wait and take over when it ends."),
    ] = False,
    as_json: Json = False,
) -> None:
    """The controller on an existing broker. Settings from the environment, `.env`, or a site file."""
    from godkaiser.cli.control import control

    pages = (host, port) if dashboard else None
    run_until_done(control(data, site, pages=pages, as_json=as_json, standby=standby))


def dashboard(
    data: Folder = None,
    port: Annotated[int, typer.Option(help="Port of the pages.", min=1, max=65535)] = 5006,
    host: Annotated[str, typer.Option(help="Address of the pages.")] = "127.0.0.1",
) -> None:
    """The pages for a running controller, as a process of their own."""
    from godkaiser.cli.pages import serve_here

    serve_here(data, host, port)
