"""What every runtime must do, whatever it runs: the suite behind `adapters/runtime/contract.py`.

A test module makes a subclass whose name starts with `Test` and gives it a fixture `house` with a `House` of its
runtime. The cargos are named by habit; each runtime brings its own.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import pytest

from adapters.runtime.contract import (
    STDERR_TAIL_BYTES_MAX,
    Artifact,
    End,
    FailureCode,
    Fault,
    Limits,
    Outcome,
    Refusal,
    Refused,
    Running,
    Runtime,
    Stop,
    failure_code,
    fault,
)

LIMITS = Limits(memory_mb=64, wall_s=20.0)
PIPE_BYTES = 64 << 10
STOP_S_MAX = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A runtime with two slots, a way to make another, and the cargos to run.

    `echo` copies its input; `exit_7` says tick and leaves with 7; `sleep` says tick and never ends; `flood` writes
    lines for ever; `endless_line` says tick and never ends its next line; `complain` writes four times 64 KiB of x and
    "the last words" to standard error.
    """

    runtime: Runtime
    cargo: Callable[[str], Artifact]
    another: Callable[[], Runtime]

    async def start(self, name: str, stdin: bytes = b"", limits: Limits = LIMITS) -> Running:
        prepared = await self.runtime.prepare(self.cargo(name), limits)
        return await self.runtime.start(prepared, stdin, limits)

    async def run(
        self, name: str, stdin: bytes = b"", limits: Limits = LIMITS
    ) -> tuple[list[bytes], Outcome]:
        running = await self.start(name, stdin, limits)
        return [line async for line in running.lines()], await running.outcome()


async def first_line(running: Running) -> bytes:
    async for line in running.lines():
        return line
    raise AssertionError("the cargo said nothing")


async def in_time(what: Awaitable[object]) -> None:
    began = time.monotonic()
    await what
    assert time.monotonic() - began < STOP_S_MAX


class RuntimeContract:
    async def test_it_offers_itself_with_a_measured_score(self, house: House) -> None:
        capability = await house.runtime.probe()
        assert capability.offered
        assert capability.reasons == ()
        assert capability.score > 0
        assert capability.memory_mb_max >= LIMITS.memory_mb

    async def test_lines_come_in_order_and_as_written(self, house: House) -> None:
        lines, outcome = await house.run("echo", b"one\n\ntwo\r\n\xff\n")
        assert lines == [b"one\n", b"\n", b"two\r\n", b"\xff\n"]
        assert (outcome.end, outcome.exit_code) == (End.EXITED, 0)
        assert (outcome.lines, outcome.stdout_bytes) == (4, 12)
        assert (failure_code(outcome), fault(outcome)) == (None, Fault.NOBODY)

    async def test_an_unfinished_last_line_is_handed_on(self, house: House) -> None:
        lines, outcome = await house.run("echo", b"one\ntwo")
        assert lines == [b"one\n", b"two"]
        assert outcome.lines == 2

    async def test_an_empty_input_is_at_its_end_at_once(self, house: House) -> None:
        lines, outcome = await house.run("echo")
        assert lines == []
        assert outcome.end is End.EXITED

    async def test_an_input_larger_than_the_pipe_arrives_whole(self, house: House) -> None:
        told = [b"%07d\n" % number for number in range(100_000)]
        lines, outcome = await house.run("echo", b"".join(told))
        assert lines == told
        assert outcome.end is End.EXITED

    async def test_an_input_that_nobody_reads_is_no_error(self, house: House) -> None:
        lines, outcome = await house.run("exit_7", b"x" * (1 << 20))
        assert lines == [b"tick\n"]
        assert (outcome.end, outcome.exit_code) == (End.EXITED, 7)

    async def test_an_exit_code_is_the_cargos_fault(self, house: House) -> None:
        _, outcome = await house.run("exit_7")
        assert (failure_code(outcome), fault(outcome)) == (FailureCode.CRASHED, Fault.CARGO)

    async def test_a_line_of_the_longest_length_passes(self, house: House) -> None:
        lines, outcome = await house.run("echo", b"x" * LIMITS.line_bytes + b"\n")
        assert [len(line) for line in lines] == [LIMITS.line_bytes + 1]
        assert outcome.end is End.EXITED

    async def test_a_line_one_byte_longer_ends_the_job(self, house: House) -> None:
        lines, outcome = await house.run("echo", b"x" * (LIMITS.line_bytes + 1) + b"\n")
        assert lines == []
        assert outcome.end is End.LINE_LIMIT

    async def test_a_line_without_end_is_cut_and_what_came_before_is_kept(self, house: House) -> None:
        lines, outcome = await house.run("endless_line")
        assert lines == [b"tick\n"]
        assert outcome.end is End.LINE_LIMIT
        assert (failure_code(outcome), fault(outcome)) == (FailureCode.OUTPUT_TOO_LARGE, Fault.CARGO)

    async def test_a_flood_is_cut_at_the_output_limit(self, house: House) -> None:
        limits = replace(LIMITS, output_bytes=300_000)
        lines, outcome = await house.run("flood", limits=limits)
        assert outcome.end is End.OUTPUT_LIMIT
        assert outcome.stdout_bytes == 300_000
        assert sum(map(len, lines)) <= 300_000
        assert (failure_code(outcome), fault(outcome)) == (FailureCode.OUTPUT_TOO_LARGE, Fault.CARGO)

    async def test_an_output_of_exactly_the_limit_passes(self, house: House) -> None:
        told = b"x\n" * 50_000
        lines, outcome = await house.run("echo", told, replace(LIMITS, output_bytes=100_000))
        assert (outcome.end, b"".join(lines)) == (End.EXITED, told)

    async def test_a_cargo_that_nobody_reads_is_blocked_while_the_clock_runs(self, house: House) -> None:
        running = await house.start("flood", limits=replace(LIMITS, wall_s=0.2, output_bytes=1 << 40))
        outcome = await running.outcome()
        assert outcome.end is End.TIMED_OUT
        assert outcome.stdout_bytes <= 2 * PIPE_BYTES

    async def test_a_sleeping_cargo_is_timed_out_and_its_lines_are_kept(self, house: House) -> None:
        lines, outcome = await house.run("sleep", limits=replace(LIMITS, wall_s=0.2))
        assert lines == [b"tick\n"]
        assert outcome.end is End.TIMED_OUT
        assert outcome.exit_code is None
        assert 200 <= outcome.wall_ms < 200 + STOP_S_MAX * 1000
        assert (failure_code(outcome), fault(outcome)) == (FailureCode.TIMED_OUT, Fault.CARGO)

    async def test_the_end_of_standard_error_is_kept(self, house: House) -> None:
        lines, outcome = await house.run("complain")
        assert (lines, outcome.end) == ([], End.EXITED)
        assert len(outcome.stderr_tail) == STDERR_TAIL_BYTES_MAX
        assert outcome.stderr_tail.endswith(b"xxxthe last words")

    @pytest.mark.parametrize("why", list(Stop))
    async def test_a_stop_ends_the_job_and_names_its_reason(self, house: House, why: Stop) -> None:
        running = await house.start("sleep")
        assert await first_line(running) == b"tick\n"
        await in_time(running.stop(why))
        outcome = await running.outcome()
        assert (outcome.end, outcome.stop) == (End.STOPPED, why)
        assert (failure_code(outcome), fault(outcome)) == (None, Fault.NOBODY)

    async def test_a_stop_may_be_repeated_and_the_first_reason_stays(self, house: House) -> None:
        running = await house.start("sleep")
        await asyncio.gather(running.stop(Stop.LEASE_LOST), running.stop(Stop.CANCELLED))
        await running.stop(Stop.DRAINING)
        assert (await running.outcome()).stop is Stop.LEASE_LOST

    async def test_a_stop_wakes_a_reader_who_waits(self, house: House) -> None:
        running = await house.start("sleep")
        lines = running.lines()
        assert await anext(lines) == b"tick\n"
        waiting = asyncio.ensure_future(anext(lines, None))
        await asyncio.sleep(0)
        await running.stop(Stop.CANCELLED)
        assert await waiting is None

    async def test_a_stop_does_not_wait_for_a_reader_who_pauses(self, house: House) -> None:
        running = await house.start("flood")
        lines = running.lines()
        await anext(lines)
        await in_time(running.stop(Stop.CANCELLED))
        assert (await running.outcome()).end is End.STOPPED
        assert await anext(lines, None) is None

    async def test_a_stop_after_the_end_changes_nothing(self, house: House) -> None:
        running = await house.start("exit_7")
        assert [line async for line in running.lines()] == [b"tick\n"]
        before = await running.outcome()
        await running.stop(Stop.CANCELLED)
        assert await running.outcome() == before
        assert before.end is End.EXITED

    async def test_everybody_gets_the_same_outcome(self, house: House) -> None:
        running = await house.start("echo", b"one\ntwo\n")
        one, other = await asyncio.gather(running.outcome(), running.outcome())
        assert one == other == await running.outcome()
        assert one.lines == 2

    async def test_the_outcome_waits_for_a_slow_reader(self, house: House) -> None:
        running = await house.start("echo", b"one\ntwo\nthree\n")
        lines = running.lines()
        assert await anext(lines) == b"one\n"
        outcome = asyncio.ensure_future(running.outcome())
        done, _ = await asyncio.wait([outcome], timeout=0.05)
        assert not done
        assert [line async for line in lines] == [b"two\n", b"three\n"]
        assert (await outcome).lines == 3

    async def test_who_gives_up_waiting_does_not_hurt_the_job(self, house: House) -> None:
        running = await house.start("sleep", limits=replace(LIMITS, wall_s=0.3))
        impatient = asyncio.ensure_future(running.outcome())
        await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.wait([impatient])
        assert (await running.outcome()).end is End.TIMED_OUT

    async def test_other_bytes_than_the_digest_says_are_refused(self, house: House) -> None:
        cargo = replace(house.cargo("echo"), digest="sha256:" + "0" * 64)
        with pytest.raises(Refused) as refused:
            await house.runtime.prepare(cargo, LIMITS)
        assert refused.value.code is Refusal.DIGEST_MISMATCH

    async def test_more_jobs_than_slots_wait_their_turn(self, house: House) -> None:
        told = [b"%d\n" % number for number in range(8)]
        answers = await asyncio.gather(*(house.run("echo", line) for line in told))
        assert [lines for lines, _ in answers] == [[line] for line in told]

    async def test_a_start_that_is_given_up_leaves_its_slot_free(self, house: House) -> None:
        sleepers = [await house.start("sleep") for _ in range(2)]
        waiting = asyncio.ensure_future(house.start("echo"))
        done, _ = await asyncio.wait([waiting], timeout=0.05)
        assert not done
        waiting.cancel()
        await asyncio.wait([waiting])
        await asyncio.gather(*(sleeper.stop(Stop.CANCELLED) for sleeper in sleepers))
        both = await asyncio.gather(house.run("echo", b"a\n"), house.run("echo", b"b\n"))
        assert [lines for lines, _ in both] == [[b"a\n"], [b"b\n"]]

    async def test_closing_stops_every_job_and_takes_no_new_one(self, house: House) -> None:
        runtime = house.another()
        prepared = await runtime.prepare(house.cargo("sleep"), LIMITS)
        running = await runtime.start(prepared, b"", LIMITS)
        assert await first_line(running) == b"tick\n"
        await in_time(runtime.aclose())
        outcome = await running.outcome()
        assert (outcome.end, outcome.stop) == (End.STOPPED, Stop.DRAINING)
        late = await runtime.start(prepared, b"", LIMITS)
        assert [line async for line in late.lines()] == []
        assert fault(await late.outcome()) is Fault.ISLAND
        await runtime.aclose()
