"""Webhooks on real programs: a coordinator that is killed loses no delivery, and a repetition keeps its name."""

import asyncio
import json
from collections import Counter
from typing import Any

from tests.faults.network import Network, eventually

JOBS = 6


class Receiver:
    """Answers 500 while it is `down`."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.is_down = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        body = await reader.readexactly(length)
        if not self.is_down:
            self.told.append(json.loads(body))
        status = 500 if self.is_down else 200
        writer.write(f"HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()


async def test_a_killed_coordinator_loses_no_delivery(network: Network) -> None:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server:
        coordinator = await network.add_coordinator(ARCHIPELAGO_WEBHOOKS_TO_LOOPBACK="true")
        await network.add_island("worker")
        slug = await network.publish(0)
        added = await network.http.post(
            "/webhooks", json={"url": url, "events": ["job.submitted", "job.succeeded"]}
        )
        assert added.status_code == 201, added.text
        receiver.is_down = True
        jobs = [await network.submit(slug, f"before-{number}") for number in range(JOBS // 2)]
        await coordinator.kill()
        receiver.is_down = False
        coordinator.start()
        await network.is_well(network.http)
        jobs += [await network.submit(slug, f"after-{number}") for number in range(JOBS - len(jobs))]

        async def all_told() -> bool:
            told = {(fact["data"]["job_id"], fact["type"]) for fact in receiver.told}
            return told == {(job, event) for job in jobs for event in ("job.submitted", "job.succeeded")}

        await eventually(all_told)
    for job in jobs:
        types = [fact["type"] for fact in receiver.told if fact["data"]["job_id"] == job]
        assert types.index("job.submitted") < types.index("job.succeeded")
    again = [name for name, count in Counter(fact["id"] for fact in receiver.told).items() if count > 2]
    assert again == []
