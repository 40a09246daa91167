"""One client of the live view: it follows topics over many sockets, each resumed behind the last place.

Used by `tests.faults.test_live_view`. It keeps what it was told as it came, so that a test can see what was lost or
told twice.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

Place = tuple[int, int]
"""Position and index."""


class Follower:
    """`topics` are the subscriptions by their ids, without `after`."""

    def __init__(self, address: str, key: str, topics: Mapping[str, Mapping[str, str]]) -> None:
        self.places: Final[dict[str, list[Place]]] = defaultdict(list)
        self.rows: Final[dict[str, dict[str, Any]]] = defaultdict(dict)
        """The newest row of every id, by subscription."""
        self.texts: Final[list[str]] = []
        self.ended: Final[set[str]] = set()
        self.began: Final[dict[str, int]] = {}
        """The position of the snapshot, by subscription."""
        self.after: Final[dict[str, int]] = {}
        self._url = f"{address.replace('http', 'ws', 1)}/ws"
        self._headers = {"Authorization": f"Bearer {key}"}
        self._topics = topics

    async def follow(self) -> None:
        """Until the socket ends, however it does."""
        try:
            async with connect(self._url, additional_headers=self._headers, max_size=None) as socket:
                for name, topic in self._topics.items():
                    if name not in self.ended:
                        after = {"after": self.after[name]} if name in self.after else {}
                        await socket.send(json.dumps({"type": "subscribe", "id": name, **topic, **after}))
                async for text in socket:
                    self._take(json.loads(text))
        except ConnectionClosed:
            pass

    def _take(self, frame: dict[str, Any]) -> None:
        name = frame.get("id", "")
        match frame["type"]:
            case "ready":
                return
            case "snapshot":
                self.began[name] = frame["position"]
                self._show(name, frame["rows"])
            case "change" | "changes":
                told = frame.get("rows", [frame])
                self.places[name] += [(one["position"], one["index"]) for one in told]
                self._show(name, [one["row"] for one in told])
            case "output":
                self.texts.append(frame.get("content", ""))
            case "end":
                self.ended.add(name)
                return
            case _:
                raise AssertionError(frame)
        self.after[name] = frame["position"]

    def _show(self, name: str, rows: list[dict[str, Any]]) -> None:
        self.rows[name] |= {row["id"]: row for row in rows if "id" in row}
