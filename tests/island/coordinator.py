"""A coordinator as small as can be: it enrols islands and hands out artifacts, over real HTTP on the loopback."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "ak_testtest" + 32 * "x"


class Coordinator(ThreadingHTTPServer):
    """`nats_url`, `user` and `password` are what it answers an enrolment with; `artifacts` by path.

    `failures` counts down: so many requests are answered with 503 first.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.credentials: dict[str, str] = {}
        self.artifacts: dict[str, bytes] = {}
        self.failures = 0
        self.enrolled: list[dict[str, Any]] = []
        self.requests: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Coordinator

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        match self.headers["Authorization"]:
            case str(key) if key == f"Bearer {KEY}":
                self.server.enrolled.append(body)
                answer = {"host_id": body["account_key"], "name": body["name"], **self.server.credentials}
                self._answer(201, json.dumps(answer).encode())
            case "Bearer ak_read_only":
                self._answer(403, b'{"message":"scope: islands is missing"}')
            case _:
                self._answer(401, b'{"message":"unknown key"}')

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        if self.server.failures:
            self.server.failures -= 1
            self._answer(503, b"")
        elif (content := self.server.artifacts.get(self.path)) is not None:
            self._answer(200, content)
        else:
            self._answer(404, b"")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""


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
