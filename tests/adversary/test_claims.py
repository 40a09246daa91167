"""A hostile island claims what is not so. Each claim is kept with its code, shown to its owner, and changes nothing."""

import json
from typing import Any, Final

import pytest

from adapters.nats import subjects
from tests.adversary.claim_cases import ABOUT_JOBS, FORGED, MALFORMED, Make, Said, lease, signed, status
from tests.adversary.members import seen
from tests.adversary.network import IN_ONE_LAYOUT
from tests.adversary.scene import OPERATORS_ACCOUNT, Scene

pytestmark = [pytest.mark.asyncio(loop_scope="module"), IN_ONE_LAYOUT]

CASES: Final = FORGED | ABOUT_JOBS | MALFORMED


async def stored(scene: Scene, said: Said) -> dict[str, Any]:
    """Where the stream has kept it."""
    answer = await scene.user.request(said.subject, said.body, headers=said.headers or None, timeout=5)
    place: dict[str, Any] = json.loads(answer.data)
    assert "error" not in place, place
    return place


async def rejected(scene: Scene, said: Said) -> str:
    """Says it, and waits until the owner is shown with which code it was rejected."""
    place = await stored(scene, said)
    codes: list[str] = []

    async def is_shown() -> bool:
        path = f"/hosts/{scene.attacker.island_id}/rejected-claims"
        shown = (await scene.mallory.get(path)).raise_for_status().json()["rejected_claims"]
        codes.extend(
            claim["code"]
            for claim in shown
            if (claim["claim_stream"], claim["claim_position"]) == (place["stream"], place["seq"])
        )
        return bool(codes)

    await seen(is_shown, f"{said.body[:60]!r} is rejected")
    return codes[0]


@pytest.mark.parametrize(("code", "make"), CASES.values(), ids=CASES)
async def test_a_claim_that_is_not_so_is_rejected_with_its_code(scene: Scene, code: str, make: Make) -> None:
    async with scene.nothing_changes():
        assert await rejected(scene, make(scene)) == code


async def test_a_claim_that_was_made_before_is_a_replay(scene: Scene) -> None:
    said = signed("status", status())(scene)
    async with scene.nothing_changes():
        assert [await rejected(scene, said) for _ in range(3)] == ["not_owner", "replayed", "replayed"]


async def test_a_claim_older_than_the_window_is_a_replay(scene: Scene) -> None:
    old = signed("lease", lease())(scene)
    async with scene.nothing_changes():
        newer = signed("lease", lease(), n=2**53)(scene)
        assert await rejected(scene, newer) == "not_owner"
        assert await rejected(scene, old) == "replayed"
        # From here on every renewal of this attacker is one, which hurts nobody else.
        assert await rejected(scene, signed("lease", lease())(scene)) == "replayed"


async def test_output_for_another_s_job_is_nobody_s_output(scene: Scene) -> None:
    """The scene's end shows that the job's output is the victim's alone."""
    own, job = subjects.output(scene.attacker.island_id), scene.victim.job_id
    async with scene.nothing_changes():
        for seq in (1, 2):
            chunk = {"job_id": job, "seq": seq, "chunk": "forged", "is_final": seq == 2, "attempt": 1}
            receipt = await scene.user.request(own, json.dumps(chunk).encode(), timeout=5)
            assert "error" not in json.loads(receipt.data)
    assert "forged" not in (await scene.http.get(f"/jobs/{job}/output")).text


async def test_a_job_that_has_ended_takes_no_claim(scene: Scene) -> None:
    job = await scene.submitted()
    (await scene.http.delete(f"/jobs/{job}")).raise_for_status()

    rejection = f"advisory.claim_rejected.{{me}}.{job}"
    # What was held for it is given back.
    async with scene.nothing_changes(rejection, f"evt.account.{OPERATORS_ACCOUNT}"):
        assert await rejected(scene, signed("status", status(job))(scene)) == "job_closed"


async def test_nobody_is_shown_what_another_s_island_had_rejected(scene: Scene) -> None:
    for path in (f"/hosts/{scene.victim.island_id}/rejected-claims", "/rejected-claims"):
        assert (await scene.mallory.get(path)).status_code in {403, 404}
