"""A hostile island in a process of its own: says one thing as fast as the server reads it, until it is cut off.

Run by `test_floods.py` as a program, with its documents as one JSON object on standard input; prints for how many
seconds it was let.
"""

import json
import socket
import sys
import time
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from adapters.nats.accounts.jwt import encode64
from adapters.nats.accounts.nkey import Kind, NKey

FLOOD_S_MAX: Final = 10.0
AT_ONCE: Final = 200


def main() -> None:
    told = json.load(sys.stdin)
    where = urlsplit(told["url"])
    user, message = NKey.from_seed(told["seed"], Kind.USER), told["message"].encode()
    began_s = time.monotonic()
    with socket.create_connection((where.hostname, where.port), timeout=FLOOD_S_MAX) as connection:
        nonce = json.loads(connection.makefile("rb").readline().removeprefix(b"INFO "))["nonce"]
        hello = {"jwt": told["jwt"], "sig": encode64(user.sign(nonce.encode())), "verbose": False}
        connection.sendall(b"CONNECT " + json.dumps(hello).encode() + b"\r\n")
        with suppress(ConnectionError):
            while time.monotonic() - began_s < FLOOD_S_MAX:
                connection.sendall(AT_ONCE * message)
    sys.stdout.write(f"{time.monotonic() - began_s}\n")


if __name__ == "__main__":
    main()
