"""A publisher: an account that puts cargos into the catalogue. Its tier says how many, and whether it is known.

One aggregate per account, beside the account because publishing moves no credits. `commands.publication` claims a slug
here before the cargo is published, and gives it back where somebody else had it.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, assert_never

from domain.decider import Decider
from domain.ids import AccountId, CargoSlug
from domain.rejection import Rejected, Rejection


class PublisherTier(StrEnum):
    """What an operator knows of a publisher."""

    INDIVIDUAL = "individual"  # Anybody: up to 3 cargos.
    VERIFIED = "verified"  # An operator knows who it is: up to 10 cargos.
    ORGANIZATION = "organization"  # A company or institute: any number.
    PARTNER = "partner"  # Works together with the operator: any number.

    @property
    def is_verified(self) -> bool:
        """Whether the publisher is known well enough for trust level 1."""
        return self is not PublisherTier.INDIVIDUAL


CARGOS_MAX: Final = {
    PublisherTier.INDIVIDUAL: 3,
    PublisherTier.VERIFIED: 10,
    PublisherTier.ORGANIZATION: None,
    PublisherTier.PARTNER: None,
}
"""How many cargos a publisher may have; None for any number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublisherTierGranted:
    account_id: AccountId
    tier: PublisherTier
    granted_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SlugClaimed:
    account_id: AccountId
    slug: CargoSlug
    claimed_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SlugReleased:
    """The slug belongs to another publisher after all."""

    account_id: AccountId
    slug: CargoSlug
    released_at_ms: int


PublisherEvent = PublisherTierGranted | SlugClaimed | SlugReleased


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantPublisherTier:
    account_id: AccountId
    tier: PublisherTier
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimSlug:
    account_id: AccountId
    slug: CargoSlug
    now_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseSlug:
    account_id: AccountId
    slug: CargoSlug
    now_ms: int


PublisherCommand = GrantPublisherTier | ClaimSlug | ReleaseSlug


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    tier: PublisherTier = PublisherTier.INDIVIDUAL
    slugs: frozenset[CargoSlug] = frozenset()


def decide(publisher: Publisher, command: PublisherCommand) -> list[PublisherEvent]:
    match command:
        case GrantPublisherTier():
            return grant(publisher, command)
        case ClaimSlug():
            return claim(publisher, command)
        case ReleaseSlug():
            if command.slug not in publisher.slugs:
                return []
            released_at_ms = command.now_ms
            return [
                SlugReleased(account_id=command.account_id, slug=command.slug, released_at_ms=released_at_ms)
            ]
        case _:
            assert_never(command)


def grant(publisher: Publisher, command: GrantPublisherTier) -> list[PublisherEvent]:
    if publisher.tier is command.tier:
        return []
    return [
        PublisherTierGranted(account_id=command.account_id, tier=command.tier, granted_at_ms=command.now_ms)
    ]


def claim(publisher: Publisher, command: ClaimSlug) -> list[PublisherEvent]:
    if command.slug in publisher.slugs:
        return []
    most = CARGOS_MAX[publisher.tier]
    if most is not None and len(publisher.slugs) >= most:
        raise Rejected(
            Rejection.CARGOS_EXCEEDED,
            f"slug: the publisher tier {publisher.tier} has at most {most} cargos; ask the operator for a higher tier",
        )
    return [SlugClaimed(account_id=command.account_id, slug=command.slug, claimed_at_ms=command.now_ms)]


def evolve(publisher: Publisher, event: PublisherEvent) -> Publisher:
    match event:
        case PublisherTierGranted():
            return replace(publisher, tier=event.tier)
        case SlugClaimed():
            return replace(publisher, slugs=publisher.slugs | {event.slug})
        case SlugReleased():
            return replace(publisher, slugs=publisher.slugs - {event.slug})
        case _:
            assert_never(event)


PUBLISHER: Decider[PublisherCommand, Publisher, PublisherEvent] = Decider(
    "publisher", Publisher(), decide, evolve
)
