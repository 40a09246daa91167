"""The chunks of one attempt as moments of a job's story, without a word twice.

Used by `api.job_story`. Pure: it remembers what the listener has and decides, chunk by chunk, what is news. Attempts
of a deterministic cargo say the same, so a later attempt is compared with the text already told: equal text is passed
over in silence, and at the first difference the listener is told to begin again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from adapters.nats.outputs import Chunk, ChunkKind
from domain.job_state import Phase
from projections.jobs import JobRow

TOLD_CHARACTERS_MAX: Final = (
    1 << 16
)  # Text kept for the comparison; behind more, a later attempt begins again.


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """`position` resumes the story behind this chunk."""

    position: int
    attempt: int
    seq: int
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    position: int
    attempt: int
    step: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The attempt said that this was all; whether it counts is told by `Ended`."""

    position: int
    attempt: int
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stood:
    """The job is in another state than before."""

    state: Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarted:
    """Forget the text so far: this attempt tells another."""

    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    row: JobRow


Moment = Text | Step | Finished | Stood | Restarted | Ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """What the listener has already: everything up to an output position, or up to a chunk of this attempt."""

    after: int = 0
    after_seq: int = 0


class ToldText:
    """The text that the listener has. Shared by the attempts of one story."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._characters = 0

    @property
    def is_kept(self) -> bool:
        """Whether all of it is still here to compare with."""
        return self._characters <= TOLD_CHARACTERS_MAX

    def whole(self) -> str:
        return "".join(self._parts)

    def add(self, content: str) -> None:
        self._characters += len(content)
        if self.is_kept:
            self._parts.append(content)
        else:
            self._parts.clear()

    def forget(self) -> None:
        self._parts.clear()
        self._characters = 0


class AttemptTelling:
    """One attempt. `chunks` counts what was taken, told or not."""

    def __init__(self, row: JobRow, resume: Resume, told: ToldText) -> None:
        self._attempt = row.attempt
        self._told = told
        self._starts_over = 0 < resume.after <= row.output_after or not told.is_kept
        self._after = 0 if self._starts_over else resume.after
        self._after_seq = resume.after_seq
        self._expected = told.whole()
        self._repeated = 0
        self._cursor = 0
        self._repeated_at = 0
        self._repeated_seq = 0
        self.chunks = 0

    def begin(self) -> Iterator[Moment]:
        """A listener who had more of an earlier attempt than can be compared begins again."""
        if self._starts_over:
            self._expected = ""
            self._told.forget()
            yield Restarted(attempt=self._attempt)

    def take(self, chunk: Chunk) -> Iterator[Moment]:
        self.chunks += 1
        # Chunks come in the order of their numbers; one that was sent twice may lie behind those that follow it.
        self._cursor = max(self._cursor, chunk.position)
        is_news = self._is_behind_after()
        match chunk.kind:
            case ChunkKind.PROGRESS:
                if is_news:
                    yield Step(
                        position=self._cursor, attempt=self._attempt, step=chunk.step, total=chunk.total
                    )
            case ChunkKind.TOKEN:
                yield from self._take_text(chunk, is_news=is_news and chunk.seq > self._after_seq)
            case ChunkKind.FINAL:
                if is_news:
                    yield Finished(position=self._cursor, attempt=self._attempt, seq=chunk.seq)

    def finish(self) -> Iterator[Moment]:
        """The attempt says no more: where it said less than was told, the listener begins again."""
        if self._repeated < len(self._expected):
            yield from self._differ()

    def _is_behind_after(self) -> bool:
        """Whether this chunk comes after the one that the listener had last."""
        if self._cursor < self._after:
            return False
        is_last_told = self._cursor == self._after
        self._after = 0
        return not is_last_told

    def _take_text(self, chunk: Chunk, *, is_news: bool) -> Iterator[Moment]:
        content = chunk.content
        if self._repeated < len(self._expected):
            due = self._expected[self._repeated : self._repeated + len(content)]
            if content.startswith(due):
                self._repeated += len(due)
                self._repeated_at, self._repeated_seq = self._cursor, chunk.seq
                content = content[len(due) :]
            else:
                yield from self._differ()
        if not content:
            return
        self._told.add(content)
        if is_news:
            yield Text(position=self._cursor, attempt=self._attempt, seq=chunk.seq, content=content)

    def _differ(self) -> Iterator[Moment]:
        """Says that the text begins again, and says again what was equal so far."""
        repeated, self._expected = self._expected[: self._repeated], ""
        self._told.forget()
        yield Restarted(attempt=self._attempt)
        if repeated:
            self._told.add(repeated)
            yield Text(
                position=self._repeated_at,
                attempt=self._attempt,
                seq=self._repeated_seq,
                content=repeated,
            )
