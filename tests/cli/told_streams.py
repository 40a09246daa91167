"""A coordinator that tells exactly what a test wants, when it wants: the streams of one job, one after another.

A real network cannot be made to stop in the middle of a line. It tells what the coordinator's streams would.
"""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

JOB_ID: Final = "job-1"
HOLD: Final = "hold"
"""As the last frame: keep the connection open until the test ends."""


def frame(kind: str, position: int | None = None, **fields: Any) -> str:
    head = "" if position is None else f"id: {position}\n"
    return f"{head}event: {kind}\ndata: {json.dumps(fields)}\n\n"


@dataclass(slots=True)
class ToldStreams:
    """`streams` are the frames of each connection in turn; `asked` are the places readers resumed behind."""

    streams: Sequence[Sequence[str]]
    job: dict[str, Any]
    url: str = ""
    asked: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def told(*streams: Sequence[str], state: str = "succeeded", error: str = "") -> Iterator[ToldStreams]:
    """Serves until the block ends."""
    job = {"id": JOB_ID, "state": state, "data": {}}
    job |= {"charged": "0.5"} if state == "succeeded" else {"error": error}
    telling = ToldStreams(streams, job)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            if "/stream" not in self.path:
                self.wfile.write(json.dumps(telling.job).encode())
                return
            telling.asked.append(self.headers.get("Last-Event-ID", ""))
            for one in telling.streams[len(telling.asked) - 1]:
                if one == HOLD:
                    telling.over.wait()
                    return
                self.wfile.write(one.encode())
                self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        telling.url = f"http://127.0.0.1:{server.server_port}"
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        try:
            yield telling
        finally:
            telling.over.set()
            server.shutdown()
            serving.join()
