"""Calls to addresses that strangers chose: none reaches anything but the public internet, whatever a name says."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import pytest

from adapters.safe_http import ANSWER_BYTES_MAX, NotSent, Problem, SafeHttp

INSIDE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",  # noqa: S104 - named to be refused
    "10.1.2.3",
    "100.64.0.1",
    "169.254.169.254",
    "168.63.129.16",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "198.18.0.1",
    "192.0.2.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "ff02::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
]
OUTSIDE = ["1.1.1.1", "8.8.8.8", "172.32.0.1", "2606:4700:4700::1111"]


def http_to(*addresses: str) -> SafeHttp:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return SafeHttp(resolve=resolve)


async def problem_of(http: SafeHttp, url: str) -> Problem | None:
    try:
        await http.check(url)
    except NotSent as fault:
        return fault.problem
    return None


@pytest.mark.parametrize("address", INSIDE)
async def test_no_address_inside_is_called(address: str) -> None:
    assert await problem_of(http_to(address), "https://receiver.example/") is Problem.ADDRESS_REFUSED
    assert (
        await problem_of(http_to("1.1.1.1", address), "https://receiver.example/") is Problem.ADDRESS_REFUSED
    )


@pytest.mark.parametrize("address", OUTSIDE)
async def test_addresses_of_the_public_internet_are(address: str) -> None:
    assert await problem_of(http_to(address), "https://receiver.example/") is None


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://127.1/",
        "https://localhost/",
        "https://169.254.169.254/latest/meta-data/",
    ],
)
async def test_no_way_of_writing_this_machine_gets_through(url: str) -> None:
    assert await problem_of(SafeHttp(), url) in {Problem.ADDRESS_REFUSED, Problem.NAME_UNKNOWN}


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ftp://receiver.example/", Problem.NO_URL),
        ("https://user:secret@receiver.example/", Problem.NO_URL),
        ("https://receiver.example/#part", Problem.NO_URL),
        ("https:///path", Problem.NO_URL),
        ("https://receiver.example:99999/", Problem.NO_URL),
        ("https://receiver.example/\r\nX: y", Problem.NO_URL),
        ("https://ünicode.example/", Problem.NO_URL),
        (f"https://receiver.example/{'a' * 1000}", Problem.NO_URL),
        ("http://receiver.example/", Problem.NOT_HTTPS),
        ("https://receiver.example:25/", Problem.PORT_REFUSED),
    ],
)
async def test_what_is_no_plain_https_address_is_refused(url: str, problem: Problem) -> None:
    assert await problem_of(http_to("1.1.1.1"), url) is problem


class Receiver:
    """A server on this machine that answers with what it was told to."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        self.requests.append(head + await reader.readexactly(length))
        writer.write(self.answer)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    async with server:
        yield receiver


def to_receiver(*turns: str) -> SafeHttp:
    """A name that answers differently each time it is asked."""
    answers = iter(turns)

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return [next(answers)]

    return SafeHttp(to_loopback=True, resolve=resolve)


async def test_a_name_is_asked_once_and_that_very_address_is_called(receiver: Receiver) -> None:
    """Asked a second time it would have led elsewhere: the test would end in `StopIteration`."""
    status = await to_receiver("127.0.0.1").post(
        f"http://rebinding.example:{receiver.port}/x?y=1", b"{}", {"X-Sign": "1"}
    )
    assert status == 200
    [request] = receiver.requests
    assert request.startswith(b"POST /x?y=1 HTTP/1.1\r\n")
    assert f"Host: rebinding.example:{receiver.port}\r\n".encode() in request
    assert request.endswith(b"{}")


async def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.answer = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    assert await to_receiver("127.0.0.1").post(f"http://r.example:{receiver.port}/", b"", {}) == 302
    assert len(receiver.requests) == 1


async def test_an_endless_answer_is_read_no_further_than_its_bound(receiver: Receiver) -> None:
    receiver.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n" + b"x" * (4 * ANSWER_BYTES_MAX)
    assert await to_receiver("127.0.0.1").post(f"http://r.example:{receiver.port}/", b"", {}) == 200


async def test_nobody_there_is_said_to_be_so() -> None:
    with pytest.raises(NotSent) as fault:
        await to_receiver("127.0.0.1").post("http://r.example:9/", b"", {})
    assert fault.value.problem is Problem.UNREACHABLE
