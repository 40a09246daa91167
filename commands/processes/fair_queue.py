"""The jobs that wait for an island, in the order in which they are tried: accounts in turns, whoever has how many.

Kept by the placing process beside its picture. Jobs that the same islands can take are of one kind: where one of them
fits nowhere, none does, so a kind is tried once however many jobs wait. Inside an account the highest priority goes
first, then the oldest job.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Container, Hashable, Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from commands.compared_runs import check_of
from domain.ids import AccountId, JobId
from domain.placement import OWN_ISLANDS_TIER, Refusal, Want

Rank = tuple[int, int, JobId]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Why a waiting job was told that it waits, and when."""

    codes: frozenset[Refusal]
    at_ms: int


@dataclass(slots=True, eq=False)
class Kind:
    """`waiting` holds jobs by what they were told, None where nothing yet, with when that was."""

    likeness: Hashable
    waiting: dict[frozenset[Refusal] | None, dict[JobId, int]] = field(default_factory=dict)

    def to_tell(self, codes: frozenset[Refusal], told_before_ms: int) -> Iterator[JobId]:
        """Jobs that wait for other reasons than they know of, and that were told those by `told_before_ms`."""
        for known, jobs in self.waiting.items():
            if known == codes:
                continue
            for job_id, at_ms in jobs.items():
                if known is not None and at_ms > told_before_ms:
                    break  # Those behind were told later still.
                yield job_id


@dataclass(frozen=True, slots=True)
class _Place:
    want: Want
    kind: Kind
    codes: frozenset[Refusal] | None


class FairQueue:
    """Must not be changed while `turns` are taken."""

    def __init__(self) -> None:
        self._places: dict[JobId, _Place] = {}
        self._kinds: dict[Hashable, Kind] = {}
        self._lines: dict[AccountId, dict[Kind, list[Rank]]] = {}
        self._accounts: list[AccountId] = []
        self._resting: dict[JobId, tuple[Want, Told | None]] = {}
        self._pauses: list[tuple[int, JobId]] = []

    def add(self, want: Want, told: Told | None) -> None:
        """One that may not be tried before some instant rests until `release`."""
        self.drop(want.job_id)
        if want.not_before_ms:
            self._resting[want.job_id] = (want, told)
            heappush(self._pauses, (want.not_before_ms, want.job_id))
        else:
            self._line_up(want, told)

    def drop(self, job_id: JobId) -> None:
        self._resting.pop(job_id, None)
        place = self._places.pop(job_id, None)
        if place is None:
            return
        account_id, kind = place.want.account_id, place.kind
        lines = self._lines[account_id]
        line = lines[kind]
        del line[bisect_left(line, rank(place.want))]
        if not line:
            del lines[kind]
        if not lines:
            del self._lines[account_id]
            del self._accounts[bisect_left(self._accounts, account_id)]
        del kind.waiting[place.codes][job_id]
        if not kind.waiting[place.codes]:
            del kind.waiting[place.codes]
        if not kind.waiting:
            del self._kinds[kind.likeness]

    def release(self, now_ms: int) -> None:
        while self._pauses and self._pauses[0][0] <= now_ms:
            not_before_ms, job_id = heappop(self._pauses)
            want, told = self._resting.get(job_id, (None, None))
            if want is not None and want.not_before_ms == not_before_ms:
                del self._resting[job_id]
                self._line_up(want, told)

    def turns(self, after: AccountId | None, hopeless: Container[Kind]) -> Iterator[tuple[Want, Kind]]:
        """Jobs in turns, beginning with the account behind `after`; none of a kind that has become hopeless."""
        first = 0 if after is None else bisect_right(self._accounts, after)
        accounts = [*self._accounts[first:], *self._accounts[:first]]
        fronts: dict[AccountId, list[tuple[Rank, Kind, int]]] = {}
        while accounts:
            again = []
            for account_id in accounts:
                if account_id not in fronts:
                    fronts[account_id] = self._front(account_id)
                place = self._next(account_id, fronts[account_id], hopeless)
                if place is not None:
                    again.append(account_id)
                    yield place.want, place.kind
            accounts = again

    def _front(self, account_id: AccountId) -> list[tuple[Rank, Kind, int]]:
        """The first job of each kind, as a heap."""
        front = [(line[0], kind, 0) for kind, line in self._lines[account_id].items()]
        heapify(front)
        return front

    def _next(
        self, account_id: AccountId, front: list[tuple[Rank, Kind, int]], hopeless: Container[Kind]
    ) -> _Place | None:
        while front:
            first, kind, index = heappop(front)
            if kind in hopeless:
                continue
            line = self._lines[account_id][kind]
            if index + 1 < len(line):
                heappush(front, (line[index + 1], kind, index + 1))
            return self._places[first[2]]
        return None

    def _line_up(self, want: Want, told: Told | None) -> None:
        alike = likeness(want)
        kind = self._kinds.setdefault(alike, Kind(alike))
        codes, at_ms = (told.codes, told.at_ms) if told else (None, 0)
        kind.waiting.setdefault(codes, {})[want.job_id] = at_ms
        self._places[want.job_id] = _Place(want, kind, codes)
        if want.account_id not in self._lines:
            self._lines[want.account_id] = {}
            insort(self._accounts, want.account_id)
        insort(self._lines[want.account_id].setdefault(kind, []), rank(want))


def rank(want: Want) -> Rank:
    return (-want.priority, want.submitted_at_ms, want.job_id)


def likeness(want: Want) -> Hashable:
    """Equal for jobs that any island takes or refuses alike. Runs that are compared are kept apart one by one."""
    if check_of(want) is not None:
        return want.job_id
    own_account = want.account_id if want.tier >= OWN_ISLANDS_TIER else None
    terms = (want.ask_limit_micro, want.region, want.tier, own_account)
    return (want.cargo, terms, want.excluded_owners, want.only_island, want.tried)
