"""A stand-in for the published Python SDK, from what is written of it; the package itself was never run here.

It takes 200 and 201 alone, reads `data`, knows closed sets of words, wants strings for ids of accounts and whole
seconds in `Retry-After`.
"""

import json
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx

from tests.clients.strict_reading import NUMBER, ListOf, OneOf, Unreadable, read

USER_AGENT: Final = "archipelag-python/1.0"
STATUSES: Final = OneOf(("pending", "queued", "running", "completed", "failed", "cancelled", "timeout"))
USAGE: Final = {
    "prompt_tokens?": int,
    "completion_tokens?": int,
    "total_tokens?": int,
    "credits_used": NUMBER,
}
JOB: Final = {
    "id": str,
    "workload_id": int,
    "workload_slug?": str,
    "status": STATUSES,
    "input": dict,
    "output?": str,
    "error?": str,
    "created_at": str,
    "started_at?": str,
    "completed_at?": str,
    "duration_ms?": int,
    "usage?": USAGE,
}
WORKLOAD: Final = {
    "id": int,
    "name": str,
    "slug": str,
    "description?": str,
    "runtime_type": OneOf(("wasm", "container")),
    "price_per_job": NUMBER,
    "required_vram_mb?": int,
    "required_ram_mb?": int,
    "is_enabled": bool,
}
HOST: Final = {
    "id": str,
    "name": str,
    "status": OneOf(("online", "offline", "suspended", "pending")),
    "region": str,
    "capabilities": dict,
    "karma_score": int,
    "last_heartbeat_at?": str,
}
ACCOUNT: Final = {"id": str, "email": str, "credits": NUMBER, "created_at": str}
API_KEY: Final = {
    "id": str,
    "name": str,
    "prefix": str,
    "created_at": str,
    "last_used_at?": str,
    "expires_at?": str,
}
EVENTS: Final[dict[str, dict[str, Any]]] = {
    "token": {"content": str},
    "status": {"message": str},
    "progress": {"step": int, "total": int},
    "image": {"image_data": str, "format": str},
    "error": {"error": str},
    "done": {"usage?": dict},
}


class SdkError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.errors: dict[str, list[str]] = {}
        self.required = self.available = None
        self.retry_after = 0


class AuthenticationError(SdkError): ...


class InsufficientCreditsError(SdkError): ...


class NotFoundError(SdkError): ...


class ValidationError(SdkError): ...


class RateLimitError(SdkError): ...


ERRORS: Final = {
    401: AuthenticationError,
    402: InsufficientCreditsError,
    404: NotFoundError,
    422: ValidationError,
    429: RateLimitError,
}


class PythonSdk:
    def __init__(self, http: httpx.AsyncClient, key: str) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {key}", "User-Agent": USER_AGENT}

    async def call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        answer = await self._http.request(method, path, headers=self._headers, **options)
        if answer.status_code not in {200, 201}:
            raise error_of(answer)
        found: dict[str, Any] = answer.json()
        return found

    async def create_job(self, workload: str, given: dict[str, Any], **more: Any) -> dict[str, Any]:
        body = {"workload": workload, "input": given, **more}
        return read((await self.call("POST", "/jobs", json=body))["data"], JOB)

    async def get_job(self, job_id: str) -> dict[str, Any]:
        return read((await self.call("GET", f"/jobs/{job_id}"))["data"], JOB)

    async def list_jobs(self, **query: Any) -> list[dict[str, Any]]:
        return await self._list("/jobs", JOB, **query)

    async def cancel_job(self, job_id: str) -> dict[str, Any]:
        return read((await self.call("DELETE", f"/jobs/{job_id}"))["data"], JOB)

    async def list_workloads(self) -> list[dict[str, Any]]:
        return await self._list("/workloads", WORKLOAD)

    async def get_workload(self, slug: str) -> dict[str, Any]:
        return read((await self.call("GET", f"/workloads/{slug}"))["data"], WORKLOAD)

    async def list_hosts(self) -> list[dict[str, Any]]:
        return await self._list("/hosts", HOST)

    async def get_host(self, host_id: str) -> dict[str, Any]:
        return read((await self.call("GET", f"/hosts/{host_id}"))["data"], HOST)

    async def get_account(self) -> dict[str, Any]:
        return read((await self.call("GET", "/account"))["data"], ACCOUNT)

    async def list_api_keys(self) -> list[dict[str, Any]]:
        return await self._list("/api-keys", API_KEY)

    async def create_api_key(self, name: str) -> dict[str, Any]:
        made = (await self.call("POST", "/api-keys", json={"name": name}))["data"]
        read(made, {**API_KEY, "key": str})
        return read(made["data"], API_KEY)

    async def delete_api_key(self, key_id: str) -> None:
        read(await self.call("DELETE", f"/api-keys/{key_id}"), {"message": str})

    async def submit_batch(self, workload: str, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        body = {"workload": workload, "inputs": inputs}
        batch = {"chunk_count": int, "merge_strategy": str, "fail_mode": str, "completed": int, "failed": int}
        child = {"id": str, "batch_index": int, "state": str, "error?": str, "host_id?": str}
        form = {"id": str, "state": str, "workload": str, "batch": batch, "children": ListOf(child)}
        return read(await self.call("POST", "/jobs/batch", json=body), form)

    async def batch_status(self, job_id: str) -> dict[str, Any]:
        form = {"parent_id": str, "parent_state": str, "chunk_count": int, "child_states": dict}
        return read(await self.call("GET", f"/jobs/{job_id}/batch-status"), form)

    async def stream(self, job_id: str) -> AsyncIterator[dict[str, Any]]:
        """Form (a): one line of JSON an event, an empty line behind it, no other field names."""
        path, options = f"/jobs/{job_id}/stream", {"headers": self._headers}
        async with self._http.stream("GET", path, **options) as answer:  # type: ignore[arg-type]  # headers only
            async for line in answer.aiter_lines():
                if not line or line.startswith(":"):
                    continue
                if not line.startswith("data: "):
                    raise Unreadable(f"stream: {line!r}")
                event = json.loads(line.removeprefix("data: "))
                if event.get("type") not in EVENTS:
                    raise Unreadable(f"stream: {event!r}")
                yield read(event, EVENTS[event["type"]], "event")
                if event["type"] in {"done", "error"}:
                    return

    async def _list(self, path: str, form: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
        found = await self.call("GET", path, params=query)
        read(found, {"data": ListOf(form), "meta": {"total": int, "limit": int, "offset": int}}, path)
        rows: list[dict[str, Any]] = found["data"]
        return rows


def error_of(answer: httpx.Response) -> SdkError:
    body = answer.json()
    error = ERRORS.get(answer.status_code, SdkError)(answer.status_code, body["error"]["message"])
    error.errors = body.get("errors", {})
    error.required, error.available = body.get("required"), body.get("available")
    if "Retry-After" in answer.headers:
        error.retry_after = int(answer.headers["Retry-After"])
    return error
