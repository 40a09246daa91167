"""Whether this island may and wants to run a job at all: its owner's policy and what its runtimes can do.

Called by the agent once for every readable assignment. How busy the island is, is no question of this module: see
`island.reconcile`.
"""

from collections.abc import Mapping

from adapters.runtime.contract import Capability
from domain.category import CategoryPolicy
from domain.failure import ReturnReason
from island.assignment import Assignment


def refusal(
    assignment: Assignment,
    capabilities: Mapping[str, Capability],
    *,
    trust_level_min: int,
    categories: CategoryPolicy,
) -> ReturnReason | None:
    """Why not, or None. `capabilities` are those of the last self-tests, by runtime."""
    capability = capabilities.get(assignment.runtime)
    if capability is None or not capability.offered:
        return ReturnReason.RUNTIME
    if assignment.trust_level < trust_level_min or not categories.takes(assignment.category):
        return ReturnReason.POLICY
    if assignment.limits.memory_mb > capability.memory_mb_max:
        return ReturnReason.CAPACITY
    return None
