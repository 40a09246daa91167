"""What the island's agent asks of the network that connects it to the coordinator.

Kept by `adapters.nats.island_link`; tests keep it in memory. The `store_` calls return once the message is stored and
are tried again for ever until then: whoever loses interest cancels the call. `announce` and `beat` are said once, and
not at all while there is no connection. Until the island is admitted, everything about jobs waits.
"""

from typing import Protocol

from adapters.wire import (
    HostHeartbeat,
    JobOutput,
    JobProgress,
    JobStatus,
    LeaseRenewal,
    PairingAnswer,
    RegisterHost,
)


class Delivery(Protocol):
    """One message of the island's job queue. `receipt` names this delivery, to a later process of the island too."""

    @property
    def body(self) -> bytes: ...

    @property
    def receipt(self) -> str: ...


class Fabric(Protocol):
    def admit(self) -> None:
        """The island may work from now on."""
        ...

    def bar(self) -> None:
        """Not any more: claims about jobs wait and no job is taken."""
        ...

    async def ask_for_pairing(self) -> PairingAnswer | None:
        """Waits for a connection. None where nobody answers."""
        ...

    async def announce(self, message: RegisterHost) -> None: ...

    async def beat(self, message: HostHeartbeat) -> None: ...

    async def store_status(self, message: JobStatus) -> None: ...

    async def store_output(self, message: JobOutput) -> None: ...

    async def store_progress(self, message: JobProgress) -> None: ...

    async def renew(self, message: LeaseRenewal) -> None: ...

    async def next_job(self) -> Delivery:
        """Waits for a job, for ever. Asks for one message only: call it when a slot is free."""
        ...

    async def acknowledge(self, receipt: str) -> None:
        """The message shall not come again. Where that cannot be said now, it does come again: never raises for it."""
        ...

    async def terminate(self, receipt: str) -> None:
        """Nobody can ever understand the message: keep it as poison. Never raises, as `acknowledge`."""
        ...
