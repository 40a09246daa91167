"""Islands that fall silent for longer than their lease, and speak again while or after somebody else does their work.

Real leases: 60 s and 5 s of grace. Two islands wait together, one frozen and one dead.
"""

import json
from typing import Any, Final

from adapters.claim_envelope import CLAIM, seal
from adapters.nats import subjects
from adapters.nats.accounts.jwt import decode64
from domain.island_events import KarmaPenalized
from domain.job_events import AttemptLost, JobSucceeded
from tests.faults.books import assert_all_succeeded_once
from tests.faults.network import Network, eventually
from tests.faults.programs import Program

AHEAD: Final = 100
"""Numbers that the frozen island has not come to yet, and within the window in which they may come in any order."""


async def test_what_an_island_says_after_its_lease_is_kept_and_not_billed(network: Network) -> None:
    await network.add_coordinator()
    names = ("frozen", "killed")
    frozen, killed = [await network.add_island(name) for name in names]
    slug = await network.publish(3)
    jobs = await one_job_each(network, slug, names)
    frozen.freeze()
    await killed.kill()
    await network.add_island("helper")

    for name, job_id in jobs.items():
        await network.until_state(job_id, "running", attempt=2)
        await claim_success(network, name, job_id)
        await network.until_state(job_id, "succeeded")
    assert {name: (await network.host(name))["status"] for name in names} == dict.fromkeys(names, "offline")
    frozen.thaw()
    killed.start()
    await comes_back(network, frozen, f"job {jobs['frozen']}: lost its lease")
    await comes_back(network, killed, f"job {jobs['killed']}: returned (left over from an earlier run)")

    events = await assert_all_succeeded_once(network, list(jobs.values()))
    lost = [(event.job_id, event.attempt) for event in events if isinstance(event, AttemptLost)]
    assert sorted(lost) == sorted((job_id, 1) for job_id in jobs.values())
    penalties = [event for event in events if isinstance(event, KarmaPenalized)]
    assert sorted((event.island_id, event.penalty, event.karma) for event in penalties) == sorted(
        [((await network.host(name))["id"], "lease_lost", -2) for name in names]
    )
    helper = (await network.host("helper"))["id"]
    assert {event.island_id for event in events if isinstance(event, JobSucceeded)} == {helper}
    assert await rejections(network, jobs["frozen"]) == ["stale_attempt"]
    assert await rejections(network, jobs["killed"]) == ["stale_attempt", "job_closed"]


async def one_job_each(network: Network, slug: str, names: tuple[str, ...]) -> dict[str, str]:
    """The job that runs on each of the islands."""
    islands = {(await network.host(name))["id"]: name for name in names}
    jobs = {}
    for name in names:
        job_id = await network.submit(slug, f"a job beside {name}")
        await network.until_output(job_id)
        jobs[islands[(await network.job(job_id))["host_id"]]] = job_id
    return jobs


async def claim_success(network: Network, name: str, job_id: str) -> None:
    """The late success of the first attempt, signed by the island that made it, while the second runs."""
    first, second = await network.placements(job_id)
    island = network.as_island(name)
    assert first["host_id"] == island.island_id
    assert second["host_id"] != island.island_id
    claim = {"job_id": job_id, "state": "succeeded", "timestamp": 1, "count": 2, "digest": "sha256:0"}
    body, subject = json.dumps(claim).encode(), subjects.status(island.island_id)
    headers = seal(
        island.user,
        island_id=island.island_id,
        kind="status",
        job=job_id,
        attempt=1,
        n=await last_number(network, subject) + AHEAD,
        claim_id=f"late-{job_id}",
        at_ms=1,
        body=body,
    )
    async with island.connected() as client:
        await client.request(subject, body, headers=headers, timeout=5)
    await eventually(lambda: rejections(network, job_id))


async def last_number(network: Network, subject: str) -> int:
    """Of the newest claim on that subject."""
    async with network.as_operator() as client:
        newest = await client.jetstream().get_last_msg(subjects.JOB_STATUS, subject)
    assert newest.headers is not None
    return int(json.loads(decode64(newest.headers[CLAIM]))["n"])


async def rejections(network: Network, job_id: str) -> list[str]:
    return [claim["code"] for claim in (await network.timeline(job_id))["rejected_claims"]]


async def comes_back(network: Network, island: Program, words: str) -> None:
    await island.says(words)

    async def is_online() -> Any:
        return (await network.host(island.name))["status"] == "online"

    await eventually(is_online)
