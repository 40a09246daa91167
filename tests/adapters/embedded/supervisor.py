"""A process of its own that runs both embedded servers until it is ended, for the tests that kill it.

`python -m tests.adapters.embedded.supervisor DIRECTORY` prints one JSON line once both are up.
"""

import asyncio
import json
import sys
from pathlib import Path

from adapters.embedded.data_directory import DataDirectory
from adapters.embedded.servers import EmbeddedServers
from tests.servers import STARTED_AT


async def run(directory: DataDirectory) -> None:
    async with EmbeddedServers(directory) as servers:
        up = {
            "nats_url": servers.nats.url,
            "postgres_dsn": servers.postgres_dsn,
            "pids": [servers.nats.pid, servers.postgres.pid],
        }
        sys.stdout.write(json.dumps(up) + "\n")
        sys.stdout.flush()
        await servers.watch()


def main() -> None:
    directory = DataDirectory.open(Path(sys.argv[1]))
    with directory.lock(command="supervisor", started_at=STARTED_AT) as lock:
        lock.announce("http://127.0.0.1:1")
        asyncio.run(run(directory))


if __name__ == "__main__":
    main()
