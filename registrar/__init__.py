"""The programs that hold signing keys: the registrar with its guard, and the door for islands with a password.

Composition roots beside `api`, `island` and `cli`: `python -m registrar` and `python -m registrar.door`. They follow
the facts about islands and make the NATS server agree with them; they record none themselves.
"""
