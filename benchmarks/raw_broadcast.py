"""What a WebSocket server that only sends could do: it tells the kept frames to everybody, as fast as they are taken.

Started by `benchmarks.fan_out` as a process of its own, with the same library that serves the coordinator. It knows of
nobody, reads nothing and encodes nothing. Prints its port, and begins with a line on standard input.
"""

import asyncio
import sys
from pathlib import Path

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket


async def main(frames: list[str]) -> None:
    begun = asyncio.Event()

    async def tell(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text('{"type":"ready"}')
        await socket.receive()
        await begun.wait()
        for frame in frames:
            await socket.send_text(frame)
        await socket.receive()

    config = uvicorn.Config(
        Starlette(routes=[WebSocketRoute("/", tell)]),
        port=0,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        log_config=None,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - the server tells nobody when it listens
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.readline)
    begun.set()
    await loop.run_in_executor(None, sys.stdin.readline)
    server.should_exit = True
    await serving


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]).read_text().splitlines()))
