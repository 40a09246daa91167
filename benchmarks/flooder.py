"""A hostile island in a process of its own: one connection, claims as fast as the socket takes them.

Run by `flood.py` as `python -m benchmarks.flooder`, with what it needs as one JSON object on standard input; prints one
with when it began and ended (`time.perf_counter`, the same clock in every process of a Linux machine), how many claims
it wrote, and whether it was cut off. The claims are well formed and unsigned, and stored until the intake reads them.
"""

import json
import socket
import sys
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from adapters.nats.accounts.nkey import Kind, NKey
from benchmarks.thin_island import Member

FLOOD_S: Final = 5.0
CLAIMS_A_WRITE: Final = 200
BODY: Final = b'{"job_id":"unknown_1","state":"started","timestamp":1,"attempt":1}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    began_at_s: float
    ended_at_s: float
    claims: int
    is_cut_off: bool


def let_in(member: Member, url: str) -> socket.socket:
    address = urlsplit(url)
    connection = socket.create_connection((address.hostname, address.port or 4222), timeout=FLOOD_S)
    answers = connection.makefile("rb")
    connection.sendall(member.hello(answers.readline().removeprefix(b"INFO ")))
    while (line := answers.readline()).strip() != b"PONG":
        if not line or line.startswith(b"-ERR"):
            raise ConnectionError(line.decode())
    return connection


def flood(connection: socket.socket, subject: str) -> Flood:
    """Until it is cut off, for at most FLOOD_S."""
    claim = f"PUB {subject} {len(BODY)}\r\n".encode() + BODY + b"\r\n"
    written, is_cut_off = 0, False
    began = time.perf_counter()
    try:
        while time.perf_counter() - began < FLOOD_S:
            connection.sendall(claim * CLAIMS_A_WRITE)
            written += CLAIMS_A_WRITE
    except OSError:
        is_cut_off = True
    return Flood(began_at_s=began, ended_at_s=time.perf_counter(), claims=written, is_cut_off=is_cut_off)


def main() -> None:
    told = json.load(sys.stdin)
    account = NKey.from_seed(told["account"], Kind.ACCOUNT)
    member = Member(account=account, user=NKey.from_seed(told["user"], Kind.USER), jwt=told["jwt"])
    with let_in(member, told["url"]) as connection:
        found = flood(connection, f"host.{account.public}.{told['kind']}")
    print(json.dumps([found.began_at_s, found.ended_at_s, found.claims, found.is_cut_off]))


if __name__ == "__main__":
    main()
