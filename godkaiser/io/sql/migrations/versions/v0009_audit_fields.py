"""The audit says from where, in which request, what was before and after, and how grave it is; and can be erased."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
TEXTS = ("severity", "address", "correlation", "before", "after", "cipher")


def upgrade() -> None:
    """Rows of before keep the seal they have; it says nothing of the new columns, so those must be empty."""
    for name in TEXTS:
        kind = sa.Text() if name in ("before", "after") else sa.String()
        op.add_column("audit", sa.Column(name, kind, nullable=False, server_default=""))
    op.add_column("audit", sa.Column("digest", sa.String(), nullable=True))
    op.create_index("audit_severity", "audit", ["severity", "at"])
