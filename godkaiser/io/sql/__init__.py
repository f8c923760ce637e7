"""The database: SQLModel tables stay in here, what goes in and out are the engine's records."""
