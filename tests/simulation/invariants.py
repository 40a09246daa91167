"""All that must be true of a world: looked at with every commit, every message and every refusal, and once at its end.

Names of the rules: D nothing is recorded twice, J1 one holder and attempts that grow, J2 results from the holder only,
J3 every job ends, J4 every effect has one cause, B batches are what their parts are, C verdicts follow from answers,
T each end counts once for its cargo, K a killed cargo runs no more, S1 who is barred gets nothing, L1 to L8 the
ledger, P the read models.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, get_args

from commands.event_log import Commit
from commands.process import SendAssignment, SendCancel
from domain.account_events import CompensationPaid, CreditsEarned, EscrowReleased, HoldReleased, HoldSettled
from domain.batch_events import BatchAbandoned, BatchEnded
from domain.check_events import KnownAnswerJudged, LateAnswerTaken, VerdictReached
from domain.claim import AttemptClaim, Claim, ClaimRejection, Succeeded
from domain.island_events import (
    IslandEvent,
    KarmaPenalized,
    PayoutsUnlocked,
    ResultConfirmed,
    ResultContradicted,
    WorkCredited,
)
from domain.job_events import (
    AttemptFailed,
    AttemptLost,
    AttemptReturned,
    JobAbandoned,
    JobAssigned,
    JobCancelled,
    JobEvent,
    JobFailed,
    JobSucceeded,
)
from domain.treasury_events import CompensationGranted
from projections.ledger import MONEY_EVENTS
from tests.simulation.batch_rules import BatchRules
from tests.simulation.cargo_rules import CargoRules
from tests.simulation.check_rules import CheckRules
from tests.simulation.claims import StoredClaim
from tests.simulation.island_rules import IslandRules
from tests.simulation.job_rules import JobRules
from tests.simulation.ledger_rules import LedgerRules
from tests.simulation.outputs import OutputServer
from tests.simulation.rule import require

JUDGEMENTS: Final = (VerdictReached, LateAnswerTaken, KnownAnswerJudged)
CAUSES: Final[dict[type, tuple[type, ...]]] = {
    HoldSettled: (JobSucceeded, JobCancelled, *JUDGEMENTS),
    HoldReleased: (
        JobCancelled,
        JobFailed,
        JobAbandoned,
        BatchEnded,
        BatchAbandoned,
        VerdictReached,
        KnownAnswerJudged,
    ),
    CreditsEarned: (HoldSettled,),
    EscrowReleased: (PayoutsUnlocked,),
    CompensationPaid: (CompensationGranted,),
    WorkCredited: (JobSucceeded, *JUDGEMENTS),
    KarmaPenalized: (AttemptLost, AttemptFailed, AttemptReturned, VerdictReached, KnownAnswerJudged),
    ResultConfirmed: (VerdictReached, KnownAnswerJudged),
    ResultContradicted: (VerdictReached, KnownAnswerJudged),
}
UNTRUE_OF_THE_HOLDER: Final = (
    ClaimRejection.STALE_ATTEMPT,
    ClaimRejection.NOT_OWNER,
    ClaimRejection.JOB_CLOSED,
    ClaimRejection.UNKNOWN_JOB,
)
EARLIER: Final = "earlier"  # The command behind what happened before the world began.
JOB_EVENTS: Final = get_args(JobEvent)
WATCHED: Final = (*get_args(IslandEvent), *JOB_EVENTS, *JUDGEMENTS)


class Invariants:
    def __init__(self, outputs: OutputServer, claim: Callable[[int], Claim]) -> None:
        self._claim = claim
        self.jobs = JobRules(outputs=outputs, told_digest=self._told_digest)
        self.batches = BatchRules(jobs=self.jobs)
        self.checks = CheckRules()
        self.cargos = CargoRules()
        self.ledger = LedgerRules(jobs=self.jobs, checks=self.checks)
        self.islands = IslandRules(jobs=self.jobs, checks=self.checks)
        self.log: Sequence[Commit] = ()
        self._command_ids: set[str] = set()
        self._assigned: set[tuple[Any, int, Any]] = set()

    def _told_digest(self, command_id: str) -> str | None:
        kind, number, *_ = command_id.split(".")
        require(kind == "claim", "J4", command_id, "a job succeeded without a claim")
        claim = self._claim(int(number))
        assert isinstance(claim, Succeeded)
        return claim.digest

    def see(self, commit: Commit, led_since_ms: int | None) -> None:
        """One more commit. Raises `Broken`."""
        command_id = commit.origin.command_id
        require(command_id not in self._command_ids, "D", commit.stream, f"{command_id} recorded twice")
        self._command_ids.add(command_id)
        if command_id == EARLIER:
            self.islands.see_earlier_work(commit)
            return
        for event in commit.events:
            if type(event) in CAUSES:
                self._see_cause(event, commit)
            self.checks.see(event)
            self.batches.see(event)
            self.cargos.see(event, commit, self.log)
            if isinstance(event, JOB_EVENTS):
                self.jobs.see(event, commit)
            if isinstance(event, JobAssigned):
                self._assigned.add((event.job_id, event.attempt, event.island_id))
            if isinstance(event, WATCHED):
                self.islands.see(event, commit, led_since_ms)
        if isinstance(commit.events[0], MONEY_EVENTS):
            self.ledger.see(commit)

    def _see_cause(self, event: Any, commit: Commit) -> None:
        name, address = type(event).__name__, commit.origin.cause
        require(address, "J4", commit.stream, f"{name} without a cause")
        assert address is not None
        position, index = map(int, address.split("."))
        require(0 < position < commit.position, "J4", commit.stream, f"{name} before its cause {address}")
        cause = self.log[position - 1].events[index]
        is_one = isinstance(cause, CAUSES[type(event)])
        require(is_one, "J4", commit.stream, f"{name} because of {type(cause).__name__}")

    def see_message(self, message: SendAssignment | SendCancel) -> None:
        """What leaves for an island follows from a fact."""
        key = (message.job_id, message.attempt, message.island_id)
        if isinstance(message, SendAssignment):
            require(key in self._assigned, "J4", message.job_id, "an assignment that nobody decided")
        else:
            holder = self.jobs.holder(message.job_id)
            is_live = holder == (message.island_id, message.attempt)
            require(not is_live, "J4", message.job_id, "the holder was told to stop")

    def see_refusal(self, stored: StoredClaim, code: ClaimRejection) -> None:
        """A refusal is true at the moment it is made."""
        claim = stored.claim
        if stored.is_honest and isinstance(claim, AttemptClaim) and code in UNTRUE_OF_THE_HOLDER:
            is_holder = self.jobs.holder(claim.job_id) == (claim.island_id, claim.attempt)
            require(not is_holder, "J2", claim.job_id, f"the holder was refused: {code}")

    def unfinished(self) -> str | None:
        """What the world still waits for."""
        for job_id, job in self.jobs.jobs.items():
            if job.ended is None:
                return f"{job_id} has not ended"
        if batch_id := self.batches.unfinished():
            return f"{batch_id} has not ended"
        if self.ledger.open_holds:
            return f"{next(iter(self.ledger.open_holds))} has an open hold"
        if self.ledger.balances["clearing"]:
            return "clearing is not empty"
        if self.islands.credit_due or self.islands.penalty_due:
            return "karma has not been told"
        if self.checks.told_due:
            return "an island has not been told what its result was worth"
        return None

    def check_end(self) -> None:
        """Nothing is left to be done. Raises `Broken`."""
        for job_id, job in self.jobs.jobs.items():
            require(job.ended, "J3", job_id, "the job did not end in time")
        self.batches.check_all_have_ended()
        self.ledger.check_all_is_cleared()
        self.islands.check_all_is_judged()
        self.checks.check_all_is_told()
