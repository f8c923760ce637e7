"""Every error of godkaiser, one declaration each.

    GodkaiserError
    ├── ConfigurationError   SettingsError, RetentionTooShortError, PortInUseError, DataFolderError, FileWriteError,
    │                        DatabaseBrokenError, DatabaseNewerError, DatabaseOutdatedError, ControllerRunningError,
    │                        MissingExtraError, WeakSecretError, BrokerRefusedError, BrokerDistrustedError,
    │                        BrokerFilesError, CipherKeyError, KeyFileError, RetentionOffError
    ├── InvalidError         InvalidIdError, InvalidValueError, DocumentError, RecordingError, UnboundError,
    │                        RuleRefusedError, UnknownSensorTypeError, SensorTypeError, CalibrationError,
    │                        MessageTooLargeError, NodeCapacityError
    ├── MissingError         UnknownNodeError, UnknownSensorError, UnknownActuatorError, UnknownZoneError,
    │                        UnknownRuleError, UnknownAlarmError, UnknownAccountError, UnknownUserError,
    │                        UnknownTokenError, UnknownAddressError, NoControllerError
    ├── ConflictError        DuplicateRuleError, StopTransitionError, AlarmTransitionError, AmbiguousNameError,
    │                        BoardUnfitError, TrialError, DuplicateAccountError, SetupDoneError, LastAdminError,
    │                        TokenLimitError
    ├── CommandError         CommandRefusedError, CommandFailedError, AckTimeoutError, NodeRefusedError,
    │                        NodeSilentError
    ├── AuthError            AuthenticationFailedError, CodeNeededError, ForbiddenError, ThrottledError,
    │                        AddressBlockedError
    ├── UnavailableError     LinkDownError, ControllerGoneError, FarmClosedError, StoreAwayError, RecordRefusedError,
    │                        JournalError, SpoolError, LogoutUnstoredError, SignInBusyError
    └── InternalError        SealError, ProtocolError, RemoteError

A class states its kind, one sentence that speaks only of its fields, and a hint. `Kind` is the only table
of HTTP statuses and exit codes. Refusals inside the core are values; they become these in the facade.
"""

from __future__ import annotations

import dataclasses
import enum
import re
import string
from typing import Any, ClassVar, dataclass_transform


class Kind(enum.Enum):
    """What sort of trouble it is: (HTTP status, exit code)."""

    INVALID = (400, 2)
    UNAUTHENTICATED = (401, 3)
    FORBIDDEN = (403, 4)
    MISSING = (404, 5)
    CONFLICT = (409, 6)
    REFUSED = (409, 7)
    MALFORMED = (422, 8)
    THROTTLED = (429, 9)
    TIMEOUT = (504, 10)
    UNAVAILABLE = (503, 11)
    INTERNAL = (500, 70)

    @property
    def http_status(self) -> int:
        """The status of the REST gateway."""
        return self.value[0]

    @property
    def exit_code(self) -> int:
        """The exit code of the command line."""
        return self.value[1]


_BY_CODE: dict[str, type[GodkaiserError]] = {}


@dataclass_transform(kw_only_default=True, eq_default=False)
class GodkaiserError(Exception):
    """Root of the tree. Subclasses are keyword-only dataclasses."""

    kind: ClassVar[Kind] = Kind.INTERNAL
    sentence: ClassVar[str] = "Something went wrong."
    hint: ClassVar[str] = "Report this with the log around it."
    code: ClassVar[str] = "godkaiser"

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        dataclasses.dataclass(kw_only=True, eq=False, repr=False)(cls)
        cls.code = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__.removesuffix("Error")).lower()
        fields = {f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type]  # it is a dataclass by now
        used = {
            name
            for text in (cls.sentence, cls.hint)
            for _, name, _, _ in string.Formatter().parse(text)
            if name
        }
        if not used <= fields:
            raise TypeError(f"{cls.__name__} speaks of {sorted(used - fields)} but has only {sorted(fields)}")
        _BY_CODE[cls.code] = cls

    @property
    def details(self) -> dict[str, Any]:
        """The typed fields, as a dictionary."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}  # type: ignore[arg-type]

    @property
    def remedy(self) -> str:
        """The hint with its fields filled in."""
        return self.hint.format(**self.details)

    def __str__(self) -> str:
        return self.sentence.format(**self.details)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.details)

    def to_wire(self) -> dict[str, Any]:
        """One shape for socket, REST and `--json`: code, message, hint, details."""
        return {"code": self.code, "message": str(self), "hint": self.remedy, "details": self.details}


def _rebuild(cls: type[GodkaiserError], details: dict[str, Any]) -> GodkaiserError:
    return cls(**details)


def from_wire(body: dict[str, Any]) -> GodkaiserError:
    """Rebuild a typed error from `to_wire`'s shape; an unknown code gives `RemoteError`."""
    cls = _BY_CODE.get(str(body.get("code")))
    details = body.get("details") or {}
    if cls is not None and {f.name for f in dataclasses.fields(cls)} == set(details):  # type: ignore[arg-type]
        return cls(**details)
    return RemoteError(remote_code=str(body.get("code")), message=str(body.get("message")))


# ── configuration ──────────────────────────────────────────────────────────────────────────────────────
class ConfigurationError(GodkaiserError, ValueError):
    """The program was started with something it cannot work with."""

    kind = Kind.INVALID


class SettingsError(ConfigurationError):
    """A setting is missing or unusable."""

    sentence = "Setting {field}: {problem}"
    hint = "{remedy_text}"
    field: str
    problem: str
    remedy_text: str


class RetentionTooShortError(ConfigurationError):
    """Readings would be deleted that roll-ups still need."""

    sentence = "Readings are to be kept for {kept}, but roll-ups need them for {needed}"
    hint = "Keep readings longer: one may come a day late, and a value holds for up to {hold}."
    kept: str
    needed: str
    hold: str


class BrokerFilesError(ConfigurationError):
    """The broker's password file or access list cannot be read or written."""

    sentence = "The broker's files cannot be kept (folder: {folder}): {problem}"
    hint = "Set GODKAISER_BROKER_DIR to a folder that the controller may write and the broker may read."
    folder: str
    problem: str


class PortInUseError(ConfigurationError, OSError):
    """Somebody else listens on the port."""

    kind = Kind.CONFLICT
    sentence = "Port {port} on {host} is already used by another program."
    hint = "Stop that program or choose another port with {option}."
    host: str
    port: int
    option: str


class DataFolderError(ConfigurationError, OSError):
    """The data folder cannot be used."""

    sentence = "Data folder {path}: {problem}"
    hint = "Choose a folder you may write to with --data or GODKAISER_DATA_DIR."
    path: str
    problem: str


class KeyFileError(ConfigurationError, OSError):
    """A file with a secret of the controller cannot be used."""

    sentence = "Key file {path}: {problem}."
    hint = "Put the right file there, such as that of a backup, or name it where it is."
    path: str
    problem: str


class FileWriteError(ConfigurationError, OSError):
    """A file that somebody asked for could not be written; nothing of it is left."""

    sentence = "{path} could not be written: {problem}."
    hint = "Choose a folder that is there, with space, that you may write to. Nothing was left behind."
    path: str
    problem: str


class DatabaseBrokenError(ConfigurationError):
    """The database file is damaged or not ours."""

    sentence = "Database {where}: {problem}"
    hint = "Move the file away (it is not deleted) or restore a backup, then start again."
    where: str
    problem: str


class DatabaseOutdatedError(ConfigurationError):
    """The database has the schema of an older program, and nobody has said that it may be changed."""

    kind = Kind.CONFLICT
    sentence = "Database {where} has schema version {found}; this program needs {needed}."
    hint = "Make a backup, then run `godkaiser db upgrade`; `--dry-run` shows what it would do."
    where: str
    found: str
    needed: str


class DatabaseNewerError(ConfigurationError):
    """The database was written by a newer program."""

    kind = Kind.CONFLICT
    sentence = "Database {where} is of a newer program: {found}; this one knows up to {known}."
    hint = "Use the newer program, or restore a copy from before it was upgraded. Nothing was changed."
    where: str
    found: str
    known: str


class ControllerRunningError(ConfigurationError):
    """Exactly one controller may act for a kaiser id."""

    kind = Kind.CONFLICT
    sentence = "Another controller is already running for {what} ({who})."
    hint = "Use that one (`godkaiser nodes` talks to it) or stop it first."
    what: str
    who: str


class MissingExtraError(ConfigurationError, ImportError):
    """An optional package is not installed."""

    sentence = "{feature} needs the extra '{extra}'."
    hint = "Install it: pip install 'godkaiser[{extra}]'"
    feature: str
    extra: str


class WeakSecretError(ConfigurationError):
    """A secret is too short or well known."""

    sentence = "Secret {name}: {problem}"
    hint = "Use at least 32 random characters, for example from `openssl rand -hex 32`."
    name: str
    problem: str


class RetentionOffError(ConfigurationError):
    """Old rows of the audit are to be erased, and the settings do not allow it."""

    sentence = "Nothing of the audit is erased: the settings do not want it."
    hint = "Set AUDIT_RETENTION_ENABLED=true and AUDIT_RETENTION_DRY_RUN=false, and start again."


class CipherKeyError(ConfigurationError):
    """The file with the keys for the details of the audit cannot be used."""

    sentence = "Key file {path}: {problem}"
    hint = "Make one with `godkaiser audit new-key FILE`, and keep it outside the database, mode 0600."
    path: str
    problem: str


class BrokerRefusedError(ConfigurationError):
    """The broker does not let us in: user name, password or client certificate."""

    kind = Kind.UNAUTHENTICATED
    sentence = "The MQTT broker {broker} refuses us: {problem}"
    hint = "{remedy_text}"
    broker: str
    problem: str
    remedy_text: str


class BrokerDistrustedError(ConfigurationError):
    """We do not trust the broker: its certificate, or no TLS at all where we demand it."""

    sentence = "The MQTT broker {broker} cannot be trusted: {problem}"
    hint = "{remedy_text}"
    broker: str
    problem: str
    remedy_text: str


# ── invalid input ──────────────────────────────────────────────────────────────────────────────────────
class InvalidError(GodkaiserError, ValueError):
    """What was given cannot be accepted."""

    kind = Kind.INVALID


class InvalidIdError(InvalidError):
    """An id does not have its pattern."""

    sentence = "{field} {text!r} is not valid."
    hint = "Expected {expected}."
    field: str
    text: str
    expected: str


class InvalidValueError(InvalidError):
    """A value is outside what its field allows."""

    sentence = "{field} = {value}: {problem}"
    hint = "Allowed: {allowed}."
    field: str
    value: str
    problem: str
    allowed: str


class DocumentError(InvalidError):
    """A rule or site document is wrong at a path."""

    sentence = "{path}: {problem}"
    hint = "Correct the document at {path}; nothing was changed."
    path: str
    problem: str


class RecordingError(InvalidError):
    """A recording that cannot be replayed here."""

    sentence = "The recording cannot be replayed: {problem}."
    hint = "Replay it with the version of godkaiser that made it, and with the same plug-ins."
    problem: str


class UnboundError(DocumentError, InvalidError):
    """A rule refers to something that the site does not say."""

    hint = "State it at {path}, or declare it in the site; nothing was changed."


class RuleRefusedError(InvalidError):
    """A stored rule that is not carried out."""

    sentence = "The stored rule {name} is refused: {path}: {problem}."
    hint = (
        "Correct it and bring it with `godkaiser rules import`, or take it out with `godkaiser rules remove`."
    )
    name: str
    path: str
    problem: str


class UnknownSensorTypeError(InvalidError):
    """No such sensor type."""

    sentence = "Sensor type {text!r} is not known."
    hint = "Known types: {known}."
    text: str
    known: str


class SensorTypeError(InvalidError):
    """A plug-in's sensor type cannot be taken."""

    sentence = "Sensor type {name!r}: {problem}."
    hint = "Give it another name; a plug-in cannot replace what is there."
    name: str
    problem: str


class CalibrationError(InvalidError):
    """A calibration cannot be made of these points."""

    sentence = "Calibration, {field}: {problem}"
    hint = "{way}"
    field: str
    problem: str
    way: str


class MessageTooLargeError(InvalidError):
    """A message would not fit into the node's memory."""

    sentence = "{what} needs {size} {measure}, the node takes {limit}."
    hint = "Shorten or leave out: {drop}."
    what: str
    size: int
    limit: int
    measure: str
    drop: str


class NodeCapacityError(InvalidError):
    """A node's board or firmware has no room for that many."""

    sentence = "{node} takes at most {limit} {what}; too many: {names}."
    hint = "Leave those out, or move them to another node. Nothing was sent."
    node: str
    what: str
    limit: int
    names: str


# ── not found ──────────────────────────────────────────────────────────────────────────────────────────
class MissingError(GodkaiserError, LookupError):
    """What was asked for does not exist."""

    kind = Kind.MISSING


class UnknownNodeError(MissingError):
    """No such node."""

    sentence = "No node {text!r}."
    hint = "`godkaiser nodes` lists the nodes."
    text: str


class UnknownZoneError(MissingError):
    """No such zone."""

    sentence = "No zone {text!r}."
    hint = "Zones are: {known}."
    text: str
    known: str


class UnknownSensorError(MissingError):
    """No such sensor."""

    sentence = "No sensor {text!r}.{near}"
    hint = "`godkaiser sensors` lists the sensors."
    text: str
    near: str = ""


class UnknownActuatorError(MissingError):
    """No such actuator."""

    sentence = "No actuator {text!r}.{near}"
    hint = "`godkaiser nodes` lists the actuators of each node."
    text: str
    near: str = ""


class UnknownRuleError(MissingError):
    """No such rule."""

    sentence = "No rule {text!r}."
    hint = "`godkaiser rules list` shows the rules."
    text: str


class UnknownAlarmError(MissingError):
    """No such alarm stands."""

    sentence = "No alarm {text!r}."
    hint = "`godkaiser alarms` lists the alarms; a key is KIND:THING, like node_silent:ESP_A1B2C3."
    text: str


class UnknownUserError(MissingError):
    """Nobody has this account."""

    sentence = "There is no account {name!r}."
    hint = "`godkaiser users list` shows them."
    name: str


class UnknownAddressError(MissingError):
    """Nothing is known against this address."""

    sentence = "{address!r} is not kept out."
    hint = "`godkaiser blocks list` shows who is."
    address: str


class UnknownTokenError(MissingError):
    """No API token begins so."""

    sentence = "There is no API token {prefix!r}."
    hint = "`godkaiser tokens list` shows them."
    prefix: str


class UnknownAccountError(MissingError):
    """Nobody of that name has a password at the broker."""

    sentence = "The broker's password file has no account “{name}”"
    hint = "`godkaiser broker accounts` lists them."
    name: str


class NoControllerError(MissingError, ConnectionError):
    """No controller found on this machine."""

    sentence = "No controller is running {where}."
    hint = "Start one with `godkaiser demo` or `godkaiser run`, or name its folder with --data."
    where: str


# ── conflict ───────────────────────────────────────────────────────────────────────────────────────────
class ConflictError(GodkaiserError):
    """It contradicts what is there."""

    kind = Kind.CONFLICT


class DuplicateRuleError(ConflictError):
    """Two rules of one name."""

    sentence = "A rule named {name!r} stands twice."
    hint = "Give each rule its own name."
    name: str


class StopTransitionError(ConflictError):
    """The stop state table forbids this step."""

    sentence = "The stop cannot go from {phase} by '{step}'."
    hint = "{way}"
    phase: str
    step: str
    way: str


class AlarmTransitionError(ConflictError):
    """The alarm state table forbids this step."""

    sentence = "Alarm {key} is {state}: '{step}' is not possible."
    hint = "{way}"
    key: str
    state: str
    step: str
    way: str


class AmbiguousNameError(ConflictError, LookupError):
    """A name fits several things."""

    sentence = "{text!r} fits more than one: {found}."
    hint = "Use the full id."
    text: str
    found: str


class BoardUnfitError(ConflictError):
    """This board cannot take a node's place."""

    sentence = "{board} cannot take the place of {node}: {problem}."
    hint = "{way}"
    node: str
    board: str
    problem: str
    way: str


class TrialError(ConflictError):
    """Rules could not be tried."""

    sentence = "The trial was not carried out: {problem}."
    hint = "Try it again, over a shorter time, or with `godkaiser rules try`."
    problem: str


class DuplicateAccountError(ConflictError):
    """Two people cannot have one name."""

    sentence = "There is an account {name!r} already."
    hint = "Choose another name."
    name: str


class TokenLimitError(ConflictError):
    """Somebody has as many API tokens as one may have."""

    sentence = "{owner} has {count} API tokens already; more than {most} are not kept."
    hint = "Revoke one that is no longer needed; while one is rotated both of them count."
    owner: str
    count: int
    most: int


class SetupDoneError(ConflictError):
    """The first account was made before, perhaps a moment ago by somebody else."""

    sentence = "There is an account already."
    hint = "Sign in; an admin can make more accounts."


class LastAdminError(ConflictError):
    """Somebody must be able to let others in."""

    sentence = "{name} is the last active admin."
    hint = "Make somebody else an admin first."
    name: str


# ── commands ───────────────────────────────────────────────────────────────────────────────────────────
class CommandError(GodkaiserError):
    """A command did not do what was wanted."""


class CommandRefusedError(CommandError):
    """The safety gate said no. Every finding is listed."""

    kind = Kind.REFUSED
    sentence = "Command to {actuator} refused: {reasons}"
    hint = "Nothing was sent. Remove each reason, then try again."
    actuator: str
    reasons: str
    findings: list[dict[str, str]]


class CommandFailedError(CommandError):
    """The node answered that it could not."""

    kind = Kind.UNAVAILABLE
    sentence = "{actuator} did not carry out the command: {message}"
    hint = "See `godkaiser nodes` for the state of the node."
    actuator: str
    message: str


class AckTimeoutError(CommandError, TimeoutError):
    """The node did not answer in time."""

    kind = Kind.TIMEOUT
    sentence = "{actuator} did not answer within {seconds} s; its state is unknown."
    hint = "The lease still ends the command on our side. See `godkaiser nodes`."
    actuator: str
    seconds: float


class NodeRefusedError(CommandError):
    """A node answered a request with no."""

    kind = Kind.REFUSED
    sentence = "{node} refused {what}: {message}"
    hint = "See `godkaiser nodes` for the state of the node."
    node: str
    what: str
    message: str


class NodeSilentError(CommandError, TimeoutError):
    """A node did not answer a request in time."""

    kind = Kind.TIMEOUT
    sentence = "{node} did not answer {what} within {seconds:g} s."
    hint = "See `godkaiser nodes`: is it online, and does its firmware know the request?"
    node: str
    what: str
    seconds: float


# ── accounts ───────────────────────────────────────────────────────────────────────────────────────────
class AuthError(GodkaiserError):
    """Who is asking, and may they?"""


class AuthenticationFailedError(AuthError, PermissionError):
    """Name, password or token is not valid. The text never says which."""

    kind = Kind.UNAUTHENTICATED
    sentence = "Sign-in failed: {problem}"
    hint = "Sign in again."
    problem: str


class CodeNeededError(AuthError, PermissionError):
    """Name and password are right, and the account has a second factor."""

    kind = Kind.UNAUTHENTICATED
    sentence = "This account asks for the code of its phone as well."
    hint = "Sign in again with the six digits the phone shows now."


class ForbiddenError(AuthError, PermissionError):
    """The role, the zones or the API token do not allow this."""

    kind = Kind.FORBIDDEN
    sentence = "{who} ({role}) may not {action}."
    hint = "Ask an operator or admin."
    who: str
    role: str
    action: str


class ThrottledError(AuthError):
    """Too many tries."""

    kind = Kind.THROTTLED
    sentence = "Too many tries."
    hint = "Try again in {retry_after:.0f} s."
    retry_after: float


class AddressBlockedError(ThrottledError, AuthError):
    """An address that was denied again and again is kept out for a time."""

    sentence = "This address is kept out, as it was denied too often."
    hint = (
        "Try again in {left}. An admin can let it in again sooner, on the page Accounts or by "
        "`godkaiser blocks lift ADDRESS`."
    )
    left: str


# ── unavailable ────────────────────────────────────────────────────────────────────────────────────────
class UnavailableError(GodkaiserError, ConnectionError):
    """Something we need is away."""

    kind = Kind.UNAVAILABLE


class LinkDownError(UnavailableError):
    """No connection to the MQTT broker."""

    sentence = "The MQTT broker {broker} cannot be reached: {problem}"
    hint = "Start the broker or correct MQTT_BROKER_HOST and MQTT_BROKER_PORT; we keep trying."
    broker: str
    problem: str


class ControllerGoneError(UnavailableError):
    """The controller stopped answering."""

    sentence = "The controller is gone: {problem}"
    hint = "Start it again with `godkaiser run` or `godkaiser demo`."
    problem: str


class FarmClosedError(UnavailableError):
    """This connection was closed by its owner."""

    sentence = "This connection is closed."
    hint = "Open a new one with godkaiser.connect()."


class StoreAwayError(UnavailableError):
    """The database does not answer."""

    sentence = "The database is away: {problem}"
    hint = "Control goes on; what comes waits on this machine's disk until the database is back."
    problem: str


class RecordRefusedError(UnavailableError):
    """The database is there, but does not take this record."""

    kind = Kind.INTERNAL
    sentence = "The database refuses a record: {problem}"
    hint = "It is set aside and counted; report this with the log around it."
    problem: str


class JournalError(UnavailableError):
    """The safety journal cannot be written: nothing is energised."""

    sentence = "The safety journal {path} cannot be used: {problem}"
    hint = "Free space or correct the rights of the data folder. Until then only safe moves go out."
    path: str
    problem: str


class SpoolError(UnavailableError):
    """What waits for the database cannot be kept on this machine's disk: the broker keeps it, while it can."""

    sentence = "The spool {path} cannot be used: {problem}"
    hint = "Free space or correct the rights of the data folder. Until then the broker keeps what nodes say."
    path: str
    problem: str


class LogoutUnstoredError(UnavailableError):
    """A session could not be ended for good."""

    sentence = "You are still signed in: the end of the session could not be stored ({problem})."
    hint = "Sign out again when the database is back."
    problem: str


class SignInBusyError(UnavailableError):
    """More people want to sign in at once than can be checked; it counts as no failure."""

    sentence = "Too many are signing in at once."
    hint = "Try again in a few seconds; whoever is signed in is not hindered."


# ── internal ───────────────────────────────────────────────────────────────────────────────────────────
class InternalError(GodkaiserError, RuntimeError):
    """A mistake of ours."""


class SealError(InternalError):
    """Somebody tried to make a command without the safety gate."""

    sentence = "Only the safety gate can make a command ({what})."
    hint = "Submit an intent instead."
    what: str


class ProtocolError(InternalError):
    """A client of the local socket said something unintelligible."""

    kind = Kind.MALFORMED
    sentence = "Request not understood: {problem}"
    hint = "See docs/reference/desk.md."
    problem: str


class RemoteError(InternalError):
    """An error of a kind this version does not know."""

    sentence = "{message} [{remote_code}]"
    hint = "Controller and client may be of different versions."
    remote_code: str
    message: str


__all__ = [
    name for name, value in list(globals().items()) if isinstance(value, type) and name.endswith("Error")
]
__all__ += ["Kind", "from_wire"]
