"""An island that knows only user and password, from its owner's ticket to a job that is paid: real programs."""

import asyncio
from typing import Any

from adapters.wire import ALREADY_PAIRED
from domain.island_events import RuntimesChanged
from domain.job_events import Grade, JobSucceeded
from tests.cli.commands import Said, typed
from tests.faults.books import assert_all_succeeded_once
from tests.faults.network import Network, eventually
from tests.faults.password_daemon import PasswordDaemon

NAME = "old box"


async def types(network: Network, *words: str) -> Said:
    """A person's command; it runs beside us, for it may take as long as the network needs."""
    url = str(network.http.base_url).removesuffix("/api/v1/")
    return await asyncio.to_thread(typed, *words, "--url", url, "--key", network.key)


async def offered(network: Network) -> dict[str, Any]:
    """The island as its owner sees it, once it is online and offers something."""

    async def found() -> dict[str, Any]:
        host = await network.host(NAME)
        return host if host.get("status") == "online" and host.get("runtimes") else {}

    return await eventually(found)


async def test_a_job_runs_on_a_daemon_that_knows_only_a_password(network: Network) -> None:
    await network.add_coordinator()
    await network.add_door()
    slug = await network.publish(0)
    ticket = (await types(network, "island", "credentials", NAME, "--json")).json
    async with PasswordDaemon.connected(ticket["url"]) as daemon:
        assert daemon.answers["pairing"] == {"success": False, "error": ALREADY_PAIRED}
        assert daemon.answers["queue"]["error"]["description"].startswith("JetStream not enabled")
        assert daemon.answers["ping"] == b"pong"
        host = await offered(network)
        assert (host["id"], host["signed"], host["runtimes"], host["asking_prices"]) == (
            ticket["island_id"],
            False,
            ["container", "wasm"],
            {"_default": "1.0"},
        )
        daemon.fails = 1
        job_id = await network.submit(slug, "for the old box")
        await network.until_state(job_id, "succeeded")
    assert [job["job_id"] for job in daemon.jobs] == [job_id, f"{job_id}_2"]
    events = await assert_all_succeeded_once(network, [job_id])
    [success] = [event for event in events if isinstance(event, JobSucceeded)]
    assert (success.island_id, success.grade, success.output.chunks) == (
        ticket["island_id"],
        Grade.UNSIGNED,
        2,
    )
    assert len([event for event in events if isinstance(event, RuntimesChanged)]) == 1
    rejected = await network.http.get(f"/hosts/{ticket['island_id']}/rejected-claims")
    assert rejected.json()["rejected_claims"] == []
    assert "result unsigned" in (await types(network, "job", "events", job_id)).out
    assert "and succeeded (unsigned)." in (await types(network, "job", "why", job_id)).out


async def test_it_gets_no_cargo_of_a_higher_trust_level_and_a_person_can_read_why(network: Network) -> None:
    await network.add_coordinator()
    await network.add_door()
    slug = await network.publish(0, trust_level=2)
    ticket = (await types(network, "island", "credentials", NAME, "--json")).json
    async with PasswordDaemon.connected(ticket["url"]) as daemon:
        await offered(network)
        job_id = await network.submit(slug, "not for the old box")

        async def deferred() -> bool:
            return "unsigned" in str((await network.job(job_id)).get("queue_reasons"))

        await eventually(deferred)
        assert daemon.jobs == []
        told = (await types(network, "job", "why", job_id)).out
        assert "unsigned" in told
        assert "archipelago island join URL" in told
        signing = await network.add_island("new box")
        await network.until_state(job_id, "succeeded")
        await signing.stop()
