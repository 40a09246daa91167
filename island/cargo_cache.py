"""Cargos on this island's disk, one file for each digest; what was used least lately makes room.

Asked by every attempt. A cargo is downloaded once however many attempts want it, and stored only if its bytes have the
digest. What lies on the disk is not hashed again here: the runtime does, before it runs anything new.
"""

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Final

import httpx

CACHE_BYTES_MAX: Final = 2 << 30
ARTIFACT_BYTES_MAX: Final = 32 << 20
DOWNLOAD_S: Final = 60.0
"""All tries together. A coordinator that restarts is back by then, and the lease ends no sooner."""
TRY_S: Final = 30.0
PAUSE_S: Final = 0.5
STATUS_RETRYABLE_MIN: Final = 500


class DownloadFailed(Exception):
    """The cargo cannot be had; the text says why."""


class DigestWrong(Exception):
    """What was downloaded is not what was promised."""


class CargoCache:
    def __init__(self, folder: Path, client: httpx.AsyncClient, *, bytes_max: int = CACHE_BYTES_MAX) -> None:
        self._folder = folder
        self._client = client
        self._bytes_max = bytes_max
        self._downloads: dict[str, asyncio.Lock] = {}

    async def content(self, digest: str, url: str) -> bytes:
        """The bytes of `digest`, from the disk or from `url`. Raises `DownloadFailed` or `DigestWrong`."""
        found = self._stored(digest)
        if found is not None:
            return found
        try:
            async with self._downloads.setdefault(digest, asyncio.Lock()):
                return self._stored(digest) or await self._obtain(digest, url)
        finally:
            self._downloads.pop(digest, None)

    async def _obtain(self, digest: str, url: str) -> bytes:
        content = await self._download(url)
        _verify(content, digest)
        self._store(digest, content)
        return content

    def _stored(self, digest: str) -> bytes | None:
        file = self._file(digest)
        try:
            content = file.read_bytes()
            os.utime(file)
        except FileNotFoundError:
            return None
        return content

    def _store(self, digest: str, content: bytes) -> None:
        new = self._folder / f".{digest.removeprefix('sha256:')}.new"
        new.write_bytes(content)
        new.replace(self._file(digest))
        self._make_room()

    def _make_room(self) -> None:
        """The newest file stays even if it alone is too large."""
        files = sorted(self._folder.iterdir(), key=lambda file: file.stat().st_mtime_ns, reverse=True)
        total = 0
        for number, file in enumerate(files):
            total += file.stat().st_size
            if number and total > self._bytes_max:
                file.unlink()

    def _file(self, digest: str) -> Path:
        return self._folder / digest.removeprefix("sha256:")

    async def _download(self, url: str) -> bytes:
        pause_s = PAUSE_S
        fault = ""
        try:
            async with asyncio.timeout(DOWNLOAD_S):
                while True:
                    try:
                        return await self._fetch(url)
                    except (httpx.TransportError, httpx.HTTPStatusError) as error:
                        fault = str(error) or type(error).__name__
                    await asyncio.sleep(pause_s)
                    pause_s *= 2
        except TimeoutError as late:
            raise DownloadFailed(f"Failed to download cargo: {url}: {fault or 'too slow'}") from late

    async def _fetch(self, url: str) -> bytes:
        """One try. Raises `DownloadFailed` where another would end alike, httpx errors where it might not."""
        content = bytearray()
        async with self._client.stream("GET", url, timeout=TRY_S) as answer:
            if answer.status_code >= STATUS_RETRYABLE_MIN:
                answer.raise_for_status()
            if answer.status_code != httpx.codes.OK:
                raise DownloadFailed(f"Failed to download cargo: {url}: status {answer.status_code}")
            async for part in answer.aiter_bytes():
                content += part
                if len(content) > ARTIFACT_BYTES_MAX:
                    raise DownloadFailed(f"Failed to download cargo: {url}: over {ARTIFACT_BYTES_MAX} bytes")
        return bytes(content)


def _verify(content: bytes, digest: str) -> None:
    found = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if found != digest:
        raise DigestWrong(f"cargo.digest: {digest} was promised and {found} was downloaded")
