"""Blast radius, refunds, new runs, corrections and the proof of the books, over HTTP."""

from typing import Any

import pytest

from domain.account import ACCOUNT
from domain.account_commands import EarnCredits, EarnedShare, GrantCredits, OpenAccount
from domain.api_key import Scope
from domain.ids import NETWORK_ACCOUNT, AccountId, IslandId, JobId
from domain.pricing import MICRO_PER_CREDIT
from domain.refund import REFUND, RefundRequested
from tests.api.network import Network, Person
from tests.examples import CARGO, T0_MS

pytestmark = pytest.mark.asyncio(loop_scope="module")

REASON = {"reason": "the artifact was not what it said"}


async def operator(network: Network) -> Person:
    return await network.person(scopes=tuple(Scope))


async def done_job(network: Network) -> tuple[Person, JobId, IslandId]:
    """A job that an island has done and that is paid."""
    person, slug = await network.somebody()
    earner = await network.person()
    island_id = await network.island(earner.account_id)
    job_id = await network.run(person, slug, island_id, "Hello")
    await network.settle(job_id, person, earner=earner)
    return person, job_id, island_id


async def get(network: Network, who: Person, path: str, **query: Any) -> dict[str, Any]:
    answer = await network.http.get(path, params=query, headers=who.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def post(network: Network, who: Person, path: str, body: Any, **headers: str) -> Any:
    return await network.http.post(path, json=body, headers=who.headers | headers)


async def test_an_island_s_blast_radius_is_its_jobs_with_whose_they_are_and_what_they_cost(
    network: Network,
) -> None:
    admin = await operator(network)
    person, job_id, island_id = await done_job(network)
    found = await get(network, admin, "/audit/touched", island=island_id)
    [job] = found["jobs"]
    assert (job["job_id"], job["account_id"], job["hosts"]) == (job_id, person.account_id, [island_id])
    assert (job["state"], job["output_stored"], job["refunded"]) == ("succeeded", True, "0.0")
    assert float(job["charged"]) > 0
    assert job["settlement"].endswith(".0")
    behind = await get(network, admin, "/audit/touched", island=island_id, after=found["position"])
    assert behind["jobs"] == []


async def test_a_cargo_s_blast_radius_is_by_the_digest_of_what_ran_and_within_its_time(
    network: Network,
) -> None:
    admin = await operator(network)
    _, job_id, island_id = await done_job(network)
    digest = CARGO.artifact_digest
    found = await get(network, admin, "/audit/touched", cargo=digest, island=island_id)
    assert [job["job_id"] for job in found["jobs"]] == [job_id]
    later = {"cargo": digest, "island": island_id, "from": "2100-01-01T00:00:00Z"}
    assert (await get(network, admin, "/audit/touched", **later))["jobs"] == []
    other = await get(network, admin, "/audit/touched", cargo=f"sha256:{64 * 'f'}", island=island_id)
    assert other["jobs"] == []


async def test_only_an_operator_may_audit_and_repair(network: Network) -> None:
    person, job_id, island_id = await done_job(network)
    for path in (f"/audit/touched?island={island_id}", "/audit/books"):
        assert (await network.http.get(path, headers=person.headers)).status_code == 403
    for path in (f"/audit/jobs/{job_id}/refund", f"/audit/jobs/{job_id}/rerun"):
        assert (await post(network, person, path, REASON)).status_code == 403
    correction = {"amount": "1", "original": "1.0", "reason": "please"}
    path = f"/accounts/{person.account_id}/corrections"
    assert (await post(network, person, path, correction)).status_code == 403


async def test_a_selection_names_a_cargo_or_an_island(network: Network) -> None:
    admin = await operator(network)
    answer = await network.http.get("/audit/touched", headers=admin.headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")


async def test_a_refund_is_asked_for_once_and_names_the_settlement(network: Network) -> None:
    admin = await operator(network)
    person, job_id, island_id = await done_job(network)
    [job] = (await get(network, admin, "/audit/touched", island=island_id))["jobs"]
    early = await post(network, admin, f"/audit/jobs/{job_id}/refund", REASON)
    assert (early.status_code, "on its way" in early.json()["message"]) == (409, True)
    await pay_publisher(network, job_id)
    first = await post(network, admin, f"/audit/jobs/{job_id}/refund", REASON)
    again = await post(network, admin, f"/audit/jobs/{job_id}/refund", REASON)
    assert (first.json()["new"], again.json()["new"]) == (True, False)
    past = await network.services.log.load(REFUND.stream(job_id))
    [event] = past.events
    assert isinstance(event, RefundRequested)
    assert (event.original, event.account_id) == (job["settlement"], person.account_id)


async def test_what_cost_nothing_cannot_be_refunded(network: Network) -> None:
    admin = await operator(network)
    person, slug = await network.somebody()
    job_id = await network.job(person, slug)
    answer = await post(network, admin, f"/audit/jobs/{job_id}/refund", REASON)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")


async def test_a_job_is_run_again_once_for_the_network_and_elsewhere(network: Network) -> None:
    admin = await operator(network)
    _, job_id, island_id = await done_job(network)
    await fund_network(network)
    body = {**REASON, "island": island_id}
    first = await post(network, admin, f"/audit/jobs/{job_id}/rerun", body)
    assert first.status_code == 200, first.text
    again = await post(network, admin, f"/audit/jobs/{job_id}/rerun", body)
    assert (first.json()["new"], again.json()["new"]) == (True, False)
    assert first.json()["job_id"] == again.json()["job_id"]
    submitted = (await network.services.log.load(f"job.{first.json()['job_id']}")).events[0]
    assert (submitted.account_id, submitted.rerun_of) == (NETWORK_ACCOUNT, job_id)
    assert len(submitted.excluded_owners) == 1
    [job] = (await get(network, admin, "/audit/touched", island=island_id))["jobs"]
    assert job["rerun_id"] == first.json()["job_id"]


async def test_a_bad_artifact_is_not_run_again(network: Network) -> None:
    admin = await operator(network)
    _, job_id, _ = await done_job(network)
    body = {**REASON, "cargo": CARGO.artifact_digest}
    answer = await post(network, admin, f"/audit/jobs/{job_id}/rerun", body)
    assert answer.status_code == 409
    assert "no newer version" in answer.json()["message"]


@pytest.mark.parametrize(("amount", "micro"), [("-1.5", -1_500_000), ("2", 2_000_000)])
async def test_a_correction_names_the_original_and_is_made_once(
    network: Network, amount: str, micro: int
) -> None:
    admin, person = await operator(network), await network.person()
    before = await network.services.handler.state(ACCOUNT, person.account_id)
    entries = await get(network, person, "/ledger/entries")
    original = "{position}.{index}".format(**entries["entries"][0])
    body = {"amount": amount, "original": original, "reason": "granted wrongly"}
    path = f"/accounts/{person.account_id}/corrections"
    answers = [await post(network, admin, path, body, **{"Idempotency-Key": "ticket-7"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert [answer.json()["new"] for answer in answers] == [True, False]
    after = await network.services.handler.state(ACCOUNT, person.account_id)
    assert after.free_micro - before.free_micro == micro
    listed = (await get(network, person, "/ledger/entries"))["entries"][-1]
    assert (listed["kind"], listed["original"], listed["reference"]) == ("corrected", original, "ticket-7")


async def test_a_correction_of_somebody_else_s_event_is_refused(network: Network) -> None:
    admin, person, other = await operator(network), await network.person(), await network.person()
    entries = await get(network, other, "/ledger/entries")
    original = "{position}.{index}".format(**entries["entries"][0])
    body = {"amount": "1", "original": original, "reason": "wrong account"}
    answer = await post(network, admin, f"/accounts/{person.account_id}/corrections", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")


async def test_more_than_is_free_is_not_taken_back(network: Network) -> None:
    admin, person = await operator(network), await network.person()
    entries = await get(network, person, "/ledger/entries")
    original = "{position}.{index}".format(**entries["entries"][0])
    body = {"amount": "-100000000", "original": original, "reason": "too much"}
    answer = await post(network, admin, f"/accounts/{person.account_id}/corrections", body)
    assert answer.status_code == 409
    assert "are free" in answer.json()["message"]


async def test_the_proof_of_the_books_is_one_digest_and_no_fault(network: Network) -> None:
    admin = await operator(network)
    await done_job(network)
    proof = await get(network, admin, "/audit/books")
    assert (proof["right"], proof["sum"], proof["unexplained"]) == (True, "0.0", {})
    assert len(proof["digest"]) == 64
    assert proof["entries"] > 0


async def pay_publisher(network: Network, job_id: JobId) -> None:
    """The last part of the charge arrives."""
    publisher = AccountId("publisher")
    opened = OpenAccount(account_id=publisher, name="Publisher", now_ms=T0_MS)
    share = EarnedShare(island_id=None, amount_micro=50_000)
    earned = EarnCredits(account_id=publisher, job_id=job_id, shares=(share,), now_ms=T0_MS)
    await network.handle(ACCOUNT, publisher, opened)
    await network.command(ACCOUNT, publisher, earned)


async def fund_network(network: Network) -> None:
    opened = OpenAccount(account_id=NETWORK_ACCOUNT, name="The network", now_ms=T0_MS)
    granted = GrantCredits(
        account_id=NETWORK_ACCOUNT,
        grant_id="test",
        amount_micro=1_000 * MICRO_PER_CREDIT,
        reason="for new runs",
        now_ms=T0_MS,
    )
    for command in (opened, granted):
        await network.handle(ACCOUNT, NETWORK_ACCOUNT, command)
