"""A stand-in for the published command line, from what is written of it; the program itself was never run here.

It reads the top level, wants the integer id of the account, an array for the rate of one cargo, and the code of an
error as a plain word.
"""

from typing import Any, Final

import httpx

from tests.clients.strict_reading import NUMBER, ListOf, read

USER_AGENT: Final = "archipelagio-cli/0.1"
TEXTS: Final = {
    401: "Authentication failed",
    402: "Insufficient credits",
    403: "Access denied",
    404: "Not found",
    422: "Validation error",
    429: "Rate limited",
}
JOB: Final = {"id": str, "workload": str, "state": str, "input": dict, "output?": dict, "created_at": str}
HOST: Final = {
    "id": str,
    "name": str,
    "status": str,
    "region": str,
    "platform": str,
    "gpu_model?": str,
    "gpu_vram_mb?": int,
    "cpu_cores": int,
    "ram_mb": int,
    "active_jobs": int,
    "jobs_completed": int,
    "jobs_failed": int,
    "karma": int,
    "karma_pending_minutes": int,
    "total_compute_minutes": int,
    "reputation_score": NUMBER,
    "last_heartbeat_at?": str,
}
KARMA: Final = {
    "host_id": str,
    "karma": int,
    "pending_minutes": int,
    "total_compute_minutes": int,
    "total_compute_hours": NUMBER,
    "can_monetize": bool,
    "karma_deficit": int,
    "hours_until_monetization": NUMBER,
    "events_by_type": dict,
}
CHANGE: Final = {
    "event_type": str,
    "delta": int,
    "balance_after": int,
    "compute_minutes": int,
    "was_monetizing": bool,
    "job_id?": str,
    "reason": str,
    "created_at": str,
}
RATE: Final = {
    "workload_slug": str,
    "avg_price?": NUMBER,
    "min_price?": NUMBER,
    "max_price?": NUMBER,
    "num_hosts": int,
    "timestamp?": str,
}


class CommandFailed(Exception):
    """What the program prints, and the word of the error."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code


class CommandLine:
    def __init__(self, http: httpx.AsyncClient, key: str) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {key}", "User-Agent": USER_AGENT}

    async def call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        answer = await self._http.request(method, path, headers=self._headers, **options)
        found: dict[str, Any] = answer.json()
        if answer.status_code not in {200, 201}:
            assert isinstance(found["error"], str), found
            raise CommandFailed(
                TEXTS.get(answer.status_code, f"API error ({answer.status_code})"), found["error"]
            )
        return found

    async def submit(self, workload: str, given: dict[str, Any]) -> dict[str, Any]:
        return read(await self.call("POST", "/jobs", json={"workload": workload, "input": given}), JOB)

    async def jobs(self) -> dict[str, Any]:
        return read(await self.call("GET", "/jobs"), {"jobs": ListOf(JOB), "count": int})

    async def cancel(self, job_id: str) -> dict[str, Any]:
        return read(await self.call("DELETE", f"/jobs/{job_id}"), {"id": str, "state": str, "message": str})

    async def hosts(self) -> dict[str, Any]:
        return read(await self.call("GET", "/hosts"), {"hosts": ListOf(HOST), "count": int})

    async def karma(self, host_id: str) -> dict[str, Any]:
        return read(await self.call("GET", f"/hosts/{host_id}/karma"), KARMA)

    async def karma_history(self, host_id: str) -> dict[str, Any]:
        form = {"host_id": str, "count": int, "events": ListOf(CHANGE)}
        return read(await self.call("GET", f"/hosts/{host_id}/karma/history"), form)

    async def account(self) -> dict[str, Any]:
        form = {"id": int, "email": str, "name": str, "role": str, "credits": str, "data": {"id": int}}
        return read(await self.call("GET", "/account"), form)

    async def rates(self) -> dict[str, Any]:
        return read(await self.call("GET", "/market/rates"), {"data": ListOf(RATE)})

    async def rate(self, slug: str) -> dict[str, Any]:
        [row] = read(await self.call("GET", f"/market/rates/{slug}"), {"data": ListOf(RATE)})["data"]
        found: dict[str, Any] = row
        return found

    async def history(self, slug: str) -> dict[str, Any]:
        form = {"workload_slug": str, "since": str, "data": ListOf(RATE)}
        return read(await self.call("GET", f"/market/history/{slug}", params={"hours": 24}), form)

    async def update(self, host_id: str) -> dict[str, Any]:
        query = {"version": "0.4.0", "platform": "linux-x86_64", "host_id": host_id}
        form = {"update_available": bool, "current_version": str}
        return read(await self.call("GET", "/agent/update", params=query), form)
