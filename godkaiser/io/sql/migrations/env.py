"""How Alembic runs a version: over the connection it is given, inside that connection's transaction.

Run by Alembic only; it leaves logging alone. Without effects (`--dry-run`) the statements go to a buffer.
"""

from alembic import context
from sqlmodel import SQLModel

connection = context.config.attributes["connection"]
if context.is_offline_mode():
    context.configure(
        dialect_name=connection.dialect.name, literal_binds=True, target_metadata=SQLModel.metadata
    )
else:
    context.configure(connection=connection, target_metadata=SQLModel.metadata)
context.run_migrations()
