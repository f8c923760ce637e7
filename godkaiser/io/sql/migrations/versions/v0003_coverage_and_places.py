"""How much of its time a sum covers, and since when a thing is in a zone."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """A column that is empty for what is there, and a new table."""
    op.add_column("reading", sa.Column("coverage", sa.Float(53)))
    op.create_table(
        "place",
        sa.Column("thing", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("zone", sa.String()),
        sa.PrimaryKeyConstraint("thing", "since"),
    )
