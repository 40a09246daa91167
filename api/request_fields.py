"""Fields that several requests share, with their rules: ids, names, pages, positions, the Idempotency-Key.

A text that becomes part of an event or a subject is held to characters that every store behind it takes.
"""

import re
from typing import Annotated, Final

from fastapi import Depends, Header, Path, Query
from pydantic import StringConstraints
from starlette.requests import Request

from api.envelope import request_id_of
from api.errors import invalid, not_found
from domain.claim import WIRE_SEPARATOR
from domain.ids import AccountId, CargoSlug, IslandId, JobId

UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SLUG: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
SLUG_CHARACTERS_MAX: Final = 64
ACCOUNT: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
ISLAND: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")
IDEMPOTENCY_KEY: Final = re.compile(r"[\x20-\x7e]{1,255}")
POSITION_MAX: Final = 2**62

# No control characters: PostgreSQL refuses NUL, and terminals obey the others.
PLAIN_TEXT: Final = r"^[^\x00-\x1f\x7f-\x9f]+$"
Name = Annotated[
    str, StringConstraints(min_length=1, max_length=100, pattern=PLAIN_TEXT, strip_whitespace=True)
]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")]

Limit = Annotated[int, Query(ge=1, le=100)]
Offset = Annotated[int, Query(ge=0, le=1_000_000)]
After = Annotated[
    int | None, Query(ge=0, le=POSITION_MAX, description="Wait until the read side has come this far.")
]


def slug_of(text: str) -> CargoSlug | None:
    """A cargo's slug, or None where no cargo can have this name."""
    is_slug = len(text) <= SLUG_CHARACTERS_MAX and SLUG.fullmatch(text)
    return CargoSlug(text) if is_slug else None


async def job_id_in_path(
    job_id: Annotated[str, Path(description="The job's id, or its id on the wire.")],
) -> JobId:
    """A job is found by the ids of its attempts too. Raises `ApiError` (not_found)."""
    found = job_id.partition(WIRE_SEPARATOR)[0].lower()
    if not UUID.fullmatch(found):
        raise not_found("such job")
    return JobId(found)


async def island_id_in_path(island_id: str) -> IslandId:
    if not ISLAND.fullmatch(island_id):
        raise not_found("such host")
    return IslandId(island_id)


async def account_id_in_path(account_id: str) -> AccountId:
    if not ACCOUNT.fullmatch(account_id):
        raise not_found("such account")
    return AccountId(account_id)


async def slug_in_path(slug: str) -> CargoSlug:
    found = slug_of(slug)
    if found is None:
        raise not_found("such workload")
    return found


async def idempotency_key(
    key: Annotated[
        str | None, Header(alias="Idempotency-Key", description="Repeats are answered alike.")
    ] = None,
) -> str | None:
    if key is not None and not IDEMPOTENCY_KEY.fullmatch(key):
        raise invalid("Idempotency-Key", "must be 1 to 255 printable ASCII characters")
    return key


async def request_id(request: Request) -> str:
    return request_id_of(request.scope)


PathJobId = Annotated[JobId, Depends(job_id_in_path)]
PathIslandId = Annotated[IslandId, Depends(island_id_in_path)]
PathAccountId = Annotated[AccountId, Depends(account_id_in_path)]
PathSlug = Annotated[CargoSlug, Depends(slug_in_path)]
IdempotencyKey = Annotated[str | None, Depends(idempotency_key)]
RequestId = Annotated[str, Depends(request_id)]
