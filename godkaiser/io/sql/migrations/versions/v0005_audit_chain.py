"""Rows of the audit are sealed one after the other."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """What is there stays without a seal: nobody can say what it was."""
    op.add_column("audit", sa.Column("place", sa.BigInteger()))
    op.add_column("audit", sa.Column("seal", sa.String()))
