"""The library's client, reading no more headers than anybody honest sends, and going on after any.

Used by `connection.connect`, so by every component. Islands choose the headers of what they send; parsed whole, 64 KiB
of short ones take 13 ms of everybody's time and the 8 MiB of an image nearly four seconds (measured). A first line that
is not UTF-8 would end the library's reading, and nothing says so until the pings go unanswered.
"""

from typing import Final

from nats.aio.client import Client

HEADERS_BYTES_MAX: Final = 4 * 1024
FIRST_LINE: Final = b"NATS/1.0\r\n"
END_OF_LINE: Final = b"\r\n"


class BoundedClient(Client):
    async def _process_headers(self, headers: bytes | None) -> dict[str, str] | None:
        """Of a larger block only the end, from a whole line on: there the server writes what it adds itself."""
        if headers and len(headers) > HEADERS_BYTES_MAX:
            _, _, lines = headers[-HEADERS_BYTES_MAX:].partition(END_OF_LINE)
            headers = FIRST_LINE + lines
        try:
            found: dict[str, str] | None = await super()._process_headers(headers)
        except (UnicodeDecodeError, IndexError):
            return None
        return found
