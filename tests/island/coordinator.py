"""A coordinator as small as can be: it enrols islands that prove their keys, and hands out artifacts, over real HTTP.

What becomes of an island is in its hands: `refusals` says so by island id.
"""

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from adapters.enrolment_proof import Purpose, is_proven
from adapters.nats.accounts.jwt import mint
from adapters.nats.accounts.nkey import Kind, NKey

KEY = "ak_testtest" + 32 * "x"
READ_ONLY_KEY = "ak_read_only"
LIFE_S = 86_400
ISLANDS = "/api/v1/islands"
STATUS_OF = {
    "island_removed": 410,
    "key_revoked": 403,
    "not_found": 404,
    "rate_limited": 429,
    "internal": 500,
}

Admit = Callable[[str, str, bool], str]
"""From an island's id, its user key and whether it is paired to its document."""


class Coordinator(ThreadingHTTPServer):
    """`artifacts` by path; `failures` counts down: so many downloads are answered with 503 first.

    `paired` are the islands that have an owner; `answer` is laid over what an enrolment is answered with.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.nats_url = "nats://127.0.0.1:4222"
        self.admit: Admit = some_document
        self.answer: dict[str, Any] = {}
        self.artifacts: dict[str, bytes] = {}
        self.failures = 0
        self.enrolled: list[dict[str, Any]] = []
        self.renewed: list[dict[str, Any]] = []
        self.paired: set[str] = set()
        self.refusals: dict[str, str] = {}
        self.revoked_keys: set[str] = set()
        self.requests: list[str] = []
        self.nonces: set[str] = set()
        self.numbers = itertools.count(1)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def refusal_of(self, body: dict[str, Any]) -> str | None:
        if body["user_key"] in self.revoked_keys:
            return "key_revoked"
        return self.refusals.get(body["account_key"])

    def admission(self, island_id: str, user_key: str, name: str) -> dict[str, Any]:
        is_paired = island_id in self.paired
        return {
            "host_id": island_id,
            "name": name,
            "status": "paired" if is_paired else "pending",
            "nats_url": self.nats_url,
            "user_jwt": self.admit(island_id, user_key, is_paired),
            "expires_at_s": int(time.time()) + LIFE_S,
            "pair_url": f"{self.url}/pair",
            **self.answer,
        }


def some_document(_island_id: str, user_key: str, _is_paired: bool, *, life_s: int = LIFE_S) -> str:
    """One that no server believes."""
    now_s = int(time.time())
    issuer = NKey.new(Kind.ACCOUNT)
    return mint(issuer, user_key, "user", {}, issued_at_s=now_s, expires_at_s=now_s + life_s)


class _Handler(BaseHTTPRequestHandler):
    server: Coordinator

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        purpose = Purpose(self.path.removeprefix(f"{ISLANDS}/"))
        self.server.nonces.remove(body["nonce"])
        key = self.headers["Authorization"]
        if not proves_its_keys(purpose, body, None if key is None else key.removeprefix("Bearer ")):
            self._refuse(422, "invalid_request", "signature: does not prove that you hold the key")
        elif (code := self.server.refusal_of(body)) is not None:
            self._refuse(STATUS_OF[code], code, f"no: {code}")
        elif purpose is Purpose.ENROL:
            self._enrol(body)
        else:
            self.server.renewed.append(body)
            self._admit(200, body, "mine")

    def _enrol(self, body: dict[str, Any]) -> None:
        key = self.headers["Authorization"]
        if key == f"Bearer {READ_ONLY_KEY}":
            self._refuse(403, "permission_denied", "scope: islands is missing")
        elif key not in {None, f"Bearer {KEY}"}:
            self._refuse(401, "unauthorized", "unknown key")
        else:
            if key is not None:
                self.server.paired.add(body["account_key"])
            self.server.enrolled.append(body)
            self._admit(201, body, body["name"])

    def _admit(self, status: int, body: dict[str, Any], name: str) -> None:
        admission = self.server.admission(body["account_key"], body["user_key"], name)
        self._answer(status, json.dumps(admission).encode())

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        if self.path == f"{ISLANDS}/nonce":
            nonce = f"nonce-{next(self.server.numbers)}"
            self.server.nonces.add(nonce)
            self._answer(200, json.dumps({"nonce": nonce, "expires_in_seconds": 120}).encode())
        elif self.server.failures:
            self.server.failures -= 1
            self._answer(503, b"")
        elif (content := self.server.artifacts.get(self.path)) is not None:
            self._answer(200, content)
        else:
            self._answer(404, b"")

    def _refuse(self, status: int, code: str, message: str) -> None:
        self._answer(status, json.dumps({"error": {"code": code}, "message": message}).encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""


def proves_its_keys(purpose: Purpose, body: dict[str, Any], api_key: str | None) -> bool:
    about = {name: body[name] for name in ("nonce", "account_key", "user_key")} | {"api_key": api_key}
    is_user = is_proven(body["user_key"], body["user_signature"], purpose, **about)
    if purpose is Purpose.RENEW:
        return is_user
    return is_user and is_proven(body["account_key"], body["account_signature"], purpose, **about)


@contextmanager
def running_coordinator() -> Iterator[Coordinator]:
    with Coordinator() as coordinator:
        thread = threading.Thread(target=coordinator.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield coordinator
        finally:
            coordinator.shutdown()
            thread.join()
