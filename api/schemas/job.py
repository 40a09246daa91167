"""Answers about jobs and batches, under the words of both vocabularies."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from api.schemas.fields import Credits, Instant, JsonValue, Position
from domain.batch_events import FailMode, Merge
from domain.bid import BidSource
from domain.check_draw import CheckReason
from domain.check_events import Outcome as CheckOutcome
from domain.job_state import Phase
from domain.pricing import PriceUnit
from projections.job_verdict import Vote

StatusWord = Literal["pending", "queued", "running", "completed", "failed", "cancelled", "timeout"]


class JobOutput(TypedDict):
    """All that a successful job has put out."""

    text: str


class JobUsage(TypedDict):
    """What a successful job used."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    credits_used: float


class QueueReason(TypedDict):
    """A rule that kept islands from taking the job, and how many."""

    code: str
    count: int


class Run(TypedDict):
    """One run of a job that was run several times. An island that has left has no name."""

    job_id: str
    host_id: str | None
    vote: Vote
    host_name: NotRequired[str]


class Verdict(TypedDict):
    """What comparing the runs of a job came to."""

    outcome: CheckOutcome
    reason: CheckReason
    answer_id: str
    runs: list[Run]


class JobData(TypedDict):
    """The job as SDKs read it."""

    id: str
    workload_id: NotRequired[int]
    workload_slug: str
    status: StatusWord
    input: JsonValue
    output: NotRequired[str]
    error: NotRequired[str]
    created_at: Instant
    started_at: NotRequired[Instant]
    completed_at: NotRequired[Instant]
    duration_ms: NotRequired[int]
    usage: NotRequired[JobUsage]


class Job(TypedDict):
    """A job, or a batch read as one. The output is there where one job was asked for and has succeeded."""

    id: str
    workload: str
    state: Phase
    input: JsonValue
    output: NotRequired[JobOutput]
    error: NotRequired[str]
    error_code: NotRequired[str]
    created_at: Instant
    started_at: NotRequired[Instant]
    completed_at: NotRequired[Instant]
    attempt: int
    host_id: NotRequired[str]
    queue_reasons: NotRequired[list[QueueReason]]
    priority: int
    region: NotRequired[str]
    batch_id: NotRequired[str]
    batch_index: NotRequired[int]
    bid_price: Credits
    bid_source: NotRequired[BidSource]
    price_unit: NotRequired[PriceUnit]
    unit_price: NotRequired[Credits]
    units: NotRequired[int]
    redundancy: int
    check_id: NotRequired[str]
    verdict: NotRequired[Verdict]
    charged: NotRequired[Credits]
    workload_version: str
    position: Position
    data: JobData


class CancelledJob(Job):
    """A job after it was cancelled."""

    message: str


class TextSoFarData(TypedDict):
    """The text as SDKs read it."""

    job_id: str
    status: StatusWord
    output: str


class TextSoFar(TypedDict):
    """What a job has put out by now."""

    job_id: str
    state: Phase
    completed: bool
    output: str
    data: TextSoFarData


class BatchPart(TypedDict):
    """A part of a batch, in the order of the inputs."""

    id: str
    batch_index: int
    state: Phase
    error: NotRequired[str]
    host_id: NotRequired[str]


class BatchTerms(TypedDict):
    """How a batch is run and its results are put together."""

    chunk_count: int
    merge_strategy: Merge
    fail_mode: FailMode


class BatchFacts(BatchTerms):
    """The same, and how many parts have ended."""

    max_parallelism: int
    completed: int
    failed: int


class Batch(TypedDict):
    """A batch that was submitted."""

    id: str
    state: Phase
    workload: str
    batch: BatchFacts
    children: list[BatchPart]
    created_at: Instant
    position: Position


class BatchStatus(BatchTerms):
    """Where a batch stands; `child_states` counts its parts by state."""

    parent_id: str
    parent_state: Phase
    error: NotRequired[str]
    charged: Credits
    child_states: dict[Phase, int]
    children: list[BatchPart]
