"""One attempt at one job, from `started` to its last claim.

Made and run by the agent, one task each. The order of what it says is fixed: `started`, then `streaming` once, then
output; the final output message after every chunk is stored, and the last claim after that. It does not decide when to
stop: `stop` is called when `island.reconcile` says so.
"""

import asyncio
import logging
from typing import Final, assert_never

from adapters import clock
from adapters.runtime.contract import (
    Artifact,
    End,
    Outcome,
    Prepared,
    Refusal,
    Refused,
    Running,
    Runtime,
    RuntimeBroken,
    Stop,
    failure_code,
)
from adapters.wire import JobStatus, WireUsage
from domain.failure import Failure, ReturnReason
from island.assignment import Assignment
from island.cargo_cache import CargoCache, DigestWrong, DownloadFailed
from island.cargo_line import (
    DoneLine,
    ErrorLine,
    ProgressLine,
    ResultLine,
    StatusLine,
    TokenLine,
    TokenUsage,
    parse_line,
)
from island.fabric import Fabric
from island.lease_keeper import LeaseKeeper
from island.output_writer import RESULT_JSON, RESULT_TEXT, OutputWriter
from island.progress_writer import ProgressWriter
from island.reconcile import Phase
from island.state_store import StateStore

ERROR_CHARACTERS_MAX: Final = 2000
UNINTERRUPTED_BYTES_MAX: Final = 64 << 10
REFUSED_AS: Final = {
    Refusal.DIGEST_MISMATCH: Failure.VERIFICATION_FAILED,
    Refusal.MEMORY_OVER_CLASS: Failure.RUNTIME_MISSING,
}
"""Whatever else a runtime refuses is what the publisher made, on this island and on any other."""
"""After so much output at a stretch the rest of the island has its turn: a flood never waits by itself."""

log = logging.getLogger(__name__)


class _Failed(Exception):
    """The attempt failed before the cargo ran."""

    def __init__(self, code: Failure, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class Attempt:
    """`phase` and `lease` are what the agent looks at; `outcome` is there once the cargo has ended."""

    def __init__(
        self,
        assignment: Assignment,
        receipt: str,
        *,
        fabric: Fabric,
        runtime: Runtime,
        cargos: CargoCache,
        store: StateStore,
    ) -> None:
        self.assignment = assignment
        self.phase = Phase.WORKING
        self.lease = LeaseKeeper(fabric, assignment.key)
        self.outcome: Outcome | None = None
        self._receipt = receipt
        self._fabric = fabric
        self._runtime = runtime
        self._cargos = cargos
        self._store = store
        self._started = asyncio.Event()
        self._streaming: asyncio.Task[None] | None = None
        self._working: asyncio.Task[JobStatus] | None = None
        self._stop: Stop | None = None
        self._output = OutputWriter(fabric, assignment.key)
        self._progress = ProgressWriter(fabric, assignment.key)
        self._result_type = RESULT_TEXT
        self._tokens = TokenUsage()
        self._error = ""

    def stop(self, why: Stop) -> None:
        """Kill the cargo; the first reason stays. Nothing to stop once the work is done."""
        if self.phase is Phase.WORKING and self._working is not None:
            self._stop = why
            self.phase = Phase.STOPPING
            self._working.cancel()

    async def run(self) -> JobStatus | None:
        """To the end. The last claim, or None where the attempt is no longer ours to speak of.

        Cancelled, it kills the cargo and leaves the record for the next start.
        """
        starting = asyncio.create_task(self._start())
        self._working = asyncio.create_task(self._work())
        try:
            await asyncio.wait([self._working])
            claim = self._last_claim(self._working)
            if claim is not None:
                self.phase = Phase.REPORTING
                self._store.keep(self.assignment.key, self._receipt, claim)
                await self._fabric.store_status(claim)
                await starting
            self._store.drop(self.assignment.key)
            return claim
        finally:
            starting.cancel()
            self._working.cancel()
            await asyncio.wait([self._working])
            self._abandon()
            self.phase = Phase.ENDED

    async def _start(self) -> None:
        await self._fabric.store_status(self._status("started"))
        self._started.set()
        await self._fabric.acknowledge(self._receipt)

    async def _work(self) -> JobStatus:
        try:
            prepared = await self._prepare()
        except _Failed as failed:
            await self._started.wait()
            return self._failure(failed.code, str(failed))
        await self._started.wait()
        claim = await self._conclude(await self._run_cargo(prepared))
        if self._streaming is not None:
            await self._streaming
        return claim

    async def _prepare(self) -> Prepared:
        wanted = self.assignment
        try:
            content = await self._cargos.content(wanted.digest, wanted.url)
            cargo = Artifact(digest=wanted.digest, content=content, is_exact=wanted.is_exact)
            return await self._runtime.prepare(cargo, wanted.limits)
        except DownloadFailed as fault:
            raise _Failed(Failure.DOWNLOAD_FAILED, str(fault)) from fault
        except DigestWrong as fault:
            raise _Failed(Failure.VERIFICATION_FAILED, str(fault)) from fault
        except Refused as fault:
            raise _Failed(REFUSED_AS.get(fault.code, Failure.CANNOT_START), str(fault)) from fault
        except RuntimeBroken as fault:
            raise _Failed(Failure.RUNTIME_MISSING, str(fault)) from fault

    async def _run_cargo(self, prepared: Prepared) -> Outcome:
        running = await self._runtime.start(prepared, self.assignment.stdin, self.assignment.limits)
        try:
            await self._read(running)
            return await running.outcome()
        finally:
            # Over already, as a rule, and then this does nothing.
            await running.stop(self._stop or Stop.DRAINING)
            self.outcome = await running.outcome()

    async def _read(self, running: Running) -> None:
        at_a_stretch = 0
        async for line in running.lines():
            if self._streaming is None:
                self._streaming = asyncio.create_task(self._fabric.store_status(self._status("streaming")))
            self._take(line)
            at_a_stretch += len(line)
            if at_a_stretch > UNINTERRUPTED_BYTES_MAX:
                at_a_stretch = 0
                await asyncio.sleep(0)

    def _take(self, line: bytes) -> None:
        said = parse_line(line)
        match said:
            case None | StatusLine():
                pass
            case TokenLine(content=content):
                self._output.add(content)
            case ResultLine(value=value):
                self._result_type = RESULT_JSON
                self._output.add(bytes(value).decode())
            case ProgressLine():
                self._progress.tell(said)
            case DoneLine(usage=usage):
                self._tokens = usage or self._tokens
            case ErrorLine(message=message):
                self._error = message
            case _:
                assert_never(said)

    async def _conclude(self, outcome: Outcome) -> JobStatus:
        code = failure_code(outcome)
        if code is not None:
            await self._output.settle()
            return self._failure(Failure(code), self._error or _reason(outcome))
        written = await self._output.finish(self._usage(), self._result_type)
        claim = self._status("succeeded")
        claim.count, claim.digest, claim.usage = written.count, written.digest, self._usage()
        return claim

    def _last_claim(self, working: asyncio.Task[JobStatus]) -> JobStatus | None:
        if self._stop is not None:
            return self._claim_of_stop(self._stop)
        fault = working.exception()
        if fault is not None:
            log.error("attempt_broke", extra={"job_id": self.assignment.key.wire_id}, exc_info=fault)
            return self._failure(Failure.UNCLASSIFIED, f"the island failed: {fault!r}")
        return working.result()

    def _claim_of_stop(self, why: Stop) -> JobStatus | None:
        match why:
            case Stop.LEASE_LOST:
                return None
            case Stop.CANCELLED:
                claim = self._status("cancelled")
            case Stop.DRAINING:
                claim = self._status("returned")
                claim.reason = ReturnReason.DRAIN
            case Stop.DEADLINE_PASSED:
                claim = self._failure(Failure.TIMED_OUT, "stopped at its deadline")
            case _:
                assert_never(why)
        claim.usage = self._usage()
        return claim

    def _failure(self, code: Failure, detail: str) -> JobStatus:
        claim = self._status("failed")
        claim.code, claim.error = code, detail[:ERROR_CHARACTERS_MAX]
        if self.outcome is not None:
            claim.exit_code, claim.usage = self.outcome.exit_code, self._usage()
        return claim

    def _status(self, state: str) -> JobStatus:
        key = self.assignment.key
        return JobStatus(job_id=key.wire_id, attempt=key.attempt, state=state, timestamp=clock.now_ms())

    def _usage(self) -> WireUsage:
        used = self.outcome or Outcome(end=End.STOPPED)
        return WireUsage(
            wall_ms=used.wall_ms,
            cpu_ms=used.cpu_ms,
            memory_peak_mb=used.memory_peak_mb,
            fuel=used.fuel_metered,
            prompt_tokens=self._tokens.prompt_tokens,
            completion_tokens=self._tokens.completion_tokens,
        )

    def _abandon(self) -> None:
        self._output.abandon()
        self._progress.abandon()
        self.lease.close()
        if self._streaming is not None:
            self._streaming.cancel()


def _reason(outcome: Outcome) -> str:
    """For a person: what the runtime found, else the exit code, and the last words of the cargo."""
    found = outcome.detail or (
        f"Exit code: {outcome.exit_code}" if outcome.end is End.EXITED else outcome.end.replace("_", " ")
    )
    words = outcome.stderr_tail.decode(errors="replace").strip()
    return f"{found}: {words[-(ERROR_CHARACTERS_MAX // 2) :]}" if words else found
