"""Each charge reckoned anew from what its run used, by the version of the rules that its settlement names.

Used to verify an invoice: the fold of `invoice` shows what the events say, this shows that they had to say it. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from commands.reports.account_past import Charge
from commands.reports.job_past import JobPast
from domain.job_events import JobAbandoned, JobCancelled, JobFailed, JobSucceeded
from domain.metering import Reading, charge_micro, reading, units_used
from domain.pricing import FEE_PERMILLE, Shares, share


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is not as the rules have it, in the event at `address`."""

    address: str
    told: str


def faults_of(charge: Charge, job: JobPast) -> Iterator[Fault]:
    """Nothing where the charge is what the rules come to."""
    for told in (*faults_of_sums(charge), *faults_of_price(charge, job)):
        yield Fault(address=charge.address, told=told)


def faults_of_sums(charge: Charge) -> Iterator[str]:
    """The charge is cut from its hold, and shared as the version of the rules says."""
    settled = charge.settled
    if charge.hold is None:
        yield "nothing was held for this job"
    elif settled.charged_micro + settled.released_micro != charge.hold.amount_micro:
        yield (
            f"{settled.charged_micro} charged and {settled.released_micro} released are not the "
            f"{charge.hold.amount_micro} that were held"
        )
    if settled.price_rules_version not in FEE_PERMILLE:
        yield f"there are no price rules of version {settled.price_rules_version}"
        return
    shares = share(settled.charged_micro, rules_version=settled.price_rules_version)
    found = Shares(
        platform_fee_micro=settled.platform_fee_micro,
        publisher_micro=settled.publisher_micro,
        island_micro=settled.island_micro,
    )
    if found != shares:
        yield f"shared as {told_of(found)}, by the rules it is {told_of(shares)}"


def told_of(shares: Shares) -> str:
    return (
        f"{shares.platform_fee_micro} fee, {shares.publisher_micro} publisher, {shares.island_micro} island"
    )


def faults_of_price(charge: Charge, job: JobPast) -> Iterator[str]:
    settled, end = charge.settled, job.end
    if not isinstance(end, JobSucceeded | JobCancelled):
        yield f"its job {settled.job_id} did not end in a way that is charged"
        return
    price_micro = job.prices_micro.get(end.attempt, 0)
    if not price_micro:
        yield f"attempt {end.attempt} of its job has no price"
        return
    if (settled.unit_price_micro or price_micro) != price_micro:
        yield f"the price of a unit is {settled.unit_price_micro}, agreed was {price_micro}"
    units = units_of(job)
    if settled.unit_price_micro and settled.units != units:
        yield f"{settled.units} units are charged, used were {units}"
    if settled.price_rules_version in FEE_PERMILLE:
        due_micro = charge_micro(
            unit_price_micro=price_micro,
            units=units,
            hold_micro=job.run_bid_micro,
            rules_version=settled.price_rules_version,
        )
        if settled.charged_micro != due_micro:
            yield f"{settled.charged_micro} are charged, due were {due_micro}"


def units_of(job: JobPast) -> int:
    """What the run used, as far as it counts: the rule of `domain.job`, from its events alone."""
    match job.end:
        case JobSucceeded():
            used = reading(
                worked_ms=job.end.worked_ms,
                tokens_claimed=job.end.usage.completion_tokens,
                output_bytes=job.end.output.output_bytes,
                fuel_claimed=job.end.usage.fuel,
                fuel_max=job.fuel_max,
            )
        case JobCancelled():
            worked_ms = min(job.wall_ms, job.end.cancelled_at_ms - job.working_since_ms)
            used = Reading(worked_ms=max(0, worked_ms))
        case JobFailed() | JobAbandoned() | None:
            used = Reading()
        case _:
            assert_never(job.end)
    return units_used(job.price_unit, used)
