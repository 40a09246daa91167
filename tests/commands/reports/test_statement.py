"""What a statement tells an island's owner: earnings, what waits for karma, and how the karma moved."""

import pytest

from commands.reports.order import NothingKnown
from commands.reports.report import Kind
from domain.account import ACCOUNT
from domain.account_commands import ReleaseEscrow
from domain.ids import AccountId, IslandId, JobId
from domain.island import ISLAND
from domain.island_commands import RemoveIsland
from tests.commands.reports.orders import account, figures, island, made, rows
from tests.examples import OWNER, PRICE_MICRO, PUBLISHER
from tests.paying_histories import PayingNetwork
from tests.story import Story

ISLAND_SHARE_MICRO = 3_400_000
ATTIC = IslandId("attic")
FIRST, SECOND = JobId("job-1"), JobId("job-2")


class Repaid(Story, PayingNetwork):
    """A story in which credits also find their way back."""


def work(story: Story, job_id: JobId) -> None:
    story.submit(job_id)
    story.wait()
    story.start(job_id)
    story.succeed(job_id)


def story_of(*jobs: JobId) -> Repaid:
    story = Repaid()
    story.join(ATTIC, asks={"_default": PRICE_MICRO})
    for job in jobs:
        work(story, job)
    return story


async def test_an_owner_is_told_every_earning_and_how_much_of_it_waits_for_karma() -> None:
    report = await made(story_of(FIRST, SECOND), Kind.STATEMENT, account(OWNER))
    found = figures(report)
    assert found["earned_micro"] == found["total_micro"] == found["escrowed_micro"] == 2 * ISLAND_SHARE_MICRO
    assert found["jobs"] == 2
    assert found["worked_ms"] == 0  # Virtual time stood still.
    assert [line["job_id"] for line in rows(report, "earnings")] == [FIRST, SECOND]
    [attic] = rows(report, "by_island")
    assert (attic["island_id"], attic["runs"], attic["earned_micro"]) == (ATTIC, 2, 2 * ISLAND_SHARE_MICRO)


async def test_escrow_that_is_set_free_is_told_and_is_no_second_earning() -> None:
    story = story_of(FIRST)
    release = ReleaseEscrow(account_id=OWNER, island_id=ATTIC, now_ms=story.now_ms)
    story.do(ACCOUNT, OWNER, release)
    found = figures(await made(story, Kind.STATEMENT, account(OWNER)))
    assert found["released_micro"] == found["total_micro"] == ISLAND_SHARE_MICRO


async def test_a_refunded_charge_is_taken_back_from_who_earned_by_it() -> None:
    story = story_of(FIRST)
    story.refund(story.settled[0])
    of_owner = figures(await made(story, Kind.STATEMENT, account(OWNER)))
    assert (of_owner["taken_back_micro"], of_owner["total_micro"]) == (-ISLAND_SHARE_MICRO, 0)
    of_publisher = figures(await made(story, Kind.STATEMENT, account(PUBLISHER)))
    assert (of_publisher["published_micro"], of_publisher["total_micro"]) == (200_000, 0)


async def test_karma_moves_are_told_with_their_cause_between_the_karma_before_and_behind() -> None:
    story = story_of(FIRST)
    story.submit(SECOND)
    story.wait()
    story.wait(3_600)
    report = await made(story, Kind.STATEMENT, island(ATTIC))
    changes = rows(report, "karma_changes")
    assert changes[0]["cause"] == "work"
    [attic] = rows(report, "by_island")
    assert attic["karma_before"] + sum(change["delta"] for change in changes) == attic["karma_behind"]


async def test_an_owner_is_not_told_what_an_island_did_for_another() -> None:
    story = story_of(FIRST)
    neighbour = AccountId("neighbour")
    story.do(ISLAND, ATTIC, RemoveIsland(island_id=ATTIC, owner_id=OWNER, now_ms=story.now_ms))
    story.open(neighbour)
    story.join(ATTIC, owner_id=neighbour, asks={"_default": PRICE_MICRO})
    work(story, SECOND)
    of_owner = await made(story, Kind.STATEMENT, account(OWNER))
    of_neighbour = await made(story, Kind.STATEMENT, account(neighbour))
    of_island = await made(story, Kind.STATEMENT, island(ATTIC))
    for report, job in ((of_owner, FIRST), (of_neighbour, SECOND), (of_island, SECOND)):
        assert [line["job_id"] for line in rows(report, "earnings")] == [job]
        assert [change["job_id"] for change in rows(report, "karma_changes")] == [job]


async def test_an_island_nobody_owned_by_then_has_no_statement() -> None:
    with pytest.raises(NothingKnown, match="island nowhere"):
        await made(Story(), Kind.STATEMENT, island("nowhere"))
