"""A network in memory: it keeps everything that was said with the time at which it was, and can be cut."""

import asyncio
from collections import Counter
from dataclasses import dataclass

from adapters.wire import (
    AssignJob,
    HostHeartbeat,
    JobOutput,
    JobProgress,
    JobStatus,
    LeaseRenewal,
    PairingAnswer,
    RegisterHost,
    encode,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryDelivery:
    body: bytes
    receipt: str


class MemoryFabric:
    """Stores nothing while it is cut, and everything that waited once it is mended.

    `pairing` is what the coordinator answers; whether the island is admitted holds nothing up here.
    """

    def __init__(self) -> None:
        self.statuses: list[JobStatus] = []
        self.outputs: list[JobOutput] = []
        self.progress: list[JobProgress] = []
        self.renewals: list[tuple[float, LeaseRenewal]] = []
        self.beats: list[tuple[float, HostHeartbeat]] = []
        self.registrations: list[RegisterHost] = []
        self.acknowledged: Counter[str] = Counter()
        self.terminated: Counter[str] = Counter()
        self.pulls = 0
        self.pairing: PairingAnswer | None = None
        self.asked_at_s: list[float] = []
        self.is_admitted = False
        self._jobs: asyncio.Queue[MemoryDelivery] = asyncio.Queue()
        self._is_whole = asyncio.Event()
        self._is_whole.set()

    def cut(self) -> None:
        self._is_whole.clear()

    def mend(self) -> None:
        self._is_whole.set()

    def admit(self) -> None:
        self.is_admitted = True

    def bar(self) -> None:
        self.is_admitted = False

    async def ask_for_pairing(self) -> PairingAnswer | None:
        self.asked_at_s.append(asyncio.get_running_loop().time())
        return self.pairing

    def put(self, body: bytes, receipt: str = "receipt") -> None:
        self._jobs.put_nowait(MemoryDelivery(body=body, receipt=receipt))

    def assign(self, message: AssignJob) -> None:
        self.put(encode(message), f"receipt-{message.job_id}")

    def states(self, job_id: str = "job-1") -> list[str]:
        return [one.state for one in self.statuses if one.job_id == job_id]

    @property
    def text(self) -> str:
        return "".join(one.chunk for one in sorted(self.outputs, key=lambda one: one.seq))

    async def announce(self, message: RegisterHost) -> None:
        self.registrations.append(message)

    async def beat(self, message: HostHeartbeat) -> None:
        self.beats.append((asyncio.get_running_loop().time(), message))

    async def store_status(self, message: JobStatus) -> None:
        await self._is_whole.wait()
        self.statuses.append(message)

    async def store_output(self, message: JobOutput) -> None:
        await self._is_whole.wait()
        self.outputs.append(message)

    async def store_progress(self, message: JobProgress) -> None:
        await self._is_whole.wait()
        self.progress.append(message)

    async def renew(self, message: LeaseRenewal) -> None:
        await self._is_whole.wait()
        self.renewals.append((asyncio.get_running_loop().time(), message))

    async def next_job(self) -> MemoryDelivery:
        self.pulls += 1
        return await self._jobs.get()

    async def acknowledge(self, receipt: str) -> None:
        self.acknowledged[receipt] += 1

    async def terminate(self, receipt: str) -> None:
        self.terminated[receipt] += 1
