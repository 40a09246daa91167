"""Webhooks by the command line, told on this machine by the network that `archipelago up` runs."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.cli.commands import Up, comes_true


class Receiver(ThreadingHTTPServer):
    """What it was told, and the status it answers with."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Told)
        self.types: list[str] = []
        self.status = 200
        self.url = f"http://127.0.0.1:{self.server_port}/told"


class Told(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.types.append(json.loads(body)["type"])
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing on the terminal of the tests."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def webhook(network: Up, receiver: Receiver) -> Iterator[str]:
    added = network.typed("webhook", "add", receiver.url, "--event", "api_key", "--json").json
    yield added["id"]
    network.typed("webhook", "remove", added["id"])


def test_a_webhook_is_added_listed_shown_and_removed(network: Up, receiver: Receiver) -> None:
    added = network.typed("webhook", "add", receiver.url, "--event", "job.succeeded", "--event", "account")
    fields = dict(line.split(None, 1) for line in added.out.splitlines())
    webhook_id, secret = fields["webhook"], fields["secret"]
    assert (fields["address"], fields["events"]) == (receiver.url, "job.succeeded, account")
    assert secret.startswith("whsec_")
    assert added.err.endswith(f"Try it: archipelago webhook test {webhook_id}\n")
    [row] = [row for row in network.typed("webhook", "list", "--json").json if row["id"] == webhook_id]
    assert (row["url"], row["active"]) == (receiver.url, True)
    shown = network.typed("webhook", "list").out + network.typed("webhook", "show", webhook_id).out
    assert shown.count(webhook_id) == 2
    assert secret not in shown
    assert network.typed("webhook", "remove", webhook_id).out == f"Removed {webhook_id}.\n"
    gone = network.typed("webhook", "show", webhook_id)
    assert (gone.code, gone.out) == (1, "")
    assert gone.err.startswith(f"error: no webhook {webhook_id}")


def test_a_test_says_what_the_receiver_answered(network: Up, receiver: Receiver, webhook: str) -> None:
    tested = network.typed("webhook", "test", webhook)
    assert (tested.code, tested.out) == (0, "Delivered: the receiver answered 200.\n"), tested
    assert receiver.types == ["webhook.tested"]
    receiver.status = 418
    refused = network.typed("webhook", "test", webhook)
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("error: webhook: the receiver answered 418\nnext: mend the receiver")


def test_a_test_of_an_address_where_nothing_answers_says_so(network: Up, webhook: str) -> None:
    with Receiver() as gone:
        pass
    changed = network.typed("webhook", "change", webhook, "--address", gone.url, "--json").json
    assert (changed["url"], changed["events"]) == (gone.url, ["api_key"])
    tested = network.typed("webhook", "test", webhook)
    assert tested.err.startswith("error: webhook: the receiver gave no answer (unreachable)\n")


def test_a_paused_one_is_told_after_it_is_resumed(network: Up, receiver: Receiver, webhook: str) -> None:
    assert network.typed("webhook", "pause", webhook).out == f"Paused {webhook}.\n"
    network.typed("api-key", "make", "told of")
    held = network.typed("webhook", "test", webhook)
    assert held.err == f"error: webhook {webhook} is paused: resume it first\n"
    shown = network.typed("webhook", "show", webhook)
    assert "active   no (owner)" in shown.out
    assert receiver.types == []
    assert network.typed("webhook", "resume", webhook).out == f"Resumed {webhook}.\n"
    assert comes_true(lambda: receiver.types == ["api_key.issued"])


def test_what_was_told_is_listed_and_told_once_more(network: Up, receiver: Receiver, webhook: str) -> None:
    network.typed("api-key", "make", "told twice")
    assert comes_true(lambda: receiver.types == ["api_key.issued"])

    def rows() -> list[dict[str, object]]:
        return list(network.typed("webhook", "log", webhook, "--json").json)

    assert comes_true(lambda: [row["state"] for row in rows()] == ["delivered"])
    [row] = rows()
    said = network.typed("webhook", "replay", webhook, "--from", row["position"])
    assert said.out == f"From position {row['position']} on, {webhook} is told everything once more.\n"
    assert comes_true(lambda: receiver.types == ["api_key.issued"] * 2)
    assert comes_true(lambda: [row["state"] for row in rows()] == ["delivered"] * 2)
    shown = network.typed("webhook", "log", webhook, "--limit", 1)
    assert shown.out.count("api_key.issued") == 1
    assert shown.err == "Older ones that are not shown: 1.\n"


def test_another_secret_is_alone_on_standard_output(network: Up, webhook: str) -> None:
    made = network.typed("webhook", "rotate-secret", webhook)
    assert made.out.startswith("whsec_")
    assert made.out.count("\n") == 1


def test_an_address_that_cannot_be_told_is_refused_by_field(network: Up) -> None:
    refused = network.typed("webhook", "add", "https://10.0.0.1/")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("error: url: must lead to the public internet")
