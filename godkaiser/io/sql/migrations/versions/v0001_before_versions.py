"""The schema as it was when versions began; completes any database of before, whatever it has already."""

import sqlalchemy as sa
from alembic import context, op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create what is not there; no row is touched."""
    known = sa.inspect(context.config.attributes["connection"])
    old = known.has_table("reading")
    calibrated = not old or "calibration" in {column["name"] for column in known.get_columns("reading")}
    _registers()
    _readings()
    _chronicles()
    _accounts()
    if not calibrated:
        # Readings of before knew no calibration; 0 says so.
        op.add_column("reading", _calibration())
    op.execute(
        "INSERT INTO meta (key, value) VALUES ('schema', '2') ON CONFLICT (key) DO UPDATE SET value = '2'"
    )


def _table(name: str, *columns: sa.Column[object] | sa.Constraint, **options: bool) -> None:
    op.create_table(name, *columns, if_not_exists=True, **options)


def _index(name: str, table: str, *columns: str) -> None:
    op.create_index(name, table, list(columns), if_not_exists=True)


def _text(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Text(), nullable=null)


def _word(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.String(), nullable=null)


def _big(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def _number(name: str, *, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.Float(53), nullable=null)


def _int(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _flag(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _part(name: str, kind: sa.types.TypeEngine[int]) -> sa.Column[object]:
    return sa.Column[object](name, kind, autoincrement=False, nullable=False)


def _calibration() -> sa.Column[object]:
    return sa.Column("calibration", sa.Integer(), nullable=False, server_default="0")


def _key(*names: str) -> sa.Constraint:
    return sa.PrimaryKeyConstraint(*names)


def _registers() -> None:
    _table("meta", _word("key"), _word("value"), _key("key"))
    _table(
        "node", _word("id"), _word("status"), _word("name"), _word("zone", null=True), _word("boot_id"),
        _int("boot"), _flag("modern"), _big("first_seen"), _key("id"),
    )  # fmt: skip
    _table("actuator", _word("id"), _text("spec"), _key("id"))
    _table("rule", _word("id"), _int("place"), _text("document"), _key("id"))
    _table(
        "series", _int("id"), _word("name"), _word("unit"), _word("label"), _key("id"),
        sa.UniqueConstraint("name"),
    )  # fmt: skip
    _table(
        "calibration", _word("series"), _part("version", sa.Integer()),
        _text("document"), _big("valid_from", null=True), _word("by"), _big("made_at"),
        _big("undone_at", null=True), _key("series", "version"),
    )  # fmt: skip


def _readings() -> None:
    _table(
        "reading", _part("series_id", sa.Integer()), _part("measured_at", sa.BigInteger()),
        _part("boot", sa.BigInteger()), _part("seq", sa.BigInteger()), _number("value", null=True), _number("raw"),
        sa.Column("quality", sa.SmallInteger(), nullable=False), _text("reason", null=True), _big("received_at"),
        _word("zone", null=True), _flag("server_timed"), _calibration(),
        _key("series_id", "measured_at", "boot", "seq"),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"]), sqlite_with_rowid=False,
    )  # fmt: skip


def _chronicles() -> None:
    _table(
        "decision", _int("id"), _word("rule"), _big("at"), _word("truth"), _flag("active"), _word("trace"),
        _big("cause"), _word("note"), _key("id"),
    )  # fmt: skip
    _index("decision_at", "decision", "at")
    _table(
        "outcome", _int("id"), _word("intent"), _word("command"), _word("actuator"), _number("value"),
        _word("fate"), _big("at"), _word("who"), _word("origin"), _word("message"), _word("findings"),
        _big("cause"), _key("id"),
    )  # fmt: skip
    _index("outcome_at", "outcome", "at")
    _index("outcome_actuator", "outcome", "actuator", "at")
    _table(
        "actuator_change", _int("id"), _big("at"), _word("actuator"), _number("value", null=True),
        _word("cause"), _key("id"),
    )  # fmt: skip
    _index("actuator_change_at", "actuator_change", "actuator", "at")
    _table(
        "audit",
        _int("id"),
        _big("at"),
        _word("who"),
        _word("action"),
        _word("target"),
        _text("detail"),
        _key("id"),
    )
    _index("audit_at", "audit", "at")
    _table(
        "alarm_change", _int("id"), _big("at"), _word("key"), _word("step"), _word("state"), _word("priority"),
        _text("text"), _word("who"), _text("reason"), _key("id"),
    )  # fmt: skip
    _index("alarm_change_at", "alarm_change", "at")


def _accounts() -> None:
    _table(
        "user_account", _int("id"), _word("name"), _word("role"), _word("password_hash"), _flag("active"),
        _int("version"), _key("id"), sa.UniqueConstraint("name"),
    )  # fmt: skip
    _table("denied_token", _word("jti"), _big("expires"), _key("jti"))
