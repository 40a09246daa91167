"""Whatever a row of the read side holds, its answer has the form that the document names; and that check bites."""

from typing import Any, Final

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.postgres.webhook_deliveries import Delivery, DeliveryState
from adapters.safe_http import Problem
from api.shapes.account import account_shape, api_key_shape
from api.shapes.attempt import attempt_shape
from api.shapes.audit import touched_shape
from api.shapes.host import admin_host_shape, host_shape
from api.shapes.idleness import idleness_shape
from api.shapes.job import job_shape
from api.shapes.ledger import entry_shape
from api.shapes.market import market_row_shape, step_shape
from api.shapes.marketplace import card_shape, flagged_shape, page_shape
from api.shapes.person import user_shape, verification_shape
from api.shapes.session import session_shape
from api.shapes.submission import admin_submission_shape, submission_shape
from api.shapes.webhook import delivery_shape, webhook_shape
from api.shapes.workload import workload_shape
from api.shapes.workload_oversight import admin_workload_shape
from commands.idleness import Idleness, JobFate
from domain.cargo_spec import CargoSpec
from domain.ids import IslandId
from domain.placement import Refusal
from domain.submission import Submission
from domain.webhook import Webhook
from projections.accounts import AccountRow, ApiKeyRow
from projections.attempts import AttemptRow
from projections.book_reads import TouchedJob
from projections.cargos import CargoRow
from projections.jobs import JobRow
from projections.ledger import EntryRow
from projections.market_rows import HistoryStep, MarketRow
from projections.people import PersonRow
from projections.placement import IslandRow
from projections.reviews import RatingRow, ReviewRow
from projections.sign_in_rows import SessionRow
from tests.any_row import any_row
from tests.api.answer_schema import our_answers

EXAMPLES: Final = 40
ISLAND: Final = IslandId("ANISLAND")
FATES: Final = st.lists(any_row(JobFate, refusal=st.sampled_from(Refusal)), max_size=3).map(tuple)
SHAPES: Final[dict[str, st.SearchStrategy[Any]]] = {
    "Job": st.builds(
        job_shape,
        any_row(JobRow, batch=st.none()),
        cargo_number=st.none() | st.integers(1, 9),
        output=st.none() | st.text(),
    ),
    "Attempt": st.builds(attempt_shape, any_row(AttemptRow)),
    "Host": st.builds(host_shape, any_row(IslandRow), heard_at_ms=st.none() | st.just(1)),
    "OwnedHost": st.builds(admin_host_shape, any_row(IslandRow), heard_at_ms=st.none() | st.just(1)),
    "IdlenessAnswer": st.builds(idleness_shape, st.just(ISLAND), any_row(Idleness, fates=FATES)),
    "Workload": st.builds(workload_shape, any_row(CargoRow), for_python_sdk=st.booleans()),
    "OverseenWorkloadAnswer": st.builds(admin_workload_shape, any_row(CargoRow)),
    "CardAnswer": st.builds(card_shape, any_row(CargoRow), st.none() | any_row(RatingRow)),
    "ListingAnswer": st.builds(page_shape, any_row(CargoRow), st.none(), st.none() | st.integers(1, 9)),
    "FlaggedReviewAnswer": st.builds(flagged_shape, any_row(ReviewRow, flag_reason=st.text())),
    "SubmissionAnswer": st.builds(submission_shape, any_row(Submission)),
    "OwnedSubmissionAnswer": st.builds(admin_submission_shape, any_row(Submission)),
    "Account": st.builds(
        account_shape,
        any_row(AccountRow),
        email=st.text(),
        is_admin=st.booleans(),
        for_python_sdk=st.booleans(),
    ),
    "ApiKey": st.builds(api_key_shape, any_row(ApiKeyRow), st.none() | st.just(1)),
    "SessionAnswer": st.builds(session_shape, any_row(SessionRow), is_current=st.booleans()),
    "Verification": st.builds(verification_shape, st.none() | any_row(PersonRow)),
    "User": st.builds(user_shape, any_row(AccountRow), st.none() | any_row(PersonRow)),
    "Entry": st.builds(entry_shape, any_row(EntryRow)),
    "TouchedJob": st.builds(
        touched_shape,
        any_row(TouchedJob),
        output_first=st.none() | st.just(1),
        rerun_id=st.none() | st.just("again"),
    ),
    "Webhook": st.builds(webhook_shape, any_row(Webhook)),
    "Delivery": st.builds(
        delivery_shape,
        any_row(Delivery, state=st.sampled_from(DeliveryState), problem=st.none() | st.sampled_from(Problem)),
    ),
    "MarketRow": st.builds(market_row_shape, any_row(MarketRow)),
    "HistoryStep": st.builds(step_shape, any_row(CargoSpec), any_row(HistoryStep)),
}


@pytest.mark.parametrize("form", SHAPES)
def test_any_row_is_shown_in_the_form_that_the_document_names(form: str) -> None:
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(SHAPES[form])
    def each(shape: dict[str, Any]) -> None:
        our_answers().check_named(form, msgspec.json.decode(msgspec.json.encode(shape)))

    each()


def answered(body: object, *, path: str = "/api/v1/network/stats", status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body, request=httpx.Request("GET", f"http://here{path}"))


STATS: Final = {"online_islands": 1, "regions": ["eu"], "jobs_completed": 2}


@pytest.mark.parametrize(
    "body",
    [
        STATS,
        {**STATS, "data": {**STATS, "regions": "eu"}},
        {**STATS, "data": STATS, "owner": "somebody"},
        {**STATS, "data": {**STATS, "owner": "somebody"}},
        [],
    ],
)
async def test_an_answer_of_another_form_is_a_fault(body: object) -> None:
    with pytest.raises(AssertionError, match="network/stats"):
        await our_answers().check(answered(body))


async def test_an_answer_of_the_right_form_is_none() -> None:
    await our_answers().check(answered({**STATS, "data": STATS}))


async def test_a_status_that_the_document_does_not_name_is_a_fault() -> None:
    with pytest.raises(AssertionError, match="201 is not in the document"):
        await our_answers().check(answered({}, status=201))


@pytest.mark.parametrize("path", ["/nowhere", "/api/v1/jobs/a/b/c"])
async def test_what_is_no_route_is_not_looked_at(path: str) -> None:
    await our_answers().check(answered({}, path=path))


def test_a_path_without_parameters_goes_first() -> None:
    pending = our_answers().form_of("GET", "/api/v1/admin/hosts/pending", 200)
    one = our_answers().form_of("GET", "/api/v1/admin/hosts/ANISLAND", 200)
    assert pending == {"$ref": "#/components/schemas/OwnedHostPage"}
    assert one == {"$ref": "#/components/schemas/OwnedHost"}
