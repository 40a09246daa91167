"""Who there is, what they own, and the API keys and sessions that act for them.

The balances here are the account's own view, folded from its events; the `ledger` keeps the books that must balance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final, assert_never, get_args

from commands.event_log import Commit
from domain.account_events import (
    AccountEvent,
    AccountOpened,
    AccountRenamed,
    BalanceRanLow,
    BalanceRecovered,
    BidSaved,
    ChargeRefunded,
    CompensationPaid,
    CreditsCorrected,
    CreditsEarned,
    CreditsGranted,
    CreditsHeld,
    EarningTakenBack,
    EscrowReleased,
    HoldReleased,
    HoldSettled,
    HoldSplit,
)
from domain.api_key import ApiKeyEvent, ApiKeyIssued, ApiKeyRevoked, Scope
from domain.ids import AccountId
from domain.personal import PersonalOf
from projections import named_sql
from projections.contract import Transaction
from projections.keyed_fold import KeyedFold
from projections.live_batch import KnownRows, Write, folded
from projections.sign_in_rows import EMAILS, SESSIONS
from projections.table import Table

SQL: Final = named_sql.load(Path(__file__).with_suffix(".sql"))


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """Amounts in micro-credits. `is_low` while a warning about the balance stands; `created_position` is the account's
    public number.
    """

    account_id: AccountId
    name: Annotated[str, PersonalOf("account_id")]
    opened_at_ms: int
    free_micro: int = 0
    held_micro: int = 0
    escrow_micro: int = 0
    is_low: bool = False
    created_position: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyRow:
    """`secret_sha256` is all there is of the secret. `created_position` is the key's public number."""

    key_id: str
    account_id: AccountId
    name: Annotated[str, PersonalOf("account_id")]
    prefix: str
    secret_sha256: str
    scopes: tuple[Scope, ...]
    issued_at_ms: int
    expires_at_ms: int | None = None
    requests_per_minute: int | None = None
    revoked_at_ms: int | None = None
    created_position: int
    position: int


def account_after(row: AccountRow | None, event: AccountEvent, position: int) -> AccountRow | None:
    if isinstance(event, AccountOpened):
        return AccountRow(
            account_id=event.account_id,
            name=event.name,
            opened_at_ms=event.opened_at_ms,
            created_position=position,
            position=position,
        )
    if row is None:
        return None
    match event:
        case AccountRenamed():
            return replace(row, name=event.name, position=position)
        case CreditsGranted():
            return moved(row, position, free=event.amount_micro)
        case CreditsHeld():
            return moved(row, position, free=-event.amount_micro, held=event.amount_micro)
        case HoldSplit() | BidSaved():
            return row
        case HoldSettled():
            closed = event.charged_micro + event.released_micro
            return moved(row, position, free=event.released_micro, held=-closed)
        case HoldReleased():
            return moved(row, position, free=event.released_micro, held=-event.released_micro)
        case CreditsEarned() if event.escrowed:
            return moved(row, position, escrow=event.amount_micro)
        case CreditsEarned():
            return moved(row, position, free=event.amount_micro)
        case EscrowReleased():
            return moved(row, position, free=event.amount_micro, escrow=-event.amount_micro)
        case CreditsCorrected() | ChargeRefunded() | CompensationPaid():
            return moved(row, position, free=event.amount_micro)
        case EarningTakenBack():
            return moved(row, position, free=-event.from_free_micro, escrow=-event.from_escrow_micro)
        case BalanceRanLow():
            return replace(row, is_low=True, position=position)
        case BalanceRecovered():
            return replace(row, is_low=False, position=position)
        case _:
            assert_never(event)


def moved(row: AccountRow, position: int, *, free: int = 0, held: int = 0, escrow: int = 0) -> AccountRow:
    return replace(
        row,
        free_micro=row.free_micro + free,
        held_micro=row.held_micro + held,
        escrow_micro=row.escrow_micro + escrow,
        position=position,
    )


def api_key_after(row: ApiKeyRow | None, event: ApiKeyEvent, position: int) -> ApiKeyRow | None:
    match event:
        case ApiKeyIssued():
            return ApiKeyRow(
                key_id=event.key_id,
                account_id=event.account_id,
                name=event.name,
                prefix=event.prefix,
                secret_sha256=event.secret_sha256,
                scopes=event.scopes,
                issued_at_ms=event.issued_at_ms,
                expires_at_ms=event.expires_at_ms,
                requests_per_minute=event.requests_per_minute,
                created_position=position,
                position=position,
            )
        case ApiKeyRevoked():
            return row and replace(row, revoked_at_ms=event.revoked_at_ms, position=position)
        case _:
            assert_never(event)


ACCOUNTS: Final = KeyedFold(
    table=Table(AccountRow, "accounts", key=("account_id",)),
    concerns=frozenset(get_args(AccountEvent)),
    key_of=lambda event: event.account_id,
    row_after=account_after,
)
API_KEYS: Final = KeyedFold(
    table=Table(ApiKeyRow, "api_keys", key=("key_id",)),
    concerns=frozenset(get_args(ApiKeyEvent)),
    key_of=lambda event: event.key_id,
    row_after=api_key_after,
)


FOLDS: Final = (ACCOUNTS, API_KEYS, SESSIONS, EMAILS)


class Accounts:
    name = "accounts"
    version = 1
    concerns = frozenset[type]().union(*(fold.concerns for fold in FOLDS))
    migrations = named_sql.migrations(SQL)
    tables: Mapping[str, tuple[str, ...]] = {fold.table.name: fold.table.key for fold in FOLDS}

    async def apply(self, tx: Transaction, commits: Sequence[Commit]) -> None:
        for fold in FOLDS:
            await fold.apply(tx, commits)

    async def writes(self, tx: Transaction, commits: Sequence[Commit], known: KnownRows) -> Sequence[Write]:
        return [await folded(fold, tx, commits, known) for fold in FOLDS]
