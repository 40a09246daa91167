"""What an account owns after any of its events, and which keys act for it."""

import pytest

from domain.account_events import AccountEvent, CreditsEarned, EscrowReleased, HoldReleased
from domain.api_key import ApiKeyIssued, ApiKeyRevoked, Scope
from domain.pricing import MICRO_PER_CREDIT
from projections.accounts import AccountRow, account_after, api_key_after
from tests import examples
from tests.histories import random_history
from tests.projections.live import folded

ISSUED = ApiKeyIssued(
    key_id="key-1",
    account_id=examples.CUSTOMER,
    name="laptop",
    prefix="ak_12345678",
    secret_sha256="f" * 64,
    scopes=(Scope.READ, Scope.WRITE),
    issued_at_ms=examples.T0_MS,
)
RELEASED = HoldReleased(
    account_id=examples.CUSTOMER,
    job_id=examples.JOB_ID,
    released_micro=examples.BID_MICRO,
    released_at_ms=examples.T0_MS,
)


def earned(*, escrowed: bool) -> CreditsEarned:
    return CreditsEarned(
        account_id=examples.CUSTOMER,
        job_id=examples.JOB_ID,
        island_id=examples.ISLAND,
        amount_micro=7,
        escrowed=escrowed,
        earned_at_ms=examples.T0_MS,
    )


def released_escrow(amount_micro: int) -> EscrowReleased:
    return EscrowReleased(
        account_id=examples.CUSTOMER,
        island_id=examples.ISLAND,
        amount_micro=amount_micro,
        released_at_ms=examples.T0_MS,
    )


def account(*events: AccountEvent) -> AccountRow:
    return folded(account_after, examples.opened(), *events)


def owned(row: AccountRow) -> tuple[int, int, int]:
    return row.free_micro, row.held_micro, row.escrow_micro


def test_an_account_opens_with_nothing_and_keeps_its_number() -> None:
    row = account(examples.granted())
    assert (row.name, row.created_position, row.position) == (examples.CUSTOMER, 1, 2)
    assert owned(account()) == (0, 0, 0)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((), (100_000_000, 0, 0)),
        ((examples.held(),), (95_000_000, 5_000_000, 0)),
        ((examples.held(), examples.settled()), (96_000_000, 0, 0)),
        ((examples.held(), RELEASED), (100_000_000, 0, 0)),
        ((earned(escrowed=False),), (100_000_007, 0, 0)),
        ((earned(escrowed=True),), (100_000_000, 0, 7)),
        ((earned(escrowed=True), released_escrow(7)), (100_000_007, 0, 0)),
    ],
    ids=["granted", "held", "settled", "released", "earned", "escrowed", "escrow released"],
)
def test_every_movement_shows(events: tuple[AccountEvent, ...], expected: tuple[int, int, int]) -> None:
    assert owned(account(examples.granted(100 * MICRO_PER_CREDIT), *events)) == expected


def test_balances_say_what_the_accounts_themselves_say() -> None:
    network = random_history(60, seed=3)
    rows: dict[str, AccountRow | None] = {}
    for commit in network.commits:
        for event in commit.events:
            if commit.stream.startswith("account."):
                rows[event.account_id] = account_after(rows.get(event.account_id), event, commit.position)
    assert len(rows) == 6
    for row in rows.values():
        assert row is not None
        state = network.states[f"account.{row.account_id}"]
        held, escrow = sum(state.holds_micro.values()), sum(state.escrow_micro.values())
        assert owned(row) == (state.free_micro, held, escrow)


def test_a_key_is_in_force_until_it_is_revoked() -> None:
    key = folded(api_key_after, ISSUED)
    assert (key.revoked_at_ms, key.created_position, key.scopes) == (None, 1, (Scope.READ, Scope.WRITE))
    revoked = ApiKeyRevoked(key_id="key-1", account_id=examples.CUSTOMER, revoked_at_ms=9)
    assert folded(api_key_after, ISSUED, revoked).revoked_at_ms == 9
