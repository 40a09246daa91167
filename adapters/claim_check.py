"""Whether a claim is what it says it is: who made it, that nobody has changed it, and that it is not an old one.

Called by the claim mailbox for every claim, before the intake decides what it means. The order of the checks is the
order of the codes: a sender without rights, a wrong signature, a wrong name, a replay.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.claim_address import Address
from adapters.claim_codec import check_size, claim_of
from adapters.claim_envelope import Envelope, is_sealed, opened
from adapters.replay_window import ReplayWindows
from commands.senders import Senders
from domain.claim import Claim, ClaimRejected, ClaimRejection, Heartbeat, Registration, wire_id
from domain.island_state import Island
from domain.job_events import Grade


@dataclass(frozen=True, slots=True)
class Checked:
    """A claim, and how sure it is that its island made it."""

    claim: Claim
    grade: Grade


class ClaimCheck:
    def __init__(self, senders: Senders) -> None:
        self._senders = senders
        self._windows = ReplayWindows()

    async def checked(
        self, address: Address, headers: Mapping[str, str], body: bytes, *, is_redelivered: bool
    ) -> Checked:
        """Raises `ClaimRejected`. What the server delivers again is no replay: it was new the first time."""
        check_size(body)  # Before anything is hashed.
        island = await self._senders.sender(address.island_id, is_greeting=address.kind.is_greeting)
        envelope = await self._envelope(address, island, headers, body)
        claim = claim_of(address, body, local_id=island.local_id, is_signed=envelope is not None)
        if envelope is None:
            return Checked(claim, Grade.UNSIGNED)
        if (envelope.job, envelope.attempt) != named(claim):
            raise ClaimRejected(ClaimRejection.ID_MISMATCH, "Claim: job and attempt must be the body's")
        is_new = self._windows.take(address.island_id, address.kind, envelope.n)
        if not (is_new or is_redelivered):
            raise ClaimRejected(
                ClaimRejection.REPLAYED, f"Claim: n {envelope.n} was used before or is too old"
            )
        return Checked(claim, Grade.SIGNED)

    async def _envelope(
        self, address: Address, island: Island, headers: Mapping[str, str], body: bytes
    ) -> Envelope | None:
        """None from an island without keys: its connection vouches for it, and a seal would prove nothing."""
        if island.user_key is None:
            if is_sealed(headers):
                raise ClaimRejected(ClaimRejection.BAD_SIGNATURE, "Claim: this island enrolled without a key")
            return None
        try:
            return open_with(island.user_key, address, headers, body)
        except ClaimRejected as rejected:
            if rejected.code is not ClaimRejection.BAD_SIGNATURE or not is_sealed(headers):
                raise
            now = await self._senders.sender_anew(address.island_id, is_greeting=address.kind.is_greeting)
            if now.user_key in (None, island.user_key):
                raise
            return open_with(now.user_key, address, headers, body)


def open_with(user_key: str, address: Address, headers: Mapping[str, str], body: bytes) -> Envelope:
    return opened(headers, island_id=address.island_id, kind=address.kind, body=body, user_key=user_key)


def named(claim: Claim) -> tuple[str, int]:
    """Wire id and attempt as the envelope of this claim must name them."""
    if isinstance(claim, Registration | Heartbeat):
        return "", 0
    return wire_id(claim.job_id, claim.attempt), claim.attempt
