"""What an operator and an owner say about an island that is new, odd or tired, as events."""

from typing import Final

from domain import island_events, person, release
from tests.examples import CUSTOMER, ISLAND, at_ms


def rejected(seconds: float = 4) -> island_events.IslandRejected:
    return island_events.IslandRejected(
        island_id=ISLAND, reason="nobody knows it", rejected_at_ms=at_ms(seconds)
    )


def verified(seconds: float = 5) -> island_events.CapabilitiesVerified:
    return island_events.CapabilitiesVerified(
        island_id=ISLAND, notes="seen its GPU", verified_at_ms=at_ms(seconds)
    )


def verification_withdrawn(seconds: float = 6) -> island_events.VerificationWithdrawn:
    return island_events.VerificationWithdrawn(
        island_id=ISLAND, reason="it was sold", withdrawn_at_ms=at_ms(seconds)
    )


def drain_ordered(seconds: float = 7) -> island_events.DrainOrdered:
    return island_events.DrainOrdered(island_id=ISLAND, ordered_at_ms=at_ms(seconds))


def drain_lifted(seconds: float = 8, *, is_still_draining: bool = False) -> island_events.DrainLifted:
    return island_events.DrainLifted(
        island_id=ISLAND, is_still_draining=is_still_draining, lifted_at_ms=at_ms(seconds)
    )


EVENTS: Final = (rejected(), verified(), verification_withdrawn(), drain_ordered(), drain_lifted())
RELEASED: Final = release.ReleasePublished(
    release=release.AgentRelease(
        platform="linux-x86_64",
        version="0.2.0",
        download_url="https://net.example/island",
        signature="a" * 128,
        checksum_sha256="b" * 64,
        size_bytes=1_000,
        is_critical=True,
        release_notes="Faster.",
    ),
    published_at_ms=at_ms(9),
)
CHECK_STARTED: Final = person.IdentityCheckStarted(
    account_id=CUSTOMER, session_id="session-1", started_at_ms=at_ms(1)
)
VERIFIED: Final = person.IdentityVerified(account_id=CUSTOMER, country="CH", verified_at_ms=at_ms(2))
RESET: Final = person.IdentityReset(account_id=CUSTOMER, reason="a wrong passport", reset_at_ms=at_ms(3))
BANNED: Final = person.PersonBanned(account_id=CUSTOMER, reason="sold stolen keys", banned_at_ms=at_ms(4))
UNBANNED: Final = person.PersonUnbanned(account_id=CUSTOMER, unbanned_at_ms=at_ms(5))
ERASED: Final = person.PersonErased(account_id=CUSTOMER, erased_at_ms=at_ms(6))
PERSON_EVENTS: Final = (CHECK_STARTED, VERIFIED, RESET, BANNED, UNBANNED, ERASED)
