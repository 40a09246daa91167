"""A report somebody holds is true, or the first line that is not is named."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import pytest

from commands.event_log import Commit
from commands.reports.make import make_report
from commands.reports.order import ReportOrder
from commands.reports.past_log import PastLog
from commands.reports.report import Kind, digest_of, facts_of
from commands.reports.verification import NoReport, Verification, verify
from domain.account_events import HoldSettled
from domain.ids import NETWORK_ACCOUNT
from domain.job_events import JobCancelled, JobSucceeded
from domain.pricing import PriceUnit
from tests.commands.reports.orders import EVER, EVERYBODY, account, name_of
from tests.past_logs import ListedPast
from tests.paying_histories import paying_history

SEEDS: Final = range(6)
COMMITS: Final = paying_history(50)


async def facts(
    commits: Sequence[Commit], kind: Kind = Kind.INVOICE, of: str = "account-0"
) -> dict[str, Any]:
    """A report as its JSON form has it, read again."""
    subject = EVERYBODY if kind is Kind.AUDIT else account(of)
    report = await make_report(
        ListedPast(commits), ReportOrder(kind=kind, subject=subject, period=EVER), name_of
    )
    found = facts_of(report)
    as_read: dict[str, Any] = json.loads(json.dumps(found | {"digest": digest_of(found)}))
    return as_read


async def verified(told: dict[str, Any], commits: Sequence[Commit] = COMMITS) -> Verification:
    log: PastLog = ListedPast(commits)
    return await verify(log, told, name_of)


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_charge_of_every_account_is_what_the_rules_come_to(seed: int) -> None:
    commits = paying_history(50, seed=seed)
    charges = 0
    for of in (*(f"account-{number}" for number in range(4)), NETWORK_ACCOUNT):
        found = await verified(await facts(commits, of=of), commits)
        assert found.faults == ()
        assert found.is_true
        assert found.difference is None
        charges += found.charges
    assert charges > 10


async def test_the_histories_charge_by_every_unit_and_for_cancelled_jobs_too() -> None:
    events = [event for seed in SEEDS for commit in paying_history(50, seed=seed) for event in commit.events]
    assert {event.price_unit for event in events if isinstance(event, HoldSettled)} == set(PriceUnit)
    assert any(isinstance(event, JobCancelled) and event.charge_micro for event in events)


@pytest.mark.parametrize("kind", [Kind.STATEMENT, Kind.USAGE, Kind.AUDIT])
async def test_a_report_of_any_kind_is_made_again_and_compared(kind: Kind) -> None:
    found = await verified(await facts(COMMITS, kind))
    assert found.is_true
    told = await facts(COMMITS, kind)
    told["figures"][next(iter(told["figures"]))] += 1
    told["digest"] = digest_of(told)
    found = await verified(told)
    assert not found.is_true
    assert found.difference is not None
    assert found.difference.place.startswith("figures: ")


async def test_later_commits_change_nothing_in_what_was_told_before() -> None:
    early = COMMITS[: len(COMMITS) // 2]
    assert (await verified(await facts(early))).is_true


def line(told: dict[str, Any]) -> None:
    told["charges"][1]["charged_micro"] -= 1


def total(told: dict[str, Any]) -> None:
    told["figures"]["closing_micro"] += 5


def line_gone(told: dict[str, Any]) -> None:
    del told["movements"][2]


def line_more(told: dict[str, Any]) -> None:
    told["charges"].append(told["charges"][0])


def subject(told: dict[str, Any]) -> None:
    told["gift"] = 3


@pytest.mark.parametrize(
    ("tamper", "place"),
    [
        (line, "charges line 2 (event {charge}): charged_micro"),
        (total, "figures: closing_micro"),
        (line_gone, "movements line 3"),
        (line_more, "charges line {more} (event {first})"),
        (subject, "gift"),
    ],
)
@pytest.mark.parametrize("is_digest_renewed", [True, False])
async def test_a_changed_report_is_found_and_the_first_line_that_differs_is_named(
    tamper: Callable[[dict[str, Any]], None], place: str, *, is_digest_renewed: bool
) -> None:
    told = await facts(COMMITS)
    charges = told["charges"]
    expected = place.format(charge=charges[1]["event"], first=charges[0]["event"], more=len(charges) + 1)
    tamper(told)
    if is_digest_renewed:
        told["digest"] = digest_of(told)
    found = await verified(told)
    assert not found.is_true
    assert found.difference is not None
    assert found.difference.place == expected
    assert (found.written == found.found) is is_digest_renewed
    assert found.found != found.made


async def test_a_changed_digest_alone_is_found() -> None:
    told = await facts(COMMITS) | {"digest": "sha256:" + 64 * "0"}
    found = await verified(told)
    assert not found.is_true
    assert found.difference is None
    assert found.written != found.found == found.made


def changed(kind: Any, **fields: Any) -> list[Commit]:
    """The history with the first charge of account-0, or its job's end, forged in the log itself."""
    settlement = next(
        event
        for commit in COMMITS
        if commit.stream == "account.account-0"
        for event in commit.events
        if isinstance(event, HoldSettled)
    )
    forged: list[Commit] = []
    for commit in COMMITS:
        events = tuple(
            replace(event, **fields)
            if isinstance(event, kind) and getattr(event, "job_id", None) == settlement.job_id
            else event
            for event in commit.events
        )
        forged.append(replace(commit, events=events))
    return forged


@pytest.mark.parametrize(
    ("kind", "fields", "told"),
    [
        (HoldSettled, {"platform_fee_micro": 0}, "shared as 0 fee"),
        (HoldSettled, {"charged_micro": 1}, "1 are charged, due were"),
        (HoldSettled, {"released_micro": 7}, "are not the"),
        (HoldSettled, {"price_rules_version": 9}, "there are no price rules of version 9"),
        (HoldSettled, {"unit_price_micro": 3}, "the price of a unit is 3, agreed was"),
        (HoldSettled, {"units": 99}, "99 units are charged, used were"),
        (JobSucceeded, {"attempt": 77}, "attempt 77 of its job has no price"),
    ],
)
async def test_a_log_that_was_forged_together_with_the_report_is_found_by_the_rules(
    kind: Any, fields: dict[str, Any], told: str
) -> None:
    forged = changed(kind, **fields)
    found = await verified(await facts(forged), forged)
    assert not found.is_true
    assert any(told in fault.told for fault in found.faults), found.faults


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"version": 2},
        {"version": 1, "report": "invoice"},
        {"version": 1, "report": "gossip", "period": {}, "subject": {}},
        {
            "version": 1,
            "report": "invoice",
            "subject": {"kind": "account", "id": "a"},
            "period": {"from": "never", "to": None, "is_closed": False},
            "positions": {"after": 0, "through": 1},
        },
    ],
)
async def test_what_is_no_report_is_told_so(told: dict[str, Any]) -> None:
    with pytest.raises(NoReport):
        await verified(told)


@pytest.mark.parametrize(
    "subject",
    [
        {"kind": "account", "id": ""},
        {"kind": "account", "id": ">"},
        {"kind": "account", "id": "a b"},
        {"kind": "account", "id": 65 * "a"},
        {"kind": "everybody", "id": "account-0"},
    ],
)
async def test_what_can_be_nobody_s_id_is_asked_of_no_log(subject: dict[str, str]) -> None:
    told = await facts(COMMITS) | {"subject": subject}
    with pytest.raises(NoReport):
        await verified(told)
