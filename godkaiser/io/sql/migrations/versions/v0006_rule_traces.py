"""What evaluations of rules looked at."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """A new table. Of what was evaluated before, the decisions are what there is."""
    op.create_table(
        "rule_trace",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("truth", sa.String(), nullable=False),
        sa.Column("acting", sa.Boolean(), nullable=False),
        sa.Column("cause", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("rule_trace_at", "rule_trace", ["rule", "at"])
