"""The subject says who claims what, and nothing else is a claim."""

import pytest

from adapters.claim_address import Kind, address_of
from domain.claim import ClaimRejected, ClaimRejection

ISLAND = "island-1"


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "host",
        "host.island-1",
        "host.island-1.output",
        "host.island-1.status.x",
        "host.short.status",
        "host.isländer1.status",
        f"host.{65 * 'x'}.status",
        "host.*.status",
        "coordinator.hosts.register",
        "coordinator.hosts.register.short",
        "coordinator.hosts.pairing.island-1",
        "evt.job.island-1",
    ],
)
def test_a_subject_on_which_no_claim_is_made_is_a_bad_subject(subject: str) -> None:
    with pytest.raises(ClaimRejected) as rejected:
        address_of(subject)
    assert rejected.value.code == ClaimRejection.BAD_SUBJECT


@pytest.mark.parametrize("kind", list(Kind))
def test_the_subject_says_which_island_claims_what(kind: Kind) -> None:
    subject = f"coordinator.hosts.register.{ISLAND}" if kind is Kind.REGISTER else f"host.{ISLAND}.{kind}"
    found = address_of(subject)
    assert (found.island_id, found.kind, found.kind.is_greeting) == (
        ISLAND,
        kind,
        kind in (Kind.REGISTER, Kind.HEARTBEAT),
    )
