"""Regions: where islands say they are, and where a job may run.

Called by the placement's region filter and bonus, by the fleet when an island tells its region, and by the API, which
checks what a job asks for. A policy is one word or a list with commas: a region, or a group of regions. Regions are
claimed by owners and not proven; names that nobody listed here are regions of their own.
"""

import re
from enum import IntEnum
from typing import Final

POLICY_WORDS_MAX: Final = 8
POLICY_WORD: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
NOWHERE: Final = frozenset({"", "auto", "local"})
"""What an island says that does not tell its region."""
SAME_AS: Final = {"eu-central-1": "eu-central"}
GROUPS: Final = {"eu": "eu-", "eu-west": "eu-west-", "ch": "ch-"}
"""The beginning that all regions of a group have; the group's own name is a region of it too."""
ADJACENT: Final = frozenset(
    {
        frozenset({"us-east", "us-west-2"}),
        frozenset({"eu-west", "eu-central"}),
        frozenset({"eu-central", "ch"}),
    }
)


class Nearness(IntEnum):
    """How near an island's region is to the first one that the job names."""

    FAR = 0
    ADJACENT = 1
    SAME = 2


def known_region(claimed: str | None) -> str | None:
    """The region an island claims in the spelling that policies are compared with; None where it tells none."""
    word = (claimed or "").strip().lower()
    return None if word in NOWHERE else SAME_AS.get(word, word)


def checked_policy(policy: str) -> str:
    """The same policy. Raises ValueError with the rule that it breaks."""
    found = words(policy)
    if len(found) > POLICY_WORDS_MAX:
        raise ValueError(f"must be at most {POLICY_WORDS_MAX} regions")
    for word in found:
        if word in NOWHERE:
            raise ValueError("must name regions such as eu-west, EU or CH; leave it out to run anywhere")
        if not POLICY_WORD.fullmatch(word):
            raise ValueError("must be regions of letters, digits and hyphens, with commas between them")
    return policy


def is_allowed(policy: str | None, region: str | None) -> bool:
    """Whether a job with this policy may run in an island's region. Without a policy it may run anywhere."""
    if policy is None:
        return True
    return region is not None and any(covers(word, region) for word in words(policy))


def nearness(policy: str | None, region: str | None) -> Nearness:
    """The first word of a policy is where the job would best run."""
    if policy is None or region is None:
        return Nearness.FAR
    wanted = words(policy)[0]
    if covers(wanted, region):
        return Nearness.SAME
    return Nearness.ADJACENT if frozenset({wanted, region}) in ADJACENT else Nearness.FAR


def words(policy: str) -> tuple[str, ...]:
    """At least one word, in lower case and in the common spelling."""
    spelled = (word.strip().lower() for word in policy.split(","))
    return tuple(SAME_AS.get(word, word) for word in spelled)


def covers(word: str, region: str) -> bool:
    return word == region or (word in GROUPS and region.startswith(GROUPS[word]))
