"""The servers that come along: NATS and PostgreSQL from wheels, kept in one data directory."""
