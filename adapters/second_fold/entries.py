"""What each stored event books, in plain words: the entries of a ledger that is written a second time.

Amounts are whole micro-credits. Ledger accounts: `mint`, `fees`, `treasury`, `clearing`, and `free:ID`, `held:ID` and
`escrow:ID` of each account.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

Data = Mapping[str, Any]
Leg = tuple[str, int]


class Entry(msgspec.Struct, frozen=True):
    """One leg of the transaction at `(position, index)`; the columns of the ledger, in the order its digest takes."""

    position: int
    index: int
    leg: int
    account: str
    amount_micro: int
    kind: str
    job_id: str | None
    island_id: str | None
    reference: str | None
    original: str | None
    price_rules_version: int | None
    effective_at_ms: int
    posted_at_ms: int

    @property
    def key(self) -> tuple[int, int, int]:
        return self.position, self.index, self.leg

    @property
    def address(self) -> str:
        return f"entry {self.position}.{self.index}.{self.leg} of {self.account}"


class Rule(NamedTuple):
    """How an event is booked. The rest are names of its fields; `job` and `island` are empty where it has none."""

    kind: str
    legs: Callable[[Data], Sequence[Leg]]
    at: str
    job: str = "job_id"
    island: str = ""
    reference: str = ""


def free(data: Data) -> str:
    return f"free:{data['account_id']}"


def held(data: Data) -> str:
    return f"held:{data['account_id']}"


def escrow(data: Data) -> str:
    return f"escrow:{data['account_id']}"


def from_to(source: str, target: str, amount_micro: int) -> list[Leg]:
    return [(source, -amount_micro), (target, amount_micro)]


def settled(data: Data) -> list[Leg]:
    """The hold is used up: what is not charged comes back, the fee is the network's, the rest is on its way."""
    return [
        (held(data), -(data["charged_micro"] + data["released_micro"])),
        (free(data), data["released_micro"]),
        ("fees", data["platform_fee_micro"]),
        ("clearing", data["publisher_micro"] + data["island_micro"]),
    ]


def taken_back(data: Data) -> list[Leg]:
    from_escrow, from_free = data["from_escrow_micro"], data["from_free_micro"]
    return [(escrow(data), -from_escrow), (free(data), -from_free), ("clearing", from_escrow + from_free)]


def earned(data: Data) -> list[Leg]:
    return from_to("clearing", escrow(data) if data["escrowed"] else free(data), data["amount_micro"])


RULES: Final[Mapping[str, Rule]] = {
    "account.credits_granted": Rule(
        "granted",
        lambda data: from_to("mint", free(data), data["amount_micro"]),
        "granted_at_ms",
        job="",
        reference="grant_id",
    ),
    "account.credits_held": Rule(
        "held", lambda data: from_to(free(data), held(data), data["amount_micro"]), "held_at_ms"
    ),
    "account.hold_split": Rule(
        "split",
        lambda data: [(held(data), data["amount_micro"]), (held(data), -data["amount_micro"])],
        "split_at_ms",
        job="into_job_id",
    ),
    "account.hold_settled": Rule("settled", settled, "settled_at_ms", island="island_id"),
    "account.hold_released": Rule(
        "released", lambda data: from_to(held(data), free(data), data["released_micro"]), "released_at_ms"
    ),
    "account.credits_earned": Rule("earned", earned, "earned_at_ms", island="island_id"),
    "account.escrow_released": Rule(
        "escrow_released",
        lambda data: from_to(escrow(data), free(data), data["amount_micro"]),
        "released_at_ms",
        job="",
        island="island_id",
    ),
    "account.credits_corrected": Rule(
        "corrected",
        lambda data: from_to("mint", free(data), data["amount_micro"]),
        "corrected_at_ms",
        job="",
        reference="correction_id",
    ),
    "account.earning_taken_back": Rule(
        "taken_back", taken_back, "taken_at_ms", island="island_id", reference="part"
    ),
    "account.charge_refunded": Rule(
        "refunded",
        lambda data: from_to("clearing", free(data), data["amount_micro"]),
        "refunded_at_ms",
        reference="refund_id",
    ),
    "account.compensation_paid": Rule(
        "compensated", lambda data: from_to("clearing", free(data), data["amount_micro"]), "paid_at_ms"
    ),
    "treasury.fees_collected": Rule(
        "fees_collected",
        lambda data: from_to("fees", "treasury", data["amount_micro"]),
        "collected_at_ms",
        job="",
    ),
    "treasury.compensation_granted": Rule(
        "compensation_granted",
        lambda data: from_to("treasury", "clearing", data["amount_micro"]),
        "granted_at_ms",
    ),
    "treasury.refund_covered": Rule(
        "refund_covered",
        lambda data: from_to("treasury", "clearing", data["amount_micro"]),
        "covered_at_ms",
        reference="part",
    ),
}
WITHOUT_ENTRIES: Final = frozenset(
    {
        "account.opened",
        "account.renamed",
        "account.bid_saved",
        "account.balance_ran_low",
        "account.balance_recovered",
        "treasury.refund_owed",
    }
)
"""Events of accounts and of the treasury that move nothing."""


def entries_of(name: str, data: Data, *, position: int, index: int, posted_at_ms: int) -> list[Entry]:
    """The entries of one event; none where it moves nothing. A leg of 0 is left out."""
    rule = RULES.get(name)
    if rule is None:
        return []
    job_id = data[rule.job] if rule.job else None
    legs = [leg for leg in rule.legs(data) if leg[1]]
    return [
        Entry(
            position=position,
            index=index,
            leg=number,
            account=account,
            amount_micro=amount_micro,
            # What is taken off a hold that is split is about the job it was held for.
            job_id=data["job_id"] if rule.kind == "split" and amount_micro < 0 else job_id,
            kind=kind_of(rule, data),
            island_id=data[rule.island] if rule.island else None,
            reference=reference_of(rule, data),
            original=data.get("original"),
            price_rules_version=data.get("price_rules_version"),
            effective_at_ms=data[rule.at],
            posted_at_ms=posted_at_ms,
        )
        for number, (account, amount_micro) in enumerate(legs)
    ]


def kind_of(rule: Rule, data: Data) -> str:
    """Earnings are told apart by who earned them."""
    if rule.kind != "earned":
        return rule.kind
    return "publisher_earned" if data["island_id"] is None else "island_earned"


def reference_of(rule: Rule, data: Data) -> str | None:
    """Fees have no id: what was collected is named by the stretch of the log that it is for."""
    if rule.kind == "fees_collected":
        return f"{data['after_position']}-{data['through_position']}"
    return data[rule.reference] if rule.reference else None


def digest_after(digest: bytes, entries: Iterable[Entry]) -> bytes:
    """The digest behind these entries, as `ledger.sql` chains them: SHA-256 of the one before and the entry's text."""
    for entry in entries:
        text = "\x1f".join("" if column is None else str(column) for column in msgspec.structs.astuple(entry))
        digest = hashlib.sha256(digest + text.encode()).digest()
    return digest
