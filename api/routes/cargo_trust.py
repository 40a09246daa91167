"""A cargo's trust for those who use and publish it: look it up, rate, complain, ask for a review."""

from typing import Annotated, Final

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import Response

from adapters import clock
from api.answers import answer
from api.authorization import Reader, Writer
from api.edge import CARGOS, Edge, EdgeState, origin_of
from api.errors import not_found
from api.key_ring import Caller
from api.moment import NOW, At, bounded, standing
from api.request_fields import PLAIN_TEXT, After, PathSlug, RequestId
from api.review_writing import ReviewText, write_review
from api.schemas.cargo import CargoStanding, Trust
from api.schemas.forms import with_data
from api.shapes.as_of import standpoint_shape
from api.shapes.cargo_trust import trust_shape
from api.strict_json import StrictRoute
from commands.as_of import history_at, state_at
from commands.karma_statement import Moment
from domain.cargo import CARGO
from domain.cargo_commands import CargoCommand, FileComplaint, SubmitForReview
from domain.cargo_state import Cargo
from domain.ids import CargoSlug
from domain.publisher import PUBLISHER
from domain.reputation import STARS_MAX
from projections.cargo_changes import changes_of

CHANGES_SHOWN_MAX: Final = 50

router = APIRouter(prefix="/workloads/{slug}", tags=["workloads"], route_class=StrictRoute)

Text = Annotated[
    str, StringConstraints(min_length=1, max_length=500, pattern=PLAIN_TEXT, strip_whitespace=True)
]


class RatingRequest(BaseModel):
    """4 and 5 stars are a positive rating."""

    model_config = ConfigDict(extra="forbid")

    stars: Annotated[int, Field(ge=1, le=STARS_MAX, strict=True)]


class ComplaintRequest(BaseModel):
    """`text` becomes part of the log; staff read it."""

    model_config = ConfigDict(extra="forbid")

    text: Text


@router.get("/trust", response_model=Trust)
async def get_trust(slug: PathSlug, _: Reader, edge: Edge, at: At, after: After = None) -> Response:
    """Explain a cargo's trust level and reputation: what they rest on, and what is missing for the next level.

    With `at`, as of a moment of the past.
    """
    if at != NOW:
        return await past_trust(edge, slug, at)
    await edge.catch_up(CARGOS, after)
    handler = edge.services.handler
    cargo = await handler.state(CARGO, slug)
    if cargo.latest is None or cargo.publisher_id is None:
        raise not_found(f"workload {slug}")
    publisher = await handler.state(PUBLISHER, cargo.publisher_id)
    changes = await edge.services.reads.cargo_changes(slug, CHANGES_SHOWN_MAX)
    return answer(trust_shape(slug, cargo, publisher, changes))


async def past_trust(edge: EdgeState, slug: CargoSlug, moment: Moment) -> Response:
    """From the cargo's own history, and its publisher's. Raises `ApiError`."""
    where, past = await standing(edge, moment), edge.services.past
    with bounded():
        history = [commit async for commit in history_at(past, CARGO.stream(slug), where.position)]
        cargo = CARGO.fold(event for commit in history for event in commit.events)
        if cargo.latest is None or cargo.publisher_id is None:
            raise not_found(f"workload {slug} at that time")
        publisher = await state_at(past, PUBLISHER, cargo.publisher_id, where.position)
    changes = [row for commit in history for row in changes_of(commit)][: -CHANGES_SHOWN_MAX - 1 : -1]
    shape = trust_shape(slug, cargo, publisher, changes)
    return answer(shape | {"as_of": standpoint_shape(where)})


@router.post("/ratings", response_model=with_data(CargoStanding))
async def rate_workload(
    slug: PathSlug, request: RatingRequest, caller: Writer, edge: Edge, request_id: RequestId
) -> Response:
    """Rate a cargo that this account has run: its review without words. The reputation follows in a moment."""
    handled = await write_review(edge, caller, slug, ReviewText(rating=request.stars), request_id)
    cargo = await edge.services.handler.state(CARGO, slug)
    return cargo_answer(slug, cargo, is_counted=bool(handled.events), position=handled.position)


@router.post("/complaints", response_model=with_data(CargoStanding))
async def complain_of_workload(
    slug: PathSlug, request: ComplaintRequest, caller: Writer, edge: Edge, request_id: RequestId
) -> Response:
    """Complain of a cargo that this account has run. One complaint in seven days counts."""
    command = FileComplaint(
        slug=slug,
        account_id=caller.account_id,
        job_id=await edge.services.reads.job_that_ran(caller.account_id, slug),
        text=request.text,
        now_ms=clock.now_ms(),
    )
    return await carry_out(edge, caller, slug, command, request_id)


@router.post("/review-requests", response_model=with_data(CargoStanding))
async def ask_for_review(slug: PathSlug, caller: Writer, edge: Edge, request_id: RequestId) -> Response:
    """Ask staff to review a cargo of this account, for trust level 2 or to have it enabled again."""
    command = SubmitForReview(slug=slug, account_id=caller.account_id, now_ms=clock.now_ms())
    return await carry_out(edge, caller, slug, command, request_id)


async def carry_out(
    edge: EdgeState, caller: Caller, slug: CargoSlug, command: CargoCommand, request_id: str
) -> Response:
    """`counted` is false where it was so already. Raises `Rejected`."""
    origin = origin_of(caller, request_id)
    handled = await edge.services.handler.handle(CARGO, slug, command, origin=origin)
    await edge.settle(CARGOS, handled.position)
    return cargo_answer(slug, handled.state, is_counted=bool(handled.events), position=handled.position)


def cargo_answer(slug: CargoSlug, cargo: Cargo, *, is_counted: bool, position: int) -> Response:
    shape = {
        "slug": slug,
        "counted": is_counted,
        "trust_level": cargo.trust_level,
        "reputation": cargo.standing.reputation_milli / 1000,
        "enabled": not cargo.is_disabled,
        "killed": cargo.is_killed,
        "awaits_review": cargo.awaits_review,
    }
    return answer({**shape, "data": shape}, position=position)
