"""The broker's doors: who may connect, and who may say and hear what. Two files that Mosquitto reads.

`passwords` changes when somebody asks for it, `acl` whenever another node belongs to us; then the broker is told to
read both again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import shlex
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from godkaiser.auth.mosquitto import SALT_BYTES, make_password, names_of, password_line, with_line, without
from godkaiser.auth.policy import Permission
from godkaiser.auth.session import Principal
from godkaiser.errors import BrokerFilesError, InvalidIdError, InvalidValueError, UnknownAccountError
from godkaiser.io.clerk import Clerk, Method
from godkaiser.io.runner import Runner
from godkaiser.io.wire.acl import access_list
from godkaiser.model import event as ev
from godkaiser.model.ids import NodeId

Confirm = Callable[[Principal, str | None, str], Awaitable[None]]
CONTROLLER: Final = "godkaiser"  # its account, where MQTT_USERNAME says no other
PASSWORDS, ACL = "passwords", "acl"
LOOK_EVERY: Final = 5.0
RELOAD_WITHIN: Final = 10.0
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BrokerFiles:
    """`folder`: None, if the broker's files are somebody else's. `reload`: a command; empty: somebody else's task."""

    folder: Path | None = None
    reload: str = ""

    def read(self, name: str) -> str:
        """Empty if it is not there. Raises `BrokerFilesError`."""
        path = self._place / name
        try:
            return path.read_text()
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeError) as error:
            raise BrokerFilesError(folder=str(self.folder), problem=str(error)) from None

    def write(self, name: str, text: str) -> None:
        """All of it or nothing; mode, owner and group stay, as the broker must be able to read it."""
        path = self._place / name
        part = path.with_name(f".{name}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.unlink(missing_ok=True)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            _like(path, part)
            part.replace(path)
        except OSError as error:
            raise BrokerFilesError(folder=str(self.folder), problem=str(error)) from None

    def tell(self) -> str:
        """Have the broker read them again; why not, or nothing."""
        if not self.reload:
            return "GODKAISER_BROKER_RELOAD is not set, so the broker was not told"
        try:
            done = subprocess.run(  # noqa: S603 - the command of whoever runs us
                shlex.split(self.reload), capture_output=True, check=False, timeout=RELOAD_WITHIN, text=True
            )
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            return f"GODKAISER_BROKER_RELOAD: {error}"
        said = done.stderr.strip()[-200:] or f"exit code {done.returncode}"
        return "" if done.returncode == 0 else f"GODKAISER_BROKER_RELOAD: {said}"

    @property
    def _place(self) -> Path:
        if self.folder is None:
            raise BrokerFilesError(folder="none", problem="GODKAISER_BROKER_DIR is not set")
        return self.folder


def _like(path: Path, part: Path) -> None:
    """A new file belongs to the group of its folder, so that the broker's group can read it."""
    known = path if path.exists() else path.parent
    with contextlib.suppress(
        PermissionError
    ):  # only root gives files away; a folder with the setgid bit does it
        os.chown(part, path.stat().st_uid if path.exists() else -1, known.stat().st_gid)
    if path.exists():
        part.chmod(path.stat().st_mode & 0o777)


class Porter:
    """Answers requests about the broker's accounts, and keeps the access list after the registry."""

    def __init__(
        self, runner: Runner, clerk: Clerk, confirm: Confirm, files: BrokerFiles, controller: str = CONTROLLER
    ) -> None:
        """`confirm`: that it really is the person whose session asks, by their password."""
        self._runner, self._clerk, self._files, self._controller = runner, clerk, files, controller
        self._confirm = confirm
        self._state = runner.engine.state
        self._changing = asyncio.Lock()
        self._problem = ""

    @property
    def methods(self) -> Mapping[str, Method]:
        """By the names clients use."""
        return {
            "broker.accounts": self._accounts,
            "broker.passwd": self._passwd,
            "broker.remove": self._remove,
            "broker.acl": self._acl,
        }

    # ── the access list ────────────────────────────────────────────────────────────────────────────────
    async def run(self) -> None:
        """Until cancelled."""
        while self._files.folder is not None:
            try:
                await self.follow()
                self._problem = ""
            except BrokerFilesError as error:
                if self._problem != str(error):
                    log.warning("%s %s", error, error.remedy)
                self._problem = str(error)
            await asyncio.sleep(LOOK_EVERY)

    async def follow(self) -> None:
        """Write the access list, if it is another one than before."""
        async with self._changing:
            text = await self._made()
            if text != await asyncio.to_thread(self._files.read, ACL):
                await asyncio.to_thread(self._files.write, ACL, text)
                problem = await asyncio.to_thread(self._files.tell)
                log.info("The broker's access list was written. %s", problem)

    async def _made(self) -> str:
        names = [] if self._files.folder is None else await self._names()
        return access_list(self._controller, self._boards(names))

    async def _names(self) -> list[str]:
        return names_of(await asyncio.to_thread(self._files.read, PASSWORDS))

    def _boards(self, names: list[str]) -> set[NodeId]:
        """Those that are let in, and those with a password that were never heard: else nobody could hear them."""
        nodes = self._state.nodes.values()
        approved = {node.board_id or node.id for node in nodes if node.status == "approved"}
        known = {node.board_id or node.id for node in nodes if node.status in ("rejected", "removed")}
        return approved | ({board for name in names if (board := _board(name)) is not None} - known)

    # ── requests ───────────────────────────────────────────────────────────────────────────────────────
    async def _accounts(self, token: str | None = None) -> list[dict[str, Any]]:
        """Who has a password, and which boards that belong to us have none."""
        self._clerk.who(token, Permission.MANAGE_USERS)
        names = await self._names()
        boards = self._boards(names)
        everybody = sorted({self._controller, *boards, *names})
        return [
            {"name": name, "password": name in names, "topics": self._topics(name, boards)}
            for name in everybody
        ]

    def _topics(self, name: str, boards: set[NodeId]) -> str:
        return "all" if name == self._controller else "its own" if name in boards else "none"

    async def _passwd(
        self,
        name: str,
        password: str | None = None,
        current: str | None = None,
        address: str = "",
        token: str | None = None,
    ) -> dict[str, Any]:
        """A new password, made unless it is given; it is said this once, as the file has only its hash.

        Who has one commands the nodes, so a session asks for the password of whose it is.
        """
        who = self._clerk.who(token, Permission.MANAGE_USERS)
        if (person := self._clerk.person(token)) is not None and not person.key:
            await self._confirm(person, current, address)
            who = self._clerk.who(token, Permission.MANAGE_USERS)  # that took its time
        account = self._account(name)
        chosen = password if password is not None else make_password(secrets.token_bytes(32))
        line = await asyncio.to_thread(password_line, account, chosen, secrets.token_bytes(SALT_BYTES))
        problem = await self._changed(lambda text: with_line(text, line))
        self._attest(who, "broker.password", account)
        return {"name": account, "password": chosen, "problem": problem, "folder": str(self._files.folder)}

    async def _remove(self, name: str, token: str | None = None) -> dict[str, Any]:
        who = self._clerk.who(token, Permission.MANAGE_USERS)
        account = self._account(name)
        if account not in await self._names():
            raise UnknownAccountError(name=account)
        problem = await self._changed(lambda text: without(text, [account]))
        self._attest(who, "broker.account_removed", account)
        return {"name": account, "problem": problem, "folder": str(self._files.folder)}

    async def _acl(self, token: str | None = None) -> dict[str, Any]:
        self._clerk.who(token, Permission.MANAGE_USERS)
        return {"text": await self._made()}

    async def forget(self, board: NodeId, who: str) -> None:
        """A board that belongs to us no longer: its account goes with it."""
        if self._files.folder is None:
            return
        with contextlib.suppress(BrokerFilesError):  # `run` says so
            if board in await self._names():
                await self._changed(lambda text: without(text, [board]))
                self._attest(who, "broker.account_removed", board)

    async def _changed(self, change: Any) -> str:
        """Both files, then the broker. What it could not be told, or nothing."""
        async with self._changing:
            text = change(await asyncio.to_thread(self._files.read, PASSWORDS))
            await asyncio.to_thread(self._files.write, PASSWORDS, text)
            try:
                await asyncio.to_thread(self._files.write, ACL, await self._made())
            except BrokerFilesError as error:  # the password counts, and must be said; `run` tries this again
                return str(error)
            return await asyncio.to_thread(self._files.tell)

    def _account(self, name: object) -> str:
        """A node by its name or id has the account of its board; everybody else the one that is said."""
        if not isinstance(name, str) or not name:
            raise InvalidValueError(
                field="name", value=repr(name)[:80], problem="is no name", allowed="an account or a node"
            )
        if name == self._controller:
            return name
        for node in self._state.nodes.values():
            if name in (node.id, node.name):
                return node.board_id or node.id
        return name

    def _attest(self, who: str, action: str, target: str) -> None:
        self._runner.post(ev.Attested(self._runner.clock.now(), who, action, target))


def _board(name: str) -> NodeId | None:
    try:
        return NodeId.parse(name)
    except InvalidIdError:
        return None
