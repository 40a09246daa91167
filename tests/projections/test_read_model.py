"""Each question of the API gets the rows it asks for, in its order, and of nobody else."""

import psycopg
import pytest

from domain.api_key import ApiKeyIssued, ApiKeyRevoked, Scope
from domain.cargo_events import CargoPublished
from domain.ids import AccountId, CargoSlug, IslandId, JobId
from domain.island_events import Absence, IslandWentOffline
from domain.job_state import Phase
from projections.placement import IslandStatus
from projections.read_model import NetworkRow, Page
from projections.registry import PROJECTIONS
from tests import examples
from tests.histories import History, random_history
from tests.projections.live import reading

OTHER = AccountId("other")


def submissions(*owners: AccountId) -> History:
    """Jobs job-1, job-2, ... of these accounts."""
    history = History()
    for number, owner in enumerate(owners, start=1):
        job_id = JobId(f"job-{number}")
        history.add(f"job.{job_id}", examples.submitted(job_id=job_id, account_id=owner))
    return history


async def test_before_anything_happened_there_is_nothing(database: str) -> None:
    async with reading(database) as reads:
        assert await reads.job(examples.JOB_ID) is None
        assert await reads.jobs(examples.CUSTOMER) == Page(rows=[], total=0)
        assert await reads.cargo(examples.SLUG) is None
        assert await reads.island(examples.ISLAND) is None
        assert await reads.account(examples.CUSTOMER) is None
        assert await reads.network() == NetworkRow(online_islands=0, regions=(), jobs_completed=0)
        assert (await reads.ledger_sum(), await reads.balances()) == (0, {})
        assert await reads.positions() == {projection.name: 0 for projection in PROJECTIONS}


async def test_a_job_is_read_as_it_was_folded(database: str) -> None:
    history = submissions(examples.CUSTOMER)
    async with reading(database, history.commits) as reads:
        row = await reads.job(JobId("job-1"))
        assert row is not None
        assert (row.state, row.input_json, row.created_position) == (Phase.SUBMITTED, '{"text":"abc"}', 1)
        assert await reads.attempts(JobId("job-1")) == []


async def test_pages_are_an_accounts_own_newest_first(database: str) -> None:
    history = submissions(examples.CUSTOMER, OTHER, *[examples.CUSTOMER] * 3)
    history.add("job.job-4", examples.cancelled(job_id=JobId("job-4")))
    async with reading(database, history.commits) as reads:
        page = await reads.jobs(examples.CUSTOMER, limit=2, offset=1)
        assert ([row.job_id for row in page.rows], page.total) == (["job-4", "job-3"], 4)
        ended = await reads.jobs(examples.CUSTOMER, {Phase.CANCELLED})
        assert ([row.job_id for row in ended.rows], ended.total) == (["job-4"], 1)
        assert (await reads.jobs(examples.CUSTOMER, set())).total == 0


async def test_changes_behind_a_position_come_in_their_order(database: str) -> None:
    history = submissions(examples.CUSTOMER, OTHER, examples.CUSTOMER)
    history.add("job.job-1", examples.cancelled(job_id=JobId("job-1")))
    async with reading(database, history.commits) as reads:
        changed = await reads.jobs_changed(examples.CUSTOMER, 1, 10)
        assert [(row.job_id, row.position) for row in changed] == [("job-3", 3), ("job-1", 4)]
        assert len(await reads.jobs_changed(examples.CUSTOMER, 1, 1)) == 1
        assert await reads.jobs_changed(examples.CUSTOMER, 4, 10) == []


async def test_attempts_come_with_their_explanation(database: str) -> None:
    history = History()
    for number, event in enumerate(
        (examples.submitted(), examples.assigned(), examples.lost(), examples.assigned(attempt=2)), start=1
    ):
        assert history.add(f"job.{examples.JOB_ID}", event).position == number
    async with reading(database, history.commits) as reads:
        attempts = await reads.attempts(examples.JOB_ID)
        assert [(row.attempt, row.code) for row in attempts] == [(1, "never_started"), (2, None)]
        assert attempts[1].explanation == examples.PLACED


async def test_the_catalogue_has_every_cargo_once(database: str) -> None:
    history = History()
    history.add("cargo.wasm-hash", CargoPublished(cargo=examples.CARGO_VERSION, published_at_ms=1))
    async with reading(database, history.commits) as reads:
        page = await reads.cargos()
        assert ([row.cargo for row in page.rows], page.total) == ([examples.CARGO_VERSION], 1)
        assert await reads.cargo(examples.SLUG) == page.rows[0]
        assert await reads.cargo(CargoSlug("none")) is None
        assert await reads.cargos_changed(0, 10) == page.rows
        assert await reads.cargos_changed(1, 10) == []


async def test_islands_are_their_owners(database: str) -> None:
    history = History()
    history.add("island.island-1", *examples.ready_island())
    history.add("island.island-2", *examples.ready_island(examples.OTHER_ISLAND))
    async with reading(database, history.commits) as reads:
        page = await reads.islands(examples.OWNER, limit=1)
        assert ([row.island_id for row in page.rows], page.total) == (["island-2"], 2)
        assert (await reads.islands(OTHER)).total == 0
        assert [row.island_id for row in await reads.islands_changed(examples.OWNER, 1, 10)] == ["island-2"]
        assert await reads.island(IslandId("none")) is None


async def test_islands_that_were_removed_leave_the_list_and_are_told_as_a_change(database: str) -> None:
    history = History()
    history.add("island.island-1", *examples.ready_island())
    history.add("island.island-2", *examples.ready_island(examples.OTHER_ISLAND))
    history.add("island.island-3", examples.joined(IslandId("island-3")))
    history.add("island.island-1", examples.removed())
    async with reading(database, history.commits) as reads:
        page = await reads.islands(examples.OWNER)
        assert ([row.island_id for row in page.rows], page.total) == (["island-2"], 1)
        assert list(await reads.offers()) == ["island-2"]
        (changed,) = await reads.islands_changed(examples.OWNER, 2, 10)
        assert (changed.island_id, changed.status) == ("island-1", IslandStatus.REMOVED)
        assert await reads.island(examples.ISLAND) == changed
        assert (await reads.network()).online_islands == 1


async def test_the_network_counts_who_is_online_and_what_was_done(database: str) -> None:
    history = History()
    history.add("island.island-1", *examples.ready_island())
    history.add("island.island-2", *examples.ready_island(examples.OTHER_ISLAND, region="us-east"))
    history.add("island.island-3", *examples.ready_island(IslandId("island-3"), region=None))
    history.add(f"job.{examples.JOB_ID}", examples.submitted(), examples.assigned(), examples.succeeded())
    gone = IslandWentOffline(
        island_id=examples.OTHER_ISLAND, reason=Absence.GOODBYE, offline_at_ms=examples.T0_MS
    )
    history.add("island.island-2", gone)
    async with reading(database, history.commits) as reads:
        assert await reads.network() == NetworkRow(online_islands=2, regions=("eu-west",), jobs_completed=1)


def issued(key_id: str, sha256: str, account_id: AccountId = examples.CUSTOMER) -> ApiKeyIssued:
    return ApiKeyIssued(
        key_id=key_id,
        account_id=account_id,
        name=key_id,
        prefix="ak_12345678",
        secret_sha256=sha256,
        scopes=(Scope.ADMIN,),
        issued_at_ms=1,
    )


async def test_only_keys_in_force_are_found(database: str) -> None:
    history = History()
    for key_id, sha256, owner in (
        ("a", "1", examples.CUSTOMER),
        ("b", "2", examples.CUSTOMER),
        ("c", "3", OTHER),
    ):
        history.add(f"api_key.{key_id}", issued(key_id, sha256, owner))
    history.add("api_key.a", ApiKeyRevoked(key_id="a", account_id=examples.CUSTOMER, revoked_at_ms=9))
    async with reading(database, history.commits) as reads:
        assert await reads.api_key_by_hash("1") is None
        found = await reads.api_key_by_hash("2")
        assert found is not None
        assert (found.key_id, found.scopes, found.created_position) == ("b", (Scope.ADMIN,), 2)
        assert [key.key_id for key in await reads.api_keys(examples.CUSTOMER)] == ["b"]


async def test_entries_resume_behind_a_position_and_never_cut_a_commit(database: str) -> None:
    history = History()
    history.add("account.customer", examples.opened(), examples.granted(), examples.held())
    history.add("account.customer", examples.settled())
    async with reading(database, history.commits) as reads:
        first = await reads.entries(examples.CUSTOMER, 0, 1)
        assert [(row.index, row.leg) for row in first] == [(1, 1), (2, 0), (2, 1)]
        rest = await reads.entries(examples.CUSTOMER, 1, 10)
        assert {row.account for row in rest} == {"held:customer", "free:customer"}
        of_job = await reads.entries_of_job(examples.JOB_ID)
        assert sum(row.amount_micro for row in of_job) == 0
        assert [row.position for row in of_job] == [1, 1, 2, 2, 2, 2]


async def test_the_read_model_cannot_write(database: str) -> None:
    async with reading(database) as reads:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            async with reads._pool.connection() as connection:
                await connection.execute("DELETE FROM jobs")


async def test_every_job_of_a_network_has_ended_and_is_charged_what_was_booked(database: str) -> None:
    network = random_history(40, seed=2)
    async with reading(database, network.commits) as reads:
        for account in (AccountId(f"account-{n}") for n in range(5)):
            for job in (await reads.jobs(account, limit=100)).rows:
                assert job.ended_at_ms is not None
                booked = [row for row in await reads.entries_of_job(job.job_id) if row.kind == "settled"]
                paid = sum(row.amount_micro for row in booked if row.account in ("fees", "clearing"))
                assert paid == (job.charged_micro or 0)
                assert len(await reads.attempts(job.job_id)) == job.attempt
