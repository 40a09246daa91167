"""What an audit shows: every commit with who asked, the acts of operators apart, and books that add up to nothing."""

from dataclasses import replace

from commands.event_log import Origin
from commands.reports.report import Kind
from tests.commands.reports.orders import EVERYBODY, figures, made, rows
from tests.examples import granted
from tests.histories import History
from tests.money_examples import COLLECTED, CORRECTED, COVERED, REFUNDED, REQUESTED, TAKEN_BACK


def history(*asked: tuple[str | None, object]) -> History:
    history = History()
    for actor, event in asked:
        commit = history.add("account.customer", event)
        origin = Origin(command_id=commit.origin.command_id, actor=actor, cause="1.0", correlation_id="r-1")
        history.commits[-1] = replace(commit, origin=origin)
    return history


async def test_every_commit_is_a_row_with_its_events_and_who_asked_for_it() -> None:
    report = await made(history((None, granted(9)), ("api_key.k-1", CORRECTED)), Kind.AUDIT, EVERYBODY)
    assert rows(report, "commits")[1] == {
        "position": 2,
        "at": "2027-01-15T08:00:00.000Z",
        "aggregate": "account.customer",
        "events": "account.credits_corrected",
        "actor": "api_key.k-1",
        "command_id": "command-2",
        "cause": "1.0",
        "correlation_id": "r-1",
    }
    assert {row["actor"]: row["commits"] for row in rows(report, "by_actor")} == {
        "nobody": 1,
        "api_key.k-1": 1,
    }


async def test_what_persons_did_as_operators_is_listed_apart_from_what_the_rules_did() -> None:
    asked = history(("api_key.k-1", REQUESTED), ("session.s-1", CORRECTED), ("settling", REQUESTED))
    report = await made(asked, Kind.AUDIT, EVERYBODY)
    assert [(row["name"], row["actor"]) for row in rows(report, "actions")] == [
        ("refund.requested", "api_key.k-1"),
        ("account.credits_corrected", "session.s-1"),
    ]
    assert figures(report)["actions"] == 2


async def test_what_was_put_right_names_the_original_and_the_books_move_between_places() -> None:
    way_back = history(*((None, event) for event in (TAKEN_BACK, REFUNDED, COLLECTED, COVERED)))
    report = await made(way_back, Kind.AUDIT, EVERYBODY)
    assert [row["original"] for row in rows(report, "repairs")] == ["12.0", "12.0", "12.0"]
    books = {row["place"]: row["movement_micro"] for row in rows(report, "books")}
    assert books == {
        "free": 3_000_000,
        "held": 0,
        "escrow": -3_000_000,
        "fees": -400_000,
        "treasury": 0,
        "clearing": 400_000,
        "mint": 0,
    }
    assert figures(report)["imbalance_micro"] == sum(books.values()) == 0
