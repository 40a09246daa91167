"""Reports are true: over random histories of several months their lines add up to what the ledger says, and stay so.

The histories hold everything that moves credits (`tests.paying_histories`); the ledger's entries come from
`projections.ledger`, which shares no line with the folds of `commands.reports`.
"""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, Final

import pytest

from adapters.codec import NAMES
from commands.event_log import Commit
from commands.karma_statement import Moment
from commands.reports.make import make_report
from commands.reports.order import ReportOrder
from commands.reports.past_log import EVERY_CATEGORY
from commands.reports.period import Period, instant, month_of
from commands.reports.report import Kind, Measure, Report, Subject, SubjectKind, digest_of, facts_of
from domain.account_events import (
    ChargeRefunded,
    CompensationPaid,
    CreditsCorrected,
    CreditsEarned,
    EarningTakenBack,
    EscrowReleased,
    HoldSettled,
    HoldSplit,
)
from domain.ids import NETWORK_ACCOUNT, AccountId
from domain.treasury_events import CompensationGranted, FeesCollected, RefundCovered
from projections.ledger import entries_of
from tests.past_logs import ListedPast
from tests.paying_histories import paying_history

SEEDS: Final = range(6)
WHOLE: Final = Period()
NOW: Final = Moment()
SOMETIMES: Final = (
    *(ChargeRefunded, CompensationPaid, CreditsCorrected, CreditsEarned, EarningTakenBack, EscrowReleased),
    *(HoldSettled, HoldSplit, CompensationGranted, FeesCollected, RefundCovered),
)


def name_of(event: Any) -> str:
    return NAMES[type(event)]


@cache
def history(seed: int) -> Sequence[Commit]:
    return paying_history(50, seed=seed)


async def made(
    commits: Sequence[Commit], kind: Kind, subject: Subject, period: Period, at: Moment = NOW
) -> Report:
    return await make_report(
        ListedPast(commits), ReportOrder(kind=kind, subject=subject, period=period, at=at), name_of
    )


def account(account_id: str) -> Subject:
    return Subject(of=SubjectKind.ACCOUNT, id=account_id)


EVERYBODY: Final = Subject(of=SubjectKind.EVERYBODY)


def accounts_of(commits: Sequence[Commit]) -> list[AccountId]:
    return sorted(
        {
            AccountId(commit.stream.partition(".")[2])
            for commit in commits
            if commit.stream.startswith("account.")
        }
    )


def months_of(commits: Sequence[Commit]) -> list[Period]:
    return [month_of(month) for month in sorted({instant(commit.recorded_at_ms)[:7] for commit in commits})]


def inside(commits: Sequence[Commit], period: Period) -> Iterator[Commit]:
    for commit in commits:
        if period.since_ms <= commit.recorded_at_ms < (period.until_ms or 1 << 62):
            yield commit


def movements_micro(commits: Sequence[Commit], period: Period) -> Mapping[str, int]:
    """What the ledger's own entries add to each of its accounts in that time."""
    sums: Counter[str] = Counter()
    for commit in inside(commits, period):
        for entry in entries_of(commit):
            sums[entry.account] += entry.amount_micro
    return sums


def own_micro(sums: Mapping[str, int], account_id: AccountId) -> int:
    return sum(sums[f"{place}:{account_id}"] for place in ("free", "held", "escrow"))


def figures(report: Report) -> dict[str, int]:
    return {figure.name: figure.value for figure in report.figures}


def column(report: Report, table: str, name: str) -> list[Any]:
    found = report.table(table)
    index = [one.name for one in found.columns].index(name)
    return [row[index] for row in found.rows]


def digest(report: Report) -> str:
    return digest_of(facts_of(report))


def test_the_histories_hold_everything_that_moves_credits() -> None:
    seen = {type(event) for seed in SEEDS for commit in history(seed) for event in commit.events}
    assert set(SOMETIMES) <= seen
    assert all(len(months_of(history(seed))) > 1 for seed in SEEDS)


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_lines_of_an_invoice_add_up_to_what_the_ledger_says_of_the_account_in_that_month(
    seed: int,
) -> None:
    commits = history(seed)
    for period in months_of(commits):
        ledger = movements_micro(commits, period)
        before = movements_micro(commits, Period(until_ms=period.since_ms))
        for account_id in accounts_of(commits):
            report = await made(commits, Kind.INVOICE, account(account_id), period)
            found = figures(report)
            lines = sum(column(report, "movements", "amount_micro")) - sum(
                column(report, "charges", "charged_micro")
            )
            assert lines == found["movement_micro"] == own_micro(ledger, account_id)
            assert found["opening_micro"] == own_micro(before, account_id)
            assert found["opening_micro"] + lines == found["closing_micro"]
            for table in ("by_day", "by_cargo"):
                assert sum(column(report, table, "charged_micro")) == -found["charged_micro"]
                assert sum(column(report, table, "jobs")) == found["jobs"]


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_balance_behind_a_month_is_the_one_before_the_next(seed: int) -> None:
    commits = history(seed)
    for account_id in accounts_of(commits):
        found = [
            figures(await made(commits, Kind.INVOICE, account(account_id), one)) for one in months_of(commits)
        ]
        for month, next_month in pairwise(found):
            assert month["closing_micro"] == next_month["opening_micro"]
        whole = figures(await made(commits, Kind.INVOICE, account(account_id), WHOLE))
        assert whole["closing_micro"] == found[-1]["closing_micro"]
        assert whole["charged_micro"] == sum(one["charged_micro"] for one in found)


@pytest.mark.parametrize("seed", SEEDS)
async def test_all_charges_are_all_earnings_and_fees_together_and_what_came_back_came_from_somewhere(
    seed: int,
) -> None:
    commits = history(seed)
    charged = fees = earned = taken_back = 0
    returned = 0
    for account_id in accounts_of(commits):
        invoice = await made(commits, Kind.INVOICE, account(account_id), WHOLE)
        statement = figures(await made(commits, Kind.STATEMENT, account(account_id), WHOLE))
        sums = figures(invoice)
        charged -= sums["charged_micro"]
        fees += sum(column(invoice, "charges", "platform_fee_micro"))
        returned += sums.get("refunded_micro", 0) + sums.get("compensated_micro", 0)
        earned += statement["earned_micro"] + statement["published_micro"]
        taken_back -= statement["taken_back_micro"]
        assert statement["total_micro"] == sum(
            sums.get(f"{kind}_micro", 0) for kind in ("earned", "published", "taken_back")
        )
    ledger = movements_micro(commits, WHOLE)
    assert charged
    assert charged == earned + fees
    # The treasury keeps what it has not paid back, and nothing is on its way when the history ends.
    assert fees == ledger["fees"] + ledger["treasury"] + returned - taken_back
    assert ledger["clearing"] == 0


@pytest.mark.parametrize("seed", SEEDS)
async def test_an_island_s_statement_is_its_row_in_the_statement_of_who_owns_it(seed: int) -> None:
    commits = history(seed)
    islands = sorted({commit.stream for commit in commits if commit.stream.startswith("island.")})
    rows_of_owners = [
        dict(zip([column.name for column in table.columns], row, strict=True))
        for account_id in accounts_of(commits)
        for table in [(await made(commits, Kind.STATEMENT, account(account_id), WHOLE)).table("by_island")]
        for row in table.rows
    ]
    found = 0
    for stream in islands:
        island_id = stream.partition(".")[2]
        subject = Subject(of=SubjectKind.ISLAND, id=island_id)
        report = await made(commits, Kind.STATEMENT, subject, WHOLE)
        [own] = report.table("by_island").rows
        row = dict(zip([column.name for column in report.table("by_island").columns], own, strict=True))
        assert row["earned_micro"] == figures(report)["total_micro"]
        if report.main.rows:
            found += 1
            assert row in rows_of_owners
    assert found > 1


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_report_of_a_month_that_is_over_never_changes_whatever_follows(seed: int) -> None:
    commits = history(seed)
    orders = [
        (kind, subject, period)
        for period in months_of(commits)[:-1]
        for kind, subject in (
            (Kind.INVOICE, account("account-0")),
            (Kind.STATEMENT, account("account-0")),
            (Kind.USAGE, EVERYBODY),
            (Kind.AUDIT, EVERYBODY),
        )
    ]
    for kind, subject, period in orders:
        final = await made(commits, kind, subject, period)
        assert final.span.is_closed
        first_behind = next(one.position for one in commits if one.recorded_at_ms >= (period.until_ms or 0))
        just_over = await made(commits[:first_behind], kind, subject, period)
        assert digest(just_over) == digest(final)


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_report_as_of_a_position_is_the_report_of_the_log_that_ended_there(seed: int) -> None:
    commits = history(seed)
    [*_, period] = months_of(commits)
    for position in range(len(commits) // 2, len(commits), 97):
        for kind, subject in ((Kind.INVOICE, account("account-1")), (Kind.USAGE, account("account-1"))):
            later = await made(commits, kind, subject, period, Moment(position=position))
            then = await made(commits[:position], kind, subject, period)
            assert digest(later) == digest(then)


@pytest.mark.parametrize("seed", SEEDS)
async def test_reading_by_aggregate_gives_the_report_of_a_fold_of_the_whole_log(seed: int) -> None:
    commits = history(seed)
    [*_, period] = months_of(commits)
    for account_id in (AccountId("account-2"), NETWORK_ACCOUNT):
        for kind in (Kind.INVOICE, Kind.STATEMENT, Kind.USAGE):
            indexed = await made(commits, kind, account(account_id), period)
            order = ReportOrder(kind=kind, subject=account(account_id), period=period)
            scanned = await make_report(WholePast(commits), order, name_of)
            assert facts_of(scanned) == facts_of(indexed)


class WholePast(ListedPast):
    """Hands every commit to whoever asks for some."""

    async def read_streams(
        self, streams: Collection[str], *, after: int, up_to: int
    ) -> AsyncIterator[Sequence[Commit]]:
        assert streams
        assert after <= up_to
        async for batch in self.read_category(EVERY_CATEGORY, after=0, up_to=up_to):
            yield batch


@pytest.mark.parametrize("seed", SEEDS)
async def test_usage_of_everybody_is_the_usage_of_each_and_its_credits_are_those_of_the_invoices(
    seed: int,
) -> None:
    commits = history(seed)
    for period in months_of(commits):
        everybody = figures(await made(commits, Kind.USAGE, EVERYBODY, period))
        each: Counter[str] = Counter()
        charged = 0
        for account_id in accounts_of(commits):
            each.update(figures(await made(commits, Kind.USAGE, account(account_id), period)))
            charged -= figures(await made(commits, Kind.INVOICE, account(account_id), period))[
                "charged_micro"
            ]
        assert everybody == {name: each[name] for name in everybody}
        assert everybody["charged_micro"] == charged


@pytest.mark.parametrize("seed", SEEDS)
async def test_an_audit_counts_every_commit_and_the_places_of_its_books_move_as_the_ledger_does(
    seed: int,
) -> None:
    commits = history(seed)
    for period in months_of(commits):
        audit = await made(commits, Kind.AUDIT, EVERYBODY, period)
        in_time = list(inside(commits, period))
        assert column(audit, "commits", "position") == [commit.position for commit in in_time]
        assert sum(column(audit, "by_event", "events")) == sum(len(one.events) for one in in_time)
        assert figures(audit)["imbalance_micro"] == 0
        moved = dict(
            zip(column(audit, "books", "place"), column(audit, "books", "movement_micro"), strict=True)
        )
        ledger = movements_micro(commits, period)
        for place, amount in moved.items():
            assert amount == sum(value for name, value in ledger.items() if name.partition(":")[0] == place)
        repairs = {name_of(event) for commit in in_time for event in commit.events if is_repair(event)}
        assert set(column(audit, "repairs", "name")) >= repairs


def is_repair(event: Any) -> bool:
    return isinstance(event, ChargeRefunded | CreditsCorrected | EarningTakenBack)


async def test_every_amount_of_a_report_is_a_whole_number_and_every_time_lies_in_its_period() -> None:
    commits = history(0)
    for period in months_of(commits):
        report = await made(commits, Kind.INVOICE, account("account-0"), period)
        for table in report.tables:
            for row in table.rows:
                for one, value in zip(table.columns, row, strict=True):
                    if one.measure is Measure.TIME:
                        assert isinstance(value, int)
                        assert period.since_ms <= value < (period.until_ms or 0)
                    elif one.measure is not Measure.TEXT:
                        assert value is None or type(value) is int
