"""Months, moments, and where they lie in a log."""

import pytest

from commands.karma_statement import Moment
from commands.reports.order import ReportOrder, proof_in
from commands.reports.period import Period, Span, instant, moment_of, month_of, span_of, time_of
from commands.reports.report import (
    Kind,
    Report,
    Subject,
    SubjectKind,
    digest_of,
    facts_of,
    proof_of,
)
from tests.examples import granted
from tests.histories import History
from tests.past_logs import ListedPast

MONTH = month_of("2027-02")


def test_a_month_begins_and_ends_at_midnight_in_utc_in_any_year() -> None:
    assert [instant(one or 0) for one in (MONTH.since_ms, MONTH.until_ms)] == [
        "2027-02-01T00:00:00.000Z",
        "2027-03-01T00:00:00.000Z",
    ]
    assert instant(month_of("2027-12").until_ms or 0) == "2028-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    "text", ["", "2027", "2027-13", "2027-00", "27-01", "2027-1", "2027-01-01", "١٢٣٤-01"]
)
def test_what_is_no_month_is_refused_with_the_rule(text: str) -> None:
    with pytest.raises(ValueError, match="must be a month as 2026-11"):
        month_of(text)


def test_a_moment_is_a_position_or_a_time_in_utc_where_no_zone_is_named() -> None:
    assert moment_of("12") == Moment(position=12)
    noon = moment_of("2027-02-01T12:00:00Z")
    assert noon == moment_of("2027-02-01T12:00:00") == moment_of("2027-02-01T14:00:00+02:00")
    assert noon.at_ms == time_of("2027-02-01T12:00:00.000Z")
    for text in ("yesterday", "-1", "1.5", str(2**63), "٣"):
        with pytest.raises(ValueError, match="must be a position of the log, or a time as"):
            moment_of(text)


def log(*times: int) -> ListedPast:
    history = History()
    for at_ms in times:
        history.now_ms = at_ms
        history.add("account.a", granted(1))
    return ListedPast(history.commits)


FEBRUARY, MARCH = MONTH.since_ms, MONTH.until_ms or 0


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([FEBRUARY - 1, FEBRUARY, MARCH - 1, MARCH], Span(after=1, through=3, is_closed=True)),
        ([FEBRUARY - 1, FEBRUARY, MARCH - 1], Span(after=1, through=3, is_closed=False)),
        ([FEBRUARY - 1, MARCH], Span(after=1, through=1, is_closed=True)),
        ([FEBRUARY - 1], Span(after=1, through=1, is_closed=False)),
        ([MARCH], Span(after=0, through=0, is_closed=True)),
        ([], Span(after=0, through=0, is_closed=False)),
    ],
)
async def test_a_month_holds_what_was_recorded_in_it_and_is_closed_once_something_was_recorded_behind_it(
    times: list[int], expected: Span
) -> None:
    assert await span_of(log(*times), MONTH, Moment()) == expected


async def test_as_of_a_moment_later_commits_are_not_there_yet() -> None:
    whole = log(FEBRUARY, FEBRUARY + 5, MARCH)
    early = Span(after=0, through=1, is_closed=False)
    assert await span_of(whole, MONTH, Moment(position=1)) == early
    assert await span_of(whole, MONTH, Moment(at_ms=FEBRUARY + 4)) == early
    assert await span_of(whole, MONTH, Moment(at_ms=FEBRUARY + 5)) == Span(
        after=0, through=2, is_closed=False
    )
    assert await span_of(whole, MONTH, Moment(position=99)) == Span(after=0, through=2, is_closed=True)


@pytest.mark.parametrize("is_closed", [True, False])
@pytest.mark.parametrize(
    "subject", [Subject(of=SubjectKind.ACCOUNT, id="a-1"), Subject(of=SubjectKind.EVERYBODY)]
)
@pytest.mark.parametrize("period", [MONTH, Period()])
def test_the_proof_that_a_report_carries_leads_back_to_its_order(
    *, is_closed: bool, subject: Subject, period: Period
) -> None:
    report = Report(
        kind=Kind.USAGE,
        title="Usage",
        subject=subject,
        period=period,
        span=Span(after=3, through=9, is_closed=is_closed),
        rules={},
        figures=(),
        tables=(),
    )
    digest = digest_of(facts_of(report))
    proof = proof_in(f"printed on paper: {proof_of(report, digest)}\nend")
    assert proof is not None
    at = Moment() if is_closed else Moment(position=9)
    assert proof.order == ReportOrder(kind=Kind.USAGE, subject=subject, period=period, at=at)
    assert proof.digest == digest


@pytest.mark.parametrize(
    "text",
    [
        "",
        "archipelago-report/2 usage everybody: 1970-01-01T00:00:00.000Z open open 9 sha256:" + 64 * "0",
        "archipelago-report/1 gossip everybody: 1970-01-01T00:00:00.000Z open open 9 sha256:" + 64 * "0",
        "archipelago-report/1 usage everybody: 1970-13-01T00:00:00.000Z open open 9 sha256:" + 64 * "0",
        "archipelago-report/1 usage everybody: 1970-01-01T00:00:00.000Z open open 9 sha256:" + 63 * "0",
    ],
)
def test_what_is_no_proof_of_ours_is_none(text: str) -> None:
    assert proof_in(text) is None
