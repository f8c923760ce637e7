"""`godkaiser run`: the controller on an existing broker, until a signal."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import ssl
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr

from godkaiser.auth.retention import ERASABLE, AuditRetention
from godkaiser.cli.output import say
from godkaiser.cli.pages import Pages
from godkaiser.engine.picture import standing_picture
from godkaiser.io.address import BrokerAddress
from godkaiser.io.chosen import files_taken
from godkaiser.io.cipher import load_cipher
from godkaiser.io.clock import WallClock
from godkaiser.io.folder import DataFolder
from godkaiser.io.porter import BrokerFiles
from godkaiser.io.sql.pool import Pool
from godkaiser.io.systemd import Notifier
from godkaiser.io.tls import broker_tls
from godkaiser.io.wire.encode import Tokens
from godkaiser.kaiser.controller import Controller, Options
from godkaiser.kaiser.site import load_site
from godkaiser.model.instant import DAY
from godkaiser.model.scope import Scope
from godkaiser.plugins import load as load_plugins
from godkaiser.settings import Settings, load_settings

REACH_WITHIN: Final = 10.0
LOOKS: Final = 60  # three seconds: nodes that hear it answer at once


async def control(
    data: Path | None,
    site: Path | None,
    *,
    pages: tuple[str, int] | None,
    as_json: bool,
    standby: bool = False,
) -> None:
    """Run until SIGINT or SIGTERM. `standby`: while another one has this data folder, wait."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = load_settings(godkaiser_data_dir=data, godkaiser_site=site)
    stop, folder, systemd = signalled(), None, Notifier()
    if standby:
        folder = await _free(DataFolder(settings.godkaiser_data_dir), stop, as_json)
        if folder is None:
            return
    controller = await Controller.open(_options(settings, folder))
    async with controller.running(), systemd.watching(controller.runner.alive):
        shown = Pages(settings.godkaiser_data_dir, *pages) if pages is not None else None
        if shown is not None:
            await shown.start()
        _announce(settings, controller, shown, as_json)
        if controller.accounts.empty and shown is not None:
            say(f"first account: admin   password: {await controller.doorman.fresh_admin()}")
        await until(stop, controller)
        if shown is not None:
            await shown.stop()


async def _free(folder: DataFolder, stop: asyncio.Event, as_json: bool) -> DataFolder | None:
    """Ours, as soon as nobody has it; None when we are told to end first."""

    def told(who: str) -> None:
        if as_json:
            print(json.dumps({"standby": who}), flush=True)
        else:
            say(f"{who} Standing by; takes over when that one has ended.")

    taking, ending = asyncio.create_task(folder.take_when_free(told)), asyncio.create_task(stop.wait())
    await asyncio.wait([taking, ending], return_when=asyncio.FIRST_COMPLETED)
    ending.cancel()
    if taking.done():
        return taking.result()
    taking.cancel()
    return None


def _announce(settings: Settings, controller: Controller, pages: Pages | None, as_json: bool) -> None:
    facts = {
        "data": str(settings.godkaiser_data_dir),
        "broker": str(controller.options.address),
        "kaiser_id": str(controller.engine.state.kaiser),
        "rules": len(controller.engine.state.rules),
        "pages": pages.addresses if pages is not None else [],
    }
    if as_json:
        print(json.dumps(facts), flush=True)
    else:
        say(
            f"Controller for kaiser id {facts['kaiser_id']} at broker {facts['broker']}, data in {facts['data']}."
        )


async def stop_directly(data: Path | None, scope: str, reason: str) -> Any:
    """Nobody controls: become the controller for as long as a stop takes.

    The stop stands before the broker is even asked for, so nothing else can happen; it stays for the next start.
    """
    settings = load_settings(godkaiser_data_dir=data, _env_file=files_taken())
    controller = await Controller.open(_options(settings, None))
    async with controller.running():
        said = await controller.clerk.call("stop", {"reason": reason, "scope": scope})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REACH_WITHIN):
                await controller.connected()
        for _ in range(LOOKS):
            if _all_stopped(controller):
                break
            await asyncio.sleep(0.05)
        said = standing_picture(controller.engine.state, Scope.parse(said["scope"]))
        reached = controller.engine.state.link.up
    return said | {"controller": None, "broker_reached": reached}


def _all_stopped(controller: Controller) -> bool:
    return not any(standing.stop.waiting for standing in controller.engine.state.stops.values())


def signalled() -> asyncio.Event:
    """Set by the first SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


async def until(stop: asyncio.Event, controller: Controller) -> None:
    """Wait for the signal, or for a task of the controller to die (then raise what it died of)."""
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait([waiting, *controller.tasks], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    for task in reversed(controller.tasks):  # the last is the one that ends the others
        if task.done():
            task.result()


def _options(settings: Settings, folder: DataFolder | None) -> Options:
    catalogue, path = load_plugins(), settings.godkaiser_site
    locked = settings.audit_encryption_key_file
    for fault in catalogue.faults:
        logging.getLogger(__name__).warning(
            "plug-in %s of %s is left out: %s", fault.plugin, fault.package, fault.problem
        )
    return Options(
        folder=folder,
        catalogue=catalogue,
        data=settings.godkaiser_data_dir,
        file=load_site(path, catalogue=catalogue) if path is not None else None,
        address=BrokerAddress(
            settings.mqtt_broker_host,
            settings.mqtt_broker_port,
            settings.mqtt_username,
            _plain(settings.mqtt_password),
            _tls(settings),
            settings.godkaiser_mqtt_window,
            settings.godkaiser_mqtt_version,
        ),
        database=_plain(settings.database_url),
        pool=Pool(
            settings.godkaiser_db_pool_size,
            settings.godkaiser_db_pool_overflow,
            settings.godkaiser_db_pool_wait_s,
        ),
        echo=settings.godkaiser_db_echo,
        secret=_plain(settings.jwt_secret_key),
        tokens=Tokens(_plain(settings.godkaiser_node_token), _plain(settings.godkaiser_broadcast_token)),
        journal_within=settings.godkaiser_journal_within_s,
        linger=settings.godkaiser_commit_interval_s,
        record_most=settings.godkaiser_record_mb << 20,
        broker_files=BrokerFiles(settings.godkaiser_broker_dir, settings.godkaiser_broker_reload),
        audit=_retention(settings),
        audit_cipher=None if locked is None else load_cipher(locked),
        requests_per_minute=settings.godkaiser_api_requests_per_minute,
    )


def _retention(settings: Settings) -> AuditRetention:
    days = (
        settings.audit_retention_info_days,
        settings.audit_retention_warning_days,
        settings.audit_retention_error_days,
    )
    keep = {severity: count * DAY for severity, count in zip(ERASABLE, days, strict=True)}
    return AuditRetention(settings.audit_retention_enabled, settings.audit_retention_dry_run, keep)


def _tls(settings: Settings) -> ssl.SSLContext | None:
    return broker_tls(
        settings.mqtt_use_tls,
        settings.mqtt_ca_cert_path,
        settings.mqtt_client_cert_path,
        settings.mqtt_client_key_path,
        WallClock().now(),
    )


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
