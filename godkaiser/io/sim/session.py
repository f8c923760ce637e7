"""The device's side of registration and hand-over: gate, approval, and who is in charge.

    ONLINE ──(link lost | server offline | 120 s without ACK)──> GRACE ──30 s──> OFFLINE
    GRACE ──(valid ACK | server online)──> ONLINE
    OFFLINE ──(link back | server online: epoch + 1)──> RECONNECTING ──(ACK with that epoch)──> ADOPTING
    ADOPTING ──2 s──> ONLINE

ONLINE and GRACE take an ACK with any epoch of 1 or more; the other modes only their own. Nothing but
heartbeats, announcements and answers leaves the device until the first valid ACK of a connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .condition import Condition
from .driver import NEVER
from .firmware.liveness import POOL, ack_flaw
from .spec import SECOND
from .text import parse

ACK_TIMEOUT = 120 * SECOND
GRACE = 30 * SECOND
ADOPTION = 2 * SECOND
STALE_HINT = 15 * SECOND
ZONE_CONFIGURED, CONFIG_PENDING, OPERATIONAL, PENDING_APPROVAL, ERROR = 6, 8, 9, 10, 14
_BLOCKED = {
    CONFIG_PENDING: "CONFIG_PENDING_BLOCKED",
    PENDING_APPROVAL: "PENDING_APPROVAL_BLOCKED",
    ERROR: "DEGRADED_MODE_BLOCKED",
}
_REJECTS = {"status": "MISSING_STATUS", "handover_epoch": "INVALID_HANDOVER_EPOCH"}
_REVOKED = ("DELETE", "REVOK", "TOMBSTONE", "UPSTREAM")

Mode = Literal["ONLINE", "GRACE", "OFFLINE", "RECONNECTING", "ADOPTING"]


@dataclass(frozen=True, slots=True)
class Accepted:
    """A valid ACK: its status word, whether all actuators must be reported, and the code of a rejection."""

    status: str
    report: bool
    code: str = ""


class Session:
    """Registration state of one node since its boot; instants in microseconds.

    ``state`` is the number the device reports; ``approved`` outlives a boot.
    """

    def __init__(self, synced: bool, boot: int, condition: Condition) -> None:
        self.connected = False
        self.open = False
        self.state = PENDING_APPROVAL
        self.approved = False
        self.mode: Mode = "ONLINE"
        self.epoch = 0
        self.completed_epoch = 0
        self.rejected_acks = 0
        self.last_reject = "NONE"
        self.offline_count = 0
        self.adopting_count = 0
        self._skew = condition.skew
        self._set_at = boot
        self._offset: int | None = self._skew.offset if synced else None
        self._acked_at = NEVER
        self._connected_at = NEVER
        self._change_at = NEVER

    def recall(self, before: Session, now: int, *, bare: bool) -> None:
        """Boot anew, and look for the server from here on: flash knows of the approval and nothing else."""
        self.approved = before.approved
        if before.state == ERROR:
            self.state = ERROR
        elif self.approved:
            self.state = CONFIG_PENDING if bare else OPERATIONAL
        self._part(now)

    @property
    def synced(self) -> bool:
        """Whether the clock has been set."""
        return self._offset is not None

    def instant(self, now: int) -> int:
        """What the device believes the time to be, in microseconds; 0 while its clock is not set."""
        return 0 if self._offset is None else now + self._offset + self._skew.drift(now - self._set_at)

    def clock(self, now: int) -> int:
        """The same in whole Unix seconds, as most messages carry it."""
        return self.instant(now) // SECOND

    @property
    def alone(self) -> bool:
        """Whether the node is on its own: without a server, and none has taken over yet."""
        return self.mode in ("OFFLINE", "RECONNECTING")

    @property
    def deadline(self) -> int:
        """When the mode changes by itself. An ACK that is exactly as old as it may be is not too old yet."""
        silent = self.connected and self.mode == "ONLINE" and self._acked_at != NEVER
        return min(self._change_at, self._acked_at + ACK_TIMEOUT + 1 if silent else NEVER)

    def connect(self, now: int) -> None:
        """The transport is up: the gate is shut until the first valid ACK."""
        self.connected, self.open = True, False
        self._connected_at, self._acked_at = now, NEVER
        if self.mode in ("OFFLINE", "RECONNECTING", "ADOPTING"):
            self._reconnect()

    def disconnect(self, now: int) -> None:
        """The transport is gone."""
        self.connected, self.open = False, False
        self._part(now)

    def _part(self, now: int) -> None:
        if self.mode in ("ONLINE", "ADOPTING"):
            self.mode, self._change_at = "GRACE", now + GRACE
        elif self.mode == "RECONNECTING":
            self.mode = "OFFLINE"

    def _reconnect(self) -> None:
        self.mode, self._change_at = "RECONNECTING", NEVER
        self.epoch += 1

    def expire(self, now: int) -> bool:
        """Let timers run out; True when the server was silent too long and actuators must go to default."""
        if now < self.deadline:
            return False
        if self.mode == "GRACE":
            self.mode, self._change_at = "OFFLINE", NEVER
            self.offline_count += 1
            return False
        if self.mode == "ADOPTING":
            self.mode, self._change_at = "ONLINE", NEVER
            return False
        self._part(now)
        return True

    def server(self, payload: bytes, now: int) -> bool:
        """Take ``server/status``; True when actuators must go to default at once."""
        fields = parse(payload, POOL) or {}
        if fields.get("status") == "online":
            self._welcome(now)
        if fields.get("status") != "offline" or self._stale(fields, now):
            return False
        self._part(now)
        return True

    def _welcome(self, now: int) -> None:
        if self.mode == "GRACE":
            self.mode, self._change_at, self._acked_at = "ONLINE", NEVER, now
        elif self.mode == "OFFLINE":
            self._reconnect()

    def _stale(self, fields: dict[str, object], now: int) -> bool:
        fresh = now - self._connected_at < STALE_HINT and not self.open
        return fields.get("reason") == "unexpected_disconnect" and fresh

    def ack(self, payload: bytes, now: int) -> Accepted | None:
        """Take a heartbeat ACK; None when it is unreadable or breaks the contract and so counts as none."""
        fields = parse(payload, POOL)
        if fields is None:
            return None
        reject = self._contract(fields)
        if reject:
            self.rejected_acks += 1
            self.last_reject = reject
            return None
        return self._admit(fields, now)

    def _contract(self, fields: dict[str, object]) -> str:
        flaw = ack_flaw(fields)
        if flaw:
            return _REJECTS[flaw.field]
        if self.mode in ("ONLINE", "GRACE") or fields["handover_epoch"] == self.epoch:
            return ""
        return "HANDOVER_EPOCH_MISMATCH" if self.epoch else "MISSING_ACTIVE_SESSION_EPOCH"

    def _admit(self, fields: dict[str, object], now: int) -> Accepted:
        first = not self.open
        self.open, self._acked_at = True, now
        self._set_clock(fields.get("server_time"), now)
        adopting = self._adopt(now)
        status = str(fields["status"])
        return Accepted(status, first or adopting, self._approve(status, fields))

    def _set_clock(self, server_time: object, now: int) -> None:
        if not self.synced and type(server_time) is int and 1_700_000_000 <= server_time <= 2_500_000_000:
            self._offset, self._set_at = server_time * SECOND - now, now

    def _adopt(self, now: int) -> bool:
        if self.mode == "GRACE":
            self.mode, self._change_at = "ONLINE", NEVER
        if self.mode not in ("OFFLINE", "RECONNECTING"):
            return False
        self.mode, self._change_at = "ADOPTING", now + ADOPTION
        self.completed_epoch = self.epoch
        self.adopting_count += 1
        return True

    def _approve(self, status: str, fields: dict[str, object]) -> str:
        if status in ("approved", "online"):
            self.approved = True
            self.state = self.state if self.state == CONFIG_PENDING else OPERATIONAL
        elif status == "pending_approval":
            self.state, self.approved = PENDING_APPROVAL, False
        elif status == "rejected":
            self.state, self.approved = ERROR, False
            return "UPSTREAM_DELETE_REVOKED" if _revoked(fields) else "HEARTBEAT_REJECTED"
        return ""

    def blocked(self) -> str:
        """Why an actuator or sensor command is not admitted; empty when it is."""
        return _BLOCKED.get(self.state, "") if self.open else "REGISTRATION_PENDING"


class OpenSession(Session):
    """The older generation: nothing to register for, nobody to hand over to, only a connection or none."""

    def __init__(self, synced: bool, boot: int, condition: Condition) -> None:
        super().__init__(synced, boot, condition)
        self.state, self.approved = OPERATIONAL, True

    def recall(self, before: Session, now: int, *, bare: bool) -> None:
        """There is nothing to recall."""

    @property
    def deadline(self) -> int:
        """Nothing changes by itself."""
        return NEVER

    def connect(self, now: int) -> None:
        """The transport is up, and that is all it takes."""
        super().connect(now)
        self.open = True

    def blocked(self) -> str:
        """Everything is admitted."""
        return ""


def _revoked(fields: dict[str, object]) -> bool:
    hints = f"{fields.get('reason_code', '')} {fields.get('revocation_source', '')}".upper()
    flags = fields.get("upstream_deleted") is True or fields.get("delete_intent") is True
    return flags or any(word in hints for word in _REVOKED)
