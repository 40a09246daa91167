"""How an intention becomes events: the event-log port, `handle()` and the processes."""
