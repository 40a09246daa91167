"""Every account's credits, folded a second time, and what must hold at each step.

A purse is what an account has: free, held for each open job, in escrow for each island. The laws checked here are said
again from `docs/books.md`: nothing below zero, everything once, a charge is cut from its own hold and shared by its
rule, nobody is paid what was not charged or granted for that very job, each fee is collected once.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from adapters.second_fold.entries import WITHOUT_ENTRIES, Data, Entry
from adapters.second_fold.findings import Findings

FEE_OF_A_THOUSAND: Final = {1: 100, 2: 100}
PUBLISHER_OF_A_THOUSAND: Final = {1: 50, 2: 50}
"""What the network and the publisher get of 1000, by version of the price rules; the island gets the rest."""
THE_TREASURY: Final = "treasury.fees"


@dataclass(slots=True)
class Purse:
    """What one account has, in micro-credits. `done` are things that may happen once; `ended` are its closed holds."""

    opened_at_ms: int | None = None
    free_micro: int = 0
    holds_micro: dict[str, int] = field(default_factory=dict)
    escrow_micro: dict[str, int] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)
    is_low: bool = False

    @property
    def held_micro(self) -> int:
        return sum(self.holds_micro.values())

    @property
    def in_escrow_micro(self) -> int:
        return sum(self.escrow_micro.values())


class Purses:
    """`balances_micro` are those of the ledger's accounts, moved by the entries alone."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.purses: defaultdict[str, Purse] = defaultdict(Purse)
        self.balances_micro: defaultdict[str, int] = defaultdict(int)
        self.in_clearing_micro: defaultdict[str, int] = defaultdict(int)  # By job.
        self.due_micro: dict[tuple[str, str], int] = {}  # By job and part: charged, and not paid out yet.
        self.fees: deque[tuple[int, int]] = deque()  # Not collected yet: position and amount.
        self.collected_through = 0
        self._position = 0
        self._who = ""
        self._steps: Mapping[str, Callable[[Purse, Data], None]] = {
            "account.opened": self._opened,
            "account.credits_granted": self._granted,
            "account.credits_held": self._held,
            "account.hold_split": self._split,
            "account.hold_settled": self._settled,
            "account.hold_released": self._released,
            "account.credits_earned": self._earned,
            "account.escrow_released": self._escrow_released,
            "account.credits_corrected": self._corrected,
            "account.earning_taken_back": self._taken_back,
            "account.charge_refunded": self._refunded,
            "account.compensation_paid": self._compensated,
            "account.balance_ran_low": self._ran_low,
            "account.balance_recovered": self._recovered,
        }

    def take(self, name: str, aggregate: str, data: Data, entries: list[Entry], position: int) -> None:
        """One event of an account or of the treasury, and what it books."""
        self._position, self._who = position, aggregate.replace(".", " ", 1)
        self._book(entries)
        if aggregate == THE_TREASURY:
            self._take_of_treasury(name, data)
            return
        account_id = aggregate.partition(".")[2]
        if data["account_id"] != account_id:
            self._find(f"{name} names account {data['account_id']}")
        purse = self.purses[account_id]
        if purse.opened_at_ms is None and name != "account.opened":
            self._find(f"{name} before it was opened")
        if step := self._steps.get(name):
            step(purse, data)
        elif name not in WITHOUT_ENTRIES:
            self._find(f"{name} is unknown to the second fold")
        if purse.free_micro < 0:
            self._find(f"{purse.free_micro} micro-credits are free")

    def close(self, position: int) -> None:
        """What must hold at the end of the log: both ways to a balance agree, and all adds up to 0."""
        self._position = position
        for account_id, purse in self.purses.items():
            self._who = f"account {account_id}"
            for name, micro in (
                ("free", purse.free_micro),
                ("held", purse.held_micro),
                ("escrow", purse.in_escrow_micro),
            ):
                booked = self.balances_micro[f"{name}:{account_id}"]
                if booked != micro:
                    self._find(f"{name} is {micro} by its events and {booked} by its entries")
        if total := sum(self.balances_micro.values()):
            self.findings.add("ledger", f"all entries add up to {total}", position)

    def _find(self, fault: str) -> None:
        self.findings.add(self._who, fault, self._position)

    def _book(self, entries: list[Entry]) -> None:
        if total := sum(entry.amount_micro for entry in entries):
            self._find(f"a transaction adds up to {total}, not to 0")
        for entry in entries:
            self.balances_micro[entry.account] += entry.amount_micro
            if entry.account == "clearing" and entry.job_id is not None:
                self._move_clearing(entry.job_id, entry.amount_micro)
        for account in {entry.account for entry in entries} - {"mint"}:
            if self.balances_micro[account] < 0:
                self._find(f"{account} falls to {self.balances_micro[account]}")

    def _move_clearing(self, job_id: str, amount_micro: int) -> None:
        left = self.in_clearing_micro[job_id] + amount_micro
        if left < 0:
            self._find(f"{-left} micro-credits more are paid out for job {job_id} than came in for it")
        if left:
            self.in_clearing_micro[job_id] = left
        else:
            del self.in_clearing_micro[job_id]

    def _once(self, purse: Purse, what: str) -> None:
        if what in purse.done:
            self._find(f"{what} is booked twice")
        purse.done.add(what)

    def _opened(self, purse: Purse, data: Data) -> None:
        if purse.opened_at_ms is not None:
            self._find("it is opened twice")
        purse.opened_at_ms = data["opened_at_ms"]

    def _granted(self, purse: Purse, data: Data) -> None:
        self._once(purse, f"grant {data['grant_id']}")
        purse.free_micro += data["amount_micro"]

    def _corrected(self, purse: Purse, data: Data) -> None:
        self._once(purse, f"correction {data['correction_id']}")
        purse.free_micro += data["amount_micro"]

    def _held(self, purse: Purse, data: Data) -> None:
        job_id = data["job_id"]
        if job_id in purse.holds_micro or job_id in purse.ended:
            self._find(f"credits are held twice for job {job_id}")
        purse.free_micro -= data["amount_micro"]
        purse.holds_micro[job_id] = data["amount_micro"]

    def _split(self, purse: Purse, data: Data) -> None:
        job_id, into, amount = data["job_id"], data["into_job_id"], data["amount_micro"]
        held = purse.holds_micro.get(job_id, 0)
        if not 0 < amount <= held:
            self._find(f"{amount} is split off job {job_id}, for which {held} is held")
        if into in purse.holds_micro or into in purse.ended:
            self._find(f"credits are held twice for job {into}")
        purse.holds_micro[into] = amount
        purse.holds_micro[job_id] = held - amount
        if held == amount:
            self._end_hold(purse, job_id)

    def _settled(self, purse: Purse, data: Data) -> None:
        self._end(purse, data, data["charged_micro"] + data["released_micro"])
        self._check_shares(data)
        self.fees.append((self._position, data["platform_fee_micro"]))
        for part in ("publisher", "island"):
            self.due_micro[data["job_id"], part] = data[f"{part}_micro"]

    def _released(self, purse: Purse, data: Data) -> None:
        self._end(purse, data, data["released_micro"])

    def _end(self, purse: Purse, data: Data, total_micro: int) -> None:
        """A hold ends with all that was held."""
        held = purse.holds_micro.get(data["job_id"], 0)
        if total_micro != held:
            self._find(f"the hold for job {data['job_id']} is {held} and ends with {total_micro}")
        purse.free_micro += data["released_micro"]
        self._end_hold(purse, data["job_id"])

    def _end_hold(self, purse: Purse, job_id: str) -> None:
        purse.holds_micro.pop(job_id, None)
        purse.ended.add(job_id)

    def _check_shares(self, data: Data) -> None:
        charged, version = data["charged_micro"], data["price_rules_version"]
        if version not in FEE_OF_A_THOUSAND:
            self._find(f"price rules {version} are unknown to the second fold")
            return
        fee = charged * FEE_OF_A_THOUSAND[version] // 1000
        publisher = charged * PUBLISHER_OF_A_THOUSAND[version] // 1000
        shares = (fee, publisher, charged - fee - publisher)
        said = (data["platform_fee_micro"], data["publisher_micro"], data["island_micro"])
        if said != shares:
            self._find(f"a charge of {charged} is shared as {said}; by its rules it is {shares}")

    def _earned(self, purse: Purse, data: Data) -> None:
        island_id, job_id = data["island_id"], data["job_id"]
        part = "island" if island_id else "publisher"
        self._once(purse, f"the {part}'s pay for job {job_id}")
        due = self.due_micro.pop((job_id, part), 0)
        if due != data["amount_micro"]:
            self._find(
                f"the {part}'s pay for job {job_id} is {data['amount_micro']}; {due} was charged for it"
            )
        if data["escrowed"] and island_id:
            purse.escrow_micro[island_id] = purse.escrow_micro.get(island_id, 0) + data["amount_micro"]
        else:
            purse.free_micro += data["amount_micro"]

    def _escrow_released(self, purse: Purse, data: Data) -> None:
        waiting = purse.escrow_micro.pop(data["island_id"], 0)
        if waiting != data["amount_micro"]:
            self._find(f"{data['amount_micro']} is released for {data['island_id']}, {waiting} was in escrow")
        purse.free_micro += data["amount_micro"]

    def _taken_back(self, purse: Purse, data: Data) -> None:
        self._once(purse, f"taking back the {data['part']}'s part for job {data['job_id']}")
        purse.free_micro -= data["from_free_micro"]
        if data["from_escrow_micro"]:
            left = purse.escrow_micro.get(data["island_id"], 0) - data["from_escrow_micro"]
            if left < 0:
                self._find(f"escrow of {data['island_id']} falls to {left}")
            purse.escrow_micro[data["island_id"]] = left

    def _refunded(self, purse: Purse, data: Data) -> None:
        self._once(purse, f"refund {data['refund_id']} of job {data['job_id']}")
        purse.free_micro += data["amount_micro"]

    def _compensated(self, purse: Purse, data: Data) -> None:
        self._once(purse, f"compensation for job {data['job_id']}")
        purse.free_micro += data["amount_micro"]

    def _ran_low(self, purse: Purse, data: Data) -> None:
        self._warned(purse, data, is_low=True)

    def _recovered(self, purse: Purse, data: Data) -> None:
        self._warned(purse, data, is_low=False)

    def _warned(self, purse: Purse, data: Data, *, is_low: bool) -> None:
        if data["free_micro"] != purse.free_micro:
            self._find(f"it is told of {data['free_micro']} free; {purse.free_micro} are free")
        purse.is_low = is_low

    def _take_of_treasury(self, name: str, data: Data) -> None:
        if name == "treasury.fees_collected":
            self._collected(data)
        elif not name.startswith("treasury."):
            self._find(f"{name} is unknown to the second fold")

    def _collected(self, data: Data) -> None:
        """A collection begins where the last one ended, and takes every fee up to its end."""
        if data["after_position"] != self.collected_through:
            self._find(
                f"fees behind {data['after_position']} are collected, the last ended at {self.collected_through}"
            )
        due = 0
        while self.fees and self.fees[0][0] <= data["through_position"]:
            due += self.fees.popleft()[1]
        if due != data["amount_micro"]:
            self._find(f"fees of {data['amount_micro']} are collected; the settlements there have {due}")
        self.collected_through = data["through_position"]
