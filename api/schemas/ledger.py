"""Answers about the books: entries, and whether all of it adds up."""

from typing import NotRequired

from typing_extensions import TypedDict

from api.schemas.fields import Credits, EventAddress, Instant, Position
from projections.postings import Kind


class EntryFacts(TypedDict):
    """`account` is the purse without its owner: free, held, escrow, fees, treasury, clearing or mint."""

    position: Position
    index: int
    leg: int
    account: str
    kind: Kind
    job_id: NotRequired[str]
    host_id: NotRequired[str]
    reference: NotRequired[str]
    original: NotRequired[EventAddress]
    price_rules_version: NotRequired[int]
    effective_at: Instant
    posted_at: Instant


class EntryData(EntryFacts):
    """The entry as SDKs read it."""

    amount: float


class Entry(EntryFacts):
    """One leg of a balanced transaction. Credits that come are above zero."""

    amount: Credits
    data: EntryData


class Entries(TypedDict):
    """Entries, oldest first; ask again behind `position`."""

    entries: list[Entry]
    count: int
    position: Position
    data: list[EntryData]


class BooksProof(TypedDict):
    """The whole ledger added up: everything but `entries` is 0 or empty while the books are right."""

    right: bool
    sum: Credits
    unexplained: dict[str, Credits]
    held_for_ended_jobs: dict[str, Credits]
    uncleared: dict[str, Credits]
    entries: int
    digest: str
    position: Position
