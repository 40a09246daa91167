"""Simulated islands: they work, print, renew and answer; they crash, vanish and come late; some lie.

An island knows only what it was told. What it says passes the network and waits in the stream of claims.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from typing import Final

from domain.claim import (
    AttemptClaim,
    Cancelled,
    Claim,
    Failed,
    Heartbeat,
    LiveAttempt,
    Registration,
    Renewal,
    Returned,
    Started,
    Streaming,
    Succeeded,
)
from domain.failure import Failure, ReturnReason
from domain.ids import IslandId, JobId
from domain.island_events import Capabilities
from domain.job import LEASE_MS
from domain.job_events import Usage
from tests.examples import CAPABILITIES
from tests.simulation.claims import ClaimStream
from tests.simulation.network import Network
from tests.simulation.outputs import OutputServer
from tests.simulation.virtual_loop import VirtualLoop

HEARTBEAT_S: Final = 10.0
RENEWAL_S: Final = 30.0
SAID_AGAIN_S: Final = 3.0
SAYS_MAX: Final = 4
OUTPUT_LOST: Final = 0.03
ASK_MICRO: Final = 3_000_001

HONEST_FAILURES: Final = (
    Failure.CRASHED,
    Failure.ENGINE_ERROR,
    Failure.DOWNLOAD_FAILED,
    Failure.VERIFICATION_FAILED,
    Failure.BAD_ASSIGNMENT,
)
HONEST_RETURNS: Final = (ReturnReason.HEAT, ReturnReason.POLICY, ReturnReason.OWNER)


class Lie(StrEnum):
    """What a dishonest island says."""

    FOREIGN_SUCCESS = "foreign_success"  # The result of an attempt that another island has.
    FOREIGN_RENEWAL = "foreign_renewal"  # Keeps another island's lease.
    FOREIGN_FAILURE = "foreign_failure"  # Fails another island's attempt.
    OLD_SUCCESS = "old_success"  # The result of an attempt it once had.
    FUTURE_SUCCESS = "future_success"  # The result of an attempt that is not placed yet.
    WRONG_DIGEST = "wrong_digest"  # Another output than it printed.
    NOTHING = "nothing"  # A success without any output.
    LONG_WORK = "long_work"  # Hours of work, for karma.
    WRONG_ANSWER = "wrong_answer"  # Invents what it prints, from now on.


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How all islands of a world work: `unhappy` ends and `hanging` runs are shares of 1."""

    work_mean_s: float
    slots: int
    unhappy: float
    hanging: float


@dataclass(slots=True)
class Run:
    has_output: bool = False


class SimulatedIsland:
    def __init__(
        self,
        island_id: IslandId,
        network: Network,
        loop: VirtualLoop,
        claims: ClaimStream,
        outputs: OutputServer,
        *,
        signs: bool,
        habits: Habits,
        question: Callable[[JobId], str],
    ) -> None:
        """`question` is what a job is about: the same for every run of one input."""
        self.island_id = island_id
        self.signs = signs
        self._habits = habits
        self._question = question
        self.is_up = False
        self.is_cut_off = False
        self.works_well = False
        self.invents_answers = False
        self.lies: list[Lie] = []
        self.running: dict[tuple[JobId, int], Run] = {}
        self.seen: list[tuple[JobId, int]] = []
        self._network = network
        self._rng = network.rng
        self._loop = loop
        self._claims = claims
        self._outputs = outputs
        self._life = 0
        self._unsaid: list[tuple[Claim, bool]] = []

    # Its life.

    def start(self) -> None:
        if self.is_up:
            return
        self.is_up = True
        self._life += 1
        self.register()
        for job_id, attempt in tuple(self.running):
            del self.running[job_id, attempt]
            self.say(self._returned(job_id, attempt, ReturnReason.RESTART))
        self._beat(self._life)

    def crash(self, down_s: float) -> None:
        """Everything it ran is gone; after a while it is started again and says so."""
        self.is_up = False
        self._loop.call_later(down_s, self.start)

    def vanish(self, away_s: float) -> None:
        """It works on, but nobody hears it and it hears nobody."""
        self.is_cut_off = True
        self._loop.call_later(away_s, self.come_back)

    def come_back(self) -> None:
        self.is_cut_off = False
        unsaid, self._unsaid = self._unsaid, []
        for claim, is_honest in unsaid:
            self._utter(claim, is_honest, 0)

    def register(self) -> None:
        self.say(
            Registration(
                island_id=self.island_id,
                agent_version="0.1.0",
                protocol=2,
                capabilities=self._capabilities(),
                asks_micro={"_default": ASK_MICRO},
            )
        )

    def _capabilities(self) -> Capabilities:
        return replace(CAPABILITIES, slots=self._habits.slots)

    def _beat(self, life: int) -> None:
        if life != self._life or not self.is_up:
            return
        attempts = tuple(LiveAttempt(job_id=job, attempt=attempt) for job, attempt in self.running)
        beat = Heartbeat(
            island_id=self.island_id,
            is_leaving=False,
            is_draining=False,
            asks_micro={"_default": ASK_MICRO},
            warm_slugs=(),
            attempts=attempts,
        )
        if not self.is_cut_off:
            self._network.send(self._claims.store, beat, True)
        self._loop.call_later(HEARTBEAT_S, self._beat, life)

    # What it is told.

    def assigned(self, job_id: JobId, attempt: int) -> bool:
        if not self.is_up or self.is_cut_off:
            return False
        if (job_id, attempt) in self.seen:
            return True
        self.seen.append((job_id, attempt))
        if len(self.running) >= self._habits.slots:
            self.say(self._returned(job_id, attempt, ReturnReason.CAPACITY))
            return True
        self.running[job_id, attempt] = Run()
        self.say(Started(island_id=self.island_id, job_id=job_id, attempt=attempt))
        works_s = 0.5 + self._rng.expovariate(1 / self._habits.work_mean_s)
        self._loop.call_later(works_s / 2, self._print_first, job_id, attempt, self._life)
        if self.works_well or self._rng.random() > self._habits.hanging:
            self._loop.call_later(works_s, self._end, job_id, attempt, self._life, works_s)
        if self.signs:
            self._loop.call_later(RENEWAL_S, self._renew, job_id, attempt, self._life)
        return True

    def told_to_stop(self, job_id: JobId, attempt: int) -> None:
        if self.is_up and not self.is_cut_off and (job_id, attempt) in self.running:
            del self.running[job_id, attempt]
            self.say(Cancelled(island_id=self.island_id, job_id=job_id, attempt=attempt))

    # Its work.

    def _runs(self, job_id: JobId, attempt: int, life: int) -> bool:
        return self.is_up and life == self._life and (job_id, attempt) in self.running

    def _renew(self, job_id: JobId, attempt: int, life: int) -> None:
        if self._runs(job_id, attempt, life):
            self.say(Renewal(island_id=self.island_id, job_id=job_id, attempt=attempt, extend_ms=LEASE_MS))
            self._loop.call_later(RENEWAL_S, self._renew, job_id, attempt, life)

    def _print_first(self, job_id: JobId, attempt: int, life: int) -> None:
        if self._runs(job_id, attempt, life) and not self.is_cut_off:
            self.running[job_id, attempt].has_output = True
            self._print(job_id, attempt, 1, self._answer(job_id), is_final=False)
            self.say(Streaming(island_id=self.island_id, job_id=job_id, attempt=attempt))

    def _print(self, job_id: JobId, attempt: int, seq: int, text: str, *, is_final: bool) -> None:
        self._outputs.store((self.island_id, job_id, attempt), seq=seq, text=text, is_final=is_final)

    def _end(self, job_id: JobId, attempt: int, life: int, worked_s: float) -> None:
        if not self._runs(job_id, attempt, life):
            return
        run = self.running.pop((job_id, attempt))
        luck = 1.0 if self.works_well else self._rng.random()
        if luck < self._habits.unhappy / 2:
            self.say(self._failed(job_id, attempt, self._rng.choice(HONEST_FAILURES)))
        elif luck < self._habits.unhappy:
            self.say(self._returned(job_id, attempt, self._rng.choice(HONEST_RETURNS)))
        else:
            if not run.has_output:
                self._print(job_id, attempt, 1, self._answer(job_id), is_final=False)
            if luck > self._habits.unhappy + OUTPUT_LOST:
                self._print(job_id, attempt, 2, "done", is_final=True)
            self._claim_success(job_id, attempt, worked_s)

    def _answer(self, job_id: JobId) -> str:
        return f"{self._question(job_id)} {'invented ' * self.invents_answers}"

    def _claim_success(self, job_id: JobId, attempt: int, worked_s: float) -> None:
        lie = self.lies.pop() if self.lies else None
        text = "" if lie is Lie.NOTHING else f"{self._answer(job_id)}done"
        told = "something else" if lie is Lie.WRONG_DIGEST else text
        hours = 9 if lie is Lie.LONG_WORK else 0
        usage = Usage(wall_ms=int(worked_s * 1000) + hours * 3_600_000)
        claim = Succeeded(
            island_id=self.island_id,
            job_id=job_id,
            attempt=attempt,
            chunks=1 if self.signs else None,
            digest=digest_of(told) if self.signs else None,
            usage=usage,
        )
        self.say(claim, is_honest=lie is None)

    def lie(self, lie: Lie, about: tuple[JobId, int] | None) -> None:
        """Says what is not so at once, or at its next success."""
        if not self.is_up:
            return
        if lie is Lie.WRONG_ANSWER:
            self.invents_answers = True
            return
        if about is None or lie in (Lie.WRONG_DIGEST, Lie.NOTHING, Lie.LONG_WORK):
            self.lies.append(lie)
            return
        self.say(self._false_claim(lie, *about), is_honest=False)

    def _false_claim(self, lie: Lie, job_id: JobId, attempt: int) -> AttemptClaim:
        if lie is Lie.FOREIGN_RENEWAL:
            return Renewal(island_id=self.island_id, job_id=job_id, attempt=attempt, extend_ms=LEASE_MS)
        if lie is Lie.FOREIGN_FAILURE:
            return self._failed(job_id, attempt, Failure.CRASHED)
        if lie is Lie.OLD_SUCCESS and self.seen:
            job_id, attempt = self._rng.choice(self.seen)
        if lie is Lie.FUTURE_SUCCESS:
            attempt += 1
        text = f"{job_id}/{attempt} "
        self._print(job_id, attempt, 1, text, is_final=False)
        self._print(job_id, attempt, 2, "done", is_final=True)
        return Succeeded(
            island_id=self.island_id,
            job_id=job_id,
            attempt=attempt,
            chunks=1,
            digest=digest_of(f"{text}done"),
            usage=Usage(wall_ms=1_000),
        )

    # What it says.

    def say(self, claim: Claim, *, is_honest: bool = True) -> None:
        if self.is_cut_off:
            self._unsaid.append((claim, is_honest))
        else:
            self._utter(claim, is_honest, 0)

    def _utter(self, claim: Claim, is_honest: bool, said: int) -> None:
        """Until it sees that the claim is stored; the copy that it thought lost may be stored too."""
        is_seen = self._network.send(self._claims.store, claim, is_honest)
        if not is_seen and said < SAYS_MAX:
            self._loop.call_later(SAID_AGAIN_S, self._utter, claim, is_honest, said + 1)

    def _failed(self, job_id: JobId, attempt: int, code: Failure) -> Failed:
        return Failed(island_id=self.island_id, job_id=job_id, attempt=attempt, code=code, detail="it broke")

    def _returned(self, job_id: JobId, attempt: int, reason: ReturnReason) -> Returned:
        return Returned(island_id=self.island_id, job_id=job_id, attempt=attempt, reason=reason)


def digest_of(text: str) -> str:
    return f"sha256:{sha256(text.encode()).hexdigest()}"
