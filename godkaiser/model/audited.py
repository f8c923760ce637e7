"""What the audit keeps: every action with its severity, which decides how long its rows are kept if not for ever.

`docs/reference/audit.md` is made from `ACTIONS`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


class AuditSeverity(enum.StrEnum):
    """How grave it is that this happened, the least first."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Action:
    """`when`: in the words of the reference, with what `target` and `detail` say where that is not plain."""

    severity: AuditSeverity
    when: str


INFO, WARNING, ERROR, CRITICAL = AuditSeverity
RETAINED: Final = "audit.retention"
KEY_CHANGED: Final = "audit.key_changed"
ACTIONS: Final[Mapping[str, Action]] = {
    "login": Action(INFO, "somebody signed in"),
    "login.failed": Action(
        WARNING,
        "somebody could not; `detail` is `current password` where somebody signed in said a wrong one again. Tries "
        "that came too soon are not kept: a flood must not fill it",
    ),
    "login.code_needed": Action(
        WARNING,
        "name and password were right, the second factor was not said yet: if nobody comes in from there, somebody "
        "knows the password",
    ),
    "logout": Action(INFO, "somebody signed out; `detail` says how many tokens ended"),
    "session.reused": Action(
        ERROR, "a refresh token came a second time, so its whole sign-in ended; `target` is whose it was"
    ),
    "session.all_ended": Action(
        ERROR, "the clock was set back behind what was forgotten of sessions, so all of them ended"
    ),
    "denied": Action(
        WARNING,
        "somebody signed in asked for what their role, zones or API token may not, or `nobody` came with what opens "
        "nothing (`refresh`, `api_token`, `setup`); `target` is the right or that, `session` "
        "where an API token asked for what needs a person's session, `current_password` where that was not said; "
        "`detail` is the method and what it was asked for, such as `set fan`. The first of a person, right and "
        "method is a row at once; more within a minute are one row with their number when it is over",
    ),
    "user.added": Action(WARNING, "an account was made"),
    "user.changed": Action(
        WARNING, "password, role, zones, second factor, in or out; `detail` says how many tokens ended, too"
    ),
    "user.removed": Action(WARNING, "an account is gone"),
    "address.blocked": Action(ERROR, "an address is kept out"),
    "address.lifted": Action(WARNING, "it was let in again by an admin"),
    "token.added": Action(WARNING, "an API token was made; `target` is its prefix"),
    "token.rotated": Action(INFO, "it was exchanged for a new one"),
    "token.revoked": Action(WARNING, "it was ended before its time, also with its owner"),
    "token.ending": Action(INFO, "it ends soon and was not rotated; said once, by the controller"),
    "stop": Action(
        CRITICAL,
        "the software stop; `target` is its scope. Of one person and scope one a second, while it stands",
    ),
    "clear": Action(CRITICAL, "its end was asked for"),
    "clear.forced": Action(CRITICAL, "the same without waiting for nodes"),
    "clear.latch": Action(CRITICAL, "a node that holds something by itself was asked to let go"),
    "actuator.set": Action(
        INFO,
        "a person or a program asked for a value; `detail` is the value, and why it was refused if it was",
    ),
    "hold.ended": Action(INFO, "a person's hold was ended before its time"),
    "service.begun": Action(WARNING, "an actuator is in service: nothing moves it"),
    "service.ended": Action(WARNING, "it is not any more"),
    "actuator.removed": Action(WARNING, "an actuator is not declared any more"),
    "node.discovered": Action(INFO, "an unknown node came"),
    "node.approved": Action(WARNING, "it was let in"),
    "node.rejected": Action(WARNING, "it was not"),
    "node.removed": Action(WARNING, "it was taken out"),
    "node.replaced": Action(CRITICAL, "it goes on with another board; curves are marked with it"),
    "node.request": Action(INFO, "somebody asked it to measure or to do something that moves nothing"),
    "node.configured": Action(
        INFO, "it was sent its configuration; `detail` says which part, how many items and which generation"
    ),
    "rules.changed": Action(
        WARNING, "a row per rule that was added, removed, changed, or switched on or off; `target` is its id"
    ),
    "rule.escalated": Action(
        ERROR, "a rule's failover began; `target` is the rule, `detail` what was not carried out"
    ),
    "rule.escalation_ended": Action(WARNING, "and ended"),
    "site.applied": Action(WARNING, "a site file was applied; a row per difference follows"),
    "site.changed": Action(WARNING, "one difference, applied; `target` is its place in the file"),
    "site.differs": Action(INFO, "one difference that stays as it is"),
    "sensor.recalibrated": Action(CRITICAL, "a series has another calibration; curves are marked with it"),
    "sensor.scheduled": Action(INFO, "another time-table for measuring"),
    "alarm.ack": Action(INFO, "an alarm was acknowledged"),
    "alarm.reset": Action(INFO, "a latched one was reset"),
    "alarm.shelve": Action(INFO, "it was shelved"),
    "alarm.unshelve": Action(INFO, "and taken back"),
    "alarm.remove": Action(WARNING, "it was taken out of service"),
    "alarm.restore": Action(WARNING, "and back"),
    "broker.password": Action(WARNING, "an account at the broker was made, or has a new password"),
    "broker.account_removed": Action(WARNING, "it is gone"),
    "clock.jumped": Action(ERROR, "the machine's clock was set forward"),
    RETAINED: Action(
        CRITICAL,
        "old rows were erased; `target` says what of before when, `detail` how many, or that it was a trial",
    ),
    KEY_CHANGED: Action(
        CRITICAL,
        "the controller started with another `audit.key`: what was sealed before is not checked without the old one; "
        "`target` is the name of the key, `before` that of the old one",
    ),
}


def severity_of(action: str) -> AuditSeverity:
    """Of what nobody has listed: warning."""
    known = ACTIONS.get(action)
    return WARNING if known is None else known.severity
