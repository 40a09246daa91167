"""A batch as it arrives: one cargo, many inputs, and the terms that hold for each of them.

Every input goes through the rules of a single job, so what `POST /jobs` refuses is refused here too, with its index.
"""

import hashlib
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field

from api.errors import ApiError, invalid
from api.job_request import CANONICAL, DEADLINE_S_MAX, JobRequest, Price
from api.request_fields import Word
from domain.batch import PARALLELISM_DEFAULT, PARTS_MAX
from domain.batch_commands import SubmitBatch
from domain.batch_events import FailMode, Merge, Part
from domain.bid import Bid
from domain.cargo_spec import CargoSpec
from domain.ids import AccountId, JobId
from domain.job import QUEUE_LIMIT_MS
from domain.pricing import AMOUNT_MICRO_MAX

MS_IN_S: Final = 1000


class BatchRequest(BaseModel):
    """`bid_price` is for each input, in credits. `max_parallelism` inputs run at once."""

    workload: Annotated[str, Field(min_length=1, max_length=64)]
    inputs: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=PARTS_MAX)]
    merge_strategy: Merge = Merge.CONCAT
    fail_mode: FailMode = FailMode.BEST_EFFORT
    max_parallelism: Annotated[int, Field(ge=1, le=PARTS_MAX, strict=True)] = PARALLELISM_DEFAULT
    bid_price: Price | None = None
    unit_price: Price | None = None
    priority: Annotated[int, Field(ge=0, le=100, strict=True)] = 0
    deadline_seconds: Annotated[int | None, Field(ge=1, le=DEADLINE_S_MAX, strict=True)] = None
    region: Word | None = None

    @property
    def redundancy(self) -> int:
        """Every part runs once."""
        return 1

    def inputs_json(self) -> list[str]:
        """Each input as one line of JSON. Raises `ApiError` as a job with it would, naming its index."""
        found: list[str] = []
        for index, one in enumerate(self.inputs):
            job = JobRequest(workload=self.workload, input=one)
            try:
                found.append(job.input_json())
            except ApiError as error:
                raise at_index(error, index) from error
        return found

    def sha256(self) -> str:
        """The same for the same request, whatever the order of its fields."""
        return hashlib.sha256(CANONICAL.encode(self.model_dump())).hexdigest()

    def command(
        self,
        batch_id: JobId,
        account_id: AccountId,
        cargo: CargoSpec,
        *,
        bid: Bid,
        parts: tuple[Part, ...],
        fingerprint: str,
        now_ms: int,
    ) -> SubmitBatch:
        """Raises `ApiError` where the bids together are more than an amount can be."""
        if bid.hold_micro * len(parts) > AMOUNT_MICRO_MAX:
            raise invalid(
                "bid_price", f"all inputs together must bid at most {AMOUNT_MICRO_MAX} micro-credits"
            )
        return SubmitBatch(
            batch_id=batch_id,
            account_id=account_id,
            cargo=cargo,
            parts=parts,
            merge=self.merge_strategy,
            fail_mode=self.fail_mode,
            parallelism_max=self.max_parallelism,
            bid_micro=bid.hold_micro,
            unit_bid_micro=bid.unit_micro,
            priority=self.priority,
            region=self.region,
            queue_limit_ms=self.deadline_seconds * MS_IN_S if self.deadline_seconds else QUEUE_LIMIT_MS,
            request_sha256=fingerprint,
            now_ms=now_ms,
        )


def at_index(error: ApiError, index: int) -> ApiError:
    """The same fault of `input`, as one of `inputs.<index>`."""
    field = f"inputs.{index}"
    message = error.message.removeprefix("input").removeprefix(": ")
    return ApiError(error.code, f"{field}: {message}", fields={field: [message]})
