"""Every island's standing, folded a second time: karma, what it worked and failed, how it belongs to the network.

The karma rules are said again in plain words and each change is computed anew: an hour of work is a point (half as much
again below 10), each fault has its price, nothing counts twice. What an owner reads in the placement's row is kept
beside it, to be compared.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from adapters.second_fold.entries import Data
from adapters.second_fold.findings import Findings

KARMA_RULES: Final = 1
POINTS_LOST: Final = {
    "attempt_failed": 1,
    "lease_lost": 2,
    "refused_after_accepting": 1,
    "quorum_contradicted": 24,
    "known_answer_failed": 48,
}
FLOOD_POINTS: Final = 12
WRONG_RESULTS: Final = ("quorum_contradicted", "known_answer_failed")
PAYOUT_KARMA: Final = 10
MINUTE_MS: Final = 60_000
MINUTES_A_POINT: Final = 60


@dataclass(slots=True)
class Standing:
    """What an island does not shake off by leaving."""

    karma: int = 0
    pending_minutes: int = 0
    pending_ms: int = 0
    faults_in_row: int = 0
    judged: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Row:
    """What its owner reads of it. Names are those of the placement's columns."""

    owner_id: str
    karma: int
    is_approved: bool = False
    is_online: bool = False
    is_suspended: bool = False
    is_revoked: bool = False
    is_removed: bool = False
    cooldown_until_ms: int = 0
    pending_minutes: int = 0
    worked_ms: int = 0
    jobs_completed: int = 0
    jobs_failed: int = 0
    active_jobs: set[str] = field(default_factory=set)
    valid_in_row: dict[str, int] = field(default_factory=dict)


def worked(standing: Standing, worked_ms: int) -> tuple[int, int, int]:
    """Karma, pending minutes and pending milliseconds after a job of `worked_ms`.

    A job of a minute and more counts whole minutes; shorter ones are gathered until they make one.
    """
    counted_ms = worked_ms * 3 // 2 if standing.karma < PAYOUT_KARMA else worked_ms
    if worked_ms >= MINUTE_MS:
        minutes, rest_ms = counted_ms // MINUTE_MS, standing.pending_ms
    else:
        minutes, rest_ms = divmod(standing.pending_ms + counted_ms, MINUTE_MS)
    points, pending = divmod(standing.pending_minutes + minutes, MINUTES_A_POINT)
    return standing.karma + points, pending, rest_ms


class Islands:
    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.rows: dict[str, Row] = {}
        self.standings: defaultdict[str, Standing] = defaultdict(Standing)
        self._position = 0
        self._who = ""
        self._standing_steps: Mapping[str, Callable[[Standing, Data], None]] = {
            "island.enrolled": self._brought,
            "island.paired": self._brought,
            "island.work_credited": self._work_credited,
            "island.karma_penalized": self._penalized,
            "island.flood_penalized": self._flooded,
            "island.payouts_unlocked": self._unlocked,
        }

    def take(self, name: str, data: Data, position: int) -> None:
        """One event of an island, or of a job on an island."""
        island_id = data["island_id"]
        if island_id is None:
            return
        self._position, self._who = position, f"island {island_id}"
        if step := self._standing_steps.get(name):
            step(self.standings[island_id], data)
        row = self.rows.get(island_id)
        if row is None or row.is_removed:
            if name in ("island.enrolled", "island.paired") and data["owner_id"] is not None:
                self.rows[island_id] = joined(data, row)
            return
        if name == "island.result_confirmed":
            self._confirmed(row, data)
        if change := CHANGES.get(name):
            change(row, data)

    def _compare(self, name: str, said: object, folded: object) -> None:
        self.findings.compare(self._who, name, said, folded, self._position, source="in the log")

    def _judge_once(self, standing: Standing, what: str) -> None:
        if what in standing.judged:
            self.findings.add(self._who, f"{what} is judged twice", self._position)
        standing.judged.add(what)

    def _brought(self, standing: Standing, data: Data) -> None:
        self._compare("the karma it comes with", data.get("karma", 0), standing.karma)

    def _work_credited(self, standing: Standing, data: Data) -> None:
        self._judge_once(standing, f"attempt {data['attempt']} of job {data['job_id']}")
        if data["karma_rules_version"] == KARMA_RULES:
            karma, minutes, rest_ms = worked(standing, data["worked_ms"])
            self._compare("karma", data["karma"], karma)
            self._compare("pending minutes", data["pending_minutes"], minutes)
            self._compare("pending ms", data["pending_ms"], rest_ms)
        self._compare("karma after the change", data["karma"], standing.karma + data["karma_delta"])
        standing.karma = data["karma"]
        standing.pending_minutes, standing.pending_ms = data["pending_minutes"], data["pending_ms"]
        standing.faults_in_row = 0

    def _penalized(self, standing: Standing, data: Data) -> None:
        attempt = f"attempt {data['attempt']} of job {data['job_id']}"
        is_wrong = data["penalty"] in WRONG_RESULTS  # Judged besides: it may have been credited long before.
        self._judge_once(standing, f"{attempt} as {data['penalty']}" if is_wrong else attempt)
        self._lose(standing, data, POINTS_LOST.get(data["penalty"], 0))

    def _flooded(self, standing: Standing, data: Data) -> None:
        self._judge_once(standing, f"flood {data['flood_id']}")
        self._lose(standing, data, FLOOD_POINTS)

    def _lose(self, standing: Standing, data: Data, points: int) -> None:
        if data["karma_rules_version"] == KARMA_RULES:
            self._compare("karma lost", -data["karma_delta"], points)
        self._compare("karma", data["karma"], standing.karma + data["karma_delta"])
        self._compare("faults in a row", data["faults_in_row"], standing.faults_in_row + 1)
        standing.karma, standing.faults_in_row = data["karma"], data["faults_in_row"]

    def _unlocked(self, standing: Standing, _data: Data) -> None:
        if standing.karma < PAYOUT_KARMA:
            self.findings.add(self._who, f"payouts begin at a karma of {standing.karma}", self._position)

    def _confirmed(self, row: Row, data: Data) -> None:
        before = row.valid_in_row.get(data["runtime"], 0)
        self._compare(f"valid results in a row on {data['runtime']}", data["in_row"], before + 1)


def joined(data: Data, former: Row | None) -> Row:
    """It begins anew; only what it did before it was removed stays on its record."""
    row = Row(owner_id=data["owner_id"], karma=data.get("karma", 0))
    if former is not None:
        row.pending_minutes, row.worked_ms = former.pending_minutes, former.worked_ms
        row.jobs_completed, row.jobs_failed = former.jobs_completed, former.jobs_failed
    return row


def removed(row: Row, _data: Data) -> None:
    row.is_removed, row.is_online = True, False


def revoked(row: Row, _data: Data) -> None:
    row.is_revoked, row.is_approved = True, False


def credited(row: Row, data: Data) -> None:
    row.karma, row.pending_minutes = data["karma"], data["pending_minutes"]
    row.worked_ms += data["worked_ms"]


def lost_karma(row: Row, data: Data) -> None:
    row.karma = data["karma"]


def confirmed(row: Row, data: Data) -> None:
    row.valid_in_row[data["runtime"]] = data["in_row"]


def contradicted(row: Row, data: Data) -> None:
    row.valid_in_row[data["runtime"]] = 0


def cooled(row: Row, data: Data) -> None:
    row.cooldown_until_ms = data["until_ms"]


def assigned(row: Row, data: Data) -> None:
    row.active_jobs.add(data["job_id"])


def ended(row: Row, data: Data) -> None:
    row.active_jobs.discard(data["job_id"])


def succeeded(row: Row, data: Data) -> None:
    ended(row, data)
    row.jobs_completed += 1


def failed(row: Row, data: Data) -> None:
    ended(row, data)
    row.jobs_failed += 1


def sets(name: str, *, value: bool) -> Callable[[Row, Data], None]:
    def change(row: Row, _data: Data) -> None:
        setattr(row, name, value)

    return change


CHANGES: Final[Mapping[str, Callable[[Row, Any], None]]] = {
    "island.approved": sets("is_approved", value=True),
    "island.revoked": revoked,
    "island.key_replaced": sets("is_revoked", value=False),
    "island.removed": removed,
    "island.came_online": sets("is_online", value=True),
    "island.went_offline": sets("is_online", value=False),
    "island.suspended": sets("is_suspended", value=True),
    "island.reinstated": sets("is_suspended", value=False),
    "island.cooldown_started": cooled,
    "island.work_credited": credited,
    "island.karma_penalized": lost_karma,
    "island.flood_penalized": lost_karma,
    "island.result_confirmed": confirmed,
    "island.result_contradicted": contradicted,
    "job.assigned": assigned,
    "job.attempt_failed": failed,
    "job.attempt_lost": failed,
    "job.attempt_returned": ended,
    "job.succeeded": succeeded,
    "job.failed": ended,
    "job.cancelled": ended,
}
"""What each event changes in a row; every other one leaves it as it is."""
WITHOUT_STANDING: Final = frozenset(
    {
        "island.asks_changed",
        "island.capabilities_verified",
        "island.drain_ended",
        "island.drain_lifted",
        "island.drain_ordered",
        "island.drain_started",
        "island.registered",
        "island.rejected",
        "island.renamed",
        "island.runtimes_changed",
        "island.verification_withdrawn",
        "island.warm_cargos_changed",
    }
)
"""Events of islands that say nothing of their standing."""
