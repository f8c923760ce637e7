"""Whose word is taken on where the controller is: this user's and root's, nobody else's.

A `.env` or a socket that somebody else laid out would decide to whom a stop and passwords go.
"""

from __future__ import annotations

import grp
import os
import pwd
import socket
import stat
import struct
from pathlib import Path
from typing import Final

MOST: Final = 1 << 20  # bytes of a file of settings
_PEER: Final = struct.Struct("3i")  # pid, uid, gid


def read_own(path: Path) -> str:
    """The text of a file nobody else can have written. Raises `OSError`, `ValueError`, `PermissionError` with why."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # what is a pipe must not hold us up
    with os.fdopen(handle, "rb") as file:
        found, link = os.fstat(file.fileno()), path.lstat()
        if problem := _problem(found) or _owned(link):
            raise PermissionError(problem)
        return file.read(MOST).decode()


def _problem(found: os.stat_result) -> str:
    if not stat.S_ISREG(found.st_mode):
        return "it is no file"
    if problem := _owned(found):
        return problem
    others = stat.S_IWOTH if _of_nobody_else(found.st_gid) else stat.S_IWOTH | stat.S_IWGRP
    return "others may write it (chmod go-w .env)" if found.st_mode & others else ""


def _owned(found: os.stat_result) -> str:
    return "" if found.st_uid in (os.geteuid(), 0) else f"it belongs to user {found.st_uid}"


def _of_nobody_else(group: int) -> bool:
    """Is it the group of this user alone? Where people have one each, all they make may be written by it."""
    try:
        person, found = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
    except KeyError:
        return False
    alone = found.gr_name == person.pw_name and set(found.gr_mem) <= {person.pw_name}
    return alone and person.pw_gid == group


def problem_of_peer(line: socket.socket, path: Path, folder: Path) -> str:
    """Why the one at the other end of a local socket is not to be trusted; empty: it is.

    It must run as this user or as root. Root may also ask the controller of whose folder it is.
    """
    known = getattr(socket, "SO_PEERCRED", None)  # Linux; elsewhere the file's owner has to do
    if known is None:
        owner = path.stat().st_uid
    else:
        owner = _PEER.unpack(line.getsockopt(socket.SOL_SOCKET, known, _PEER.size))[1]
    me = os.geteuid()
    if owner in (me, 0) or (me == 0 and owner == folder.stat().st_uid):
        return ""
    return f"it is served by user {owner}, neither you nor root"
