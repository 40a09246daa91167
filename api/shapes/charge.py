"""What a job cost and why so much: the ask, the unit, the cap, who got what, under which version of the rules."""

from collections.abc import Sequence
from typing import Any, Final

from api.shapes.amounts import decimal_text
from api.shapes.job import ENDED
from api.shapes.present import present
from domain.job_events import JobCancelled, JobSucceeded
from domain.pricing import PriceUnit, share
from projections.jobs import JobRow
from projections.ledger import EntryRow
from projections.postings import FEES, Kind

HELD: Final = "held"  # The bid is set aside until the job has ended.
SETTLED: Final = "settled"  # It was charged.
UNSETTLED: Final = (
    "unsettled"  # It ended and is not booked yet: its result may be compared with another first.
)
RELEASED: Final = "released"  # Nothing was charged; all of the bid came back.


def charge_shape(row: JobRow, past: Sequence[Any], entries: Sequence[EntryRow]) -> dict[str, Any]:
    """`past` are the job's own events, `entries` what the books say of it. `event` is the address of the settlement."""
    settled = [entry for entry in entries if entry.kind is Kind.SETTLED]
    shape: dict[str, Any] = {"standing": standing_of(row, entries), "bid": decimal_text(row.bid_micro)}
    if not settled:
        return shape
    fee_micro = sum(entry.amount_micro for entry in settled if entry.account == FEES)
    held_micro = -sum(entry.amount_micro for entry in settled if entry.account.startswith("held:"))
    released_micro = sum(entry.amount_micro for entry in settled if entry.account.startswith("free:"))
    charged_micro = held_micro - released_micro
    version = settled[0].price_rules_version or 1
    shares = share(charged_micro, rules_version=version)
    return shape | present(
        {
            **price_fields(past, charged_micro, held_micro),
            "charged": decimal_text(charged_micro),
            "released": decimal_text(released_micro),
            "platform_fee": decimal_text(fee_micro),
            "publisher": decimal_text(shares.publisher_micro),
            "island": decimal_text(charged_micro - fee_micro - shares.publisher_micro),
            "price_rules_version": version,
            "event": f"{settled[0].position}.{settled[0].index}",
        }
    )


def standing_of(row: JobRow, entries: Sequence[EntryRow]) -> str:
    kinds = {entry.kind for entry in entries}
    if Kind.SETTLED in kinds:
        return SETTLED
    if Kind.RELEASED in kinds:
        return RELEASED
    return UNSETTLED if row.state in ENDED else HELD


def price_fields(past: Sequence[Any], charged_micro: int, held_micro: int) -> dict[str, Any]:
    """From the event that ended the job: a cancelled one costs the ask once its output had begun."""
    for event in past:
        match event:
            case JobSucceeded():
                unit_micro, units = event.price_micro, event.units
                is_capped = charged_micro == held_micro and unit_micro * units > held_micro
                return {
                    "ask": decimal_text(unit_micro),
                    "unit": event.price_unit,
                    "units": units,
                    "capped_by_bid": is_capped,
                }
            case JobCancelled():
                return {"ask": decimal_text(event.charge_micro), "unit": PriceUnit.JOB, "units": 1}
            case _:
                pass
    return {}
