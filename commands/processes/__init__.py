"""The processes: settling, karma and dispatching react; placing, expiring, barring and liveness plan."""
