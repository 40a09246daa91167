"""What a job's explanation says of credits that came back after its end, over HTTP."""

from typing import Any, Final

import pytest

from adapters import clock
from domain.account import ACCOUNT
from domain.account_commands import ReceiveCompensation, ReceiveRefund
from domain.compensation import Cause
from domain.ids import JobId
from domain.refund import ChargePart, part_id
from domain.treasury import TREASURY, TREASURY_ID, CollectFees, CoverRefund, GrantCompensation
from tests.api.network import Network, Person
from tests.examples import T0_MS

pytestmark = pytest.mark.asyncio(loop_scope="module")

FEE_MICRO: Final = 100_000  # The network's tenth of the one credit that the job costs.


async def paid_job(network: Network) -> tuple[Person, JobId]:
    person, slug = await network.somebody()
    earner = await network.person()
    job_id = await network.run(person, slug, await network.island(earner.account_id), "Hello")
    await network.settle(job_id, person, earner=earner)
    return person, job_id


async def placement(network: Network, person: Person, job_id: JobId, after: int) -> dict[str, Any]:
    answer = await network.http.get(
        f"/jobs/{job_id}/placement", params={"after": after}, headers=person.headers
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def collect_fees(network: Network) -> None:
    """What the network got of the job goes to the treasury, which pays for all that follows."""
    treasury = await network.services.handler.state(TREASURY, TREASURY_ID)
    collected = CollectFees(
        after_position=treasury.collected_through,
        through_position=await network.services.log.last_position(),
        amount_micro=FEE_MICRO,
        now_ms=clock.now_ms(),
    )
    await network.handle(TREASURY, TREASURY_ID, collected)


async def test_compensation_is_told_with_its_reason_its_rule_and_the_attempts_that_ended(
    network: Network,
) -> None:
    person, job_id = await paid_job(network)
    await collect_fees(network)
    granted = GrantCompensation(
        job_id=job_id,
        account_id=person.account_id,
        cause=Cause.LATE,
        amount_micro=30_000,
        evidence=("7.0", "9.0"),
        now_ms=T0_MS,
    )
    await network.handle(TREASURY, TREASURY_ID, granted)
    paid = ReceiveCompensation(
        account_id=person.account_id,
        job_id=job_id,
        amount_micro=30_000,
        reason=Cause.LATE,
        compensation_rules_version=1,
        evidence=("7.0", "9.0"),
        now_ms=T0_MS,
    )
    position = await network.command(ACCOUNT, person.account_id, paid)
    [repayment] = (await placement(network, person, job_id, position))["repayments"]
    assert repayment == {
        "kind": "compensated",
        "amount": "0.03",
        "event": f"{position}.0",
        "reason": "late",
        "evidence": ["7.0", "9.0"],
        "compensation_rules_version": 1,
    }


async def test_a_refund_is_told_with_the_settlement_that_it_gives_back(network: Network) -> None:
    person, job_id = await paid_job(network)
    await collect_fees(network)
    covered = CoverRefund(
        job_id=job_id,
        part=ChargePart.PLATFORM,
        account_id=person.account_id,
        original="5.0",
        amount_micro=FEE_MICRO,
        now_ms=T0_MS,
    )
    await network.handle(TREASURY, TREASURY_ID, covered)
    refunded = ReceiveRefund(
        account_id=person.account_id,
        job_id=job_id,
        refund_id=part_id(job_id, ChargePart.PLATFORM),
        original="5.0",
        amount_micro=FEE_MICRO,
        now_ms=T0_MS,
    )
    position = await network.command(ACCOUNT, person.account_id, refunded)
    [repayment] = (await placement(network, person, job_id, position))["repayments"]
    assert repayment == {
        "kind": "refunded",
        "amount": "0.1",
        "event": f"{position}.0",
        "original": "5.0",
    }


async def test_a_job_without_either_says_nothing_of_them(network: Network) -> None:
    person, job_id = await paid_job(network)
    found = await placement(network, person, job_id, 0)
    assert not {"repayments", "verdict"} & found.keys()
