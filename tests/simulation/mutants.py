"""Faults planted into the product, one at a time: a simulation that does not find them proves nothing.

Each is a small patch of one rule, by its name. `HARMLESS` must stay unfound: what they take away is an economy, and the
design is right without it.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import pytest

import domain.account
import domain.batch
import domain.cargo
import domain.check
import domain.island
import domain.job
from adapters.columnar_fleet import CODE_OF, Codes, ColumnarFleet
from api import coordinator, workers
from commands import handle, intake, replicas
from commands.event_log import Commit, Conflict, Origin
from commands.process import Order, Process, Reaction
from commands.processes import barring, expiring, killing, placing, settling
from domain.account_events import CreditsEarned, HoldSettled
from domain.batch_events import BatchEnded, PartStarted
from domain.check_events import VerdictReached
from domain.ids import AccountId
from domain.island_events import IslandRemoved, IslandRevoked, IslandSuspended
from domain.job_commands import AbandonJob, ExpireLease
from domain.job_events import JobCancelled, JobFailed, JobSucceeded
from domain.job_state import Job, Phase
from domain.placement import Refusal
from domain.pricing import Shares
from domain.seen_ids import SeenIds
from domain.treasury_events import CompensationGranted
from tests.simulation import people
from tests.simulation.event_log import LogClient, LogServer
from tests.simulation.mailboxes import MailServer
from tests.simulation.process_store import StoreClient

HOUR_MS: Final = 3_600_000
ISLAND_CLOCKS_MS: Final = {
    people.island_id_of(0): 0,
    people.island_id_of(1): HOUR_MS,
    people.island_id_of(2): -HOUR_MS,
    people.island_id_of(3): 0,
}
MUCH_MICRO: Final = 10**12

Plant = Callable[[pytest.MonkeyPatch], None]


def patched(place: Any, name: str, change: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Plant:
    """A plant that puts `change(the product's function)` in its place."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(place, name, change(getattr(place, name)))

    return plant


def reacting(name: str, change: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Plant:
    """A plant that changes how one process reacts."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        changed = tuple(
            Process(name=process.name, react=change(process.react)) if process.name == name else process
            for process in coordinator.PROCESSES
        )
        patch.setattr(coordinator, "PROCESSES", changed)

    return plant


def nothing(_decide: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *_args, **_fields: []


def forgetting(*kinds: type) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A process that does not react to events of these kinds."""

    def change(react: Callable[[Any, int], Sequence[Reaction]]) -> Callable[..., Any]:
        return lambda event, at_ms: [] if isinstance(event, kinds) else react(event, at_ms)

    return change


def planning_without(kind: type) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A planner that never orders commands of this kind."""

    def change(plan: Callable[[Any, int], Sequence[Order]]) -> Callable[..., Any]:
        return lambda planner, now_ms: [
            order for order in plan(planner, now_ms) if not isinstance(order.command, kind)
        ]

    return change


def on_state(**fields: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A rule that sees the aggregate with other fields."""
    return lambda rule: lambda state, command: rule(replace(state, **fields), command)


# Batches.


def counting_ends_of_parts_again(rule: Callable[..., Any]) -> Callable[..., Any]:
    def end_part(batch: Any, command: Any) -> Any:
        if batch.submitted is not None and command.job_id not in batch.running:
            batch = replace(batch, running={**batch.running, command.job_id: 0})
        return rule(batch, command)

    return end_part


def starting_two_for_one(rule: Callable[..., Any]) -> Callable[..., Any]:
    def after_part(batch: Any, of: Any, last: Any) -> Any:
        events = rule(batch, of, last)
        is_start = bool(events) and isinstance(events[0], PartStarted)
        return [*events, *rule(replace(batch, started=batch.started + 1), of, last)] if is_start else events

    return after_part


# Money.


def settling_again(rule: Callable[..., Any]) -> Callable[..., Any]:
    def settle(account: Any, command: Any) -> Any:
        if command.job_id in account.closed_holds:
            held = {**account.holds_micro, command.job_id: command.charge_micro}
            account = replace(account, closed_holds=SeenIds(), holds_micro=held)
        return rule(account, command)

    return settle


def charging_twice_the_price(rule: Callable[..., Any]) -> Callable[..., Any]:
    def settle(account: Any, command: Any) -> Any:
        if command.job_id in account.closed_holds:
            return []
        charge_micro = command.charge_micro * 2
        held = {**account.holds_micro, command.job_id: max(charge_micro, account.holds_micro[command.job_id])}
        return rule(replace(account, holds_micro=held), replace(command, charge_micro=charge_micro))

    return settle


def keeping_the_rest(rule: Callable[..., Any]) -> Callable[..., Any]:
    def settle(account: Any, command: Any) -> Any:
        return [replace(event, released_micro=0) for event in rule(account, command)]

    return settle


def paying_the_publisher(earnings: Callable[..., Any]) -> Callable[..., Any]:
    return lambda event, at_ms: earnings(replace(event, owner_id=event.publisher_id), at_ms)


def rounding_fees_up(_share: Callable[..., Any]) -> Callable[..., Any]:
    def share(charge_micro: int) -> Shares:
        fee, publisher = -(-charge_micro * 100 // 1000), -(-charge_micro * 50 // 1000)
        rest = charge_micro - fee - publisher
        return Shares(platform_fee_micro=fee, publisher_micro=publisher, island_micro=rest)

    return share


def paying_out_at_once(earn: Callable[..., Any]) -> Callable[..., Any]:
    def earned(account: Any, command: Any) -> list[CreditsEarned]:
        return [replace(event, escrowed=False) for event in earn(account, command)]

    return earned


def charging_every_cancel(cancel: Callable[..., Any]) -> Callable[..., Any]:
    def cancelled(job: Job, command: Any) -> Any:
        running = replace(job, phase=Phase.RUNNING) if job.is_live else job
        return cancel(running, replace(command, has_output=True))

    return cancelled


# Jobs.


def placing_anyway(assign: Callable[..., Any]) -> Callable[..., Any]:
    def assigned(job: Job, account_id: AccountId, command: Any) -> Any:
        if (job.attempt, job.island_id) == (command.attempt, command.island_id):
            return []
        free = replace(job, phase=Phase.SUBMITTED, attempt=command.attempt - 1, island_id=None)
        return assign(free, account_id, command)

    return assigned


def waiting_for_ever(time_out: Callable[..., Any]) -> Callable[..., Any]:
    def timed_out(job: Job, account_id: AccountId, command: Any) -> Any:
        return [] if job.phase is Phase.SUBMITTED else time_out(job, account_id, command)

    return timed_out


def running_for_ever(time_out: Callable[..., Any]) -> Callable[..., Any]:
    def timed_out(job: Job, account_id: AccountId, command: Any) -> Any:
        return [] if job.phase is Phase.RUNNING else time_out(job, account_id, command)

    return timed_out


def crediting_what_was_told(succeed: Callable[..., Any]) -> Callable[..., Any]:
    def succeeded(job: Job, account_id: AccountId, command: Any) -> list[JobSucceeded]:
        found = succeed(job, account_id, command)
        return [replace(event, worked_ms=event.usage.wall_ms) for event in found]

    return succeeded


def by_the_islands_clock(attempt_command: Callable[..., Any]) -> Callable[..., Any]:
    return lambda claim, now_ms: attempt_command(claim, now_ms + ISLAND_CLOCKS_MS[claim.island_id])


# Islands.


def placing_on_whoever(_rule: Callable[..., Any]) -> Callable[..., Any]:
    def refuse_those_away(fleet: ColumnarFleet, codes: Codes, _now_ms: int) -> None:
        codes[~fleet._columns.flags["is_online"]] = CODE_OF[Refusal.OFFLINE]

    return refuse_those_away


def overlooking_bars(offer_after: Callable[..., Any]) -> Callable[..., Any]:
    def after(offer: Any, event: Any) -> Any:
        bars = (IslandSuspended, IslandRevoked, IslandRemoved)
        return offer if isinstance(event, bars) else offer_after(offer, event)

    return after


# Checked results.


def excluding_nobody(replica_submission: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: replace(replica_submission(*args), excluded_owners=())


def paying_at_once(react: Callable[..., Any]) -> Callable[..., Any]:
    def reacted(event: Any, at_ms: int) -> Any:
        return react(replace(event, check_id=None) if isinstance(event, JobSucceeded) else event, at_ms)

    return reacted


def paying_the_contradicted(react: Callable[..., Any]) -> Callable[..., Any]:
    def reacted(event: Any, at_ms: int) -> Any:
        if isinstance(event, VerdictReached):
            event = replace(event, undecided=(*event.undecided, *event.contradicted), contradicted=())
        return react(event, at_ms)

    return reacted


def believing_the_first(_majority: Callable[..., Any]) -> Callable[..., Any]:
    return lambda check: check.answers[:1]


# Programs and servers.


def writing_anyway(_append: Callable[..., Any]) -> Callable[..., Any]:
    def append(
        server: LogServer, stream: str, events: Sequence[Any], *, expected: int, origin: Origin
    ) -> int:
        return server.write(stream, events, origin)

    return append


def forgetting_command_ids(_position_of_own: Callable[..., Any]) -> Callable[..., Any]:
    def position_of_own(_server: LogServer, found: Commit, _events: Sequence[Any], _origin: Origin) -> int:
        raise Conflict(found.stream)

    return position_of_own


def retrying_blindly(_retry: Callable[..., Any]) -> Callable[..., Any]:
    def retry(client: LogClient, stream: str, events: Sequence[Any], *, expected: int, origin: Origin) -> int:
        return client._server.write(stream, events, origin)

    return retry


def passing_over_failures(advance: Callable[..., Any]) -> Callable[..., Any]:
    async def advanced(process: Process, commits: Sequence[Commit], carrier: Any) -> None:
        with contextlib.suppress(Exception):
            await advance(process, commits, carrier)

    return advanced


def moving_positions_anyway(_save: Callable[..., Any]) -> Callable[..., Any]:
    async def save_position(store: StoreClient, name: str, *, old: int, new: int) -> None:
        await store._line.cross()
        store._server.positions[name] = new

    return save_position


def losing_half_of_pictures(save_picture: Callable[..., Any]) -> Callable[..., Any]:
    async def save(store: StoreClient, name: str, *, position: int, picture: Any) -> None:
        if isinstance(picture, expiring.Picture):
            picture = replace(picture, jobs={})
        await save_picture(store, name, position=position, picture=picture)

    return save


def delivering_twice(server: Callable[..., Any]) -> Callable[..., Any]:
    def forgetful(self: MailServer, *args: Any) -> None:
        server(self, *args)
        self.remembers_ids = False

    return forgetful


FAULTS: Final[dict[str, Plant]] = {
    "settle_twice": patched(domain.account, "settle", settling_again),
    "charge_above_the_hold": patched(domain.account, "settle", charging_twice_the_price),
    "keep_the_rest_of_the_hold": patched(domain.account, "settle", keeping_the_rest),
    "forget_the_release": reacting("settling", forgetting(JobFailed, JobCancelled)),
    "forget_the_settlement": reacting("settling", forgetting(JobSucceeded)),
    "forget_the_earning": reacting("settling", forgetting(HoldSettled)),
    "pay_the_wrong_owner": patched(settling, "earnings", paying_the_publisher),
    "pay_twice": patched(domain.account, "earn", on_state(earned=SeenIds())),
    "forget_the_compensation": reacting("repaying", forgetting(CompensationGranted)),
    "round_fees_up": patched(domain.account, "share_out", rounding_fees_up),
    "pay_out_at_once": patched(domain.account, "earn", paying_out_at_once),
    "overdraw": patched(domain.account, "hold", on_state(free_micro=MUCH_MICRO)),
    "charge_every_cancel": patched(domain.job, "cancel", charging_every_cancel),
    "forget_orphaned_holds": patched(expiring.Expiring, "plan", planning_without(AbandonJob)),
    "no_fence": patched(domain.job, "check_holder", nothing),
    "place_what_is_placed": patched(domain.job, "assign", placing_anyway),
    "endless_attempts": patched(domain.job, "out_of_attempts", nothing),
    "wait_for_ever": patched(domain.job, "time_out", waiting_for_ever),
    "run_for_ever": patched(domain.job, "time_out", running_for_ever),
    "leases_never_end": patched(expiring.Expiring, "plan", planning_without(ExpireLease)),
    "believe_the_islands_clock": patched(intake, "attempt_command", by_the_islands_clock),
    "believe_any_success": patched(intake, "defect", lambda _defect: lambda *_args: None),
    "credit_what_was_told": patched(domain.job, "succeed", crediting_what_was_told),
    "penalize_twice": patched(domain.island, "penalize", on_state(judged=SeenIds())),
    "credit_twice": patched(domain.island, "credit_work", on_state(judged=SeenIds())),
    "forget_karma": reacting("karma", forgetting(JobSucceeded)),
    "penalize_floods_twice": patched(
        domain.island, "penalize_flood", on_state(floods=SeenIds(), flooded_at_ms=0)
    ),
    "revoked_keys_count": patched(domain.island, "enrol", on_state(revoked_keys=SeenIds())),
    "place_on_barred_islands": patched(ColumnarFleet, "_refuse_by_availability", placing_on_whoever),
    "stale_picture": patched(placing, "offer_after", overlooking_bars),
    "leave_jobs_on_barred_islands": patched(barring.Barring, "plan", nothing),
    "leave_killed_cargos_running": patched(killing.Killing, "plan", nothing),
    "count_uses_twice": patched(domain.cargo, "record_use", on_state(counted_through=0)),
    "one_owner_votes_twice": patched(replicas, "replica_submission", excluding_nobody),
    "pay_before_the_verdict": reacting("settling", paying_at_once),
    "pay_what_was_contradicted": reacting("settling", paying_the_contradicted),
    "believe_the_first_answer": patched(domain.check, "majority", believing_the_first),
    "forgive_contradicted_results": patched(domain.island, "contradict", nothing),
    "forget_the_end_of_a_part": reacting("batching", forgetting(JobSucceeded)),
    "keep_the_rest_of_a_batch": reacting("batching", forgetting(BatchEnded)),
    "count_a_part_twice": patched(domain.batch, "end_part", counting_ends_of_parts_again),
    "start_too_many_parts": patched(domain.batch, "after_part", starting_two_for_one),
    "no_compare_and_set": patched(LogServer, "append", writing_anyway),
    "retry_without_command_id": patched(LogClient, "_retry", retrying_blindly),
    "forget_command_ids": patched(LogServer, "position_of_own", forgetting_command_ids),
    "say_no_from_memory": patched(handle, "decides_something", lambda _rule: lambda *_args: True),
    "pass_over_failures": patched(workers, "advance", passing_over_failures),
    "lose_half_of_pictures": patched(StoreClient, "save_picture", losing_half_of_pictures),
}

HARMLESS: Final[dict[str, Plant]] = {
    "forget_message_ids": patched(MailServer, "__init__", delivering_twice),
    "move_positions_anyway": patched(StoreClient, "save_position", moving_positions_anyway),
}
