"""Who makes which kind of claim, read from the subject: accounts put the island into it, so it is the server's word.

Used by the claim mailbox, its check and the codec of claims.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.claim import ClaimRejected, ClaimRejection
from domain.ids import IslandId

ISLAND_ID: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")


class Kind(StrEnum):
    """The last word of the subject a claim is made on; `register` for registrations."""

    REGISTER = "register"
    HEARTBEAT = "heartbeat"
    STATUS = "status"
    LEASE = "lease"

    @property
    def is_greeting(self) -> bool:
        """About the island itself, so one that is not paired yet says it too."""
        return self in (Kind.REGISTER, Kind.HEARTBEAT)


@dataclass(frozen=True, slots=True)
class Address:
    island_id: IslandId
    kind: Kind


def address_of(subject: str) -> Address:
    """Raises `ClaimRejected(bad_subject)`."""
    match subject.split("."):
        case ["coordinator", "hosts", "register", island_id] if ISLAND_ID.fullmatch(island_id):
            return Address(IslandId(island_id), Kind.REGISTER)
        case ["host", island_id, "heartbeat" | "status" | "lease" as kind] if ISLAND_ID.fullmatch(island_id):
            return Address(IslandId(island_id), Kind(kind))
        case _:
            raise ClaimRejected(ClaimRejection.BAD_SUBJECT, "no claim is made on such a subject")
