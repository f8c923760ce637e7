"""Zones and a second factor of accounts, the tokens of sessions, and API tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Everybody signs in again: tokens of before do not name their family, and are not accepted any more."""
    op.add_column("user_account", sa.Column("zones", sa.String()))
    op.add_column("user_account", sa.Column("totp_secret", sa.String()))
    op.add_column("user_account", sa.Column("totp_step", sa.BigInteger()))
    op.add_column("user_account", sa.Column("removed", sa.Boolean()))
    op.drop_table("denied_token")
    op.create_table(
        "session_token",
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("family", sa.String(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_table(
        "api_token",
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("permissions", sa.String(), nullable=False),
        sa.Column("zones", sa.String()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used", sa.BigInteger()),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.Column("warned", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("prefix"),
    )
