"""The processes: settling, karma and dispatching react; placing, expiring and liveness plan."""
