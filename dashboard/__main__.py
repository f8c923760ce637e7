"""`python -m godkaiser_dashboard`: serve the pages for a running controller."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from tornado.websocket import WebSocketClosedError

from godkaiser import GodkaiserError

from .app import Dashboard, Options, serve


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted; gives the exit code."""
    given = _parser().parse_args(arguments)
    options = Options(
        given.data,
        given.host,
        given.port,
        tuple(given.origin),
        tuple(given.trusted_proxy),
        given.certificate,
        given.key,
    )
    try:
        asyncio.run(_until_told(options))
    except GodkaiserError as error:
        print(f"{error} {error.remedy}", file=sys.stderr)
        return error.kind.exit_code
    return 0


async def _until_told(options: Options) -> None:
    task = asyncio.create_task(serve(options, ready=_say))
    asyncio.get_running_loop().set_exception_handler(_without_closed_pages)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        await task


def _without_closed_pages(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A browser that leaves while something is written to it is no trouble worth a page of log."""
    if not isinstance(context.get("exception"), WebSocketClosedError):
        loop.default_exception_handler(context)


def _say(dashboard: Dashboard) -> None:
    print(f"Dashboard: {dashboard.address}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="godkaiser dashboard", description="Pages for a running controller."
    )
    parser.add_argument(
        "--data", type=Path, help="data folder of the controller (default: the one running here)"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 for the whole network"
    )
    parser.add_argument("--port", type=int, default=5006)
    parser.add_argument(
        "--origin", action="append", default=[], help="further address of the pages, with scheme"
    )
    parser.add_argument(
        "--trusted-proxy",
        action="append",
        default=[],
        help="address or network of a proxy before us, whose X-Forwarded-For is believed",
    )
    parser.add_argument("--certificate", type=Path, help="TLS certificate (PEM)")
    parser.add_argument("--key", type=Path, help="TLS key (PEM)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
