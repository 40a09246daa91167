"""How events become Postgres rows: one read model per module, its SQL in .sql files."""
