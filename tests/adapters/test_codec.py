"""Stored shapes never change. One golden file per event name and version stays for ever, and is still folded today.

After adding an event or a version, give it an example below and run `python -m tests.adapters.test_codec`: that writes
the golden files that are missing and never touches one that is there.
"""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from adapters import codec
from domain import (
    account,
    account_events,
    api_key,
    batch,
    batch_events,
    cargo,
    cargo_events,
    check,
    check_events,
    checkpoint,
    exchange,
    island,
    island_events,
    job,
    job_events,
    person,
    publisher,
    refund,
    release,
    review,
    session,
    sign_in,
    submission,
    treasury,
    treasury_events,
    webhook,
    workflow,
)
from domain.decider import Decider
from domain.failure import Failure, Fault, Loss, ReturnReason
from domain.karma import Penalty
from domain.placement import Refusal
from domain.pricing import PriceUnit
from tests import (
    batch_examples,
    cargo_examples,
    check_examples,
    checkpoint_examples,
    examples,
    marketplace_examples,
    money_examples,
    oversight_examples,
    sign_in_examples,
    submission_examples,
    workflow_examples,
)
from tests.examples import CUSTOMER, ISLAND, JOB_ID, OTHER_JOB_ID, OWNER, SLUG, T0_MS, at_ms
from tests.webhook_examples import WEBHOOKS

GOLDEN: Final = Path(__file__).with_name("golden")
DECIDERS: Final[dict[str, Decider[Any, Any, Any]]] = {
    decider.category: decider
    for decider in (
        account.ACCOUNT,
        api_key.API_KEY,
        batch.BATCH,
        cargo.CARGO,
        check.CHECK,
        checkpoint.CHECKPOINT,
        exchange.EXCHANGE,
        island.ISLAND,
        job.JOB,
        person.PERSON,
        publisher.PUBLISHER,
        refund.REFUND,
        release.RELEASE,
        review.REVIEW,
        session.SESSION,
        sign_in.SIGN_IN,
        submission.SUBMISSION,
        treasury.TREASURY,
        webhook.WEBHOOK,
        workflow.WORKFLOW,
    )
}
UNIONS: Final = (
    account_events.AccountEvent,
    api_key.ApiKeyEvent,
    batch_events.BatchEvent,
    cargo_events.CargoEvent,
    check_events.CheckEvent,
    checkpoint.CheckpointEvent,
    exchange.ExchangeEvent,
    island_events.IslandEvent,
    job_events.JobEvent,
    person.PersonEvent,
    publisher.PublisherEvent,
    refund.RefundEvent,
    release.ReleaseEvent,
    review.ReviewEvent,
    session.SessionEvent,
    sign_in.SignInEvent,
    submission.SubmissionEvent,
    treasury_events.TreasuryEvent,
    webhook.WebhookEvent,
    workflow.WorkflowEvent,
)

# Every field is filled, so that a golden file shows each of them.
USAGE: Final = job_events.Usage(
    wall_ms=1_500, cpu_ms=1_400, memory_peak_mb=12, fuel=123_456, prompt_tokens=7, completion_tokens=9
)
EXPLANATION: Final = replace(
    examples.refused(Refusal.RAM_SHORT), candidates=(examples.candidate_of(),), considered=2
)
EXAMPLES: Final[tuple[Any, ...]] = (
    *WEBHOOKS,
    examples.opened(),
    account_events.AccountRenamed(account_id=CUSTOMER, name="Ada", renamed_at_ms=at_ms(2)),
    examples.granted(),
    examples.held(),
    account_events.BidSaved(account_id=CUSTOMER, slug=SLUG, bid_micro=1_500_000, saved_at_ms=at_ms(2)),
    account_events.HoldSplit(
        account_id=CUSTOMER,
        job_id=JOB_ID,
        into_job_id=OTHER_JOB_ID,
        amount_micro=1_000_000,
        split_at_ms=at_ms(2),
    ),
    examples.settled(price_rules_version=1, unit_price_micro=0),
    account_events.HoldReleased(
        account_id=CUSTOMER, job_id=JOB_ID, released_micro=5_000_000, released_at_ms=at_ms(6)
    ),
    account_events.CreditsEarned(
        account_id=OWNER,
        job_id=JOB_ID,
        island_id=ISLAND,
        amount_micro=3_400_000,
        escrowed=True,
        earned_at_ms=at_ms(7),
    ),
    account_events.EscrowReleased(
        account_id=OWNER, island_id=ISLAND, amount_micro=3_400_000, released_at_ms=at_ms(8)
    ),
    api_key.ApiKeyIssued(
        key_id="k1234567",
        account_id=CUSTOMER,
        name="laptop",
        prefix="ak_k1234567",
        secret_sha256="e" * 64,
        scopes=(api_key.Scope.READ, api_key.Scope.WRITE),
        issued_at_ms=T0_MS,
    ),
    api_key.ApiKeyRevoked(key_id="k1234567", account_id=CUSTOMER, revoked_at_ms=at_ms(9)),
    cargo_events.CargoPublished(cargo=examples.CARGO_VERSION, published_at_ms=T0_MS),
    cargo_events.CargoDisabled(slug=SLUG, reason="it leaks", disabled_at_ms=at_ms(1)),
    cargo_events.CargoEnabled(slug=SLUG, enabled_at_ms=at_ms(2)),
    *batch_examples.EVENTS,
    *cargo_examples.EVENTS,
    checkpoint_examples.SIGNED,
    exchange.RatesSnapshotted(
        slug=SLUG,
        window_ends_ms=at_ms(300),
        after=7,
        through=41,
        figures=exchange.figures_of([1_000, 2_000, 4_000], [2_000], [5_000, 6_000]),
        by_region={"eu-west": exchange.figures_of([1_000], [2_000], [])},
        snapshotted_at_ms=at_ms(301),
    ),
    examples.joined(owner_id=OWNER, user_key=None),
    examples.paired(karma=3)[0],
    examples.approved(),
    examples.key_replaced(),
    examples.renamed(),
    examples.removed(),
    examples.revoked(),
    examples.registered(gpu_model="Some GPU", gpu_vram_mb=24_576, trust_level_min=1),
    examples.came_online(),
    *check_examples.EVENTS,
    *check_examples.ISLAND_EVENTS,
    *oversight_examples.EVENTS,
    oversight_examples.RELEASED,
    *oversight_examples.PERSON_EVENTS,
    island_events.IslandWentOffline(
        island_id=ISLAND, reason=island_events.Absence.HEARTBEATS_MISSED, offline_at_ms=at_ms(35)
    ),
    island_events.DrainStarted(island_id=ISLAND, drained_at_ms=at_ms(1)),
    island_events.DrainEnded(island_id=ISLAND, resumed_at_ms=at_ms(2)),
    island_events.AsksChanged(
        island_id=ISLAND, asks_micro={"_default": 7, SLUG: 4_000_000}, changed_at_ms=at_ms(3)
    ),
    island_events.RuntimesChanged(
        island_id=ISLAND,
        runtimes=(island_events.RuntimeOffer(runtime="wasm", engine="unknown", engine_version="", score=0),),
        changed_at_ms=at_ms(3),
    ),
    island_events.WarmCargosChanged(island_id=ISLAND, slugs=(SLUG,), changed_at_ms=at_ms(3)),
    island_events.WorkCredited(
        island_id=ISLAND,
        job_id=JOB_ID,
        attempt=1,
        worked_ms=1_500_000,
        multiplier_permille=1500,
        karma_delta=1,
        karma=1,
        pending_minutes=7,
        pending_ms=30_000,
        karma_rules_version=1,
        credited_at_ms=at_ms(7),
    ),
    island_events.KarmaPenalized(
        island_id=ISLAND,
        job_id=JOB_ID,
        attempt=2,
        penalty=Penalty.LEASE_LOST,
        karma_delta=-2,
        karma=-1,
        faults_in_row=1,
        karma_rules_version=1,
        penalized_at_ms=at_ms(8),
    ),
    examples.flood_penalized(),
    island_events.PayoutsUnlocked(island_id=ISLAND, owner_id=OWNER, unlocked_at_ms=at_ms(8)),
    island_events.CooldownStarted(island_id=ISLAND, until_ms=at_ms(300), faults_in_row=3),
    island_events.IslandSuspended(
        island_id=ISLAND, reason="karma fell to -11, below -10", suspended_at_ms=at_ms(9)
    ),
    island_events.IslandReinstated(island_id=ISLAND, reinstated_at_ms=at_ms(10)),
    examples.submitted(priority=10, region="eu-west"),
    examples.assigned(explanation=EXPLANATION),
    job_events.PlacementDeferred(
        job_id=JOB_ID,
        account_id=CUSTOMER,
        refusals=EXPLANATION.refusals,
        considered=1,
        deferred_at_ms=at_ms(1),
    ),
    examples.started(),
    job_events.LeaseRenewed(job_id=JOB_ID, attempt=1, island_id=ISLAND, lease_ends_at_ms=at_ms(90)),
    examples.lost(loss=Loss.LEASE_LOST),
    examples.attempt_failed(Failure.OUT_OF_FUEL, fault=Fault.CARGO),
    examples.returned(ReturnReason.BATTERY, was_started=True),
    examples.succeeded(usage=USAGE, runtime=None, is_exact=False, charge_micro=0),
    examples.failed(Failure.OUT_OF_FUEL),
    examples.cancelled(attempt=1, island_id=ISLAND, owner_id=OWNER, charge_micro=4_000_000),
    job_events.JobAbandoned(job_id=JOB_ID, account_id=CUSTOMER, abandoned_at_ms=at_ms(60)),
    *money_examples.EXAMPLES,
    *marketplace_examples.EVENTS,
    *sign_in_examples.EVENTS,
    *submission_examples.EVENTS,
    *workflow_examples.EVENTS,
)
WIDENED: Final[tuple[Any, ...]] = (
    examples.joined(owner_id=OWNER, local_id="an-island", password_sha256="f" * 64, karma=3),
    examples.joined(owner_id=None),
    examples.removed(owner_id=None),
    cargo_examples.published(is_first_party=True),
    cargo_events.CargoDisabled(
        slug=SLUG,
        reason="10 complaints",
        disabled_at_ms=at_ms(1),
        is_killed=True,
        cause=cargo_events.DisableCause.COMPLAINTS,
        evidence=("job 1",),
    ),
    cargo_events.CargoRated(
        slug=SLUG,
        account_id=CUSTOMER,
        job_id=JOB_ID,
        stars=2,
        rated_at_ms=T0_MS,
        previous_stars=4,
        revision=2,
    ),
    examples.lost(loss=Loss.ISLAND_BARRED),
    *check_examples.WIDENED,
    examples.succeeded(grade=job_events.Grade.SIGNED),
    examples.succeeded(price_unit=PriceUnit.SECOND, units=2),
    examples.settled(price_unit=PriceUnit.TOKEN, units=4_000, unit_price_micro=1_000),
)
"""Shapes and words that came after the golden file of their event."""


def golden_files() -> list[Path]:
    return sorted(GOLDEN.glob("*.json"))


def name_and_version(file: Path) -> tuple[str, int]:
    """`job.assigned.v1.json` is version 1 of `job.assigned`."""
    name, _, version = file.stem.rpartition(".v")
    return name, int(version)


def event_in(file: Path) -> Any:
    name, version = name_and_version(file)
    body = json.dumps([{"name": name, "version": version, "data": json.loads(file.read_text())}])
    (event,) = codec.decode(body.encode())
    return event


def write_missing_golden_files() -> None:
    """Writes the present shape of every example that has no golden file yet."""
    GOLDEN.mkdir(exist_ok=True)
    for event in EXAMPLES:
        stored = codec.as_stored(event)
        file = GOLDEN / f"{stored['name']}.v{stored['version']}.json"
        if not file.exists():
            data = json.loads(codec.ENCODER.encode(event))
            file.write_text(json.dumps(data, indent=2) + "\n")


def test_every_event_of_the_domain_has_a_stored_name() -> None:
    assert {kind for union in UNIONS for kind in get_args(union) or [union]} == set(codec.NAMES)
    assert len(codec.NAMES) == len(codec.EVENTS)


@pytest.mark.parametrize("name", codec.EVENTS)
def test_a_stored_name_is_its_aggregate_and_what_happened(name: str) -> None:
    category, _, happened = name.partition(".")
    assert category in DECIDERS
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", happened)


def test_every_event_has_an_example() -> None:
    assert {codec.NAMES[type(event)] for event in EXAMPLES} == set(codec.EVENTS)


def test_every_stored_version_has_a_golden_file() -> None:
    wanted = {(name, n) for name in codec.EVENTS for n in range(1, codec.current_version(name) + 1)}
    assert {name_and_version(file) for file in golden_files()} == wanted


@pytest.mark.parametrize("file", golden_files(), ids=lambda file: file.stem)
def test_a_golden_file_is_still_understood(file: Path) -> None:
    assert type(event_in(file)) is codec.EVENTS[name_and_version(file)[0]]


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: codec.NAMES[type(event)])
def test_a_golden_file_of_today_s_version_says_what_its_example_says(event: Any) -> None:
    stored = codec.as_stored(event)
    assert event_in(GOLDEN / f"{stored['name']}.v{stored['version']}.json") == event


def test_all_golden_files_are_folded_by_today_s_evolve() -> None:
    for category, decider in DECIDERS.items():
        events = [event_in(file) for file in golden_files() if file.name.startswith(f"{category}.")]
        assert events
        assert decider.fold(events) != decider.initial


@for_all(st.data(), st.sampled_from(sorted(DECIDERS)))
def test_evolve_is_total_over_whatever_was_stored(data: st.DataObject, category: str) -> None:
    """No rule and no failure in it: also a history that no decision could make is folded."""
    decider = DECIDERS[category]
    known = [event for event in EXAMPLES if codec.NAMES[type(event)].startswith(f"{category}.")]
    decider.fold(data.draw(st.lists(st.sampled_from(known), max_size=12)))


def test_a_commit_comes_back_as_it_went() -> None:
    for events in (EXAMPLES, WIDENED):
        assert codec.decode(codec.encode(events)) == events


def test_codes_come_back_as_members_of_their_sets() -> None:
    (event,) = codec.decode(codec.encode([examples.attempt_failed(Failure.OUT_OF_FUEL)]))
    assert event.code is Failure.OUT_OF_FUEL
    assert event.fault is Fault.CARGO


@pytest.mark.parametrize(
    ("name", "version"), [("job.teleported", 1), ("job.submitted", 0), ("job.submitted", 2), ("", 1)]
)
def test_an_unknown_name_or_version_stops_the_reader(name: str, version: int) -> None:
    body = json.dumps([{"name": name, "version": version, "data": {}}]).encode()
    with pytest.raises(codec.Unknown, match=f"{name} version {version}"):
        codec.decode(body)


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b'[{"name":"job.submitted"}]', b"\xff"])
def test_bytes_that_are_no_commit_are_refused(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        codec.decode(body)


def test_a_payload_that_lacks_a_field_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="job_id"):
        codec.decode(b'[{"name":"job.lease_renewed","version":1,"data":{"attempt":1}}]')


def test_a_field_that_this_program_does_not_know_yet_is_passed_over() -> None:
    (event,) = codec.decode(
        b'[{"name":"cargo.enabled","version":1,"data":{"slug":"wasm-hash","enabled_at_ms":1,"later":true}}]'
    )
    assert event == cargo_events.CargoEnabled(slug=SLUG, enabled_at_ms=1)


def test_an_old_version_is_lifted_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def rename(old: dict[str, Any]) -> dict[str, Any]:
        return {"slug": old["name"], "seconds": old["seconds"]}

    def to_milliseconds(old: dict[str, Any]) -> dict[str, Any]:
        return {"slug": old["slug"], "enabled_at_ms": old["seconds"] * 1000}

    monkeypatch.setitem(codec.UPCASTS, "cargo.enabled", [rename, to_milliseconds])
    expected = cargo_events.CargoEnabled(slug=SLUG, enabled_at_ms=5_000)
    for version, data in (
        (1, {"name": SLUG, "seconds": 5}),
        (2, {"slug": SLUG, "seconds": 5}),
        (3, {"slug": SLUG, "enabled_at_ms": 5_000}),
    ):
        body = json.dumps([{"name": "cargo.enabled", "version": version, "data": data}]).encode()
        assert codec.decode(body) == (expected,)
    assert json.loads(codec.encode([expected]))[0]["version"] == 3
    with pytest.raises(codec.Unknown):
        codec.decode(b'[{"name":"cargo.enabled","version":4,"data":{}}]')


if __name__ == "__main__":
    write_missing_golden_files()
