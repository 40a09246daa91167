"""The agent over minutes of virtual time: leases, drain, heartbeats, refusals, repetitions."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from adapters.runtime.contract import End
from adapters.wire import CancelJob
from domain.category import CategoryPolicy
from domain.failure import ReturnReason
from island.agent import GIVE_BACK_S, HEARTBEAT_S, LEAVE_S
from tests.adapters.runtime.scripted import Exit, Fail, Say, Sleep
from tests.island.islands import Workshop, settle

pytestmark = pytest.mark.looptime

TOKEN = b'{"type":"token","content":"a"}\n'


def now_s() -> float:
    return asyncio.get_running_loop().time()


async def test_a_lease_is_renewed_every_thirty_seconds(workshop: Workshop) -> None:
    async with workshop.at_work():
        begun_at_s = now_s()
        workshop.fabric.assign(workshop.job(Sleep(100), Say(TOKEN), wall_ms=200_000))
        await asyncio.sleep(101)
        await settle()

    waits_s = [at_s - begun_at_s for at_s, _ in workshop.fabric.renewals]
    assert [round(wait_s / 30) for wait_s in waits_s] == [1, 2, 3]
    assert all(wait_s % 30 <= 4 for wait_s in waits_s)
    assert workshop.fabric.states() == ["started", "streaming", "succeeded"]


async def test_an_attempt_is_stopped_when_its_lease_could_not_be_renewed(workshop: Workshop) -> None:
    async with workshop.at_work():
        workshop.fabric.assign(workshop.job(Sleep(1000), wall_ms=2_000_000))
        await settle()
        workshop.fabric.cut()
        await asyncio.sleep(58)
        assert not any("lost its lease" in line for line in workshop.said)
        await asyncio.sleep(4)
        assert "job job-1: lost its lease" in workshop.said[-1]
        workshop.fabric.mend()
        await asyncio.sleep(10)

    assert workshop.fabric.states() == ["started"]
    assert workshop.fabric.renewals == []
    assert not workshop.store.unfinished()


async def test_a_renewal_counts_from_when_it_was_first_sent(workshop: Workshop) -> None:
    async with workshop.at_work():
        workshop.fabric.assign(workshop.job(Sleep(1000), wall_ms=2_000_000))
        await settle()
        workshop.fabric.cut()
        await asyncio.sleep(50)
        workshop.fabric.mend()  # The renewal of second 30 is stored at second 50.
        await settle()
        workshop.fabric.cut()
        await asyncio.sleep(43)  # Second 93: more than 60 after 30, less than 60 after 50.
        assert "job job-1: lost its lease" in workshop.said[-1]
        workshop.fabric.mend()


async def test_a_cancelled_attempt_says_so_and_frees_its_slot(workshop: Workshop) -> None:
    async with workshop.at_work() as agent:
        workshop.fabric.assign(workshop.job(Sleep(1000)))
        workshop.fabric.assign(workshop.job(Say(TOKEN), job_id="job-2"))
        await settle()
        agent.cancel(CancelJob(job_id="job-9"))
        agent.cancel(CancelJob(job_id="no id at all_x"))
        assert workshop.fabric.states() == ["started"]
        agent.cancel(CancelJob(job_id="job-1"))
        await settle()

    assert workshop.fabric.states() == ["started", "cancelled"]
    assert workshop.fabric.states("job-2") == ["started", "streaming", "succeeded"]


async def test_what_the_network_takes_back_is_stopped_and_not_spoken_of(workshop: Workshop) -> None:
    async with workshop.at_work() as agent:
        workshop.fabric.assign(workshop.job(Sleep(1000)))
        workshop.fabric.assign(workshop.job(Say(TOKEN), job_id="job-2"))
        await settle()
        agent.lose_all()
        await settle()

    assert workshop.fabric.states() == ["started"]
    assert workshop.store.unfinished() == []
    assert workshop.fabric.states("job-2") == ["started", "streaming", "succeeded"]


async def test_a_result_that_waits_for_the_network_is_forgotten_with_its_attempt(workshop: Workshop) -> None:
    async with workshop.at_work() as agent:
        workshop.fabric.assign(workshop.job(Sleep(1), Say(TOKEN)))
        await settle()
        workshop.fabric.cut()
        await asyncio.sleep(2)
        agent.lose_all()
        await settle()
        workshop.fabric.mend()
        await settle()

    assert workshop.fabric.states() == ["started"]
    assert workshop.store.unfinished() == []


async def test_draining_waits_for_what_runs_and_takes_nothing_new(workshop: Workshop) -> None:
    async with workshop.at_work() as agent:
        workshop.fabric.assign(workshop.job(Sleep(5), Say(TOKEN)))
        await settle()
        agent.drain()
        workshop.fabric.assign(workshop.job(Say(TOKEN), job_id="job-2"))
        await asyncio.sleep(6)
        await settle()

    assert workshop.fabric.states() == ["started", "streaming", "succeeded"]
    assert workshop.fabric.states("job-2") == []
    statuses = [beat.status for _, beat in workshop.fabric.beats]
    assert list(dict.fromkeys(statuses)) == ["online", "draining", "offline"]


async def test_a_job_that_arrives_while_draining_is_refused(workshop: Workshop) -> None:
    async with workshop.at_work() as agent:
        await settle()  # The pull is out already.
        workshop.fabric.assign(workshop.job(Sleep(5), Say(TOKEN)))
        agent.drain()
        await settle()

    assert workshop.fabric.states() == ["refused"]
    assert workshop.fabric.statuses[0].reason == ReturnReason.DRAIN
    assert workshop.fabric.acknowledged["receipt-job-1"] == 1


async def test_draining_gives_back_what_does_not_end(workshop: Workshop) -> None:
    async with workshop.at_work() as agent:
        workshop.fabric.assign(workshop.job(Sleep(1000), wall_ms=2_000_000))
        await settle()
        agent.drain()
        await asyncio.sleep(GIVE_BACK_S - 1)
        assert workshop.fabric.states() == ["started"]
        await asyncio.sleep(3)

    assert workshop.fabric.states() == ["started", "returned"]
    assert workshop.fabric.statuses[-1].reason == ReturnReason.DRAIN


async def test_a_second_wish_to_leave_does_not_wait(workshop: Workshop) -> None:
    async with workshop.at_work() as agent:
        workshop.fabric.assign(workshop.job(Sleep(1000), wall_ms=2_000_000))
        await settle()
        agent.drain()
        await asyncio.sleep(1)
        assert workshop.fabric.states() == ["started"]
        agent.drain()
        await settle()
        assert workshop.fabric.states() == ["started", "returned"]


async def test_what_cannot_be_said_while_draining_is_said_at_the_next_start(workshop: Workshop) -> None:
    async with workshop.at_work() as agent:
        workshop.fabric.assign(workshop.job(Sleep(1000), wall_ms=2_000_000))
        await settle()
        workshop.fabric.cut()
        agent.drain()
        await asyncio.sleep(LEAVE_S + 2)

    (left,) = workshop.store.unfinished()
    assert left.final is not None
    assert (left.final.state, left.final.reason) == ("returned", "drain")
    workshop.fabric.mend()
    async with workshop.at_work():
        await settle()
    assert workshop.fabric.states() == ["started", "returned"]
    assert workshop.fabric.acknowledged["receipt-job-1"] == 2
    assert not workshop.store.unfinished()


async def test_a_result_waits_for_the_network_to_come_back(workshop: Workshop) -> None:
    async with workshop.at_work():
        workshop.fabric.assign(workshop.job(Sleep(5), Say(TOKEN)))
        await settle()
        workshop.fabric.cut()
        await asyncio.sleep(20)
        workshop.fabric.mend()
        await settle()
        assert workshop.fabric.text == "a"

    assert workshop.fabric.states() == ["started", "streaming", "succeeded"]


async def test_it_shows_every_ten_seconds_that_it_is_alive(workshop: Workshop) -> None:
    async with workshop.at_work():
        await asyncio.sleep(3 * HEARTBEAT_S + 1)
        beats = list(workshop.fabric.beats)

    assert [at_s - beats[0][0] for at_s, _ in beats] == [0, 10, 20, 30]
    assert workshop.fabric.registrations[0].host_id == workshop.profile.island_id
    assert len(workshop.fabric.registrations) == 1


async def test_a_heartbeat_names_what_runs_and_what_is_warm(workshop: Workshop) -> None:
    async with workshop.at_work():
        workshop.fabric.assign(workshop.job(Say(TOKEN), slug="first"))
        workshop.fabric.assign(workshop.job(Sleep(100), job_id="job-2", attempt=3, wall_ms=200_000))
        await asyncio.sleep(HEARTBEAT_S + 1)
        beat = workshop.fabric.beats[-1][1]

    assert beat.free_slots == 0
    assert [(one.job_id, one.attempt) for one in beat.attempts] == [("job-2_3", 3)]
    assert beat.cache is not None
    assert beat.cache.warm_workload_ids == ["first"]


async def test_jobs_wait_in_the_queue_until_a_slot_is_free(workshop: Workshop) -> None:
    async with workshop.at_work():
        workshop.fabric.assign(workshop.job(Sleep(5)))
        workshop.fabric.assign(workshop.job(Sleep(5), job_id="job-2"))
        await asyncio.sleep(1)
        assert workshop.fabric.pulls == 1
        assert workshop.fabric.states("job-2") == []
        await asyncio.sleep(5)
        assert workshop.fabric.states("job-2") == ["started"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"runtime": "container"}, ReturnReason.RUNTIME),
        ({"tier": "restricted"}, ReturnReason.POLICY),
        ({"category": "mining"}, ReturnReason.POLICY),
        ({"memory_mb": 4096}, ReturnReason.CAPACITY),
    ],
)
async def test_a_job_that_does_not_fit_is_refused_with_the_reason(
    workshop: Workshop, options: dict[str, Any], reason: ReturnReason
) -> None:
    workshop.keep(categories=CategoryPolicy(refused=("mining",)))
    async with workshop.at_work():
        workshop.fabric.assign(workshop.job(Say(TOKEN), **options))
        await settle()

    assert [(one.state, one.reason) for one in workshop.fabric.statuses] == [("refused", reason)]
    assert workshop.fabric.acknowledged["receipt-job-1"] == 1


async def test_a_newer_attempt_of_a_running_job_ends_the_older_one(tmp_path: Path) -> None:
    workshop = Workshop(tmp_path / "two", slots=2)
    async with workshop.at_work():
        workshop.fabric.assign(workshop.job(Sleep(1000), wall_ms=2_000_000))
        await settle()
        workshop.fabric.assign(workshop.job(Say(TOKEN), attempt=2))
        await settle()
        assert "job job-1: lost its lease after 0 ms" in workshop.said
    await workshop.close()

    assert workshop.fabric.states() == ["started"]
    assert workshop.fabric.states("job-1_2") == ["started", "streaming", "succeeded"]


async def test_a_repetition_is_acknowledged_and_not_run(workshop: Workshop) -> None:
    async with workshop.at_work():
        for attempt in (2, 2, 1):
            workshop.fabric.assign(workshop.job(Say(TOKEN), attempt=attempt))
            await settle()

    assert workshop.fabric.states("job-1_2") == ["started", "streaming", "succeeded"]
    assert workshop.fabric.states("job-1") == []
    assert workshop.fabric.acknowledged == {"receipt-job-1_2": 2, "receipt-job-1": 1}


async def test_an_unreadable_message_is_ended_and_the_next_one_runs(workshop: Workshop) -> None:
    async with workshop.at_work():
        workshop.fabric.put(b"\xff", "first")
        workshop.fabric.put(b'{"job_id":"job-7","input":1}', "second")
        workshop.fabric.assign(workshop.job(Say(TOKEN)))
        await settle()

    assert workshop.fabric.terminated == {"first": 1, "second": 1}
    assert workshop.fabric.states("job-7") == ["refused"]
    assert workshop.fabric.states() == ["started", "streaming", "succeeded"]


async def test_a_fault_of_the_island_has_its_runtimes_tested_again(workshop: Workshop) -> None:
    async with workshop.at_work():
        workshop.fabric.assign(workshop.job(Fail(End.ISLAND_FAULT, "the worker died")))
        await settle()

    claim = workshop.fabric.statuses[-1]
    assert (claim.state, claim.code, claim.error) == ("failed", "runtime_missing", "the worker died")
    assert len(workshop.fabric.registrations) == 2


async def test_a_failed_job_frees_its_slot(workshop: Workshop) -> None:
    async with workshop.at_work():
        workshop.fabric.assign(workshop.job(Exit(3)))
        workshop.fabric.assign(workshop.job(Say(TOKEN), job_id="job-2"))
        await settle()

    assert workshop.fabric.states() == ["started", "failed"]
    assert workshop.fabric.states("job-2")[-1] == "succeeded"
