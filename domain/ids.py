"""Ids that several aggregates share: opaque strings, made outside the domain and handed in.

A job's hold carries the job's own id, so one id finds the money of a job without a look-up.
"""

from typing import Final, NewType

AccountId = NewType("AccountId", str)
IslandId = NewType("IslandId", str)
JobId = NewType("JobId", str)
CargoSlug = NewType("CargoSlug", str)

NETWORK_ACCOUNT: Final = AccountId("network")
"""Pays for the runs that the network orders itself: second opinions on results, and questions with known answers."""
