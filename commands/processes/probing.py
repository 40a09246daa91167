"""Probing: idle islands are given jobs whose answers are known, which shows whether they are honest.

A planner. A job that was confirmed becomes a question for islands that never ran it; its assignment looks like any
other. How often an island is asked follows from how long the question takes, so that a fixed part of idle time goes
into it, and from a keyed lot, so that nobody can tell when.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from typing import Any, Final

from commands.event_log import Commit
from commands.process import Order
from domain.check import CHECK
from domain.check_commands import AskKnownAnswer
from domain.check_draw import SECRET_BYTES_MAX, CheckReason
from domain.check_events import Outcome, ReplicaOrdered, VerdictReached
from domain.ids import IslandId, JobId
from domain.placement import Offer

QUESTIONS_KEPT_MAX: Final = 200  # Confirmed jobs that may be asked again; the oldest give way.
PROBES_PER_PLAN_MAX: Final = 20
QUESTION_MS_MIN: Final = 1_000  # What fetching and starting costs even where the work is nothing.
LOT_PERMILLE: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    job_id: JobId
    runtime: str
    worked_ms: int


@dataclass(slots=True)
class Picture:
    """Everything probing knows, as plain data that can be saved. `asked_ms`: when an island was asked or first idle."""

    position: int = 0
    questions: dict[JobId, Question] = field(default_factory=dict)
    asked_ms: dict[IslandId, int] = field(default_factory=dict)
    ran: dict[JobId, frozenset[IslandId]] = field(default_factory=dict)


class Probing:
    """`offers` are the islands as placing sees them; `share_permille` of idle time goes into questions."""

    name = "probing"

    def __init__(
        self,
        offers: Callable[[], Iterable[Offer]],
        picture: Picture | None = None,
        *,
        share_permille: int,
        secret: bytes = b"",
    ) -> None:
        self.picture = picture or Picture()
        self._offers = offers
        self._share_permille = share_permille
        self._secret = secret[:SECRET_BYTES_MAX]

    def take(self, commit: Commit) -> None:
        for event in commit.events:
            self._take(event)
        self.picture.position = commit.position

    def _take(self, event: Any) -> None:
        picture = self.picture
        match event:
            case VerdictReached() if event.outcome is Outcome.CONFIRMED:
                first = event.agreeing[0]
                worked_ms = max(run.worked_ms for run in event.agreeing)
                question = Question(job_id=event.job_id, runtime=first.runtime or "", worked_ms=worked_ms)
                picture.questions[event.job_id] = question
                answered = (*event.agreeing, *event.contradicted)
                picture.ran[event.job_id] = frozenset(run.island_id for run in answered)
                for oldest in list(picture.questions)[:-QUESTIONS_KEPT_MAX]:
                    del picture.questions[oldest], picture.ran[oldest]
            case ReplicaOrdered() if event.reason is CheckReason.KNOWN_ANSWER and event.only_island:
                picture.asked_ms[event.only_island] = event.ordered_at_ms
                ran = picture.ran.get(event.job_id, frozenset())
                if event.job_id in picture.questions:
                    picture.ran[event.job_id] = ran | {event.only_island}
            case _:
                pass

    def plan(self, now_ms: int) -> Sequence[Order]:
        if not self._share_permille or not self.picture.questions:
            return []
        return list(islice(self._due(now_ms), PROBES_PER_PLAN_MAX))

    def _due(self, now_ms: int) -> Iterator[Order]:
        for offer in self._offers():
            if not is_idle(offer):
                continue
            since_ms = self.picture.asked_ms.setdefault(offer.island_id, now_ms)
            question = self._question_for(offer, since_ms)
            if question is None or now_ms - since_ms < self._pause_ms(question, offer.island_id, since_ms):
                continue
            self.picture.asked_ms[offer.island_id] = now_ms
            command = AskKnownAnswer(job_id=question.job_id, island_id=offer.island_id, now_ms=now_ms)
            yield Order(decider=CHECK, aggregate_id=question.job_id, command=command)

    def _question_for(self, offer: Offer, since_ms: int) -> Question | None:
        """One that it can run and never ran, drawn by lot."""
        picture = self.picture
        able = [
            question
            for question in picture.questions.values()
            if question.runtime in offer.scores and offer.island_id not in picture.ran[question.job_id]
        ]
        return able[self._lot(f"question {offer.island_id} {since_ms}", len(able))] if able else None

    def _pause_ms(self, question: Question, island_id: IslandId, since_ms: int) -> int:
        """Half to one and a half times what keeps the share."""
        exact_ms = max(question.worked_ms, QUESTION_MS_MIN) * LOT_PERMILLE // self._share_permille
        return (
            exact_ms // 2
            + exact_ms * self._lot(f"pause {island_id} {since_ms}", LOT_PERMILLE) // LOT_PERMILLE
        )

    def _lot(self, text: str, among: int) -> int:
        digest = blake2b(text.encode(), key=self._secret, digest_size=8).digest()
        return int.from_bytes(digest, "big") % among

    def failed(self, order: Order) -> None:
        """Nothing to undo: the island is asked something another time."""


def is_idle(offer: Offer) -> bool:
    may_work = offer.is_approved and not (offer.is_suspended or offer.is_draining)
    return may_work and offer.is_online and offer.active < offer.slots
