"""One attempt: what it says, in which order, and how every end is reported. Virtual time."""

import asyncio
import hashlib
import json
from typing import Any, NoReturn

import pytest

from adapters.runtime.contract import End, Refusal, Refused
from adapters.wire import CHUNK_BYTES_MAX, MESSAGE_BYTES_MAX, CancelJob, JobOutput, JobStatus, encode
from domain.failure import FAULT_OF, Failure, Fault
from island.output_writer import GATHER_S
from tests.adapters.runtime.scripted import Complain, Echo, Exit, Fail, Say, ScriptedRuntime, Sleep, Step
from tests.island.islands import Workshop, settle
from tests.island.memory_fabric import MemoryFabric

pytestmark = pytest.mark.looptime


def line(**fields: object) -> Say:
    return Say(json.dumps(fields).encode() + b"\n")


def token(content: str) -> Say:
    return line(type="token", content=content)


async def last_claim(workshop: Workshop, *steps: Step, **options: Any) -> JobStatus:
    """Runs one job to its end."""
    async with workshop.at_work():
        workshop.fabric.assign(workshop.job(*steps, **options))
        await asyncio.sleep(30)
    return workshop.fabric.statuses[-1]


async def test_a_success_names_its_chunks_their_digest_and_what_it_used(workshop: Workshop) -> None:
    claim = await last_claim(
        workshop,
        line(type="status", message="ready"),
        token("Grüße, "),
        Sleep(1),
        token("Welt"),
        line(type="done", usage={"prompt_tokens": 2, "completion_tokens": 3}),
    )

    first, second, final = workshop.fabric.outputs
    digest = "sha256:" + hashlib.sha256("Grüße, Welt".encode()).hexdigest()
    assert [(one.seq, one.chunk, one.is_final) for one in (first, second, final)] == [
        (1, "Grüße, ", False),
        (2, "Welt", False),
        (3, "", True),
    ]
    assert (final.count, final.digest, final.result_type) == (2, digest, "text")
    assert (claim.state, claim.count, claim.digest, claim.attempt) == ("succeeded", 2, digest, 1)
    assert claim.usage is not None
    assert claim.usage == final.usage
    assert (claim.usage.prompt_tokens, claim.usage.completion_tokens, claim.usage.wall_ms) == (2, 3, 1000)


async def test_it_says_started_then_streaming_once_then_how_it_ended(workshop: Workshop) -> None:
    await last_claim(workshop, token("a"), Sleep(1), token("b"))
    assert workshop.fabric.states() == ["started", "streaming", "succeeded"]


async def test_a_silent_cargo_never_streams(workshop: Workshop) -> None:
    claim = await last_claim(workshop, Sleep(1))
    assert workshop.fabric.states() == ["started", "succeeded"]
    assert (claim.count, claim.digest) == (0, "sha256:" + hashlib.sha256(b"").hexdigest())


async def test_tokens_close_together_travel_in_one_chunk(workshop: Workshop) -> None:
    await last_claim(workshop, token("a"), Sleep(GATHER_S / 2), token("b"), Sleep(GATHER_S), token("c"))
    assert [one.chunk for one in workshop.fabric.outputs] == ["ab", "c", ""]


async def test_the_input_is_one_line_byte_for_byte(workshop: Workshop) -> None:
    echoed = b'{"type":"token",  "content":"same"}'
    await last_claim(workshop, Echo(), text=echoed)
    assert workshop.fabric.text == "same"


@pytest.mark.parametrize("content", ["x" * 60_000, "\x01" * 9_000, "\U0001f3dd" * 15_000, '"\\' * 16_000])
async def test_a_long_token_is_split_into_messages_that_fit(workshop: Workshop, content: str) -> None:
    raw = json.dumps({"type": "token", "content": content}, ensure_ascii=False).encode() + b"\n"
    claim = await last_claim(workshop, Say(raw))

    assert workshop.fabric.text == content
    assert claim.digest == "sha256:" + hashlib.sha256(content.encode()).hexdigest()
    assert len(workshop.fabric.outputs) > 2
    for message in workshop.fabric.outputs:
        assert len(message.chunk.encode()) <= CHUNK_BYTES_MAX
        assert len(encode(message)) <= MESSAGE_BYTES_MAX


@pytest.mark.parametrize(
    "rubbish",
    [
        b"plain text\n",
        b'{"type":"image","data":""}\n',
        b'{"type":"token","content":7}\n',
        b'{"content":"no type"}\n',
        b"\xff\xfe\n",
        b"[" * 5000 + b"\n",
        b'{"type":"token","content":"never ended"}',
    ],
)
async def test_a_line_that_is_no_message_is_dropped(workshop: Workshop, rubbish: bytes) -> None:
    claim = await last_claim(workshop, token("kept"), Say(rubbish))
    assert (claim.state, workshop.fabric.text) == ("succeeded", "kept")


async def test_a_result_is_json_text(workshop: Workshop) -> None:
    await last_claim(workshop, Say(b'{"type":"result","value":{"n": 1}}\n'))
    assert workshop.fabric.text == '{"n": 1}'
    assert workshop.fabric.outputs[-1].result_type == "json"


async def test_progress_is_told_and_the_newest_counts(workshop: Workshop) -> None:
    steps = [line(type="progress", step=step, total=9) for step in range(1, 10)]
    await last_claim(workshop, *steps, Sleep(1))
    told = [one.step for one in workshop.fabric.progress]
    assert told[-1] == 9
    assert told == sorted(told)


@pytest.mark.parametrize(
    ("steps", "code", "error", "exit_code"),
    [
        ((Exit(3),), "crashed", "Exit code: 3", 3),
        ((Exit(127),), "cannot_start", "Exit code: 127", 127),
        ((line(type="error", message="text: is missing"), Exit(1)), "crashed", "text: is missing", 1),
        ((Complain(b"panic: no\n"), Exit(2)), "crashed", "Exit code: 2: panic: no", 2),
        ((Fail(End.OUT_OF_FUEL, "all fuel consumed"),), "out_of_fuel", "all fuel consumed", None),
        ((Fail(End.OUT_OF_MEMORY),), "out_of_memory", "out of memory", None),
        ((Say(b"x" * (1 << 20) + b"\n"),), "output_too_large", "line limit", None),
        ((Sleep(20),), "timed_out", "timed out", None),
    ],
)
async def test_a_failure_has_a_code_and_words(
    workshop: Workshop, steps: tuple[Step, ...], code: str, error: str, exit_code: int | None
) -> None:
    claim = await last_claim(workshop, *steps)
    assert (claim.state, claim.code, claim.error, claim.exit_code) == ("failed", code, error, exit_code)
    assert claim.usage is not None


async def test_what_a_failed_job_wrote_before_is_kept(workshop: Workshop) -> None:
    await last_claim(workshop, token("half"), Exit(1))
    assert workshop.fabric.text == "half"
    assert not any(one.is_final for one in workshop.fabric.outputs)


async def test_a_cargo_that_the_runtime_will_not_take_fails_verification(workshop: Workshop) -> None:
    message = workshop.job(token("a"))
    message.cargo.digest = "sha256:" + 64 * "1"
    (workshop.store.folder("cargos") / (64 * "1")).write_bytes(b"something else")
    async with workshop.at_work():
        workshop.fabric.assign(message)
        await settle()
    assert workshop.fabric.states() == ["started", "failed"]
    assert workshop.fabric.statuses[-1].code == "verification_failed"


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (Refusal.NOT_A_CORE_MODULE, Failure.CANNOT_START),
        (Refusal.IMPORT_FOREIGN, Failure.CANNOT_START),
        (Refusal.MEMORY_OVER_CLASS, Failure.RUNTIME_MISSING),
    ],
)
async def test_what_the_publisher_made_is_the_cargos_fault_and_what_this_island_lacks_is_not(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, refusal: Refusal, code: Failure
) -> None:
    async def refuse(*_: object) -> NoReturn:
        raise Refused(refusal, "it may not run here")

    monkeypatch.setattr(ScriptedRuntime, "prepare", refuse)
    await last_claim(workshop, token("never"))
    assert workshop.fabric.statuses[-1].code == code
    assert FAULT_OF[code] is (Fault.CARGO if code is Failure.CANNOT_START else Fault.ISLAND)


async def test_a_cancelled_job_leaves_no_late_output(workshop: Workshop) -> None:
    async with workshop.at_work() as agent:
        workshop.fabric.assign(workshop.job(token("a"), Sleep(1000), wall_ms=2_000_000))
        await settle()
        agent.cancel(CancelJob(job_id="job-1", attempt=1))
        await asyncio.sleep(10)
    assert workshop.fabric.states() == ["started", "streaming", "cancelled"]
    assert workshop.fabric.outputs == []
    assert workshop.fabric.statuses[-1].usage is not None


async def test_success_is_claimed_after_all_output_is_stored(workshop: Workshop) -> None:
    async with workshop.at_work():
        workshop.fabric.assign(workshop.job(Sleep(1), token("a")))
        await settle()
        workshop.fabric.cut()
        await asyncio.sleep(5)
        assert workshop.fabric.states() == ["started"]
        assert workshop.store.unfinished()[0].final is None
        workshop.fabric.mend()
        await settle()
    assert workshop.fabric.states() == ["started", "streaming", "succeeded"]


class SlowFabric(MemoryFabric):
    """Takes its time with one kind of message."""

    def __init__(self, slow_state: str, output_s: float) -> None:
        super().__init__()
        self._slow_state = slow_state
        self._output_s = output_s

    async def store_status(self, message: JobStatus) -> None:
        await asyncio.sleep(5 if message.state == self._slow_state else 0)
        await super().store_status(message)

    async def store_output(self, message: JobOutput) -> None:
        await asyncio.sleep(self._output_s)
        await super().store_output(message)


@pytest.mark.parametrize("slow_state", ["started", "streaming"])
async def test_what_takes_long_to_be_stored_is_waited_for(workshop: Workshop, slow_state: str) -> None:
    workshop.fabric = SlowFabric(slow_state, output_s=3)
    await last_claim(workshop, token("a"))
    assert workshop.fabric.states() == ["started", "streaming", "succeeded"]


async def test_success_waits_for_the_slowest_chunk(workshop: Workshop) -> None:
    workshop.fabric = SlowFabric("", output_s=5)
    async with workshop.at_work():
        workshop.fabric.assign(workshop.job(token("a")))
        await asyncio.sleep(4)
        assert workshop.fabric.states() == ["started", "streaming"]
        await asyncio.sleep(2)
        assert workshop.fabric.states() == ["started", "streaming", "succeeded"]


async def test_a_failure_to_prepare_is_told_after_the_start(workshop: Workshop) -> None:
    workshop.fabric = SlowFabric("started", output_s=0)
    message = workshop.job(token("a"))
    message.cargo.digest = "sha256:" + 64 * "1"
    (workshop.store.folder("cargos") / (64 * "1")).write_bytes(b"something else")
    async with workshop.at_work():
        workshop.fabric.assign(message)
        await asyncio.sleep(6)
    assert workshop.fabric.states() == ["started", "failed"]


async def test_an_attempt_is_on_the_disk_while_it_runs_and_gone_when_it_was_reported(
    workshop: Workshop,
) -> None:
    async with workshop.at_work():
        workshop.fabric.assign(workshop.job(Sleep(5)))
        await settle()
        (record,) = workshop.store.unfinished()
        assert (record.wire_id, record.receipt) == ("job-1", "receipt-job-1")
        await asyncio.sleep(6)
        assert not workshop.store.unfinished()
