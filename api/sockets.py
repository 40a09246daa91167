"""How many streams and WebSockets each key holds open: they cost memory for as long as they last."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from api.errors import ApiError, ErrorCode

SOCKETS_PER_KEY_MAX: Final = 5
STREAMS_PER_KEY_MAX: Final = 50


class Sockets:
    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    @contextmanager
    def socket(self, key_id: str) -> Iterator[None]:
        """Counts one WebSocket. Raises `ApiError` (rate_limited) beyond `SOCKETS_PER_KEY_MAX`."""
        with self._counted(f"socket {key_id}", SOCKETS_PER_KEY_MAX, "WebSockets"):
            yield

    def is_open(self, key_id: str) -> bool:
        """Whether the key holds a WebSocket."""
        return self._open[f"socket {key_id}"] > 0

    @contextmanager
    def stream(self, key_id: str) -> Iterator[None]:
        """Counts one stream of a job. Raises `ApiError` (rate_limited) beyond `STREAMS_PER_KEY_MAX`."""
        with self._counted(f"stream {key_id}", STREAMS_PER_KEY_MAX, "streams"):
            yield

    @contextmanager
    def _counted(self, who: str, most: int, what: str) -> Iterator[None]:
        if self._open[who] >= most:
            raise ApiError(ErrorCode.RATE_LIMITED, f"at most {most} {what} may be open for one key")
        self._open[who] += 1
        try:
            yield
        finally:
            self._open[who] -= 1
            if not self._open[who]:
                del self._open[who]
