"""Histories of a whole network as the log would hold them: commits made by the real deciders and processes.

Used by tests and benchmarks of everything that reads the log. `History` is a log in a list; `random_history` fills one
with jobs that are placed, run, lost, returned, fail, are cancelled and are paid, the same for the same seed.
"""

import random
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any, Final

from commands.event_log import Commit, Origin
from commands.process import Order, Process, Reaction
from commands.processes.barring import Barring
from commands.processes.checking import CHECKING
from commands.processes.karma import KARMA
from commands.processes.settling import SETTLING
from commands.replicas import (
    DoubtResult,
    RefundResult,
    SubmitReplica,
    WithdrawReplica,
    doubt_command,
    refund_command,
    replica_commands,
)
from domain.account import ACCOUNT
from domain.account_commands import GrantCredits, HoldCredits, OpenAccount
from domain.api_key import API_KEY, IssueApiKey, RevokeApiKey, Scope
from domain.cargo import CARGO
from domain.cargo_commands import DisableCargo, PublishCargo
from domain.check import CHECK
from domain.check_commands import RecordNoAnswer
from domain.decider import Decider
from domain.failure import Failure, ReturnReason
from domain.ids import AccountId, IslandId, JobId
from domain.island import ISLAND
from domain.island_commands import (
    EnrolIsland,
    EnrolPasswordIsland,
    MarkOffline,
    PairIsland,
    PenalizeFlood,
    RecordHeartbeat,
    RegisterIsland,
    ReinstateIsland,
    RemoveIsland,
    RenameIsland,
    RevokeIsland,
    SuspendIsland,
)
from domain.island_state import Island, Membership
from domain.job import JOB, LEASE_GRACE_MS, LEASE_MS
from domain.job_commands import (
    AssignJob,
    CancelJob,
    DeferPlacement,
    ExpireLease,
    FailAttempt,
    RenewLease,
    ReturnAttempt,
    StartAttempt,
    SubmitJob,
    SucceedAttempt,
)
from domain.job_state import Phase
from domain.placement import Refusal
from domain.pricing import MICRO_PER_CREDIT
from domain.refund import REFUND
from domain.rejection import Rejected
from domain.session import SESSION, EndSession, OpenSession
from domain.sign_in import SIGN_IN, SendSignInLink, UseSignInLink
from tests import examples

READ_BATCH_MAX: Final = 1_000
OPEN_JOBS_MAX: Final = 20
GRANT_MICRO: Final = 10_000_000 * MICRO_PER_CREDIT
FOLLOWING: Final[tuple[Process, ...]] = (SETTLING, KARMA, CHECKING)


class History:
    """A log in a list, at positions 1, 2, 3 and so on."""

    def __init__(self) -> None:
        self.commits: list[Commit] = []
        self.now_ms = examples.T0_MS

    def add(self, stream: str, *events: Any) -> Commit:
        """One commit, whatever its events are."""
        position = len(self.commits) + 1
        commit = Commit(
            position=position,
            stream=stream,
            events=events,
            recorded_at_ms=self.now_ms,
            origin=Origin(command_id=f"command-{position}"),
        )
        self.commits.append(commit)
        return commit

    async def read(self, *, after: int, up_to: int | None = None) -> AsyncIterator[Sequence[Commit]]:
        end = len(self.commits) if up_to is None else up_to
        for start in range(after, end, READ_BATCH_MAX):
            yield self.commits[start : min(start + READ_BATCH_MAX, end)]


class Network(History):
    """A history that grows by commands. What follows from them in a coordinator follows at once."""

    following: tuple[Process, ...] = FOLLOWING

    def __init__(self) -> None:
        super().__init__()
        self.states: dict[str, Any] = {}
        self.barring = Barring()

    def do(self, decider: Decider[Any, Any, Any], aggregate_id: str, command: Any) -> tuple[Any, ...]:
        """What the command came to; nothing where it was rejected."""
        reactions: deque[Reaction] = deque()
        first = events = self._carry_out(Order(decider=decider, aggregate_id=aggregate_id, command=command))
        while True:
            for event in events:
                for process in self.following:
                    reactions += process.react(event, self.now_ms)
            reactions += self.barring.plan(self.now_ms) if not reactions else []
            if not reactions:
                return first
            events = self._carry_out(reactions.popleft())

    def _carry_out(self, reaction: Reaction) -> tuple[Any, ...]:
        """As `commands.process.ReactionCarrier` does it, without a log that may fail."""
        match reaction:
            case Order():
                return self._decide(reaction)
            case SubmitReplica():
                return self._submit(reaction)
            case WithdrawReplica():
                job = self.state(JOB, reaction.replica_id)
                if job.account_id is None:
                    return ()
                command = CancelJob(
                    job_id=reaction.replica_id,
                    account_id=job.account_id,
                    has_output=False,
                    now_ms=reaction.now_ms,
                )
                return self._decide(Order(decider=JOB, aggregate_id=reaction.replica_id, command=command))
            case RefundResult():
                paid = [
                    commit for commit in self.commits if commit.stream == ACCOUNT.stream(reaction.account_id)
                ]
                refund = refund_command(paid, reaction)
                asked = Order(decider=REFUND, aggregate_id=reaction.job_id, command=refund)
                return self._decide(asked) if refund else ()
            case DoubtResult():
                doubt = doubt_command(self._events_of_job(reaction.job_id), reaction.now_ms)
                return (
                    self._decide(Order(decider=CHECK, aggregate_id=reaction.job_id, command=doubt))
                    if doubt
                    else ()
                )
            case _:
                return ()

    def _submit(self, reaction: SubmitReplica) -> tuple[Any, ...]:
        order = reaction.order
        hold, job = replica_commands(self._events_of_job(order.job_id)[0], order)
        held = self._decide(Order(decider=ACCOUNT, aggregate_id=order.account_id, command=hold))
        if held:
            return held + self._decide(Order(decider=JOB, aggregate_id=order.replica_id, command=job))
        silent = RecordNoAnswer(job_id=order.job_id, run_id=order.replica_id, now_ms=reaction.now_ms)
        return self._decide(Order(decider=CHECK, aggregate_id=order.job_id, command=silent))

    def _events_of_job(self, job_id: JobId) -> list[Any]:
        stream = JOB.stream(job_id)
        return [event for commit in self.commits if commit.stream == stream for event in commit.events]

    def state(self, decider: Decider[Any, Any, Any], aggregate_id: str) -> Any:
        return self.states.get(decider.stream(aggregate_id), decider.initial)

    def _decide(self, order: Order) -> tuple[Any, ...]:
        stream = order.decider.stream(order.aggregate_id)
        state = self.states.get(stream, order.decider.initial)
        try:
            events = tuple(order.decider.decide(state, order.command))
        except Rejected:
            return ()
        if events:
            self.states[stream] = order.decider.fold(events, state)
            self.barring.take(self.add(stream, *events))
        return events


class Chance:
    """Draws what happens next in a network. `trouble` is the share of steps in which something goes wrong."""

    def __init__(self, network: Network, draw: random.Random, *, accounts: int, islands: int, trouble: float):
        self.network = network
        self.draw = draw
        self.trouble = trouble
        self.accounts = [AccountId(f"account-{number}") for number in range(accounts)]
        self.islands = [IslandId(f"island-{number}") for number in range(islands)]
        self.owners = {island: draw.choice(self.accounts) for island in self.islands}
        self.open: list[JobId] = []

    def populate(self) -> None:
        network, now = self.network, self.network.now_ms
        for account in (*self.accounts, examples.PUBLISHER):
            network.do(ACCOUNT, account, OpenAccount(account_id=account, name=account, now_ms=now))
            network.do(ACCOUNT, account, grant(account, now))
            network.do(API_KEY, f"key-{account}", issue_key(account, now))
        network.do(CARGO, examples.SLUG, PublishCargo(cargo=examples.CARGO_VERSION, now_ms=now))
        for island in self.islands:
            self.enrol(island)

    def enrol(self, island: IslandId) -> None:
        now = self.network.now_ms
        self.network.do(ISLAND, island, self.enrolment(island))
        registration = RegisterIsland(
            island_id=island,
            agent_version="0.1.0",
            protocol=2,
            capabilities=examples.CAPABILITIES,
            asks_micro={"_default": self.draw.randint(1, 5) * MICRO_PER_CREDIT},
            now_ms=now,
        )
        self.network.do(ISLAND, island, registration)
        self.network.do(ISLAND, island, self.heartbeat(island))

    def enrolment(self, island: IslandId) -> EnrolIsland | EnrolPasswordIsland:
        """The first island has a password, the others have keys."""
        now = self.network.now_ms
        common: dict[str, Any] = {"island_id": island, "owner_id": self.owners[island], "name": island}
        if island == self.islands[0]:
            return EnrolPasswordIsland(
                **common, local_id=f"{island}-at-home", password_sha256=64 * "0", now_ms=now
            )
        return EnrolIsland(**common, user_key=f"key of {island} of {now}", now_ms=now)

    def heartbeat(self, island: IslandId, **fields: Any) -> RecordHeartbeat:
        asks = self.network.state(ISLAND, island).asks_micro
        plain = examples.heartbeat(island_id=island, asks_micro=asks, now_ms=self.network.now_ms)
        return replace(plain, **fields)

    def submit(self, job: JobId) -> None:
        account, now = self.draw.choice(self.accounts), self.network.now_ms
        bid = self.draw.randint(5, 9) * MICRO_PER_CREDIT + self.draw.randint(0, 999_999)
        hold = HoldCredits(account_id=account, job_id=job, amount_micro=bid, now_ms=now)
        self.network.do(ACCOUNT, account, hold)
        submission: SubmitJob = examples.submit_job(
            job_id=job, account_id=account, bid_micro=bid, priority=self.draw.randint(0, 100), now_ms=now
        )
        self.network.do(JOB, job, submission)
        self.open.append(job)

    def step(self) -> None:
        """Something happens to one open job, now and then to an island."""
        self.network.now_ms += self.draw.randint(1, 400)
        if self.draw.random() < self.trouble / 4:
            self.disturb(self.draw.choice(self.islands))
        number = self.draw.randrange(len(self.open))
        job = self.open[number]
        self.network.do(JOB, job, self.next_command(job))
        if self.network.state(JOB, job).phase in (Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED):
            self.open[number] = self.open[-1]
            self.open.pop()

    def next_command(self, job: JobId) -> Any:
        state = self.network.state(JOB, job)
        if self.draw.random() < self.trouble / 10:
            has_output = self.draw.random() < 0.5
            return CancelJob(
                job_id=job, account_id=state.account_id, has_output=has_output, now_ms=self.network.now_ms
            )
        if state.phase is Phase.SUBMITTED:
            return self.placement(job, state)
        attempt = {"job_id": job, "attempt": state.attempt, "island_id": state.island_id}
        if state.phase is Phase.ASSIGNED and self.draw.random() >= self.trouble / 3:
            return StartAttempt(**attempt, now_ms=self.network.now_ms)
        if self.draw.random() < self.trouble:
            return self.mishap(job, attempt)
        if self.draw.random() < 0.3:
            return RenewLease(**attempt, extend_ms=LEASE_MS, now_ms=self.network.now_ms)
        return self.success(attempt)

    def placement(self, job: JobId, state: Any) -> Any:
        if self.draw.random() < self.trouble / 3:
            why = examples.refused(self.draw.choice(list(Refusal)))
            return DeferPlacement(job_id=job, explanation=why, now_ms=self.network.now_ms)
        island = self.draw.choice([one for one in self.islands if self.may_run_jobs(one)] or self.islands)
        return AssignJob(
            job_id=job,
            attempt=state.attempt + 1,
            island_id=island,
            owner_id=self.owners[island],
            price_micro=self.draw.randint(1, 5_000_000),
            output_after=self.draw.randint(0, 1000),
            explanation=examples.PLACED,
            now_ms=self.network.now_ms,
        )

    def may_run_jobs(self, island: IslandId) -> bool:
        state = self.network.state(ISLAND, island)
        assert isinstance(state, Island)
        return state.is_paired and not state.is_suspended

    def mishap(self, job: JobId, attempt: dict[str, Any]) -> Any:
        now = self.network.now_ms
        match self.draw.randrange(3):
            case 0:
                self.network.now_ms += LEASE_MS + LEASE_GRACE_MS
                return ExpireLease(job_id=job, attempt=attempt["attempt"], now_ms=self.network.now_ms)
            case 1:
                return ReturnAttempt(**attempt, reason=self.draw.choice(list(ReturnReason)), now_ms=now)
            case _:
                code = self.draw.choice(list(Failure))
                return FailAttempt(**attempt, code=code, detail="it broke", now_ms=now)

    def success(self, attempt: dict[str, Any]) -> SucceedAttempt:
        usage = replace(examples.USAGE, wall_ms=self.draw.randint(1, 60_000))
        return SucceedAttempt(**attempt, output=examples.OUTPUT, usage=usage, now_ms=self.network.now_ms)

    def disturb(self, island: IslandId) -> None:
        now = self.network.now_ms
        match self.draw.randrange(8):
            case 0:
                self.network.do(ISLAND, island, MarkOffline(island_id=island, now_ms=now))
            case 1:
                self.network.do(ISLAND, island, self.heartbeat(island, is_draining=True))
            case 2:
                asks = {"_default": self.draw.randint(1, 5), "other": 7}
                self.network.do(ISLAND, island, self.heartbeat(island, asks_micro=asks))
            case 3:
                warm = tuple(sorted(self.draw.sample(["a", "b", examples.SLUG], 2)))
                self.network.do(ISLAND, island, self.heartbeat(island, warm_slugs=warm))
            case 4:
                name = self.draw.choice(["attic", "cellar", island])
                rename = RenameIsland(island_id=island, owner_id=self.owners[island], name=name, now_ms=now)
                self.network.do(ISLAND, island, rename)
            case 5:
                self.readmit(island)
            case 6:
                self.network.do(ISLAND, island, self.bar(island))
            case _:
                runtimes = self.draw.choice([(), examples.CAPABILITIES.runtimes])
                self.network.do(ISLAND, island, self.heartbeat(island, runtimes=runtimes))

    def readmit(self, island: IslandId) -> None:
        now = self.network.now_ms
        self.network.do(ISLAND, island, ReinstateIsland(island_id=island, now_ms=now))
        if self.network.state(ISLAND, island).membership is Membership.REVOKED:
            self.join_with_new_key(island)
        else:
            self.enrol(island)

    def bar(self, island: IslandId) -> Any:
        now = self.network.now_ms
        match self.draw.randrange(4):
            case 0:
                return SuspendIsland(island_id=island, reason="it looks odd", now_ms=now)
            case 1:
                return RevokeIsland(island_id=island, reason="its key leaked", now_ms=now)
            case 2:
                return RemoveIsland(island_id=island, owner_id=self.owners[island], now_ms=now)
            case _:
                flood = f"flood-{now}"
                return PenalizeFlood(island_id=island, flood_id=flood, messages_per_s=5_000, now_ms=now)

    def join_with_new_key(self, island: IslandId) -> None:
        now = self.network.now_ms
        key = f"key of {island} of {now}"
        joining = EnrolIsland(island_id=island, owner_id=None, name=island, user_key=key, now_ms=now)
        self.network.do(ISLAND, island, joining)
        pairing = PairIsland(island_id=island, owner_id=self.owners[island], now_ms=now)
        self.network.do(ISLAND, island, pairing)


def grant(account: AccountId, now_ms: int) -> GrantCredits:
    return GrantCredits(
        account_id=account, grant_id="sign-up", amount_micro=GRANT_MICRO, reason="sign-up", now_ms=now_ms
    )


def issue_key(account: AccountId, now_ms: int) -> IssueApiKey:
    return IssueApiKey(
        key_id=f"key-{account}",
        account_id=account,
        name="laptop",
        prefix="ak_12345678",
        secret_sha256=f"hash of {account}",
        scopes=(Scope.READ, Scope.WRITE),
        now_ms=now_ms,
    )


def sign_in_and_out(network: Network, account: AccountId) -> None:
    """By a link, to a session that ends; and another link that nobody opens."""
    now_ms, index = network.now_ms, f"index-of-{account}"
    sent = SendSignInLink(
        email_index=index,
        account_id=account,
        email="ada@example.org",
        token_sha256="hash of the link",
        may_open=True,
        now_ms=now_ms,
    )
    opened = OpenSession(
        session_id="session-1",
        account_id=account,
        name="browser",
        secret_sha256="hash of the session",
        now_ms=now_ms,
    )
    network.do(SIGN_IN, index, sent)
    network.do(
        SIGN_IN, index, UseSignInLink(email_index=index, token_sha256="hash of the link", now_ms=now_ms)
    )
    network.do(SESSION, "session-1", opened)
    network.do(SESSION, "session-1", EndSession(session_id="session-1", account_id=account, now_ms=now_ms))
    network.do(SIGN_IN, "unused", replace(sent, email_index="unused", token_sha256="another"))


def random_history(
    jobs: int, *, seed: int = 0, accounts: int = 5, islands: int = 4, trouble: float = 0.3
) -> Network:
    """A network in which `jobs` jobs were submitted and have ended. Without trouble each succeeds at once."""
    network = Network()
    chance = Chance(network, random.Random(seed), accounts=accounts, islands=islands, trouble=trouble)
    chance.populate()
    submitted = 0
    while submitted < jobs or chance.open:
        if submitted < jobs and len(chance.open) < OPEN_JOBS_MAX:
            submitted += 1
            chance.submit(JobId(f"job-{seed}-{submitted:06}"))
        else:
            chance.step()
    if trouble:
        first = chance.accounts[0]
        revocation = RevokeApiKey(key_id=f"key-{first}", account_id=first, now_ms=network.now_ms)
        network.do(API_KEY, f"key-{first}", revocation)
        sign_in_and_out(network, first)
        network.do(
            CARGO, examples.SLUG, DisableCargo(slug=examples.SLUG, reason="test", now_ms=network.now_ms)
        )
    return network
