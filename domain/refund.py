"""A refund: the charge of one job goes back to who paid it, part by part, from where each part went.

Asked for by an operator, once a job. The request names the settlement that it puts right and carries all that
`commands.processes.repaying` needs: the island's and the publisher's part are taken back as far as they are still
there, and the treasury covers the platform's part and whatever is missing.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated

from domain.decider import Decider
from domain.ids import AccountId, IslandId, JobId
from domain.personal import PersonalOf


class ChargePart(StrEnum):
    """The parts that a charge was shared into."""

    PLATFORM = "platform"  # The network's fee.
    PUBLISHER = "publisher"  # The share of who published the cargo.
    ISLAND = "island"  # The share of the island's owner.


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequested:
    """`original` is the address of the settlement, `position.index`. The three parts add up to what was charged."""

    job_id: JobId
    account_id: AccountId
    original: str
    platform_fee_micro: int
    publisher_micro: int
    island_micro: int
    island_id: IslandId
    owner_id: AccountId
    publisher_id: AccountId
    reason: Annotated[str, PersonalOf("account_id")]
    requested_at_ms: int


def part_id(job_id: JobId, part: ChargePart) -> str:
    return f"{job_id}/{part}"


RefundEvent = RefundRequested


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRefund:
    """The facts of one settlement, as the log has them."""

    job_id: JobId
    account_id: AccountId
    original: str
    platform_fee_micro: int
    publisher_micro: int
    island_micro: int
    island_id: IslandId
    owner_id: AccountId
    publisher_id: AccountId
    reason: str
    now_ms: int


RefundCommand = RequestRefund


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    is_requested: bool = False


def decide(refund: Refund, command: RefundCommand) -> list[RefundEvent]:
    if refund.is_requested:
        return []
    return [
        RefundRequested(
            job_id=command.job_id,
            account_id=command.account_id,
            original=command.original,
            platform_fee_micro=command.platform_fee_micro,
            publisher_micro=command.publisher_micro,
            island_micro=command.island_micro,
            island_id=command.island_id,
            owner_id=command.owner_id,
            publisher_id=command.publisher_id,
            reason=command.reason,
            requested_at_ms=command.now_ms,
        )
    ]


def evolve(refund: Refund, _event: RefundEvent) -> Refund:
    return replace(refund, is_requested=True)


REFUND: Decider[RefundCommand, Refund, RefundEvent] = Decider("refund", Refund(), decide, evolve)
