"""A stand-in for the published JavaScript SDK, from what is written of it; the package itself was never run here.

It parses every body as JSON, takes every network read of a stream for whole events, and sends no SDK User-Agent on
streams.
"""

import json
from typing import Any, Final

import httpx

from tests.clients.python_sdk import EVENTS, JOB
from tests.clients.strict_reading import NUMBER, ListOf, Unreadable, read

USER_AGENT: Final = "@archipelag/sdk/1.0"
BROWSER: Final = "Mozilla/5.0"
READ_BYTES_MAX: Final = 8 * 1024
WORKLOAD: Final = {"id": int, "name": str, "slug": str, "runtime_type": str, "is_enabled": bool}
ACCOUNT: Final = {"id": int, "email": str, "credits": NUMBER, "created_at": str}
RATE: Final = {
    "workload": {"id": int, "name": str, "slug": str},
    "current_rate?": str,
    "current_rate_usd?": str,
    "supply": int,
    "demand": int,
    "jobs_cleared": int,
}


class JavascriptSdk:
    def __init__(self, http: httpx.AsyncClient, key: str) -> None:
        self._http = http
        self._bearer = {"Authorization": f"Bearer {key}"}

    async def call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        headers = {**self._bearer, "User-Agent": USER_AGENT}
        answer = await self._http.request(method, path, headers=headers, **options)
        found: dict[str, Any] = answer.json()
        if not answer.is_success:
            raise Unreadable(found["error"]["message"])
        return found

    async def create_job(self, workload: str, given: dict[str, Any]) -> dict[str, Any]:
        return read(
            (await self.call("POST", "/jobs", json={"workload": workload, "input": given}))["data"], JOB
        )

    async def get_job(self, job_id: str) -> dict[str, Any]:
        return read((await self.call("GET", f"/jobs/{job_id}"))["data"], JOB)

    async def get_workload(self, slug: str) -> dict[str, Any]:
        return read((await self.call("GET", f"/workloads/{slug}"))["data"], WORKLOAD)

    async def get_account(self) -> dict[str, Any]:
        return read((await self.call("GET", "/account"))["data"], ACCOUNT)

    async def delete_api_key(self, key_id: int) -> None:
        read(await self.call("DELETE", f"/api-keys/{key_id}"), {"message": str})

    async def market_rates(self) -> list[dict[str, Any]]:
        found = await self.call("GET", "/market/rates")
        read(found, {"data": ListOf(RATE), "beta_mode": bool}, "market")
        rows: list[dict[str, Any]] = found["data"]
        return rows

    async def market_rate(self, slug: str) -> dict[str, Any]:
        form = {"workload_slug": str, "active_asks": int, "active_bids": int, "jobs_cleared": int}
        return read((await self.call("GET", f"/market/rates/{slug}"))["data"], form)

    async def stream(self, job_id: str) -> list[dict[str, Any]]:
        """Each network read is parsed on its own: half a frame would be lost."""
        headers = {**self._bearer, "User-Agent": BROWSER}
        events: list[dict[str, Any]] = []
        async with self._http.stream("GET", f"/jobs/{job_id}/stream", headers=headers) as answer:
            async for part in answer.aiter_raw():
                if len(part) > READ_BYTES_MAX or not part.endswith(b"\n\n"):
                    raise Unreadable(f"stream: a read of {len(part)} bytes that ends in {part[-20:]!r}")
                for line in part.decode().split("\n"):
                    if line.startswith("data: "):
                        event = json.loads(line.removeprefix("data: "))
                        events.append(read(event, EVENTS[event["type"]], "event"))
        return events
