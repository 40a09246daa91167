"""What came back to an account, reckoned anew: no refund above its charge, no compensation above the rules, each once.

Used to verify an invoice, beside `reckoning` for its charges. Grows commit by commit with the account's own history, as
`account_past` reads it.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from commands.event_log import Commit
from commands.reports.period import Span
from commands.reports.reckoning import Fault
from domain.account_events import ChargeRefunded, CompensationPaid, CreditsHeld, HoldSettled, HoldSplit
from domain.compensation import BID_PERMILLE, compensation_micro
from domain.ids import JobId


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    job_id: JobId
    charged_micro: int


class Repayments:
    """`faults` are those in the span; what lies before it is only remembered."""

    def __init__(self, stream: str, span: Span) -> None:
        self.faults: list[Fault] = []
        self._stream: Final = stream
        self._span: Final = span
        self._settled: dict[str, Settlement] = {}
        self._bids_micro: dict[JobId, int] = {}
        self._refunded_micro = Counter[str]()
        self._refund_ids: set[tuple[JobId, str]] = set()
        self._compensated: set[JobId] = set()

    def take(self, commit: Commit) -> None:
        if commit.stream != self._stream or commit.position > self._span.through:
            return
        for index, event in enumerate(commit.events):
            address = f"{commit.position}.{index}"
            told = self._take(event, address)
            if told is not None and self._span.holds(commit.position):
                self.faults.append(Fault(address=address, told=told))

    def _take(self, event: Any, address: str) -> str | None:
        match event:
            case CreditsHeld():
                self._bids_micro[event.job_id] = event.amount_micro
            case HoldSplit():
                self._bids_micro[event.into_job_id] = event.amount_micro
            case HoldSettled():
                self._settled[address] = Settlement(job_id=event.job_id, charged_micro=event.charged_micro)
            case ChargeRefunded():
                return self._refund(event)
            case CompensationPaid():
                return self._compensation(event)
            case _:
                pass
        return None

    def _refund(self, event: ChargeRefunded) -> str | None:
        settled = self._settled.get(event.original)
        if settled is None or settled.job_id != event.job_id:
            return f"puts right {event.original}, which is no charge for job {event.job_id}"
        if (event.job_id, event.refund_id) in self._refund_ids:
            return f"part {event.refund_id} of job {event.job_id} came back before"
        self._refund_ids.add((event.job_id, event.refund_id))
        self._refunded_micro[event.original] += event.amount_micro
        if self._refunded_micro[event.original] > settled.charged_micro:
            back_micro = self._refunded_micro[event.original]
            return f"{back_micro} of {event.original} came back, charged were {settled.charged_micro}"
        return None

    def _compensation(self, event: CompensationPaid) -> str | None:
        if event.compensation_rules_version not in BID_PERMILLE:
            return f"there are no compensation rules of version {event.compensation_rules_version}"
        if event.job_id in self._compensated:
            return f"job {event.job_id} was compensated before"
        self._compensated.add(event.job_id)
        bid_micro = self._bids_micro.get(event.job_id, 0)
        most_micro = compensation_micro(bid_micro, rules_version=event.compensation_rules_version)
        if event.amount_micro > most_micro:
            return f"{event.amount_micro} compensate a bid of {bid_micro}, at most {most_micro} may"
        return None
