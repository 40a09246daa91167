"""Submissions over HTTP: from a draft to a cargo on the shelf that staff can stop, over real servers."""

import hashlib
import itertools
from dataclasses import replace
from typing import Any, Final

import httpx
import pytest
import wasmtime

from api.erasing import shut_out
from api.routes.submissions import OPEN_MAX
from commands.event_log import Origin
from commands.publication import publish
from domain.api_key import Scope
from domain.cargo import CARGO
from domain.cargo_commands import PublishCargo
from domain.ids import CargoSlug
from domain.person import PERSON, BanPerson
from domain.submission import SUBMISSION, Submission
from projections.progress import ALL
from tests.api.network import SEEN_S, Network, Person
from tests.api.test_personal_texts import in_the_log, in_the_tables
from tests.faults.slow_cargo import module_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

MODULE: Final = module_of(0)
WASM_HASH: Final = hashlib.sha256(MODULE).hexdigest()
FOREIGN: Final = bytes(wasmtime.wat2wasm('(module (import "env" "open_the_door" (func)))'))
ADMIN: Final = (Scope.READ, Scope.WRITE, Scope.ADMIN)
PATH: Final = "/marketplace/submissions"
_numbers = itertools.count(1)


def text_of(**changes: Any) -> dict[str, Any]:
    """A submission with a name of its own; a field changed to None is left out."""
    fields = {
        "name": "Slow one",
        "slug": f"submitted-{next(_numbers)}",
        "tagline": "Prints twice",
        "category": "demos",
        "description": "It prints, waits and prints again.",
        "readme": "# Slow\n\nIt waits.",
        "tags": ["slow", "demo"],
        "icon_url": "https://pictures.example/slow.png",
        "screenshots": ["https://pictures.example/one.png"],
        "wasm_hash": WASM_HASH,
        "wasm_url": "https://files.example/slow.wasm",
        "input_schema": {"type": "object"},
        "output_schema": {"type": "object"},
        "required_ram_mb": 64,
        "required_cpu_cores": 1,
        "price_per_job": "0.25",
        "price_per_second": 0,
    }
    return {name: value for name, value in (fields | changes).items() if value is not None}


async def ask(
    network: Network, person: Person, method: str, path: str, body: Any = None, **headers: str
) -> httpx.Response:
    return await network.http.request(method, path, json=body, headers=person.headers | headers)


async def publisher(network: Network) -> Person:
    """Somebody whose module is uploaded."""
    person = await network.person(funds=0)
    path = f"/artifacts/sha256:{WASM_HASH}"
    stored = await network.http.put(path, content=MODULE, headers=person.headers)
    assert stored.status_code == 201, stored.text
    return person


async def drafted(network: Network, person: Person, **changes: Any) -> dict[str, Any]:
    answer = await ask(network, person, "POST", PATH, {"submission": text_of(**changes)})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def done(network: Network, person: Person, method: str, path: str, body: Any = None) -> dict[str, Any]:
    answer = await ask(network, person, method, path, body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def handed_in(network: Network, person: Person, **changes: Any) -> dict[str, Any]:
    draft = await drafted(network, person, **changes)
    return await done(network, person, "POST", f"{PATH}/{draft['id']}/submit")


async def approved(network: Network, staff: Person, person: Person, **changes: Any) -> dict[str, Any]:
    waiting = await handed_in(network, person, **changes)
    await done(network, staff, "POST", f"/admin{PATH}/{waiting['id']}/approve")
    return waiting


async def test_a_submission_becomes_a_cargo_on_the_shelf(network: Network) -> None:
    person, staff = await publisher(network), await network.person(scopes=ADMIN)
    draft = await drafted(network, person)
    assert (draft["status"], draft["runtime_type"], draft["price_per_job"]) == ("draft", "wasm", "0.25")
    assert draft["data"] == {name: value for name, value in draft.items() if name != "data"}
    assert (await network.http.get(f"/marketplace/{draft['slug']}")).status_code == 404
    waiting = await done(network, person, "POST", f"{PATH}/{draft['id']}/submit")
    assert (waiting["status"], "submitted_at" in waiting) == ("pending", True)
    pending = await done(network, staff, "GET", f"/admin{PATH}/pending?limit=100")
    [row] = [one for one in pending["submissions"] if one["id"] == draft["id"]]
    assert row["account_id"] == person.account_id
    said = await done(network, staff, "POST", f"/admin{PATH}/{draft['id']}/approve")
    assert (said["status"], said["workload_enabled"]) == ("approved", True)
    shown = (await network.http.get(f"/marketplace/{draft['slug']}")).json()
    given = text_of()
    for field in ("name", "tagline", "category", "description", "readme", "tags", "icon_url", "screenshots"):
        assert shown[field] == given[field], field
    assert (shown["version"], shown["pricing"]["per_job"]) == ("1.0.0", "0.25")
    assert (shown["requirements"], shown["trust_level"]) == ({"ram_mb": 64, "cpu_cores": 1}, 0)
    cargo = await network.services.handler.state(CARGO, CargoSlug(draft["slug"]))
    assert cargo.latest is not None
    assert cargo.latest.spec.artifact_bytes == len(MODULE)
    assert cargo.publisher_id == person.account_id
    job_id = await network.job(await network.person(), CargoSlug(draft["slug"]))
    assert job_id


async def test_an_approval_is_finished_by_asking_again(network: Network) -> None:
    """The cargo is there and the submission still waits: what a crash in between leaves."""
    person, staff = await publisher(network), await network.person(scopes=ADMIN)
    waiting = await handed_in(network, person)
    submission = await network.services.handler.state(SUBMISSION, waiting["id"])
    assert isinstance(submission, Submission)
    offered = submission.offer.cargo
    cargo = await published_by_hand(network, offered)
    again = await done(network, staff, "POST", f"/admin{PATH}/{waiting['id']}/approve")
    twice = await done(network, staff, "POST", f"/admin{PATH}/{waiting['id']}/approve")
    assert (again["status"], twice["status"]) == ("approved", "approved")
    versions = await network.services.handler.history(CARGO, cargo)
    assert len([event for commit in versions for event in commit.events]) == 1


async def published_by_hand(network: Network, offered: Any) -> CargoSlug:
    cargo = replace(offered, spec=replace(offered.spec, artifact_bytes=len(MODULE)))
    command = PublishCargo(cargo=cargo, now_ms=1)
    await publish(network.services.handler, command, Origin(command_id="by-hand", actor="test"))
    slug: CargoSlug = cargo.spec.slug
    return slug


async def test_a_suspended_submission_stops_its_cargo_until_it_is_approved_again(network: Network) -> None:
    person, staff = await publisher(network), await network.person(scopes=ADMIN)
    waiting = await approved(network, staff, person)
    path, reason = f"/admin{PATH}/{waiting['id']}", {"reason": "it leaks"}
    customer = await network.person()
    job_id = await network.job(customer, CargoSlug(waiting["slug"]))
    stopped = await done(network, staff, "POST", f"{path}/suspend", reason)
    assert (stopped["status"], stopped["workload_enabled"]) == ("suspended", False)
    cargo = await network.services.handler.state(CARGO, CargoSlug(waiting["slug"]))
    assert (cargo.is_killed, job_id != "") == (True, True)
    assert (await network.http.get(f"/marketplace/{waiting['slug']}")).status_code == 404
    shown = await done(network, person, "GET", f"{PATH}/{waiting['id']}")
    assert (shown["status"], shown["reason"]) == ("suspended", "it leaks")
    lifted = await done(network, staff, "POST", f"{path}/approve")
    assert (lifted["status"], lifted["workload_enabled"]) == ("approved", True)
    assert (await network.http.get(f"/marketplace/{waiting['slug']}")).status_code == 200


async def test_a_rejected_submission_is_changed_and_handed_in_again(network: Network) -> None:
    person, staff = await publisher(network), await network.person(scopes=ADMIN)
    waiting = await handed_in(network, person)
    path = f"{PATH}/{waiting['id']}"
    text = {"submission": text_of(slug=waiting["slug"], readme="More words")}
    too_early = await ask(network, person, "PUT", path, text)
    assert (too_early.status_code, too_early.json()["error"]["code"]) == (409, "conflict")
    assert "it can be changed while it is draft or rejected" in too_early.json()["message"]
    await done(network, staff, "POST", f"/admin{path}/reject", {"reason": "the readme is thin"})
    assert (await done(network, person, "GET", path))["reason"] == "the readme is thin"
    changed = await done(network, person, "PUT", path, text)
    assert (changed["status"], changed["readme"]) == ("draft", "More words")
    again = await done(network, person, "POST", f"{path}/submit")
    assert (again["status"], "reason" in again) == ("pending", False)


async def test_what_was_withdrawn_is_not_approved(network: Network) -> None:
    person, staff = await publisher(network), await network.person(scopes=ADMIN)
    waiting = await handed_in(network, person)
    gone = await done(network, person, "DELETE", f"{PATH}/{waiting['id']}")
    assert (gone["message"], gone["status"]) == ("the submission is withdrawn", "withdrawn")
    refused = await ask(network, staff, "POST", f"/admin{PATH}/{waiting['id']}/approve")
    assert refused.status_code == 409
    assert (await network.http.get(f"/marketplace/{waiting['slug']}")).status_code == 404


async def test_a_failed_scan_stands_against_approval(network: Network) -> None:
    person, staff = await publisher(network), await network.person(scopes=ADMIN)
    waiting = await handed_in(network, person)
    path = f"/admin{PATH}/{waiting['id']}"
    failed = await done(network, staff, "POST", f"{path}/scan", {"status": "failed", "vulnerabilities": 3})
    assert failed["security"].items() >= {"scan_status": "failed", "vulnerabilities": 3}.items()
    refused = await ask(network, staff, "POST", f"{path}/approve")
    assert (refused.status_code, "scan" in refused.json()["message"]) == (409, True)
    assert (await network.http.get(f"/marketplace/{waiting['slug']}")).status_code == 404
    await done(network, staff, "POST", f"{path}/scan", {"status": "passed", "image_digest": WASM_HASH})
    shown = await done(network, staff, "GET", path)
    assert (shown["security"]["scan_status"], shown["security"]["image_digest"]) == ("passed", WASM_HASH)
    assert (await done(network, staff, "POST", f"{path}/approve"))["status"] == "approved"


@pytest.mark.parametrize(
    ("program", "runtime"),
    [
        ({"container_image": "registry.example/slow:1"}, "container"),
        ({"model_hash": "c" * 64, "model_url": "https://files.example/m.gguf"}, "llmcpp"),
        ({"model_hash": "c" * 64, "runtime_type": "onnx"}, "onnx"),
    ],
)
async def test_what_no_island_runs_yet_stays_pending(
    network: Network, program: dict[str, str], runtime: str
) -> None:
    person, staff = await network.person(funds=0), await network.person(scopes=ADMIN)
    waiting = await handed_in(network, person, wasm_hash=None, wasm_url=None, **program)
    assert (waiting["status"], waiting["runtime_type"]) == ("pending", runtime)
    refused = await ask(network, staff, "POST", f"/admin{PATH}/{waiting['id']}/approve")
    assert (refused.status_code, refused.json()["error"]["code"]) == (501, "not_available")
    assert (await done(network, person, "GET", f"{PATH}/{waiting['id']}"))["status"] == "pending"


async def test_every_wrong_field_is_named_at_once(network: Network) -> None:
    person = await network.person(funds=0)
    wrong = {"name": "", "slug": "Not A Slug", "tags": ["UPPER"], "icon_url": "http://plain.example"}
    answer = await ask(network, person, "POST", PATH, {"submission": text_of(**wrong, tagline=None)})
    assert answer.status_code == 422
    named = {field.split(".")[1] for field in answer.json()["errors"]}
    assert named == {"name", "slug", "tagline", "tags", "icon_url"}


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"price_per_job": None}, {"price_per_job"}),
        ({"price_per_second": "1.0"}, {"price_per_job"}),
        ({"price_per_job": "-1"}, {"price_per_job"}),
        ({"wasm_hash": None, "wasm_url": None}, {"container_image"}),
        ({"container_image": "a/b:1"}, {"container_image"}),
        ({"wasm_hash": None, "model_hash": "c" * 64}, {"wasm_url"}),
        ({"runtime_type": "container", "price_per_job": None}, {"runtime_type", "price_per_job"}),
        ({"revenue_share": 0.7}, {"revenue_share"}),
        ({"slug": "submissions"}, {"slug"}),
        ({"slug": "categories"}, {"slug"}),
        ({"trust_level": 3}, {"trust_level"}),
        ({"limits": {"memory_mb": 4096}}, {"limits"}),
        ({"input_schema": {"type": "no such type"}}, {"input_schema"}),
        ({"status": "approved"}, {"status"}),
        ({"account_id": "account-1"}, {"account_id"}),
    ],
)
async def test_what_does_not_fit_is_named(
    network: Network, changes: dict[str, Any], fields: set[str]
) -> None:
    person = await network.person(funds=0)
    answer = await ask(network, person, "POST", PATH, {"submission": text_of(**changes)})
    assert answer.status_code == 422, answer.text
    assert set(answer.json()["errors"]) == {f"submission.{field}" for field in fields}


async def test_a_share_that_the_network_pays_is_accepted(network: Network) -> None:
    person = await network.person(funds=0)
    assert (await drafted(network, person, revenue_share=0.05))["status"] == "draft"


async def test_a_module_is_uploaded_before_it_is_handed_in(network: Network) -> None:
    person = await network.person(funds=0)
    draft = await drafted(network, person, wasm_hash="d" * 64)
    answer = await ask(network, person, "POST", f"{PATH}/{draft['id']}/submit")
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["submission.wasm_hash"])
    assert "upload the module first" in answer.json()["message"]


@pytest.mark.parametrize(
    ("module", "said"), [(FOREIGN, "imports env.open_the_door"), (b"no module", "WebAssembly core module")]
)
async def test_a_module_that_no_island_would_run_is_refused_before_staff_see_it(
    network: Network, module: bytes, said: str
) -> None:
    person = await network.person(funds=0)
    digest = hashlib.sha256(module).hexdigest()
    await network.http.put(f"/artifacts/sha256:{digest}", content=module, headers=person.headers)
    draft = await drafted(network, person, wasm_hash=f"sha256:{digest}")
    answer = await ask(network, person, "POST", f"{PATH}/{draft['id']}/submit")
    assert (answer.status_code, said in answer.json()["message"]) == (422, True), answer.text
    assert (await done(network, person, "GET", f"{PATH}/{draft['id']}"))["status"] == "draft"


async def test_a_name_of_another_publisher_is_refused_before_staff_see_it(network: Network) -> None:
    slug, person = await network.cargo(), await publisher(network)
    draft = await drafted(network, person, slug=slug)
    answer = await ask(network, person, "POST", f"{PATH}/{draft['id']}/submit")
    assert (answer.status_code, "belongs to another publisher" in answer.json()["message"]) == (403, True)


async def test_a_further_version_is_a_further_submission(network: Network) -> None:
    person, staff = await publisher(network), await network.person(scopes=ADMIN)
    first = await approved(network, staff, person)
    same = await drafted(network, person, slug=first["slug"], tagline="Other words")
    refused = await ask(network, person, "POST", f"{PATH}/{same['id']}/submit")
    assert (refused.status_code, "exists with other content" in refused.json()["message"]) == (409, True)
    await approved(network, staff, person, slug=first["slug"], version="1.0.1", tagline="Other words")
    shown = (await network.http.get(f"/marketplace/{first['slug']}")).json()
    assert (shown["version"], shown["tagline"]) == ("1.0.1", "Other words")


async def test_a_banned_publisher_s_cargo_is_not_published(network: Network) -> None:
    person, staff = await publisher(network), await network.person(scopes=ADMIN)
    waiting = await handed_in(network, person)
    banned = BanPerson(account_id=person.account_id, reason="spam", now_ms=1)
    await network.command(PERSON, person.account_id, banned)
    refused = await ask(network, staff, "POST", f"/admin{PATH}/{waiting['id']}/approve")
    assert (refused.status_code, "banned" in refused.json()["message"]) == (409, True)


async def test_lists_show_one_s_own_by_status_newest_first(network: Network) -> None:
    person, staff = await publisher(network), await network.person(scopes=ADMIN)
    first, second = await drafted(network, person), await handed_in(network, person)
    listed = await done(network, person, "GET", PATH)
    assert [row["id"] for row in listed["submissions"]] == [second["id"], first["id"]]
    assert (listed["count"], listed["meta"]["total"]) == (2, 2)
    drafts = await done(network, person, "GET", f"{PATH}?status=draft")
    assert [row["id"] for row in drafts["submissions"]] == [first["id"]]
    everybodys = await done(network, staff, "GET", f"/admin{PATH}?limit=2")
    assert [row["id"] for row in everybodys["submissions"]] == [second["id"], first["id"]]
    wrong = await ask(network, person, "GET", f"{PATH}?status=lost")
    assert (wrong.status_code, list(wrong.json()["errors"])) == (422, ["status"])


async def test_an_idempotency_key_makes_one_submission(network: Network) -> None:
    person = await network.person(funds=0)
    text, key = {"submission": text_of()}, {"Idempotency-Key": "once"}
    first = await ask(network, person, "POST", PATH, text, **key)
    again = await ask(network, person, "POST", PATH, text, **key)
    other = await ask(network, person, "POST", PATH, {"submission": text_of()}, **key)
    assert (first.status_code, again.json()["id"]) == (201, first.json()["id"])
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_mismatch")


async def test_an_account_has_a_bounded_number_of_open_submissions(network: Network) -> None:
    person = await network.person(funds=0)
    app = network.app_with(requests_per_minute=10_000)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test/api/v1", headers=person.headers
    ) as http:
        for _ in range(OPEN_MAX):
            assert (await http.post(PATH, json={"submission": text_of()})).status_code == 201
        full = await http.post(PATH, json={"submission": text_of()})
        assert (full.status_code, "withdraw one first" in full.json()["message"]) == (409, True)
        newest = (await http.get(f"{PATH}?limit=1")).json()["submissions"][0]["id"]
        await http.delete(f"{PATH}/{newest}")
        assert (await http.post(PATH, json={"submission": text_of()})).status_code == 201


async def test_who_is_forgotten_has_nothing_open_any_more(network: Network) -> None:
    person = await publisher(network)
    waiting = await handed_in(network, person)
    await shut_out(network.services, person.account_id, Origin(command_id="forget", actor="test"))
    submission = await network.services.handler.state(SUBMISSION, waiting["id"])
    assert submission is not None
    assert submission.status == "withdrawn"


@pytest.mark.parametrize("decision", ["reject", "suspend"])
async def test_a_reason_lies_sealed_in_the_log_and_in_the_table(network: Network, decision: str) -> None:
    person, staff = await publisher(network), await network.person(scopes=ADMIN)
    take = handed_in(network, person) if decision == "reject" else approved(network, staff, person)
    waiting, text = await take, f"Jane did {decision} it"
    await done(network, staff, "POST", f"/admin{PATH}/{waiting['id']}/{decision}", {"reason": text})
    assert await network.services.progress.wait(ALL, await network.services.log.last_position(), SEEN_S)
    assert await in_the_log(network, text) == []
    assert await in_the_tables(network, text) == []
    listed = await done(network, person, "GET", PATH)
    assert listed["submissions"][0]["reason"] == text
    everybodys = await done(network, staff, "GET", f"/admin{PATH}/{waiting['id']}")
    assert everybodys["reason"] == text
