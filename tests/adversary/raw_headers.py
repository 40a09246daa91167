"""Headers as only a hostile client writes them: whatever bytes, sent past everything the library checks."""

from typing import Final

from nats.aio.client import Client

LINE: Final = b"NATS/1.0\r\n"
END: Final = b"\r\n"


def block(*lines: bytes) -> bytes:
    """A well-formed block of headers."""
    return LINE + b"".join(line + END for line in lines) + END


async def publish_raw(client: Client, subject: str, headers: bytes, body: bytes = b"{}") -> None:
    """With exactly these bytes for headers."""
    command = f"HPUB {subject} {len(headers)} {len(headers) + len(body)}\r\n".encode()
    await client._send_command(command + headers + body + END)
    await client._flush_pending()
