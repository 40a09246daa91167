"""Composition root of the coordinator: the HTTP and WebSocket face and the workers behind it."""
