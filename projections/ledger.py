"""The books: every movement of credits as a balanced transaction of double entry, in whole micro-credits.

Ledger accounts are `mint` (where credits come from, the only one below zero), `fees` (the platform's), `clearing`
(charged and not yet earned) and, for every account, `free:<id>`, `held:<id>` and `escrow:<id>`. What must not be is
refused by constraints in `ledger.sql`, and then this projection stops; the write side refuses it long before.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, assert_never, get_args

from commands.event_log import Commit
from domain.account_events import (
    AccountEvent,
    AccountOpened,
    CreditsEarned,
    CreditsGranted,
    CreditsHeld,
    EscrowReleased,
    HoldReleased,
    HoldSettled,
    HoldSplit,
)
from domain.ids import AccountId, IslandId, JobId
from projections import named_sql
from projections.contract import Transaction
from projections.live_batch import KnownRows, Write
from projections.table import Table

SQL: Final = named_sql.load(Path(__file__).with_suffix(".sql"))
MINT: Final = "mint"
FEES: Final = "fees"
CLEARING: Final = "clearing"


class Kind(StrEnum):
    """What a transaction was for."""

    GRANTED = "granted"
    HELD = "held"
    SETTLED = "settled"
    RELEASED = "released"
    ISLAND_EARNED = "island_earned"
    PUBLISHER_EARNED = "publisher_earned"
    ESCROW_RELEASED = "escrow_released"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRow:
    """One leg of the transaction `(position, index)`, which is the address of the event behind it.

    `account` is the ledger's account, `account_id` whose it is, empty for mint, fees and clearing. `reference` is the
    grant's id. `effective_at_ms` is the event's own time, `posted_at_ms` when the log recorded it.
    """

    position: int
    index: int
    leg: int
    account: str
    account_id: AccountId | None
    amount_micro: int
    kind: Kind
    job_id: JobId | None
    island_id: IslandId | None
    reference: str | None
    price_rules_version: int | None
    effective_at_ms: int
    posted_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One event as a transaction: signed amounts by ledger account, adding up to 0."""

    kind: Kind
    amounts_micro: Mapping[str, int]
    at_ms: int
    job_id: JobId | None = None
    island_id: IslandId | None = None
    reference: str | None = None
    price_rules_version: int | None = None


def free(account_id: AccountId) -> str:
    return f"free:{account_id}"


def held(account_id: AccountId) -> str:
    return f"held:{account_id}"


def escrow(account_id: AccountId) -> str:
    return f"escrow:{account_id}"


def owner_of(account: str) -> AccountId | None:
    """Whose ledger account it is; nobody's for mint, fees and clearing."""
    return AccountId(account.partition(":")[2]) or None


def transfer(source: str, target: str, amount_micro: int) -> dict[str, int]:
    return {source: -amount_micro, target: amount_micro}


def posting_of(event: AccountEvent) -> Posting | None:
    """The transaction that an event is; None where it moves no credits."""
    own = event.account_id
    match event:
        case AccountOpened() | HoldSplit():
            return None
        case CreditsGranted():
            amounts = transfer(MINT, free(own), event.amount_micro)
            return Posting(
                kind=Kind.GRANTED, amounts_micro=amounts, at_ms=event.granted_at_ms, reference=event.grant_id
            )
        case CreditsHeld():
            amounts = transfer(free(own), held(own), event.amount_micro)
            return Posting(kind=Kind.HELD, amounts_micro=amounts, at_ms=event.held_at_ms, job_id=event.job_id)
        case HoldSettled():
            return settlement(event)
        case HoldReleased():
            amounts = transfer(held(own), free(own), event.released_micro)
            return Posting(
                kind=Kind.RELEASED, amounts_micro=amounts, at_ms=event.released_at_ms, job_id=event.job_id
            )
        case CreditsEarned():
            return earning(event)
        case EscrowReleased():
            amounts = transfer(escrow(own), free(own), event.amount_micro)
            return Posting(
                kind=Kind.ESCROW_RELEASED,
                amounts_micro=amounts,
                at_ms=event.released_at_ms,
                island_id=event.island_id,
            )
        case _:
            assert_never(event)


def settlement(event: HoldSettled) -> Posting:
    return Posting(
        kind=Kind.SETTLED,
        amounts_micro={
            held(event.account_id): -(event.charged_micro + event.released_micro),
            free(event.account_id): event.released_micro,
            FEES: event.platform_fee_micro,
            CLEARING: event.publisher_micro + event.island_micro,
        },
        at_ms=event.settled_at_ms,
        job_id=event.job_id,
        island_id=event.island_id,
        price_rules_version=event.price_rules_version,
    )


def earning(event: CreditsEarned) -> Posting:
    target = escrow(event.account_id) if event.escrowed else free(event.account_id)
    return Posting(
        kind=Kind.PUBLISHER_EARNED if event.island_id is None else Kind.ISLAND_EARNED,
        amounts_micro=transfer(CLEARING, target, event.amount_micro),
        at_ms=event.earned_at_ms,
        job_id=event.job_id,
        island_id=event.island_id,
    )


def entries_of(commit: Commit) -> Iterator[EntryRow]:
    """The entries of a commit in order; legs of zero are left out."""
    for index, event in enumerate(commit.events):
        posting = posting_of(event) if isinstance(event, AccountEvent) else None
        if posting is None:
            continue
        moved = ((account, amount) for account, amount in posting.amounts_micro.items() if amount)
        for leg, (account, amount) in enumerate(moved):
            yield EntryRow(
                position=commit.position,
                index=index,
                leg=leg,
                account=account,
                account_id=owner_of(account),
                amount_micro=amount,
                kind=posting.kind,
                job_id=posting.job_id,
                island_id=posting.island_id,
                reference=posting.reference,
                price_rules_version=posting.price_rules_version,
                effective_at_ms=posting.at_ms,
                posted_at_ms=commit.recorded_at_ms,
            )


ENTRIES: Final[Table[EntryRow]] = Table(EntryRow, "entries", key=("position", "index", "leg"))


class Ledger:
    name = "ledger"
    version = 1
    concerns = frozenset(get_args(AccountEvent))
    migrations = named_sql.migrations(SQL)
    tables: Mapping[str, tuple[str, ...]] = {ENTRIES.name: ENTRIES.key, "balances": ("account",)}

    async def apply(self, tx: Transaction, commits: Sequence[Commit]) -> None:
        entries = [entry for commit in commits for entry in entries_of(commit)]
        if entries:
            await ENTRIES.insert(tx, entries)

    async def writes(self, _tx: Transaction, commits: Sequence[Commit], _known: KnownRows) -> Sequence[Write]:
        entries = [entry for commit in commits for entry in entries_of(commit)]
        return [Write(table=ENTRIES, rows=entries, is_insert=True)]
