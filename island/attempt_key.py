"""Which attempt of which job: the name under which everything on the island knows a piece of work.

The attempt number is the fencing token. On the wire both travel in one id (`domain.claim.wire_id`).
"""

from dataclasses import dataclass

from domain.claim import parse_wire_id, wire_id
from domain.ids import JobId


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptKey:
    job_id: JobId
    attempt: int

    @property
    def wire_id(self) -> str:
        return wire_id(self.job_id, self.attempt)

    @classmethod
    def parse(cls, text: str) -> "AttemptKey":
        """The key of a wire id. Raises `ClaimRejected` where it is none."""
        job_id, attempt = parse_wire_id(text)
        return cls(job_id=job_id, attempt=attempt)
