"""One field of what an island sent, read without the rest: whose lane a claim takes, what runs where.

Used before a claim is decoded, or instead. Believes nothing and never raises: what cannot be read says nothing.
"""

from typing import Final

import msgspec

UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class JobName(msgspec.Struct):
    job_id: str = ""


class JobCount(msgspec.Struct):
    active_jobs: int = 0


NAME_DECODER: Final = msgspec.json.Decoder(JobName)
COUNT_DECODER: Final = msgspec.json.Decoder(JobCount)


def job_named(body: bytes) -> str:
    """The wire id that a body names, or nothing."""
    try:
        return NAME_DECODER.decode(body).job_id
    except UNREADABLE:
        return ""


def active_jobs(body: bytes) -> int:
    """How many jobs a heartbeat says it runs."""
    try:
        return COUNT_DECODER.decode(body).active_jobs
    except UNREADABLE:
        return 0
