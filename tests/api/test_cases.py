"""Case files over HTTP: whole for the owner, withholding others' movements, and proven to whoever has the zip."""

import io
import zipfile
from typing import Any

import pytest

from adapters.case_file.verify import read, verified
from domain.api_key import Scope
from domain.ids import JobId
from tests.api.network import Network, Person
from tests.api.test_proofs import Signer

pytestmark = pytest.mark.asyncio(loop_scope="module")

INPUT = "private-77c1 recipe"


@pytest.fixture(scope="module")
def signer(network: Network) -> Signer:
    return Signer(network)


async def asked(network: Network, person: Person, job_id: JobId) -> Any:
    return await network.http.get(f"/jobs/{job_id}/case", headers=person.headers)


async def paid_job(network: Network) -> tuple[Person, Person, JobId]:
    """Who paid, who earned, and the job."""
    person, earner = await network.person(), await network.person()
    island_id = await network.island(earner.account_id)
    slug = await network.cargo()
    job_id = await network.job(person, slug, input={"text": INPUT})
    await network.assign(job_id, island_id)
    await network.start(job_id, island_id)
    await network.say(job_id, island_id, "done", seq=1)
    await network.say(job_id, island_id, "", seq=2, last=True)
    await network.succeed(job_id, island_id)
    await network.settle(job_id, person, earner=earner)
    return person, earner, job_id


def parts(content: bytes) -> tuple[Any, Any, Any]:
    return read(zipfile.ZipFile(io.BytesIO(content)))


async def test_the_owner_gets_everything_that_was_recorded_with_proofs(
    network: Network, signer: Signer
) -> None:
    person, earner, job_id = await paid_job(network)
    early = await asked(network, person, job_id)
    await signer.signed()
    answer = await asked(network, person, job_id)
    again = await asked(network, person, job_id)
    assert (early.status_code, early.json()["error"]["code"]) == (503, "unavailable")
    assert "no checkpoint covers" in early.json()["message"]
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip"), answer.text
    assert answer.headers["content-disposition"] == f'attachment; filename="case-{job_id}.zip"'
    assert again.content == answer.content
    case, checkpoint, commits = parts(answer.content)
    assert verified(case, checkpoint, commits, signer.key.public)
    assert [line["event"] for line in case["leases"]] == ["job.assigned", "job.attempt_started"]
    assert [line["event"] for line in case["ends"]] == ["job.succeeded"]
    assert case["cargo"]["cargo"]["spec"]["artifact_digest"].startswith("sha256:")
    assert [line["event"] for line in case["bookings"]] == ["account.credits_held", "account.hold_settled"]
    assert [line["subject"] for line in case["withheld"]] == [f"evt.account.{earner.account_id}"]


async def test_what_people_wrote_stays_sealed_and_others_movements_are_an_operators_to_see(
    network: Network, signer: Signer
) -> None:
    person, earner, job_id = await paid_job(network)
    operator = await network.key_for(earner.account_id, scopes=(Scope.READ, Scope.ADMIN))
    await signer.signed()
    own, whole = await asked(network, person, job_id), await asked(network, operator, job_id)
    refused = await asked(network, earner, job_id)
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "not_found")
    case, checkpoint, commits = parts(whole.content)
    assert verified(case, checkpoint, commits, signer.key.public)
    assert case["withheld"] == []
    assert "account.credits_earned" in [line["event"] for line in case["bookings"]]
    for content in (own.content, whole.content):
        _, _, shown = parts(content)
        assert INPUT not in str(shown)
        assert "~p1." in str(shown)


async def test_a_job_that_runs_has_no_case_yet(network: Network) -> None:
    person, slug = await network.person(), await network.cargo()
    answer = await asked(network, person, await network.job(person, slug))
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    assert "when it has ended" in answer.json()["message"]
