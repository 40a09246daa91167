"""Fetches a cargo before a job of it comes, because the coordinator says that jobs wait for it.

Held by the agent. It is advice: whatever is wrong with it is logged, and the next job fetches the cargo by itself. One
at a time; what comes meanwhile is dropped, for it comes again while it is wanted.
"""

import logging
from urllib.parse import urlsplit

from adapters.runtime.contract import Artifact, Limits, Refused, RuntimeBroken
from adapters.wire import PreloadRecommendation
from island.assignment import DIGEST
from island.cargo_cache import CargoCache, DigestWrong, DownloadFailed
from island.offered_runtimes import OfferedRuntimes

log = logging.getLogger(__name__)


class Preloading:
    def __init__(self, cargos: CargoCache, runtimes: OfferedRuntimes) -> None:
        self._cargos = cargos
        self._runtimes = runtimes
        self._is_busy = False

    async def preload(self, message: PreloadRecommendation) -> bool:
        """True where the cargo was fetched and verified, and its runtime has it ready."""
        if self._is_busy or not self._is_useful(message):
            return False
        self._is_busy = True
        try:
            await self._prepare(message)
        except (DownloadFailed, DigestWrong, Refused, RuntimeBroken) as fault:
            log.warning("preload_failed", extra={"cargo": message.workload_slug, "error": str(fault)})
            return False
        finally:
            self._is_busy = False
        return True

    def _is_useful(self, message: PreloadRecommendation) -> bool:
        capability = self._runtimes.capabilities.get(message.runtime_type)
        return (
            capability is not None
            and capability.offered
            and DIGEST.fullmatch(message.wasm_hash or "") is not None
            and urlsplit(message.wasm_url or "").scheme in {"http", "https"}
        )

    async def _prepare(self, message: PreloadRecommendation) -> None:
        assert message.wasm_hash is not None
        assert message.wasm_url is not None
        content = await self._cargos.content(message.wasm_hash, message.wasm_url)
        runtime = message.runtime_type
        limits = Limits(memory_mb=self._runtimes.capabilities[runtime].memory_mb_max or Limits().memory_mb)
        await self._runtimes[runtime].prepare(Artifact(digest=message.wasm_hash, content=content), limits)
