"""What is known of the people behind accounts: checked identities and bans. Only who had either has a row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final, assert_never, get_args

from commands.event_log import Commit
from domain.ids import AccountId
from domain.person import (
    IdentityCheckStarted,
    IdentityReset,
    IdentityVerified,
    PersonBanned,
    PersonErased,
    PersonEvent,
    PersonUnbanned,
)
from domain.personal import PersonalOf
from projections import named_sql
from projections.contract import Transaction
from projections.keyed_fold import KeyedFold
from projections.live_batch import KnownRows, Write, folded
from projections.table import Table

SQL: Final = named_sql.load(Path(__file__).with_suffix(".sql"))
ERASED_REASON: Final = "the account was erased"
SESSIONS_KEPT_MAX: Final = 20  # Of one person, the newest.


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityCheck:
    session_id: str
    started_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """A check is pending while `is_pending`; `sessions` are the checks there were, oldest first."""

    account_id: AccountId
    is_pending: bool = False
    verified_at_ms: int | None = None
    verified_country: str = ""
    banned_at_ms: int | None = None
    ban_reason: Annotated[str, PersonalOf("account_id")] = ""
    sessions: tuple[IdentityCheck, ...] = ()
    position: int


def person_after(row: PersonRow | None, event: PersonEvent, position: int) -> PersonRow:
    before = row or PersonRow(account_id=event.account_id, position=position)
    return replace(changed(before, event), position=position)


def changed(row: PersonRow, event: PersonEvent) -> PersonRow:
    match event:
        case IdentityCheckStarted():
            session = IdentityCheck(session_id=event.session_id, started_at_ms=event.started_at_ms)
            return replace(row, is_pending=True, sessions=(*row.sessions, session)[-SESSIONS_KEPT_MAX:])
        case IdentityVerified():
            return replace(
                row, is_pending=False, verified_at_ms=event.verified_at_ms, verified_country=event.country
            )
        case IdentityReset():
            return replace(row, is_pending=False, verified_at_ms=None, verified_country="")
        case PersonBanned():
            return replace(row, banned_at_ms=event.banned_at_ms, ban_reason=event.reason)
        case PersonUnbanned():
            return replace(row, banned_at_ms=None, ban_reason="")
        case PersonErased():
            return replace(row, banned_at_ms=event.erased_at_ms, ban_reason=ERASED_REASON)
        case _:
            assert_never(event)


PEOPLE: Final = KeyedFold(
    table=Table(PersonRow, "people", key=("account_id",)),
    concerns=frozenset(get_args(PersonEvent)),
    key_of=lambda event: event.account_id,
    row_after=person_after,
)


class People:
    name = "people"
    version = 1
    concerns = PEOPLE.concerns
    migrations = named_sql.migrations(SQL)
    tables: Mapping[str, tuple[str, ...]] = {PEOPLE.table.name: PEOPLE.table.key}

    async def apply(self, tx: Transaction, commits: Sequence[Commit]) -> None:
        await PEOPLE.apply(tx, commits)

    async def writes(self, tx: Transaction, commits: Sequence[Commit], known: KnownRows) -> Sequence[Write]:
        return [await folded(PEOPLE, tx, commits, known)]
