"""What the write side keeps in PostgreSQL: where each process stands, and who leads."""
