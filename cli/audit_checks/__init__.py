"""What `archipelago audit check` looks at: one module for each check, put together in `cli/audit_run.py`."""
