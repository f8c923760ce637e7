"""Roll-ups, the marks of those to make again, heartbeats; PostgreSQL reads history out of the key's own index."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
# PostgreSQL keeps readings as they arrive: one series lies scattered over the whole table, but not in this index.
_KEY = "series_id, measured_at, boot, seq"


def upgrade() -> None:
    """New tables; on PostgreSQL the readings' key is made anew, which reads every row once."""
    _rollups()
    _heartbeats()
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE reading DROP CONSTRAINT reading_pkey")
        op.execute(f"ALTER TABLE reading ADD PRIMARY KEY ({_KEY}) INCLUDE (value, quality)")
        op.create_index("reading_measured_at", "reading", ["measured_at"], postgresql_using="brin")


def _bucket() -> list[sa.Column[int] | sa.Constraint]:
    return [
        sa.Column[int]("series_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column[int]("span_s", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column[int]("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("series_id", "span_s", "at"),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"]),
    ]


def _rollups() -> None:
    numbers = [sa.Column[float](name, sa.Float(53)) for name in ("mean", "minimum", "maximum", "std")]
    op.create_table(
        "rollup",
        *_bucket(),
        sa.Column("n", sa.Integer(), nullable=False),
        *numbers,
        sa.Column("bad", sa.Integer(), nullable=False),
        sa.Column("covered_s", sa.Float(53), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table("rollup_due", *_bucket(), sqlite_with_rowid=False)


def _heartbeats() -> None:
    op.create_table(
        "heartbeat",
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("uptime", sa.BigInteger(), nullable=False),
        sa.Column("heap_free", sa.BigInteger(), nullable=False),
        sa.Column("wifi_rssi", sa.Integer(), nullable=False),
        sa.Column("boot_id", sa.String(), nullable=False),
        sa.Column("handover_epoch", sa.BigInteger(), nullable=False),
        sa.Column("handover_rejects", sa.BigInteger()),
        sa.Column("sensor_count", sa.Integer()),
        sa.Column("actuator_count", sa.Integer()),
        sa.Column("state", sa.Integer()),
        sa.Column("reset_reason", sa.String(), nullable=False),
        sa.Column("degraded", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("node", "at"),
        sqlite_with_rowid=False,
    )
