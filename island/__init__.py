"""Composition root of the daemon that a contributor runs."""
