"""A submission as it arrives, and the command it becomes. Unknown fields are ignored.

The input is decoded once, checked, and stored as one line of JSON: what was checked is what runs.
"""

import hashlib
from typing import Annotated, Any, Final

import msgspec
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, WithJsonSchema

from api.errors import ApiError, ErrorCode, invalid
from api.shapes.amounts import parse_price
from domain.bid import Bid
from domain.cargo_spec import CargoSpec, Determinism
from domain.ids import AccountId, JobId
from domain.job import QUEUE_LIMIT_MS
from domain.job_commands import SubmitJob
from domain.placement import OWN_ISLANDS_TIER
from domain.region import checked_policy

INPUT_BYTES_MAX: Final = 256 * 1024
INPUT_DEPTH_MAX: Final = 32
DEADLINE_S_MAX: Final = 86_400
ENCODER: Final = msgspec.json.Encoder()
CANONICAL: Final = msgspec.json.Encoder(order="deterministic")

Region = Annotated[
    str,
    Field(max_length=400, description="A region, EU, EU-West, CH, or several with commas"),
    AfterValidator(checked_policy),
]

# Arrives as a decimal string or a number of credits, and is whole micro-credits from there on.
Price = Annotated[int, BeforeValidator(parse_price), WithJsonSchema({"type": ["string", "number"]})]


class JobRequest(BaseModel):
    """Prices are credits as a decimal string or a number.

    `bid_price` is for the whole job, `unit_price` for a unit of a metered cargo; `domain.bid` says what is bid instead.
    The first of several regions is where the job would best run. `privacy_tier` 1 keeps the input to islands with keys
    and karma, 2 to those of one's own.
    """

    workload: Annotated[str, Field(min_length=1, max_length=64)]
    input: dict[str, Any]
    bid_price: Price | None = None
    unit_price: Price | None = None
    priority: Annotated[int, Field(ge=0, le=100, strict=True)] = 0
    deadline_seconds: Annotated[int | None, Field(ge=1, le=DEADLINE_S_MAX, strict=True)] = None
    redundancy: Annotated[int | None, Field(ge=1, le=5, strict=True)] = None
    region: Region | None = None
    privacy_tier: Annotated[int, Field(ge=0, le=OWN_ISLANDS_TIER, strict=True)] = 0

    def input_json(self) -> str:
        """The input as one line of JSON. Raises `ApiError` where it is too deep or too large."""
        check_depth(self.input)
        encoded = ENCODER.encode(self.input)
        if len(encoded) > INPUT_BYTES_MAX:
            raise ApiError(
                ErrorCode.TOO_LARGE, f"input: at most {INPUT_BYTES_MAX} bytes of JSON, this is {len(encoded)}"
            )
        return encoded.decode()

    def sha256(self) -> str:
        """The same for the same request, whatever the order of its fields."""
        return hashlib.sha256(CANONICAL.encode(self.model_dump())).hexdigest()

    def check_redundancy(self, cargo: CargoSpec, bid: Bid) -> None:
        """Raises `ApiError` (invalid) where several runs of this cargo prove nothing or cannot be paid."""
        runs = self.redundancy or 1
        if runs > 1 and cargo.determinism is not Determinism.EXACT:
            raise invalid("redundancy", f"only exact cargos can be compared, this one is {cargo.determinism}")
        if bid.hold_micro < runs:
            raise invalid("bid_price", f"at least {runs} micro-credits, one for each run")

    def command(
        self,
        job_id: JobId,
        account_id: AccountId,
        cargo: CargoSpec,
        *,
        bid: Bid,
        input_json: str,
        fingerprint: str,
        now_ms: int,
    ) -> SubmitJob:
        return SubmitJob(
            job_id=job_id,
            account_id=account_id,
            cargo=cargo,
            input_json=input_json,
            bid_micro=bid.hold_micro,
            unit_bid_micro=bid.unit_micro,
            bid_source=bid.source,
            priority=self.priority,
            region=self.region,
            privacy_tier=self.privacy_tier,
            redundancy=self.redundancy or 1,
            request_sha256=fingerprint,
            queue_limit_ms=self.deadline_seconds * 1000 if self.deadline_seconds else QUEUE_LIMIT_MS,
            now_ms=now_ms,
        )


def check_depth(value: Any) -> None:
    """Raises `ApiError` (invalid) where objects and lists lie deeper in each other than `INPUT_DEPTH_MAX`."""
    level = [value]
    for _ in range(INPUT_DEPTH_MAX):
        level = [inner for outer in level for inner in nested(outer)]
        if not level:
            return
    raise invalid("input", f"at most {INPUT_DEPTH_MAX} levels of objects and lists")


def nested(value: Any) -> list[Any]:
    """The objects and lists directly inside `value`."""
    inside = value.values() if isinstance(value, dict) else value
    return [one for one in inside if isinstance(one, dict | list)]
