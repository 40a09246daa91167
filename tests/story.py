"""A network told step by step: real deciders, processes and planners, with time that passes only when it is told to.

Used where a rule spans several of them: a lease that ends, a job that is placed again, a payment that follows. Every
step is a command of an island or of an account, or `wait`, after which the planners look once.
"""

from collections.abc import Mapping
from typing import Any, Final

from commands.event_log import Commit
from commands.processes.exchanging import Exchanging
from commands.processes.expiring import Expiring
from commands.processes.placing import Placing
from domain.account import ACCOUNT, Account
from domain.account_commands import GrantCredits, HoldCredits, OpenAccount
from domain.failure import Failure, ReturnReason
from domain.ids import AccountId, IslandId, JobId
from domain.island import ISLAND as ISLANDS
from domain.island_commands import EnrolIsland, RegisterIsland
from domain.island_state import Island
from domain.job import JOB
from domain.job_commands import (
    CancelJob,
    FailAttempt,
    RenewLease,
    ReturnAttempt,
    StartAttempt,
    SucceedAttempt,
)
from domain.job_events import Grade, Output
from domain.job_state import Job
from domain.pricing import MICRO_PER_CREDIT
from tests import examples
from tests.examples import BID_MICRO, CUSTOMER, JOB_ID, OWNER, PUBLISHER
from tests.histories import Network

ACCOUNTS: Final = (CUSTOMER, OWNER, PUBLISHER)
GRANT_MICRO: Final = 100 * MICRO_PER_CREDIT


class Story(Network):
    """The customer has 100 credits; nobody has an island yet. Processes follow at once, planners when time passes."""

    def __init__(self) -> None:
        self.placing = Placing(lambda: 0)
        self.expiring = Expiring()
        self.exchanging = Exchanging()
        super().__init__()
        for account_id in ACCOUNTS:
            self.open(account_id)
        self.grant(CUSTOMER)

    def add(self, stream: str, *events: Any) -> Commit:
        commit = super().add(stream, *events)
        self.placing.take(commit)
        self.expiring.take(commit)
        self.exchanging.take(commit)
        return commit

    def wait(self, seconds: float = 0) -> None:
        """Time passes, and then the planners look once."""
        self.now_ms += round(seconds * 1000)
        for planner in (self.expiring, self.placing, self.exchanging):
            for order in planner.plan(self.now_ms):
                self.do(order.decider, order.aggregate_id, order.command)

    # Where things stand.

    def job(self, job_id: JobId = JOB_ID) -> Job:
        state = self.state(JOB, job_id)
        assert isinstance(state, Job)
        return state

    def account(self, account_id: AccountId = CUSTOMER) -> Account:
        state = self.state(ACCOUNT, account_id)
        assert isinstance(state, Account)
        return state

    def island(self, island_id: str) -> Island:
        state = self.state(ISLANDS, island_id)
        assert isinstance(state, Island)
        return state

    def events(self, *kinds: type) -> list[Any]:
        """All events of these kinds, in order."""
        return [event for commit in self.commits for event in commit.events if isinstance(event, kinds)]

    # What accounts do.

    def open(self, account_id: AccountId) -> None:
        command = OpenAccount(account_id=account_id, name=account_id, now_ms=self.now_ms)
        self.do(ACCOUNT, account_id, command)

    def grant(self, account_id: AccountId, amount_micro: int = GRANT_MICRO) -> None:
        command = GrantCredits(
            account_id=account_id,
            grant_id="sign-up",
            amount_micro=amount_micro,
            reason="sign-up",
            now_ms=self.now_ms,
        )
        self.do(ACCOUNT, account_id, command)

    def submit(
        self,
        job_id: JobId = JOB_ID,
        account_id: AccountId = CUSTOMER,
        bid_micro: int = BID_MICRO,
        **fields: Any,
    ) -> None:
        """Holds the bid, and where that is granted submits the job."""
        hold = HoldCredits(account_id=account_id, job_id=job_id, amount_micro=bid_micro, now_ms=self.now_ms)
        if self.do(ACCOUNT, account_id, hold):
            fields |= {"job_id": job_id, "account_id": account_id, "bid_micro": bid_micro}
            self.do(JOB, job_id, examples.submit_job(**fields, now_ms=self.now_ms))

    def cancel(self, job_id: JobId = JOB_ID, *, has_output: bool = False) -> None:
        account_id = self.job(job_id).account_id
        assert account_id is not None
        command = CancelJob(job_id=job_id, account_id=account_id, has_output=has_output, now_ms=self.now_ms)
        self.do(JOB, job_id, command)

    # What islands do.

    def join(
        self, name: str, *, owner_id: AccountId = OWNER, asks: Mapping[str, int] | None = None, **offers: Any
    ) -> None:
        """An island of that name joins, registers what it `offers` and is online."""
        island_id = IslandId(name)
        enrolment = EnrolIsland(
            island_id=island_id, owner_id=owner_id, name=name, user_key=f"key of {name}", now_ms=self.now_ms
        )
        registration = RegisterIsland(
            island_id=island_id,
            agent_version="0.1.0",
            protocol=2,
            capabilities=examples.registered(**offers).capabilities,
            asks_micro=asks or {},
            now_ms=self.now_ms,
        )
        self.do(ISLANDS, name, enrolment)
        self.do(ISLANDS, name, registration)
        self.beat(name, asks_micro=asks or {})

    def beat(self, name: str, **fields: Any) -> None:
        fields = {"asks_micro": self.island(name).asks_micro, **fields}
        command = examples.heartbeat(island_id=IslandId(name), **fields, now_ms=self.now_ms)
        self.do(ISLANDS, name, command)

    def attempt(self, job_id: JobId = JOB_ID) -> dict[str, Any]:
        """How the island that has the job names what it speaks of."""
        job = self.job(job_id)
        assert job.is_live
        return {"job_id": job_id, "attempt": job.attempt, "island_id": job.island_id, "now_ms": self.now_ms}

    def start(self, job_id: JobId = JOB_ID) -> None:
        self.do(JOB, job_id, StartAttempt(**self.attempt(job_id)))

    def renew(self, job_id: JobId = JOB_ID, extend_ms: int = 60_000) -> None:
        self.do(JOB, job_id, RenewLease(**self.attempt(job_id), extend_ms=extend_ms))

    def succeed(self, job_id: JobId = JOB_ID, output: Output = examples.OUTPUT) -> None:
        success = SucceedAttempt(
            **self.attempt(job_id), output=output, usage=examples.USAGE, grade=Grade.SIGNED
        )
        self.do(JOB, job_id, success)

    def fail(self, code: Failure, job_id: JobId = JOB_ID) -> None:
        self.do(JOB, job_id, FailAttempt(**self.attempt(job_id), code=code, detail="it broke"))

    def give_back(self, reason: ReturnReason, job_id: JobId = JOB_ID) -> None:
        self.do(JOB, job_id, ReturnAttempt(**self.attempt(job_id), reason=reason))
