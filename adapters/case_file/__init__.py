"""The case file of a job: one zip with the commits that concern it, their proofs, and a program that verifies it."""
