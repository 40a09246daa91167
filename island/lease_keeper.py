"""The lease of one attempt: when it was last renewed, and the renewing itself.

Made with each attempt, whose `started` begins the lease anew; `island.reconcile` decides when to renew and when the
lease is lost. A renewal counts from the moment it was first sent, not from its acknowledgement: the coordinator may
have received it as early.
"""

import asyncio

from adapters.wire import LeaseRenewal
from island.attempt_key import AttemptKey
from island.fabric import Fabric


class LeaseKeeper:
    def __init__(self, fabric: Fabric, key: AttemptKey) -> None:
        self._fabric = fabric
        self._key = key
        self._renewing: asyncio.Task[None] | None = None
        self.leased_at_s = asyncio.get_running_loop().time()

    @property
    def is_renewing(self) -> bool:
        return self._renewing is not None

    def renew(self) -> None:
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._renew())

    def close(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()

    async def _renew(self) -> None:
        sent_at_s = asyncio.get_running_loop().time()
        try:
            await self._fabric.renew(LeaseRenewal(job_id=self._key.wire_id, attempt=self._key.attempt))
            self.leased_at_s = sent_at_s
        finally:
            self._renewing = None
