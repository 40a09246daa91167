"""Who may say what, and in which order doubts are told."""

import json
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings, strategies

from adapters.claim_address import address_of
from adapters.claim_check import Checked, ClaimCheck
from adapters.claim_envelope import CLAIM, SIGNATURE, seal
from adapters.nats.accounts.nkey import Kind, NKey
from commands.event_log import Origin
from commands.handle import CommandHandler
from commands.senders import Senders
from domain.claim import ClaimRejected, ClaimRejection, Succeeded
from domain.ids import AccountId, IslandId
from domain.island import ISLAND
from domain.island_commands import (
    EnrolIsland,
    EnrolPasswordIsland,
    PairIsland,
    RemoveIsland,
    RevokeIsland,
)
from domain.job_events import Grade
from tests.memory_log import MemoryEventLog

OWN = IslandId(NKey.new(Kind.ACCOUNT).public)
USER, NEXT_USER = NKey.new(Kind.USER), NKey.new(Kind.USER)
OWNER = AccountId("account-1")
STATUS, BEAT, HELLO = f"host.{OWN}.status", f"host.{OWN}.heartbeat", f"coordinator.hosts.register.{OWN}"
LEASE = f"host.{OWN}.lease"
STARTED = json.dumps({"job_id": "job-1", "state": "started", "timestamp": 1}).encode()
ALIVE = json.dumps(
    {"host_id": OWN, "agent_version": "1", "status": "online", "active_jobs": 0, "timestamp": 1}
).encode()
SUCCESS = json.dumps({"job_id": "job-1", "state": "succeeded", "timestamp": 1}).encode()
SLOWEST_S = 0.1
"""Twenty times the aim of 5 ms: the machine may be busy."""


def joins(owner_id: AccountId | None = OWNER, user: NKey = USER) -> EnrolIsland:
    return EnrolIsland(island_id=OWN, owner_id=owner_id, name="atlas", user_key=user.public, now_ms=1)


def joins_with_password() -> EnrolPasswordIsland:
    return EnrolPasswordIsland(
        island_id=OWN, owner_id=OWNER, name="atlas", local_id="old-name", password_sha256="x", now_ms=1
    )


class World:
    """Islands on a log in memory, and the check of one coordinator."""

    def __init__(self) -> None:
        self.log = MemoryEventLog(now_ms=1)
        self.check = ClaimCheck(Senders(CommandHandler(self.log)))
        self.n = 0

    async def does(self, command: Any) -> None:
        """Decided by another coordinator, so nothing of it is in this one's memory."""
        origin = Origin(command_id=f"command-{len(self.log.commits)}")
        await CommandHandler(self.log).handle(ISLAND, command.island_id, command, origin=origin)

    def sealed(self, subject: str = STATUS, body: bytes = STARTED, **fields: Any) -> dict[str, str]:
        self.n += 1
        of_job = {} if subject in (BEAT, HELLO) else {"job": "job-1", "attempt": 1}
        plain: dict[str, Any] = {
            "user": USER,
            "island_id": OWN,
            "kind": address_of(subject).kind,
            "job": "",
            "attempt": 0,
            "n": self.n,
            "claim_id": f"claim-{self.n}",
            "at_ms": 1,
            "body": body,
        }
        return seal(**(plain | of_job | fields))

    async def says(
        self,
        headers: dict[str, str],
        body: bytes = STARTED,
        subject: str = STATUS,
        *,
        is_redelivered: bool = False,
    ) -> Checked:
        return await self.check.checked(address_of(subject), headers, body, is_redelivered=is_redelivered)

    async def rejection(self, headers: dict[str, str], body: bytes = STARTED, subject: str = STATUS) -> str:
        with pytest.raises(ClaimRejected) as rejected:
            await self.says(headers, body, subject)
        assert rejected.value.detail
        return rejected.value.code


async def world(*commands: Any) -> World:
    made = World()
    for command in commands:
        await made.does(command)
    return made


async def test_a_sealed_claim_of_a_paired_island_is_signed() -> None:
    here = await world(joins())
    checked = await here.says(here.sealed())
    assert (checked.grade, checked.claim.island_id) == (Grade.SIGNED, OWN)


# Who may speak.


GONE = [
    pytest.param([], id="nobody"),
    pytest.param([joins(), RemoveIsland(island_id=OWN, owner_id=OWNER, now_ms=2)], id="removed"),
    pytest.param([joins(), RevokeIsland(island_id=OWN, reason="stolen", now_ms=2)], id="revoked"),
    pytest.param(
        [joins_with_password(), RevokeIsland(island_id=OWN, reason="stolen", now_ms=2)],
        id="revoked with a password",
    ),
]


@pytest.mark.parametrize("commands", [*GONE, pytest.param([joins(None)], id="pending")])
async def test_an_island_without_the_right_to_jobs_is_unknown(commands: list[Any]) -> None:
    here = await world(*commands)
    for headers in (here.sealed(), {}):
        assert await here.rejection(headers) == ClaimRejection.UNKNOWN_ISLAND


@pytest.mark.parametrize("commands", GONE)
async def test_an_island_that_has_left_or_never_joined_cannot_even_greet(commands: list[Any]) -> None:
    here = await world(*commands)
    for headers in (here.sealed(BEAT, ALIVE), {}):
        assert await here.rejection(headers, ALIVE, BEAT) == ClaimRejection.UNKNOWN_ISLAND


async def test_an_island_that_waits_for_its_pairing_may_greet_and_must_sign() -> None:
    here = await world(joins(None))
    assert (await here.says(here.sealed(BEAT, ALIVE), ALIVE, BEAT)).grade is Grade.SIGNED
    assert await here.rejection({}, ALIVE, BEAT) == ClaimRejection.BAD_SIGNATURE


async def test_an_island_paired_elsewhere_a_moment_ago_is_known_at_once() -> None:
    here = await world(joins(None))
    assert await here.rejection(here.sealed()) == ClaimRejection.UNKNOWN_ISLAND
    await here.does(PairIsland(island_id=OWN, owner_id=OWNER, now_ms=2))
    assert (await here.says(here.sealed())).grade is Grade.SIGNED


async def test_a_key_replaced_elsewhere_a_moment_ago_counts_at_once_and_the_old_one_no_more() -> None:
    here = await world(joins())
    await here.says(here.sealed())
    await here.does(joins(user=NEXT_USER))
    assert (await here.says(here.sealed(user=NEXT_USER))).grade is Grade.SIGNED
    assert await here.rejection(here.sealed()) == ClaimRejection.BAD_SIGNATURE


# What proves it.


async def test_an_island_with_a_key_must_sign() -> None:
    here = await world(joins())
    assert await here.rejection({}) == ClaimRejection.BAD_SIGNATURE


async def test_an_envelope_of_another_body_is_a_bad_signature() -> None:
    here = await world(joins())
    assert await here.rejection(here.sealed(), STARTED + b" ") == ClaimRejection.BAD_SIGNATURE


async def test_an_island_with_a_password_is_believed_unsigned_and_may_call_itself_as_it_does() -> None:
    here = await world(joins_with_password())
    beat = ALIVE.replace(OWN.encode(), b"old-name")
    assert (await here.says({}, beat, BEAT)).grade is Grade.UNSIGNED
    success = await here.says({}, SUCCESS)
    assert isinstance(success.claim, Succeeded)
    assert (success.grade, success.claim.digest) == (Grade.UNSIGNED, None)


async def test_an_island_with_a_password_that_seals_its_claims_is_a_bad_signature() -> None:
    here = await world(joins_with_password())
    for headers in (here.sealed(), {CLAIM: ""}, {SIGNATURE: "x"}):
        assert await here.rejection(headers) == ClaimRejection.BAD_SIGNATURE


async def test_an_island_that_signs_must_count_and_digest_its_output() -> None:
    here = await world(joins())
    assert await here.rejection(here.sealed(body=SUCCESS), SUCCESS) == ClaimRejection.IMPLAUSIBLE


@pytest.mark.parametrize(
    "fields",
    [{"island_id": "A" * 56}, {"kind": "lease"}, {"job": "job-2"}, {"job": "job-1_2"}, {"attempt": 2}],
    ids=str,
)
async def test_an_envelope_that_names_something_else_is_an_id_mismatch(fields: dict[str, Any]) -> None:
    here = await world(joins())
    assert await here.rejection(here.sealed(**fields)) == ClaimRejection.ID_MISMATCH


async def test_the_envelope_of_a_greeting_names_no_job() -> None:
    here = await world(joins())
    sealed = here.sealed(BEAT, ALIVE, job="job-1", attempt=1)
    assert await here.rejection(sealed, ALIVE, BEAT) == ClaimRejection.ID_MISMATCH


# What is old.


async def test_a_claim_that_is_played_again_is_replayed() -> None:
    here = await world(joins())
    sealed = here.sealed()
    await here.says(sealed)
    assert await here.rejection(sealed) == ClaimRejection.REPLAYED


async def test_a_claim_that_the_server_delivers_again_is_no_replay() -> None:
    here = await world(joins())
    sealed = here.sealed()
    await here.says(sealed)
    assert (await here.says(sealed, is_redelivered=True)).grade is Grade.SIGNED


async def test_numbers_of_one_kind_of_claim_do_not_use_up_those_of_another() -> None:
    here = await world(joins())
    await here.says(here.sealed(n=5))
    renewal = b'{"job_id":"job-1"}'
    await here.says(here.sealed(LEASE, renewal, n=5), renewal, LEASE)


async def test_a_claim_that_was_refused_for_its_names_does_not_use_up_its_number() -> None:
    here = await world(joins())
    await here.rejection(here.sealed(n=5, job="job-2"))
    assert (await here.says(here.sealed(n=5))).grade is Grade.SIGNED


# What is no claim at all.


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (70_000 * b"x", "too_large"),
        (b'{"job_id":' + 30_000 * b"[", "bad_json"),
        (b'{"job_id":"job-1","state":"started","timestamp":NaN}', "bad_json"),
        (b'{"job_id":"job-1","state":"started","timestamp":1e400}', "bad_json"),
        (b'{"job_id":"\xff","state":"started","timestamp":1}', "bad_json"),
        (b'{"job_id":["job-1"],"state":"started","timestamp":1}', "bad_json"),
        (b'{"job_id":"job-1","job_id":"job-2","state":"started","timestamp":1}', "id_mismatch"),
    ],
    ids=lambda value: str(value[:40]),
)
async def test_a_malformed_body_is_rejected_even_when_it_is_rightly_sealed(body: bytes, code: str) -> None:
    here = await world(joins())
    assert await here.rejection(here.sealed(body=body), body) == code


WORDS = strategies.sampled_from(
    [b'{"job_id":"job-1",', b'"state":', b'"started"', b"[[[[", b"}", b"NaN", b"\xff"]
)
BODIES = strategies.one_of(
    strategies.binary(max_size=2_000), strategies.lists(WORDS, max_size=20).map(b"".join)
)
HEADERS = strategies.dictionaries(
    strategies.sampled_from([CLAIM, SIGNATURE, "Status", "Nats-Msg-Id"]),
    strategies.one_of(strategies.text(max_size=200), strategies.just("A" * 60_000)),
)


@settings(max_examples=200)
@given(body=BODIES, headers=HEADERS, subject=strategies.sampled_from([STATUS, BEAT, HELLO, LEASE]))
@pytest.mark.parametrize("is_sealed", [True, False])
async def test_whatever_bytes_an_island_sends_are_a_claim_or_rejected_at_once(
    body: bytes, headers: dict[str, str], subject: str, is_sealed: bool
) -> None:
    here = await world(joins())
    await here.says(here.sealed(BEAT, ALIVE), ALIVE, BEAT)
    if is_sealed:
        headers = headers | here.sealed(subject, body)
    started_s = time.thread_time()
    with suppress(ClaimRejected):
        await here.says(headers, body, subject)
    assert time.thread_time() - started_s < SLOWEST_S


@pytest.mark.parametrize("number", [0, -1, 1 << 70])
async def test_a_job_that_cannot_be_is_no_trouble(number: int) -> None:
    here = await world(joins())
    body = json.dumps({"job_id": f"job-1_{number}", "state": "started", "timestamp": 1}).encode()
    assert await here.rejection(here.sealed(body=body), body) == ClaimRejection.UNKNOWN_JOB
