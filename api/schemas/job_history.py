"""Answers about what happened to a job and why: its facts, its placements, its charge."""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from api.schemas.fields import Credits, EventAddress, Instant, Position
from api.schemas.job import Verdict
from api.schemas.ledger import Entry
from domain.job_events import Grade
from domain.job_state import Phase
from domain.placement import Candidate, Refusal
from domain.pricing import PriceUnit
from projections.attempts import Ending
from projections.postings import Kind


class Fact(TypedDict):
    """A fact of the log under its stored name; its fields are in the page of events."""

    event: str
    data: dict[str, Any]


class RejectedClaimFacts(TypedDict):
    """What an island said that did not count, and why. `code` is of the page of errors."""

    code: str
    detail: str
    subject: str
    claim_stream: str
    claim_position: Position
    received_at_ms: int
    received_at: Instant


class RejectedClaim(RejectedClaimFacts):
    """The same with its form for SDKs."""

    data: RejectedClaimFacts


class Timeline(TypedDict):
    """Everything that was recorded about a job, in order; `data` are its facts."""

    job_id: str
    state: Phase
    facts: list[Fact]
    rejected_claims: list[RejectedClaimFacts]
    entries: list[Entry]
    data: list[Fact]


class CountedRefusal(TypedDict):
    """A rule, how many islands it turned down, and one of them. One that has left has no name."""

    code: Refusal
    count: int
    example: str
    example_name: NotRequired[str]


class Attempt(TypedDict):
    """Where a job was tried and why there: scores of the best islands, the others counted by rule."""

    attempt: int
    host_id: str
    price: Credits
    assigned_at: Instant
    started_at: NotRequired[Instant]
    ended_at: NotRequired[Instant]
    ending: NotRequired[Ending]
    grade: NotRequired[Grade]
    code: NotRequired[str]
    detail: NotRequired[str]
    winner: NotRequired[Candidate]
    candidates: list[Candidate]
    refusals: list[CountedRefusal]
    considered: int
    rules_version: int
    view_position: Position


class Charge(TypedDict):
    """What a job cost and why so much. `event` is where the settlement stands."""

    standing: Literal["held", "settled", "unsettled", "released"]
    bid: Credits
    ask: NotRequired[Credits]
    unit: NotRequired[PriceUnit]
    units: NotRequired[int]
    capped_by_bid: NotRequired[bool]
    charged: NotRequired[Credits]
    released: NotRequired[Credits]
    platform_fee: NotRequired[Credits]
    publisher: NotRequired[Credits]
    island: NotRequired[Credits]
    price_rules_version: NotRequired[int]
    event: NotRequired[EventAddress]


class Repayment(TypedDict):
    """What came back later: a refund of `original`, or a compensation with its evidence."""

    kind: Kind
    amount: Credits
    event: EventAddress
    original: NotRequired[EventAddress]
    reason: NotRequired[str]
    evidence: NotRequired[list[EventAddress]]
    compensation_rules_version: NotRequired[int]


class Placement(TypedDict):
    """Why a job ran where it ran and cost what it cost; `data` are its attempts."""

    job_id: str
    state: Phase
    attempts: list[Attempt]
    queue_reasons: NotRequired[list[CountedRefusal]]
    error_code: NotRequired[str]
    error: NotRequired[str]
    charge: Charge
    repayments: NotRequired[list[Repayment]]
    verdict: NotRequired[Verdict]
    data: list[Attempt]
