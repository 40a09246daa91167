"""What every attack is made in: a victim at work, an attacker with valid papers, and an eye on all that is stored.

One scene for each module of tests and each layout of acknowledgement subjects: `scene` in `conftest.py`.
"""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, Self

import httpx
from nats.aio.client import Client

from adapters import codec, wire
from adapters.nats import subjects
from adapters.nats.accounts.roles import Home, Role
from adapters.nats.event_log import JetStreamEventLog
from adapters.nats.replies import read_batches
from adapters.nats.streams import STREAMS
from api.api_key_text import new_api_key
from commands.event_log import Origin
from commands.handle import CommandHandler
from domain.account import ACCOUNT
from domain.account_commands import OpenAccount
from domain.account_events import CreditsEarned
from domain.api_key import API_KEY, IssueApiKey, Scope
from domain.claim import ClaimRejection
from domain.ids import AccountId
from tests.adversary.members import EFFECT_S, Member, Victim, now_ms, seen
from tests.adversary.network import AttackedNetwork
from tests.api.newcomers import Newcomer
from tests.fabric import JoinedIsland

LENDER: Final = (Scope.READ, Scope.WRITE, Scope.ISLANDS)
OPERATORS_ACCOUNT: Final = "local"
CLAIM_KINDS: Final = ("heartbeat", "status", "lease", "output", "progress", "image")
OUTPUT: Final = "done as agreed"

Contents = Counter[str]
"""How many messages lie on each subject, how far the victim's queue is, and once each setting of streams and consumers.
"""


class Scene:
    """`operator` may do everything in CORE; `http` is the operator's, `mallory` the attacker's account."""

    def __init__(self, network: AttackedNetwork, stack: AsyncExitStack) -> None:
        self.network = network
        self.fabric = network.fabric
        self._stack = stack
        self.operator: Client
        self.http: httpx.AsyncClient
        self.nobody: httpx.AsyncClient
        self.mallory: httpx.AsyncClient
        self.victim: Victim
        self.attacker: Member
        self.user: Client
        self.free: Client

    @classmethod
    @asynccontextmanager
    async def on(cls, network: AttackedNetwork) -> AsyncIterator[Self]:
        async with AsyncExitStack() as stack:
            scene = cls(network, stack)
            await scene._open()
            yield scene
            await scene._finish_job()

    async def _open(self) -> None:
        enter = self._stack.enter_async_context
        self.operator = await enter(self.fabric.connected(Role.DEPLOY))
        self.http = await enter(self.network.http(self.network.key))
        self.nobody = await enter(self.network.http())
        self.mallory = await self.person("mallory")
        self.victim = Victim(await self.enrolled(self.http), self.operator)
        self._stack.push_async_callback(self.victim.close)
        await self.victim.begin()
        await self.submitted()
        await self.victim.take_job()
        self.attacker = await self.member()
        self.user = await self.attacker.connect()
        self.free = await self.attacker.connect_freely(self.fabric)

    async def submitted(self) -> str:
        """A job for whoever can run it."""
        answer = await self.http.post("/jobs", json={"workload": self.network.cargo, "input": {}})
        return str(answer.raise_for_status().json()["id"])

    async def person(self, name: str, scopes: tuple[Scope, ...] = LENDER) -> httpx.AsyncClient:
        """Somebody with an account and a key, who speaks to the coordinator."""
        text = new_api_key()
        account_id = AccountId(f"{name}-{text.key_id}")
        opened = OpenAccount(account_id=account_id, name=name, now_ms=now_ms())
        issued = IssueApiKey(
            key_id=text.key_id,
            account_id=account_id,
            name=name,
            prefix=text.prefix,
            secret_sha256=text.sha256,
            scopes=scopes,
            now_ms=now_ms(),
        )
        async with self.fabric.connected(Role.COORDINATOR) as client:
            handler = CommandHandler(JetStreamEventLog(client))
            origin = Origin(command_id=f"open-{text.key_id}", actor="test")
            await handler.handle(ACCOUNT, account_id, opened, origin=origin)
            origin = Origin(command_id=f"issue-{text.key_id}", actor="test")
            await handler.handle(API_KEY, text.key_id, issued, origin=origin)
        http = await self._stack.enter_async_context(self.network.http(text.text))

        async def is_known() -> bool:
            return (await http.get("/account")).is_success

        await seen(is_known, f"the key of {name}")
        return http

    async def enrolled(self, http: httpx.AsyncClient) -> JoinedIsland:
        """A new island of whoever speaks there; of nobody it waits to be paired."""
        newcomer = Newcomer.new()
        answer = await newcomer.enrol(http)
        assert answer.status_code == 201, answer.text
        jwt = answer.json()["user_jwt"]
        return JoinedIsland(account=newcomer.account, user=newcomer.user, jwt=jwt, url=self.fabric.url)

    async def member(self, http: httpx.AsyncClient | None = None) -> Member:
        """One more island, mallory's own where nobody else is named; its connections end with the scene."""
        member = Member(await self.enrolled(http or self.mallory))
        self._stack.push_async_callback(member.close)
        return member

    @property
    def core(self) -> str:
        """The public key of CORE."""
        return self.fabric.deployment.account(Home.CORE)

    def named(self, template: str) -> str:
        """The subject or text that a case names: `{me}` the attacker, `{victim}`, `{job}` the victim's job."""
        return template.format(
            me=self.attacker.island_id,
            victim=self.victim.island_id,
            victims_inbox=self.victim.inbox,
            my_inbox=self.attacker.inbox,
            job=self.victim.job_id,
        )

    @asynccontextmanager
    async def nothing_changes(self, *but: str) -> AsyncIterator[None]:
        """In all streams and the victim's queue, and the victim goes on working and hears nothing unasked.

        `but` are subjects on which something may happen. What the attacker says in its own name may be stored, and
        rejected: that is what claims are for.
        """
        self.victim.heard.clear()
        position = (await self._asked(f"STREAM.INFO.{subjects.EVT}"))["state"]["last_seq"]
        expected = await self.contents()
        yield
        expected.update(self._honest_work(job_facts=await self.victim.works()))
        after = await self.contents()
        expected.update(await self._found_silent(behind=position))
        changed = {name for name in expected | after if expected[name] != after[name]}
        assert changed <= self._attackers_words() | {self.named(name) for name in but}, changed
        assert self.victim.heard == []

    def _honest_work(self, *, job_facts: int) -> list[str]:
        """What `Victim.works` leaves, each once."""
        victim = self.victim.island_id
        facts = [subjects.fact(f"island.{victim}"), *job_facts * [subjects.fact(f"job.{self.victim.job_id}")]]
        return [f"host.{victim}.{kind}" for kind in ("heartbeat", "lease", "progress")] + facts

    def _attackers_words(self) -> set[str]:
        attacker = self.attacker.island_id
        said = {f"host.{attacker}.{kind}" for kind in CLAIM_KINDS} | {f"{subjects.REGISTER}.{attacker}"}
        places = (*ClaimRejection, self.victim.job_id)
        return said | {subjects.rejected_claim(attacker, place) for place in places}

    async def _found_silent(self, *, behind: int) -> list[str]:
        """Facts that the coordinator told of islands which have said nothing for a while: no attack, only time."""
        batches = read_batches(self.operator, subjects.EVT, "evt.island.*", start=behind + 1)
        return [
            (message.headers or {})["Nats-Subject"]
            async for batch in batches
            for message in batch
            if (message.headers or {}).get(subjects.ACTOR) == "liveness"
        ]

    async def contents(self) -> Contents:
        queue = (subjects.JOBS, subjects.jobs_consumer(self.victim.island_id))
        intakes = [(stream, subjects.INTAKE) for stream in (subjects.JOB_STATUS, subjects.HEARTBEATS)]
        asked = [
            *(self._stored(stream.name) for stream in STREAMS),
            *(self._consumer(stream, name) for stream, name in (queue, *intakes)),
            self._queue(*queue),
        ]
        counted = Contents()
        for found in await asyncio.gather(*asked):
            counted.update(found)
        return counted

    async def _stored(self, stream: str) -> dict[str, int]:
        answer = await self._asked(f"STREAM.INFO.{stream}", b'{"subjects_filter":">"}')
        stored: dict[str, int] = answer["state"].get("subjects", {})
        return stored | {f"settings of {stream} {json.dumps(answer['config'])}": 1}

    async def _consumer(self, stream: str, name: str) -> dict[str, int]:
        answer = await self._asked(f"CONSUMER.INFO.{stream}.{name}")
        return {f"settings of {stream} {name} {json.dumps(answer['config'])} {answer.get('paused')}": 1}

    async def _queue(self, stream: str, name: str) -> dict[str, int]:
        answer = await self._asked(f"CONSUMER.INFO.{stream}.{name}")
        return {
            "waiting in the victim's queue": answer["num_pending"],
            "in the victim's hands": answer["num_ack_pending"],
            "delivered to the victim": answer["delivered"]["consumer_seq"],
        }

    async def _asked(self, call: str, body: bytes = b"") -> dict[str, Any]:
        answer = await self.operator.request(f"$JS.API.{call}", body, timeout=EFFECT_S)
        found: dict[str, Any] = json.loads(answer.data)
        return found

    async def _finish_job(self) -> None:
        """The victim's job ends as if nothing had happened, and is paid."""
        victim, account = self.victim, f"account.{OPERATORS_ACCOUNT}"
        digest = f"sha256:{hashlib.sha256(OUTPUT.encode()).hexdigest()}"
        for chunk in (
            wire.JobOutput(job_id=victim.job_id, seq=1, chunk=OUTPUT),
            wire.JobOutput(job_id=victim.job_id, seq=2, is_final=True, count=1, digest=digest),
        ):
            await victim.say(subjects.output(victim.island_id), wire.encode(chunk))
        usage = wire.WireUsage(wall_ms=5)
        await victim.say(
            subjects.status(victim.island_id), victim.status("succeeded", count=1, digest=digest, usage=usage)
        )

        async def is_paid() -> bool:
            stored = await self.operator.jetstream().get_last_msg(subjects.EVT, subjects.fact(account))
            facts: tuple[Any, ...] = codec.decode(stored.data or b"")
            return any(isinstance(fact, CreditsEarned) and fact.job_id == victim.job_id for fact in facts)

        await seen(is_paid, "the victim is paid")

        async def is_shown() -> bool:
            job: dict[str, Any] = (await self.http.get(f"/jobs/{victim.job_id}")).json()
            return (job.get("state"), job.get("output", {}).get("text")) == ("succeeded", OUTPUT)

        await seen(is_shown, "the victim's work is shown")
        (await self.http.delete(f"/hosts/{victim.island_id}")).raise_for_status()
