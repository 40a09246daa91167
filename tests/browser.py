"""A real browser for tests of pages: Chromium without a window, driven over its debugging protocol.

`browser_or_skip` skips the test where no Chromium is installed.
"""

import asyncio
import itertools
import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest
from websockets.asyncio.client import ClientConnection, connect

SEEN_S: Final = 15.0
FRAME_BYTES_MAX: Final = 16 << 20


class Refused(Exception):
    """The browser's own words."""


class Tab:
    """One page, and what went wrong on it: `complaints` are its errors and what its policy refused."""

    def __init__(self, connection: ClientConnection) -> None:
        self.complaints: list[str] = []
        self._connection = connection
        self._numbers = itertools.count(1)
        self._session: str | None = None

    async def open(self) -> None:
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable")

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        request = {"id": number, "method": method, "params": parameters}
        if self._session:
            request["sessionId"] = self._session
        await self._connection.send(json.dumps(request))
        async with asyncio.timeout(SEEN_S):
            while True:
                answer = json.loads(await self._connection.recv())
                self._hear(answer)
                if answer.get("id") == number:
                    if "error" in answer:
                        raise Refused(answer["error"]["message"])
                    result: dict[str, Any] = answer["result"]
                    return result

    def _hear(self, message: dict[str, Any]) -> None:
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(message["params"]["exceptionDetails"]))
        if message.get("method") == "Log.entryAdded" and message["params"]["entry"]["source"] == "security":
            self.complaints.append(message["params"]["entry"]["text"])

    async def visit(self, url: str) -> None:
        await self.call("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def value(self, expression: str) -> Any:
        """Of JavaScript on the page; None while it is between two pages."""
        try:
            answer = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        except Refused:
            return None
        return answer["result"].get("value")

    async def until(self, expression: str) -> None:
        """Waits until it is true; fails with what the page shows when that does not come."""
        try:
            async with asyncio.timeout(SEEN_S):
                while not await self.value(expression):
                    await asyncio.sleep(0.02)
        except TimeoutError:
            shown = await self.value("document.body.innerText")
            raise AssertionError(f"{expression} did not come; the page shows:\n{shown}") from None


@asynccontextmanager
async def browser_or_skip(folder: Path) -> AsyncIterator[Tab]:
    """A fresh browser without a past; its files lie in `folder`."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no Chromium is installed")
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
    process = await asyncio.create_subprocess_exec(
        chromium,
        *options,
        "--remote-debugging-port=0",
        f"--user-data-dir={folder}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with connect(await debugging_url(process), max_size=FRAME_BYTES_MAX) as connection:
            tab = Tab(connection)
            await tab.open()
            yield tab
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def debugging_url(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    async with asyncio.timeout(SEEN_S):
        while True:
            line = (await process.stderr.readline()).decode()
            assert line, "the browser ended"
            if found := re.match(r"DevTools listening on (\S+)", line):
                return found[1]
