"""The OpenAPI document, and thousands of requests made up from it: right ones, wrong ones, and none that breaks us.

The requests are the same in every run. `EXAMPLES` of each kind for each operation keep it to seconds.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis.errors import Unsatisfiable
from jsonschema import Draft202012Validator
from schemathesis import APIOperation, Case, GenerationMode, Response
from schemathesis.core.result import Ok

from api.errors import STATUS, ErrorCode
from api.openapi_document import FAILURE, operations
from domain.api_key import Scope
from tests.api.answer_schema import JSON, our_answers
from tests.api.network import Network

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXAMPLES: Final = 10
EXAMPLES_OF_REPORTS: Final = 2  # Each starts a process.
ANSWERED_S: Final = 20
REFUSED: Final = 400
OPENAI_INVALID: Final = {ErrorCode.INVALID: 400}
"""Below OpenAI's routes a wrong field has the status which their clients know."""
INSIDE: Final = re.compile(
    r"Traceback|psycopg|asyncpg|SELECT |relation \"|\.py\b|nats\.|jetstream|site-packages|/tmp/|/home/",
    re.IGNORECASE,
)
"""What no client may read: it would tell what we are made of."""


def document(network: Network) -> dict[str, Any]:
    found: dict[str, Any] = network.app.openapi()
    return found


async def test_every_operation_has_one_name_and_one_sentence(network: Network) -> None:
    found = list(operations(document(network)))
    names = Counter(one["operationId"] for one in found)
    assert [name for name, count in names.items() if count > 1] == []
    assert [one["operationId"] for one in found if not one.get("description", "").strip()] == []


async def test_every_reference_in_the_document_leads_somewhere(network: Network) -> None:
    whole = document(network)
    for reference in references(whole):
        at: Any = whole
        for part in reference.removeprefix("#/").split("/"):
            at = at[part]


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for child in node.values():
            yield from references(child)
    elif isinstance(node, list):
        for child in node:
            yield from references(child)


async def test_the_document_names_no_form_of_failure_but_ours(network: Network) -> None:
    for operation in operations(document(network)):
        assert operation["responses"]["default"] == {"$ref": "#/components/responses/Failure"}
        assert "422" not in operation["responses"]
    assert "HTTPValidationError" not in document(network)["components"]["schemas"]


async def test_every_form_has_a_name_that_programs_can_use(network: Network) -> None:
    """Two forms of one name would get their modules' names too, which generators of clients refuse."""
    names = document(network)["components"]["schemas"]
    assert [name for name in names if not name.isalnum()] == []


async def test_every_success_is_described(network: Network) -> None:
    assert [one["operationId"] for one in operations(document(network)) if not is_described(one)] == []


def is_described(operation: dict[str, Any]) -> bool:
    """Whether each of its successes has a form, or a media type that is not JSON. What is not built has none."""
    successes = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
    return all(media.get("schema") for answer in successes for media in answer["content"].values()) and bool(
        successes or "501" in operation["responses"]
    )


@pytest.mark.filterwarnings(
    "ignore:Do not use the `random` module"
)  # The network in this process does, meanwhile.
@pytest.mark.parametrize("mode", list(GenerationMode))
async def test_whatever_is_asked_is_answered_as_the_document_says(
    network: Network, mode: GenerationMode
) -> None:
    person = await network.person(funds=5, scopes=tuple(Scope))
    await network.cargo()
    schema = schemathesis.openapi.from_dict(document(network))
    faults: list[str] = []
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        faults += await asyncio.to_thread(asked, found.ok(), mode, network.address, person.key)
    assert not faults, "\n".join(faults)


def asked(
    operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, address: str, key: str
) -> Sequence[str]:
    """What was wrong with the answers to the examples of this operation."""
    promised = {int(status) for status in operation.definition.raw["responses"] if status.isdigit()}
    faults: list[str] = []

    @settings(
        max_examples=EXAMPLES_OF_REPORTS if "reports" in operation.definition.raw["tags"] else EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def each(case: Case[Any]) -> None:
        case.query.pop("after", None)  # It waits for a position that never comes; other tests look at that.
        answer = case.call(
            base_url=f"http://{address}", headers={"Authorization": f"Bearer {key}"}, timeout=ANSWERED_S
        )
        if fault := fault_of(answer, promised) or misshapen(case, answer):
            faults.append(
                f"{case.method} {case.formatted_path}: {fault}\n  {case.query} {case.body!r}"[:1000]
            )

    with suppress(Unsatisfiable):  # Nothing can be wrong about a request that has no parts.
        each()
    return faults


def misshapen(case: Case[Any], answer: Response) -> str | None:
    """How a success differs from its form in the document."""
    if answer.status_code >= REFUSED or answer.headers["content-type"] != [JSON]:
        return None
    form = our_answers().form_of(case.method, case.formatted_path, answer.status_code)
    assert form is not None
    try:
        our_answers().check_body(form, answer.json(), "answer")
    except AssertionError as fault:
        return str(fault)
    return None


def fault_of(answer: Response, promised: set[int]) -> str | None:
    if answer.status_code < REFUSED:
        return None if answer.status_code in promised else f"{answer.status_code} is not in the document"
    body = answer.json()
    Draft202012Validator(FAILURE).validate(body)
    code = ErrorCode(body["error"]["code"])
    if code is ErrorCode.INTERNAL or answer.status_code not in {STATUS[code], OPENAI_INVALID.get(code)}:
        return f"{answer.status_code} {body}"
    if INSIDE.search(answer.text):
        return f"tells of the inside: {answer.text}"
    return None
